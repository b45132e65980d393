//! `report.json`: what an overlay takes of the array, and how well its loops use the cores.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::BuildError;
use aie2::checker::BankCost;

/// File of the report.
pub const FILE: &str = "report.json";

/// Report of one overlay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Overlay.
    pub overlay: String,
    /// Cache key: digest of the compiler, the design and the kernels.
    pub key: String,
    /// Columns of the partition.
    pub columns: u8,
    /// Cores in order of their tiles.
    pub cores: Vec<CoreReport>,
    /// Instruction streams.
    pub sequences: Vec<SequenceReport>,
    /// Tools of other projects that took part, in the order of their work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolReport>,
}

/// A tool of another project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolReport {
    /// Program.
    pub name: String,
    /// What it says of its version.
    pub version: Option<String>,
    /// Digest of the program.
    pub sha256: String,
}

/// One core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoreReport {
    /// Column and row.
    pub tile: [u8; 2],
    /// Bytes of program memory used.
    pub program_bytes: u32,
    /// Bytes of data memory used, stack included.
    pub data_bytes: u32,
    /// Bundles that the checker proved.
    pub bundles_checked: usize,
    /// Hardware loops, in order of address.
    pub loops: Vec<LoopReport>,
    /// What went to the stack for want of registers, in words.
    pub spills: Vec<String>,
    /// What waits for memory banks, where the built-in back end made the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banks: Option<BankReport>,
}

/// Accesses of a core that meet in memory banks, counted over its program with endless loops run once and
/// without waiting for locks; DMA channels and neighbours are not counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BankReport {
    /// Bundles that issue.
    pub cycles: u64,
    /// Cycles that the core waits beside them.
    pub stalls: u64,
    /// The accesses that meet, in words, the costliest first, at most [`BankReport::TOLD`].
    pub meet: Vec<String>,
    /// What is not counted, in words.
    pub uncounted: Vec<String>,
}

impl BankReport {
    /// Pairs of accesses that are told.
    pub const TOLD: usize = 16;

    /// The report of what the checker found.
    pub fn new(cost: &BankCost) -> Self {
        let meet = cost.conflicts.iter().take(Self::TOLD);
        BankReport {
            cycles: cost.cycles,
            stalls: cost.stalls,
            meet: meet.map(ToString::to_string).collect(),
            uncounted: cost.uncounted.iter().map(ToString::to_string).collect(),
        }
    }
}

/// One hardware loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoopReport {
    /// Function it stands in.
    pub function: String,
    /// Cycles of one pass, from the schedule.
    pub cycles: u32,
    /// Multiply-accumulates of one pass.
    pub macs: u32,
    /// Fewest cycles that a pass could take.
    pub bound: u32,
    /// What the bound comes from.
    pub binds: String,
}

impl LoopReport {
    /// Multiply-accumulates per cycle, as scheduled and at the bound.
    pub fn macs_per_cycle(&self) -> (f64, f64) {
        let macs = f64::from(self.macs);
        (
            macs / f64::from(self.cycles.max(1)),
            macs / f64::from(self.bound.max(1)),
        )
    }
}

/// One instruction stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SequenceReport {
    /// Name.
    pub name: String,
    /// File, beside the report.
    pub file: String,
    /// Host buffers in order: name and size in bytes.
    pub args: Vec<(String, u64)>,
}

/// Reads the report in the folder of an overlay.
///
/// # Errors
/// [`BuildError::Io`] when it is missing or not a report.
pub fn read(folder: &Path) -> Result<Report, BuildError> {
    let path = folder.join(FILE);
    let bytes = fs::read(&path).map_err(|e| BuildError::io("read", &path, e))?;
    serde_json::from_slice(&bytes).map_err(|e| BuildError::io("read", &path, e.into()))
}

impl Report {
    /// The report as JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        // Plain structs of strings and numbers always have a JSON form.
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }

    /// Largest program of a core, bytes.
    pub fn program_bytes(&self) -> u32 {
        self.cores
            .iter()
            .map(|c| c.program_bytes)
            .max()
            .unwrap_or(0)
    }

    /// Largest data memory use of a core, bytes.
    pub fn data_bytes(&self) -> u32 {
        self.cores.iter().map(|c| c.data_bytes).max().unwrap_or(0)
    }

    /// Largest share of a core's cycles that go to waiting for memory banks.
    pub fn bank_stalls(&self) -> f64 {
        let banks = self.cores.iter().filter_map(|c| c.banks.as_ref());
        let shares = banks.map(|b| b.stalls as f64 / (b.cycles + b.stalls).max(1) as f64);
        shares.fold(0.0, f64::max)
    }

    /// The loop with the most multiply-accumulates in a pass.
    pub fn inner_loop(&self) -> Option<&LoopReport> {
        let loops = self.cores.iter().flat_map(|c| &c.loops);
        loops.filter(|l| l.macs > 0).max_by_key(|l| l.macs)
    }
}
