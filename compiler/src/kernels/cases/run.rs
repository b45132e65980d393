//! A case by the interpreter and on the emulated core.

use std::collections::BTreeMap;
use std::ops::Range;

use super::values::{Pattern, from_bytes, to_bytes, ulps, ulps_beside};
use super::{Case, Role};
use crate::machine::{Machine, Ran, STACK};
use arch::array::memory::CORE_OWN;
use arch::limits::{CORE_DATA_BYTES, VECTOR_ALIGN};
use kernel::data;
use kernel::interp::{Arg, End, Interpreter, Memory, NoLocks};
use kernel::ir::Module;
use kernel::verify::{Verified, verify};

/// Instructions that a kernel takes at most.
const BUDGET: u64 = 10_000_000;
/// Bytes of a bank of data memory: operands begin in banks of their own while there are any.
const BANK: u32 = CORE_DATA_BYTES / 4;

/// The first room for `size` bytes from `at` on that spares what is `taken`.
fn room(at: u32, size: u32, taken: &[Range<u32>]) -> Option<u32> {
    let meets = |at: u32| taken.iter().find(|t| at < t.end && t.start < at + size);
    let mut at = at;
    while let Some(taken) = meets(at) {
        at = taken.end.next_multiple_of(VECTOR_ALIGN);
    }
    (at + size <= CORE_OWN + CORE_DATA_BYTES).then_some(at)
}

/// What a case came to on the emulated core.
pub struct Outcome {
    /// Greatest distance from the exact result, in units of the last place.
    pub max_ulps: f64,
    /// Mean distance.
    pub mean_ulps: f64,
    /// Greatest distance in units of the last place of the largest exact result of the row.
    pub row_ulps: f64,
    /// Results of the operands that the kernel writes, in their order.
    pub results: Vec<Vec<f64>>,
    /// The run.
    pub ran: Ran,
}

impl Case {
    /// Addresses of the operands, all in the core's own memory beside the stack and the constant data, each
    /// at the beginning of a bank as long as there are any.
    ///
    /// # Errors
    /// When they do not fit.
    pub fn addresses(&self) -> Result<Vec<u32>, String> {
        let constants = data::place(&self.code.data, &[STACK]).map_err(|e| e.to_string())?;
        let constants = constants.iter().zip(&self.code.data);
        let taken: Vec<Range<u32>> = constants
            .map(|(at, data)| *at..*at + data.bytes.len() as u32)
            .collect();
        let sizes = self
            .operands
            .iter()
            .map(|o| (o.bytes() as u32).next_multiple_of(VECTOR_ALIGN));
        let sizes: Vec<u32> = sizes.collect();
        let mut next = STACK.end;
        let mut addresses = Vec::new();
        for (index, size) in sizes.iter().enumerate() {
            let rest = &sizes[index + 1..];
            let Some(at) = room(next, *size, &taken) else {
                return Err(format!(
                    "{} {}: the operands have {} bytes, beside stack and constant data the core's memory has {}\nhelp: choose a smaller shape",
                    self.kernel,
                    self.shape,
                    sizes.iter().sum::<u32>(),
                    CORE_OWN + CORE_DATA_BYTES
                        - STACK.end
                        - taken.iter().map(|t| t.end - t.start).sum::<u32>()
                ));
            };
            addresses.push(at);
            let own_bank = (at + size).next_multiple_of(BANK);
            let fits = rest
                .iter()
                .try_fold(own_bank, |at, size| Some(room(at, *size, &taken)? + size));
            next = fits.map_or(at + size, |_| own_bank);
        }
        Ok(addresses)
    }

    /// The verified module.
    ///
    /// # Errors
    /// The rules that the kernel breaks.
    pub fn module(&self) -> Result<Verified<Module>, String> {
        verify(self.code.clone()).map_err(|e| e.to_string())
    }

    /// The compiled program that calls the kernel, proved by the checker.
    ///
    /// # Errors
    /// Whatever keeps it from being written and proved.
    pub fn machine(&self) -> Result<Machine, String> {
        let module = self.module()?;
        let args = self.args()?;
        let machine = Machine::new(&module, self.symbol(), &args);
        let machine = machine.map_err(|e| e.to_string())?;
        machine.prove().map_err(|e| e.to_string())?;
        Ok(machine)
    }

    fn args(&self) -> Result<Vec<Arg>, String> {
        Ok(self.addresses()?.into_iter().map(Arg::Ptr).collect())
    }

    fn memory(&self, inputs: &[Vec<f64>]) -> Result<Memory, String> {
        let mut memory = Memory::new();
        for ((operand, base), values) in self.operands.iter().zip(self.addresses()?).zip(inputs) {
            let mapped = match operand.role {
                Role::Out | Role::Work => memory.map(operand.name, base, operand.bytes()),
                _ => memory.map_with(operand.name, base, &to_bytes(operand.elem, values)),
            };
            mapped.map_err(|e| e.to_string())?;
        }
        Ok(memory)
    }

    /// Runs the compiled kernel on the inputs of a pattern and compares it with the exact result.
    ///
    /// # Errors
    /// A fault of the core, or a program that does not return.
    pub fn run(&self, machine: &Machine, pattern: Pattern, seed: u64) -> Result<Outcome, String> {
        self.run_on(machine, &self.inputs(pattern, seed))
    }

    /// Runs the compiled kernel on contents of the operands, as [`Case::inputs`] makes them, and compares it with
    /// the exact result.
    ///
    /// # Errors
    /// As [`Case::run`].
    pub fn run_on(&self, machine: &Machine, inputs: &[Vec<f64>]) -> Result<Outcome, String> {
        let memory = self.memory(inputs)?;
        let ran = machine.run(&memory, BTreeMap::new());
        let ran = ran.map_err(|e| e.to_string())?;
        if ran.end != End::Returned {
            return Err(format!("{} {}: waits for a lock", self.kernel, self.shape));
        }
        let exact = (self.exact)(inputs);
        let written = self
            .operands
            .iter()
            .zip(&ran.regions)
            .filter(|(o, _)| matches!(o.role, Role::Out | Role::InOut));
        let (mut max, mut sum, mut count, mut by_row) = (0f64, 0f64, 0usize, 0f64);
        let mut results = Vec::new();
        for ((operand, bytes), exact) in written.zip(exact) {
            let got = from_bytes(operand.elem, bytes);
            for (got, exact) in got.chunks(operand.row).zip(exact.chunks(operand.row)) {
                let scale = exact.iter().fold(0f64, |scale, v| scale.max(v.abs()));
                for (got, exact) in got.iter().zip(exact) {
                    let distance = ulps(operand.elem, *got, *exact);
                    max = max.max(distance);
                    sum += distance;
                    by_row = by_row.max(ulps_beside(operand.elem, *got, *exact, scale));
                }
            }
            count += got.len();
            results.push(got);
        }
        Ok(Outcome {
            max_ulps: max,
            mean_ulps: sum / count.max(1) as f64,
            row_ulps: by_row,
            results,
            ran,
        })
    }
}

/// Contents of the operands after the kernel by the interpreter, on the inputs of a pattern.
///
/// # Errors
/// A trap, or a byte of an operand that has no value afterwards.
pub fn interpret(case: &Case, pattern: Pattern, seed: u64) -> Result<Vec<Vec<u8>>, String> {
    let module = case.module()?;
    let memory = case.memory(&case.inputs(pattern, seed))?;
    let mut interpreter = Interpreter::new(&module, memory, NoLocks, BUDGET);
    let outcome = interpreter.run(case.symbol(), &case.args()?);
    outcome.map_err(|trap| trap.to_string())?;
    let regions = interpreter.memory.regions().iter();
    regions
        .map(|region| match region.is_written() {
            true => Ok(region.bytes().to_vec()),
            false => Err(format!("{} has bytes without a value", region.name())),
        })
        .collect()
}
