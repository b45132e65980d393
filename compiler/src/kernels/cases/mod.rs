//! The registry of kernels: each in its standard shapes, with inputs to run it on, the exact result,
//! and how few cycles its work could take. The benchmark and the tests read it.

mod run;
mod standard;
pub mod values;

pub use run::{Outcome, interpret};
pub use standard::{Function, case_layernorm, function, scale, standard};

use std::collections::BTreeSet;

use crate::nearest;
use kernel::ir::Module;
use kernel::types::Elem;
use values::{Pattern, Rng, Values};

/// A kernel in one shape.
pub struct Case {
    /// Kernel.
    pub kernel: &'static str,
    /// Shape, as the table shows it.
    pub shape: String,
    /// Its IR: the function that is called comes first, with those that it calls and its constant data.
    pub code: Module,
    /// Operands in the order of its parameters.
    pub operands: Vec<Operand>,
    /// What a call must do at least.
    pub work: Work,
    /// Exact results of the operands that the kernel writes, in their order, from the contents of
    /// all operands before the call (those that are only written are empty).
    pub exact: Box<Exact>,
}

/// See [`Case::exact`].
pub type Exact = dyn Fn(&[Vec<f64>]) -> Vec<Vec<f64>> + Send + Sync;

/// How a kernel uses an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Only reads it.
    In,
    /// Only writes it, all of it.
    Out,
    /// Reads and writes it.
    InOut,
    /// Works in it; nobody asks what it holds afterwards.
    Work,
}

/// An operand of a kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operand {
    /// Name.
    pub name: &'static str,
    /// Element type.
    pub elem: Elem,
    /// Elements.
    pub len: usize,
    /// Elements of a row, for patterns by row.
    pub row: usize,
    /// Use.
    pub role: Role,
    /// Contents before the call.
    pub values: Values,
}

impl Operand {
    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.len * self.elem.bytes() as usize
    }
}

/// Issues that a call cannot do without, per unit of the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Loads of 256 bits, two a cycle.
    pub loads: u64,
    /// Stores of 256 bits and conversions to bf16, which share a slot.
    pub stores: u64,
    /// Products and sums of the vector unit.
    pub vector: u64,
    /// Comparisons, selections, shuffles and other moves of vectors.
    pub moves: u64,
    /// Multiply-accumulates, where the kernel is about them.
    pub macs: u64,
}

impl Work {
    /// The fewest cycles, and the unit that needs them.
    pub fn bound(&self) -> (u64, &'static str) {
        let units = [
            (self.vector, "vector unit"),
            (self.loads.div_ceil(2), "load units"),
            (self.stores, "store unit"),
            (self.moves, "move unit"),
        ];
        // Of equals the first counts.
        let busiest = units.into_iter().rev().max_by_key(|(cycles, _)| *cycles);
        busiest.unwrap_or((0, "nothing"))
    }
}

/// The case of a kernel in a shape, as the tables show it; in its first where none is named.
///
/// # Errors
/// A name or shape that there is not, with those that there are.
pub fn find(kernel: &str, shape: Option<&str>) -> Result<Case, String> {
    let cases = standard().map_err(|e| e.to_string())?;
    let names: Vec<&str> = cases.iter().map(|c| c.kernel).collect();
    if !names.contains(&kernel) {
        let help = match nearest(kernel, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let names: Vec<&str> = BTreeSet::from_iter(names).into_iter().collect();
                format!("kernels are {}, or name a .kir file", names.join(", "))
            }
        };
        return Err(format!("no kernel is called `{kernel}`\nhelp: {help}"));
    }
    let shapes: Vec<String> = cases
        .iter()
        .filter(|c| c.kernel == kernel)
        .map(|c| format!("`{}`", c.shape))
        .collect();
    let wanted = |c: &Case| c.kernel == kernel && shape.is_none_or(|s| s == c.shape);
    cases.into_iter().find(wanted).ok_or_else(|| {
        format!(
            "kernel `{kernel}` has no shape `{}`\nhelp: its shapes are {}",
            shape.unwrap_or_default(),
            shapes.join(", ")
        )
    })
}

impl Case {
    /// Symbol of the function that is called.
    pub fn symbol(&self) -> &str {
        self.code.funcs.first().map_or("", |func| &func.name)
    }

    /// Contents of the operands before a call; nothing for those that the kernel only writes.
    pub fn inputs(&self, pattern: Pattern, seed: u64) -> Vec<Vec<f64>> {
        let mut rng = Rng::new(seed);
        let contents = self.operands.iter().map(|o| match o.role {
            Role::Out | Role::Work => Vec::new(),
            Role::In | Role::InOut => o.values.make(o.elem, pattern, &mut rng, o.len, o.row),
        });
        contents.collect()
    }
}
