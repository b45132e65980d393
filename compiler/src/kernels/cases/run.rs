//! A case by the interpreter and on the emulated core.

use std::collections::BTreeMap;

use super::values::{Pattern, from_bytes, to_bytes, ulps, ulps_beside};
use super::{Case, Role};
use crate::machine::{Machine, Ran, STACK};
use arch::array::memory::CORE_OWN;
use arch::limits::{CORE_DATA_BYTES, VECTOR_ALIGN};
use kernel::interp::{Arg, End, Interpreter, Memory, NoLocks};
use kernel::ir::Module;
use kernel::verify::{Verified, verify};

/// Instructions that a kernel takes at most.
const BUDGET: u64 = 10_000_000;
/// Bytes of a bank of data memory: operands begin in banks of their own while there are any.
const BANK: u32 = CORE_DATA_BYTES / 4;

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
    /// Addresses of the operands, all in the core's own memory beside the stack.
    ///
    /// # Errors
    /// When they do not fit.
    pub fn addresses(&self) -> Result<Vec<u32>, String> {
        let mut next = STACK.end;
        let end = CORE_OWN + CORE_DATA_BYTES;
        let sizes = self
            .operands
            .iter()
            .map(|o| (o.bytes() as u32).next_multiple_of(VECTOR_ALIGN));
        let sizes: Vec<u32> = sizes.collect();
        let mut addresses = Vec::new();
        for (index, size) in sizes.iter().enumerate() {
            addresses.push(next);
            let rest: u32 = sizes[index + 1..].iter().sum();
            let own_bank = (next + size).next_multiple_of(BANK);
            next = match own_bank + rest <= end {
                true => own_bank,
                false => next + size,
            };
        }
        match next <= end || sizes.is_empty() {
            true => Ok(addresses),
            false => Err(format!(
                "{} {}: the operands have {} bytes, the core's memory {}\nhelp: choose a smaller shape",
                self.kernel,
                self.shape,
                sizes.iter().sum::<u32>(),
                end - STACK.end
            )),
        }
    }

    /// The verified module.
    ///
    /// # Errors
    /// The rules that the kernel breaks.
    pub fn module(&self) -> Result<Verified<Module>, String> {
        let funcs = vec![self.func.clone()];
        verify(Module::from(funcs)).map_err(|e| e.to_string())
    }

    /// The compiled program that calls the kernel, proved by the checker.
    ///
    /// # Errors
    /// Whatever keeps it from being written and proved.
    pub fn machine(&self) -> Result<Machine, String> {
        let module = self.module()?;
        let args = self.args()?;
        let machine = Machine::new(&module, &self.func.name, &args);
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
        let inputs = self.inputs(pattern, seed);
        let memory = self.memory(&inputs)?;
        let ran = machine.run(&memory, BTreeMap::new());
        let ran = ran.map_err(|e| e.to_string())?;
        if ran.end != End::Returned {
            return Err(format!("{} {}: waits for a lock", self.kernel, self.shape));
        }
        let exact = (self.exact)(&inputs);
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
    let outcome = interpreter.run(&case.func.name, &case.args()?);
    outcome.map_err(|trap| trap.to_string())?;
    let regions = interpreter.memory.regions().iter();
    regions
        .map(|region| match region.is_written() {
            true => Ok(region.bytes().to_vec()),
            false => Err(format!("{} has bytes without a value", region.name())),
        })
        .collect()
}
