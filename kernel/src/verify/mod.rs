//! The rules of kernel IR.
//!
//! [`verify`] turns a [`Module`] into a [`Verified`] one, which is what the back end and the
//! interpreter take: they rely on every rule of [`Rule`] and check none of them again. All errors of
//! a module are reported, not only the first.

mod calls;
mod data;
mod error;
mod func;
#[cfg(test)]
mod tests;
mod walks;

use std::ops::Deref;

pub use error::{Pos, Rule, VerifyError, VerifyErrors};

use super::ir::{Func, Module};
use super::print::{self, Names};
use super::read::Source;

/// Pointers that a call passes, in p0..p5.
///
/// Source: Xilinx/llvm-aie `llvm/lib/Target/AIE/aie2/AIE2CallingConv.td`.
pub const MAX_PTR_PARAMS: usize = 6;
/// Scalars that a call passes, in r0..r7.
///
/// Source: Xilinx/llvm-aie `llvm/lib/Target/AIE/aie2/AIE2CallingConv.td`.
pub const MAX_SCALAR_PARAMS: usize = 8;

/// Tuples of modifier registers that the walks of a function take at most: a walk of two dimensions
/// takes one, one of three takes two. The rest are left for steps and offsets in registers.
pub const MAX_WALK_TUPLES: usize = 6;

/// Something that keeps every rule of the verifier. Only the verifier makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// The thing itself, to change it; what comes out is to be verified again.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Checks every rule.
///
/// # Errors
/// Every rule that the module breaks, with the function and the instruction.
pub fn verify(module: Module) -> Result<Verified<Module>, VerifyErrors> {
    verify_with(module, None)
}

/// Checks every rule of a module that was read from text: errors carry positions and the names of
/// the text.
///
/// # Errors
/// Every rule that the module breaks, with the function and the instruction.
pub fn verify_source(module: Module, source: &Source) -> Result<Verified<Module>, VerifyErrors> {
    verify_with(module, Some(source))
}

fn verify_with(module: Module, source: Option<&Source>) -> Result<Verified<Module>, VerifyErrors> {
    let mut reports: Vec<Report> = Vec::new();
    for (index, func) in module.funcs.iter().enumerate() {
        let source = source.and_then(|s| s.funcs.get(index));
        let names = match source {
            Some(source) => Names::given(source.names.clone()),
            None => Names::canonical(func),
        };
        let mut report = Report {
            func,
            names,
            positions: source.map(|s| (s.head, s.insts.as_slice())),
            errors: Vec::new(),
        };
        func::check(&mut report);
        reports.push(report);
    }
    calls::check(&module, &mut reports);
    let mut errors = data::check(&module, source, &mut reports);
    errors.extend(reports.into_iter().flat_map(Report::finish));
    match errors.is_empty() {
        true => Ok(Verified(module)),
        false => Err(VerifyErrors(errors)),
    }
}

/// Place of an instruction in the order of the text, loops before their bodies; `None` is the head
/// of the function.
type Place = Option<usize>;

/// Errors of one function.
struct Report<'a> {
    func: &'a Func,
    names: Names,
    positions: Option<(Pos, &'a [Pos])>,
    errors: Vec<(Place, VerifyError)>,
}

impl Report<'_> {
    fn head(&mut self, rule: Rule) {
        let text = print::head(self.func, &self.names);
        self.push(None, text, rule);
    }

    fn push(&mut self, place: Place, text: String, rule: Rule) {
        let at = self.positions.and_then(|(head, insts)| match place {
            None => Some(head),
            Some(index) => insts.get(index).copied(),
        });
        let func = Some(self.func.name.clone());
        let error = VerifyError {
            func,
            text,
            at,
            rule,
        };
        self.errors.push((place, error));
    }

    /// Errors in the order of the text: those of calls are found after all others.
    fn finish(mut self) -> impl Iterator<Item = VerifyError> {
        self.errors.sort_by_key(|(place, _)| *place);
        self.errors.into_iter().map(|(_, error)| error)
    }
}
