//! Configuration to CDO, PDI, instruction stream and XCLBIN.
//!
//! [`Package::new`] takes a [`Lowered`] design and the program of
//! each of its cores. Same input, same bytes.
//!
//! - [`config`]: the register writes, in the reference's order.
//! - [`error`]: what can be wrong.

pub mod config;
pub mod error;

use std::collections::BTreeMap;

use arch::{Tile, geometry};
use formats::elf::CoreElf;
use formats::pdi::Pdi;
use formats::txn;
use formats::xclbin::{KernelSpec, Spec, Xclbin};

pub use config::Configuration;
pub use error::PackageError;

use crate::lowered::{Lowered, LoweredSequence};
use crate::verify::MAX_HOST_ARGS;

/// Name of the kernel in an XCLBIN, as hosts of MLIR-AIE designs expect it.
pub const KERNEL_NAME: &str = "MLIR_AIE";
/// First physical column that a partition of fewer columns may begin at: the one before has no way
/// to DDR.
const FIRST_START_COLUMN: u16 = 1;

/// Everything a design becomes.
#[derive(Clone, Debug, PartialEq)]
pub struct Package {
    /// Columns of the partition.
    pub columns: u8,
    /// The register writes.
    pub configuration: Configuration,
    /// The configuration as firmware loads it.
    pub pdi: Pdi,
    /// Instruction streams by the names of their sequences.
    pub streams: Vec<(String, txn::Stream)>,
}

/// The instruction stream of a sequence.
pub fn stream(columns: u8, sequence: &LoweredSequence) -> txn::Stream {
    txn::Stream {
        header: txn::Header {
            columns,
            ..txn::Header::default()
        },
        ops: sequence.ops.clone(),
    }
}

impl Package {
    /// Packs a lowered design with the programs of its cores.
    ///
    /// # Errors
    /// [`PackageError`] when a core has no program, or a program and the design claim the same
    /// memory.
    pub fn new(lowered: &Lowered, elfs: &BTreeMap<Tile, CoreElf>) -> Result<Self, PackageError> {
        let configuration = Configuration::new(lowered, elfs)?;
        let pdi = Pdi::from_cdos(&configuration.parts())?;
        Ok(Package {
            columns: lowered.columns,
            configuration,
            pdi,
            streams: lowered
                .sequences
                .iter()
                .map(|s| (s.name.clone(), stream(lowered.columns, s)))
                .collect(),
        })
    }

    /// The XCLBIN: the configuration with what drivers want to know of it.
    ///
    /// # Errors
    /// When the configuration is too large for the file.
    pub fn xclbin(&self) -> Result<Xclbin, PackageError> {
        Ok(spec(self.columns, self.pdi.to_bytes()).build()?)
    }
}

/// What goes into the XCLBIN of a PDI for a partition of so many columns.
pub fn spec(columns: u8, pdi: Vec<u8>) -> Spec {
    let kernel = KernelSpec::new(KERNEL_NAME, MAX_HOST_ARGS, pdi);
    let columns = u16::from(columns);
    let all = u16::from(geometry::COLUMNS);
    let mut spec = Spec::new(columns, kernel);
    if columns < all {
        spec.start_columns = (FIRST_START_COLUMN..=all + 1 - columns).collect();
    }
    spec
}
