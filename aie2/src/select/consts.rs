//! Constants: made once, outside of the loops that use them.

use std::collections::HashMap;

use arch::aie2::{Opcode, Reg, op};

use super::lower::Lower;
use crate::mir::{BlockId, Label, ValueId};
use crate::vcode::{Arg, RegClass, VInst};

/// A stretch of the function in which a constant made at its start stays in its register: between
/// calls, and outside of loops that call.
#[derive(Clone)]
pub(super) struct Scope {
    /// Block at whose start the constants stand.
    pub(super) block: BlockId,
    /// Constants made so far.
    made: HashMap<(RegClass, i64), ValueId>,
}

impl Scope {
    pub(super) fn at(block: BlockId) -> Self {
        Scope {
            block,
            made: HashMap::new(),
        }
    }
}

/// Moves of a number, the cheapest slot first.
const MOVES: [Opcode; 4] = [
    op::MOVA_lda_cg,
    op::MOVX_alu_cg,
    op::MOV_mv_cg,
    op::MOVXM_lng_cg,
];

/// The moves that bring `imm` into `reg`.
pub fn moves(reg: Reg, imm: i64) -> Vec<Opcode> {
    let fits = |op: &Opcode| {
        let operands = op.desc().operands;
        let holds = operands[1].class.imm().is_some_and(|i| i.holds(imm));
        holds && operands[0].class.contains(reg)
    };
    MOVES.into_iter().filter(fits).collect()
}

/// Moves `imm` into a control or special register.
pub(super) fn set_reg(reg: Reg, imm: i64) -> VInst {
    VInst {
        forms: moves(reg, imm),
        args: vec![Arg::Reg(reg), Arg::Imm(imm)],
        memory: None,
    }
}

/// Moves an address into a special register.
pub(super) fn set_label(reg: Reg, label: Label) -> VInst {
    VInst::new(op::MOVXM_lng_cg, vec![Arg::Reg(reg), Arg::Label(label)])
}

impl Lower<'_> {
    fn make_const(&mut self, class: RegClass, imm: i64) -> (ValueId, VInst) {
        let value = self.out.value(class);
        let inst = VInst {
            forms: moves(class.members()[0], imm),
            args: vec![Arg::value(value), Arg::Imm(imm)],
            memory: None,
        };
        (value, inst)
    }

    /// A constant that others share: nothing may write over it.
    pub(super) fn shared_const(&mut self, class: RegClass, imm: i64) -> ValueId {
        let known = self.scope().made.get(&(class, imm)).copied();
        if let Some(value) = known {
            return value;
        }
        let (value, inst) = self.make_const(class, imm);
        let scope = self.scope();
        let at = scope.made.len();
        let block = scope.block;
        scope.made.insert((class, imm), value);
        self.out.blocks[block.index()].insts.insert(at, inst);
        value
    }

    /// A constant of its own, made here.
    pub(super) fn own_const(&mut self, class: RegClass, imm: i64) -> ValueId {
        let (value, inst) = self.make_const(class, imm);
        self.emit(inst);
        value
    }

    /// A constant in the register of `value`, made here.
    pub(super) fn const_into(&mut self, value: ValueId, reg: Reg, imm: i64) {
        self.emit(VInst {
            forms: moves(reg, imm),
            args: vec![Arg::value(value), Arg::Imm(imm)],
            memory: None,
        });
    }
}
