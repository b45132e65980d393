//! Calls, arguments and results.

use arch::aie2::{Reg, op, reg};

use super::lower::Lower;
use crate::error::CompileError;
use crate::mir::{BlockKind, Label, ValueId};
use crate::vcode::{Arg, RegClass, VInst};
use kernel::ir::Value;
use kernel::types::Type;

/// Registers of arguments and of results, scalars and pointers.
const SCALAR_ARGS: [Reg; 8] = [
    reg::R0,
    reg::R1,
    reg::R2,
    reg::R3,
    reg::R4,
    reg::R5,
    reg::R6,
    reg::R7,
];
const POINTER_ARGS: [Reg; 6] = [reg::P0, reg::P1, reg::P2, reg::P3, reg::P4, reg::P5];

impl Lower<'_> {
    /// The registers that pass arguments of these types.
    pub(super) fn argument_regs(
        &self,
        callee: &str,
        types: &[Type],
    ) -> Result<Vec<(RegClass, Reg)>, CompileError> {
        let (mut scalars, mut pointers) = (0, 0);
        let mut regs = Vec::new();
        for ty in types {
            let (class, count, limit) = match ty {
                Type::I32 => (RegClass::R, &mut scalars, &SCALAR_ARGS[..]),
                Type::Ptr => (RegClass::P, &mut pointers, &POINTER_ARGS[..]),
                other => {
                    return Err(CompileError::Unsupported {
                        func: self.func.name.clone(),
                        what: format!("an argument of type {other} of `{callee}`"),
                        help: "pass a pointer to it",
                    });
                }
            };
            if let Some(reg) = limit.get(*count) {
                regs.push((class, *reg));
            }
            *count += 1;
        }
        let kinds = [
            ("scalar", scalars, SCALAR_ARGS.len()),
            ("pointer", pointers, POINTER_ARGS.len()),
        ];
        for (kind, count, limit) in kinds {
            if count > limit {
                return Err(CompileError::TooManyArguments {
                    func: callee.to_owned(),
                    kind,
                    count,
                    limit,
                });
            }
        }
        Ok(regs)
    }

    /// Puts values where calls pass them and functions return them.
    fn pass(&mut self, callee: &str, values: &[Value]) -> Result<Vec<ValueId>, CompileError> {
        let types: Vec<Type> = values.iter().map(|a| self.func.ty(*a)).collect();
        let regs = self.argument_regs(callee, &types)?;
        let mut passed = Vec::new();
        for (arg, (class, reg)) in values.iter().zip(regs) {
            let target = self.out.fixed(class, reg);
            passed.push(target);
            match self.known_number(*arg) {
                Some(imm) => self.const_into(target, reg, imm),
                None => {
                    let value = self.whole(*arg);
                    let copy = vec![Arg::value(target), Arg::value(value)];
                    self.emit(VInst::new(op::MOV_mv_scl, copy));
                }
            }
        }
        Ok(passed)
    }

    pub(super) fn lower_call(
        &mut self,
        results: &[Value],
        callee: &str,
        args: &[Value],
    ) -> Result<(), CompileError> {
        let passed = self.pass(callee, args)?;
        let label = Arg::Label(Label::Func(callee.to_owned()));
        self.emit(VInst::new(op::JL, vec![label]));
        let call = self.current;
        self.out.blocks[call.index()].call_args = passed;
        self.next_block(BlockKind::Plain, Vec::new());
        self.forget();
        let types: Vec<Type> = results.iter().map(|v| self.func.ty(*v)).collect();
        let regs = self.argument_regs(callee, &types)?;
        for (result, (class, reg)) in results.iter().zip(regs) {
            let returned = self.out.fixed(class, reg);
            self.out.blocks[call.index()].call_results.push(returned);
            let value = self.copy(returned, 0, class);
            self.define(*result, value);
        }
        Ok(())
    }

    pub(super) fn lower_return(&mut self, values: &[Value]) -> Result<(), CompileError> {
        let returned = self.pass(&self.func.name.clone(), values)?;
        self.out.blocks[self.current.index()].call_args = returned;
        Ok(())
    }
}
