//! Instructions with operands.

use core::fmt;

use super::desc::{Binding, InstDesc, Opcode};
use super::error::EncodeError;
use super::register::{Part, Reg};
use super::tables::{MAX_OPERANDS, Slot};

/// An operand's value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operand {
    /// A register.
    Reg(Reg),
    /// An immediate in its natural unit (bytes for addresses and offsets), not the scaled field.
    Imm(i64),
}

impl Operand {
    /// The register, if it is one.
    pub const fn reg(self) -> Option<Reg> {
        match self {
            Operand::Reg(reg) => Some(reg),
            Operand::Imm(_) => None,
        }
    }

    /// The immediate, if it is one.
    pub const fn imm(self) -> Option<i64> {
        match self {
            Operand::Reg(_) => None,
            Operand::Imm(value) => Some(value),
        }
    }
}

impl From<Reg> for Operand {
    fn from(reg: Reg) -> Operand {
        Operand::Reg(reg)
    }
}

impl From<i64> for Operand {
    fn from(value: i64) -> Operand {
        Operand::Imm(value)
    }
}

/// An instruction with operands. It always has an encoding: every way to make one checks the operands.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Inst {
    op: Opcode,
    operands: [Operand; MAX_OPERANDS],
}

impl Inst {
    /// The form `op` with all its operands in the order of [`InstDesc::operands`], tied and fixed ones
    /// included.
    ///
    /// # Errors
    /// When the number of operands, a register's class, an immediate's range or a tie is wrong.
    pub fn new(op: Opcode, operands: &[Operand]) -> Result<Inst, EncodeError> {
        let wanted = op.desc().operands.len();
        if operands.len() != wanted {
            let given = operands.len();
            return Err(EncodeError::OperandCount { op, given, wanted });
        }
        let mut all = [None; MAX_OPERANDS];
        for (slot, operand) in all.iter_mut().zip(operands) {
            *slot = Some(*operand);
        }
        Inst::complete(op, all)
    }

    /// The form `op` with only those operands that its encoding has bits for, in the order of
    /// [`InstDesc::operands`]; tied and fixed ones follow.
    ///
    /// # Errors
    /// When the number of operands, a register's class or an immediate's range is wrong.
    pub fn from_fields(op: Opcode, operands: &[Operand]) -> Result<Inst, EncodeError> {
        let descs = op.desc().operands.iter().enumerate();
        let encoded = descs.filter(|(_, o)| o.is_encoded());
        let wanted = encoded.clone().count();
        if operands.len() != wanted {
            let given = operands.len();
            return Err(EncodeError::OperandCount { op, given, wanted });
        }
        let mut all = [None; MAX_OPERANDS];
        for ((k, _), operand) in encoded.zip(operands) {
            all[k] = Some(*operand);
        }
        Inst::complete(op, all)
    }

    /// Fills the tied and fixed operands that are missing and checks the others.
    pub(crate) fn complete(
        op: Opcode,
        given: [Option<Operand>; MAX_OPERANDS],
    ) -> Result<Inst, EncodeError> {
        let descs = op.desc().operands;
        let mut inst = Inst::bare(op);
        for (operand, desc) in descs.iter().enumerate().filter(|(_, d)| d.is_encoded()) {
            let value = given[operand].ok_or(EncodeError::OperandCount {
                op,
                given: given.iter().flatten().count(),
                wanted: descs.len(),
            })?;
            match (desc.class.imm(), value) {
                (Some(imm), Operand::Imm(value)) if !imm.holds(value) => {
                    return Err(EncodeError::Immediate {
                        op,
                        operand,
                        value,
                        imm,
                    });
                }
                (Some(_), Operand::Reg(reg)) => {
                    return Err(EncodeError::NotAnImmediate { op, operand, reg });
                }
                (None, Operand::Imm(value)) => {
                    return Err(EncodeError::NotARegister { op, operand, value });
                }
                (None, Operand::Reg(reg)) if !desc.class.contains(reg) => {
                    let class = desc.class;
                    return Err(EncodeError::NotInClass {
                        op,
                        operand,
                        reg,
                        class,
                    });
                }
                _ => inst.operands[operand] = value,
            }
        }
        inst.follow();
        for (operand, given) in given.iter().enumerate() {
            let wanted = inst.operands[operand];
            if let Some(given) = given.filter(|g| *g != wanted) {
                return Err(EncodeError::Tied {
                    op,
                    operand,
                    given,
                    wanted,
                });
            }
        }
        Ok(inst)
    }

    /// The form without values: right for forms without operands, to be filled for others.
    pub(crate) fn bare(op: Opcode) -> Inst {
        Inst {
            op,
            operands: [Operand::Imm(0); MAX_OPERANDS],
        }
    }

    pub(crate) fn set(&mut self, k: usize, value: Operand) {
        self.operands[k] = value;
    }

    /// Derives tied and fixed operands from the encoded ones.
    pub(crate) fn follow(&mut self) {
        let count = |reg: Option<Reg>| reg.and_then(|r| r.part(Part::Count));
        for (k, desc) in self.op.desc().operands.iter().enumerate() {
            let source = |k: u8| self.operands[usize::from(k)];
            let value = match desc.binding {
                Binding::Field(_) => continue,
                Binding::Fixed(reg) => Some(Operand::Reg(reg)),
                Binding::Tied(k) => Some(source(k)),
                Binding::Counter(k) => {
                    let tuple = source(k).reg();
                    count(tuple.and_then(Reg::lo).or(tuple)).map(Operand::Reg)
                }
                Binding::CounterHigh(k) => {
                    count(source(k).reg().and_then(Reg::hi)).map(Operand::Reg)
                }
            };
            if let Some(value) = value {
                self.operands[k] = value;
            }
        }
    }

    /// The form.
    pub fn op(&self) -> Opcode {
        self.op
    }

    /// Everything about the form.
    pub fn desc(&self) -> &'static InstDesc {
        self.op.desc()
    }

    /// The slot it occupies.
    pub fn slot(&self) -> Slot {
        self.op.slot()
    }

    /// All operands in the order of [`InstDesc::operands`].
    pub fn operands(&self) -> &[Operand] {
        &self.operands[..self.op.desc().operands.len()]
    }

    /// The register in operand `k`; `None` for an immediate or a position that does not exist.
    pub fn reg(&self, k: usize) -> Option<Reg> {
        self.operands().get(k).and_then(|o| o.reg())
    }

    /// The immediate in operand `k`; `None` for a register or a position that does not exist.
    pub fn imm(&self, k: usize) -> Option<i64> {
        self.operands().get(k).and_then(|o| o.imm())
    }

    /// The operand called `name` in the form's pattern.
    pub fn operand(&self, name: &str) -> Option<Operand> {
        let k = self.desc().operand(name)?;
        Some(self.operands[k])
    }

    /// The same instruction with another value in the encoded operand `k`, for example a branch target;
    /// operands tied to it follow.
    ///
    /// # Errors
    /// When the value does not fit, or the operand does not exist or has no bits of its own.
    pub fn with_operand(&self, k: usize, value: Operand) -> Result<Inst, EncodeError> {
        let descs = self.desc().operands;
        let mut all = [None; MAX_OPERANDS];
        for (j, _) in descs.iter().enumerate().filter(|(_, d)| d.is_encoded()) {
            all[j] = Some(if j == k { value } else { self.operands[j] });
        }
        match all.get(k) {
            Some(Some(_)) => {}
            Some(None) if k < descs.len() => {
                return Err(EncodeError::Tied {
                    op: self.op,
                    operand: k,
                    given: value,
                    wanted: self.operands[k],
                });
            }
            _ => {
                return Err(EncodeError::OperandCount {
                    op: self.op,
                    given: k + 1,
                    wanted: descs.len(),
                });
            }
        }
        Inst::complete(self.op, all)
    }
}

impl fmt::Debug for Inst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({self})", self.op)
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Reg(reg) => write!(f, "{reg}"),
            Operand::Imm(value) => write!(f, "#{value}"),
        }
    }
}

impl fmt::Debug for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Reg(reg) => write!(f, "{reg:?}"),
            Operand::Imm(value) => write!(f, "#{value}"),
        }
    }
}
