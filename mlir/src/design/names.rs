//! Names of a module: MLIR-AIE has one table for all that a design names.

use std::collections::BTreeMap;

use npuc::array::design::Design;
use npuc::array::lowered::Lowered;

use super::PrintError;

/// The names that are given so far, and to what.
#[derive(Default)]
struct Table<'d> {
    given: BTreeMap<&'d str, &'static str>,
}

impl<'d> Table<'d> {
    fn add(
        &mut self,
        what: &'static str,
        names: impl IntoIterator<Item = &'d str>,
    ) -> Result<(), PrintError> {
        for name in names {
            if let Some(first) = self.given.insert(name, what) {
                return Err(PrintError::SameName {
                    name: name.to_owned(),
                    first,
                    second: what,
                });
            }
        }
        Ok(())
    }

    /// What both forms of a design have.
    fn of(design: &'d Design) -> Result<Self, PrintError> {
        let mut table = Table::default();
        table.add("kernel", design.kernels.iter().map(|k| k.name.as_str()))?;
        table.add("sequence", design.sequences.iter().map(|s| s.name.as_str()))?;
        Ok(table)
    }
}

/// Checks the names of a design with its fifos.
pub(super) fn logical(design: &Design) -> Result<(), PrintError> {
    let mut table = Table::of(design)?;
    table.add("fifo", design.fifos.iter().map(|f| f.name.as_str()))?;
    table.add("buffer", design.buffers.iter().map(|b| b.name.as_str()))
}

/// Checks the names of a lowered design.
pub(super) fn physical(design: &Design, lowered: &Lowered) -> Result<(), PrintError> {
    let mut table = Table::of(design)?;
    table.add("buffer", lowered.buffers.iter().map(|b| b.name.as_str()))?;
    table.add("lock", lowered.locks.iter().map(|l| l.name.as_str()))
}
