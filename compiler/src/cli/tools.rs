//! Flags that say which tool does which step, and where tools are.

use std::path::PathBuf;
use std::time::Duration;

use super::Failure;
use crate::tools::choice::{Array, Choices, Cores, Pdi, Xclbin};
use crate::tools::{Flags, Places, TIME_LIMIT, Toolchain, process};

/// Flags of commands that build.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Tools of other projects")]
pub struct Tools {
    /// Who compiles the cores' programs
    #[arg(long, value_enum, default_value_t)]
    pub cores: Cores,
    /// Who places buffers, routes, and writes descriptors and instruction streams
    #[arg(long, value_enum, default_value_t)]
    pub array: Array,
    /// Who makes the PDI
    #[arg(long, value_enum, default_value_t)]
    pub pdi: Pdi,
    /// Who makes the XCLBIN
    #[arg(long, value_enum, default_value_t)]
    pub xclbin: Xclbin,
    /// Folder of Peano [default: PEANO_INSTALL_DIR]
    #[arg(long, value_name = "DIR")]
    pub peano: Option<PathBuf>,
    /// Folder of mlir-aie [default: MLIR_AIE_INSTALL_DIR, then PATH]
    #[arg(long, value_name = "DIR")]
    pub mlir_aie: Option<PathBuf>,
    /// Folder of XRT [default: XILINX_XRT, then PATH]
    #[arg(long, value_name = "DIR")]
    pub xrt: Option<PathBuf>,
    /// The program bootgen [default: mlir-aie's, then PATH]
    #[arg(long, value_name = "FILE")]
    pub bootgen: Option<PathBuf>,
    /// The program npuc-mlir [default: NPUC_MLIR, then beside npuc, then PATH]
    #[arg(long, value_name = "FILE")]
    pub npuc_mlir: Option<PathBuf>,
    /// Time that a tool may take for one command
    #[arg(long, value_name = "SECONDS", default_value_t = TIME_LIMIT.as_secs())]
    pub tool_timeout: u64,
}

impl Tools {
    /// Finds the tools that the choices need, and warns of versions that are not known to be good.
    ///
    /// # Errors
    /// When choices do not go together or a tool is not there.
    pub fn find(&self) -> Result<Toolchain, Failure> {
        let choices = Choices {
            cores: self.cores,
            array: self.array,
            pdi: self.pdi,
            xclbin: self.xclbin,
        };
        let places = Places::of_process(Flags {
            peano: self.peano.clone(),
            mlir_aie: self.mlir_aie.clone(),
            xrt: self.xrt.clone(),
            bootgen: self.bootgen.clone(),
            npuc_mlir: self.npuc_mlir.clone(),
        });
        let limit = Duration::from_secs(self.tool_timeout);
        let toolchain = Toolchain::find(choices, &places, limit).map_err(Failure::work)?;
        for warning in toolchain.warnings().map_err(Failure::work)? {
            eprintln!("warning: {warning}");
        }
        if !toolchain.found().is_empty()
            && let Err(error) = process::heed_interrupts()
        {
            eprintln!("warning: an interrupt leaves tools running: {error}");
        }
        Ok(toolchain)
    }
}
