//! Movement of lanes within and between vectors, and to and from scalars; lanes taken together.

use arch::aie2::{Opcode, op, reg};
use arch::num::LaneFn;

use super::acc::sum_config;
use super::adder::elem;
use super::lower::{Lower, Ref};
use crate::mir::ValueId;
use crate::vcode::{Arg, RegClass, VInst};
use kernel::ir::{MoveOp, ReduceOp, Value};
use kernel::types::{AccLane, Elem, Type};

/// Forms for lanes of 8, 16 and 32 bits.
type Widths = [Opcode; 3];

const BROADCAST: Widths = [op::VEXTBCST_8_mRm, op::VEXTBCST_16_mRm, op::VEXTBCST_32_mRm];
/// With the place of the lane in the instruction.
const BROADCAST_AT: Widths = [
    op::VEXTBCST_8_mExtractIdxImm,
    op::VEXTBCST_16_mExtractIdxImm,
    op::VEXTBCST_32_mExtractIdxImm,
];
const EXTRACT: Widths = [op::VEXTRACT_S8, op::VEXTRACT_S16, op::VEXTRACT_S32];
/// Whose sign the control register says.
const EXTRACT_BY_CONTROL: Widths = [op::VEXTRACT_D8, op::VEXTRACT_D16, op::VEXTRACT_D32];
const INSERT: Widths = [op::VINSERT_8, op::VINSERT_16, op::VINSERT_32];
const PUSH_LOW: Widths = [op::VPUSH_LO_8, op::VPUSH_LO_16, op::VPUSH_LO_32];
const PUSH_HIGH: Widths = [op::VPUSH_HI_8, op::VPUSH_HI_16, op::VPUSH_HI_32];

fn of_width(forms: &Widths, elem: Elem) -> Opcode {
    match elem.bits() {
        8 => forms[0],
        16 => forms[1],
        _ => forms[2],
    }
}

impl Lower<'_> {
    pub(super) fn lower_move(&mut self, result: Value, op: &MoveOp) {
        let width = |lower: &Self, value: Value, forms: &Widths| {
            of_width(forms, elem(lower.func.ty(value)))
        };
        match op {
            MoveOp::Shuffle { mode, a, b } => {
                let mode = self.shared_const(RegClass::R, i64::from(mode.number()));
                let (a, b) = (self.factor(*a), self.factor(*b));
                self.make(result, op::VSHUFFLE, vec![a, b, Arg::value(mode)]);
            }
            MoveOp::Shift { a, b, bytes } => {
                let (a, b) = (self.factor(*a), self.factor(*b));
                let bytes = self.scalar(*bytes);
                self.make(result, op::VSHIFT, vec![a, b, Arg::value(bytes)]);
            }
            MoveOp::Broadcast { value, index } => {
                let lanes = self.lanes_of(*value);
                let (form, index) = match self.known_const(*index).map(|n| n.rem_euclid(lanes)) {
                    Some(n @ 0..32) => (width(self, *value, &BROADCAST_AT), Arg::Imm(i64::from(n))),
                    _ => {
                        let index = self.scalar(*index);
                        (width(self, *value, &BROADCAST), Arg::value(index))
                    }
                };
                let value = self.factor(*value);
                self.make(result, form, vec![value, index]);
            }
            MoveOp::Extract {
                value,
                index,
                signed,
            } => {
                let forms = if *signed {
                    &EXTRACT
                } else {
                    &EXTRACT_BY_CONTROL
                };
                let form = width(self, *value, forms);
                // Few registers can hold it: one for this purpose.
                let index = match self.known_const(*index) {
                    Some(n) => self.shared_const(RegClass::R, i64::from(n)),
                    None => self.hoisted_copy(*index, RegClass::R),
                };
                let value = self.factor(*value);
                self.make(result, form, vec![value, Arg::value(index)]);
            }
            MoveOp::Insert {
                value,
                index,
                scalar,
            } => {
                let form = width(self, *value, &INSERT);
                let (value, scalar) = (self.factor(*value), self.scalar(*scalar));
                let at = self.out.fixed(RegClass::R, reg::R29);
                match self.known_const(*index) {
                    Some(n) => self.const_into(at, reg::R29, i64::from(n)),
                    None => {
                        let index = self.whole(*index);
                        let copy = vec![Arg::value(at), Arg::value(index)];
                        self.emit(VInst::new(op::MOV_mv_scl, copy));
                    }
                }
                self.make(
                    result,
                    form,
                    vec![value, Arg::value(at), Arg::value(scalar)],
                );
            }
            MoveOp::Push {
                value,
                scalar,
                high,
            } => {
                let forms = if *high { &PUSH_HIGH } else { &PUSH_LOW };
                let form = width(self, *value, forms);
                let (value, scalar) = (self.factor(*value), self.scalar(*scalar));
                let mut args = vec![value, Arg::value(scalar)];
                if !high {
                    args.reverse();
                }
                self.make(result, form, args);
            }
            MoveOp::Pack {
                value,
                signed,
                range,
            } if self.facts.stored[result.index()] => {
                let (value, signed, range) = (*value, *signed, *range);
                self.set_ref(
                    result,
                    Ref::Pack {
                        value,
                        signed,
                        range,
                    },
                );
            }
            MoveOp::Unpack { value, .. } if self.facts.widened_loads.contains_key(value) => {}
            MoveOp::Pack { value, signed, .. } => {
                let form = if *signed {
                    op::VPACK_S8_S16
                } else {
                    op::VPACK_D8_D16
                };
                let value = self.factor(*value);
                self.make(result, form, vec![value]);
            }
            MoveOp::Unpack { value, signed } => {
                let form = if *signed {
                    op::VUNPACK_S16_S8
                } else {
                    op::VUNPACK_D16_D8
                };
                let (value, part) = self.place(*value);
                self.make(result, form, vec![Arg::Value { value, part }]);
            }
        }
    }

    fn lanes_of(&self, value: Value) -> i32 {
        (512 / elem(self.func.ty(value)).bits()) as i32
    }

    /// An instruction whose first operand is the result.
    fn make(&mut self, result: Value, form: Opcode, operands: Vec<Arg>) {
        let (value, part) = self.destination(result, self.func.ty(result));
        let mut args = vec![Arg::Value { value, part }];
        args.extend(operands);
        self.emit(VInst::new(form, args));
    }

    /// The lanes turned round by half of them, by a quarter and so on, each time taken together with
    /// what they were.
    pub(super) fn lower_reduce(&mut self, result: Value, op: ReduceOp, signed: bool, value: Value) {
        let ty = self.func.ty(value);
        let (mut all, bytes) = match ty {
            Type::Acc { lane, .. } => (self.acc(value), lane.bits() / 8),
            _ => (self.factor(value), elem(ty).bytes()),
        };
        for distance in ReduceOp::distances(bytes) {
            let distance = self.shared_const(RegClass::R, i64::from(distance));
            let next = match ty {
                Type::Acc { .. } => self.add_turned(&all, distance),
                _ => {
                    let turned = self.turned(&all, distance);
                    let f = match op {
                        ReduceOp::Add => LaneFn::Add,
                        ReduceOp::Max => LaneFn::MaxLt,
                        ReduceOp::Min => LaneFn::MinGe,
                    };
                    self.adder(f, elem(ty), signed, &[all, Arg::value(turned)])
                        .0
                }
            };
            all = Arg::value(next);
        }
        if let Arg::Value { value, .. } = all {
            self.define(result, value);
        }
    }

    fn turned(&mut self, all: &Arg, distance: ValueId) -> ValueId {
        let turned = self.out.value(RegClass::X);
        let args = vec![
            Arg::value(turned),
            all.clone(),
            all.clone(),
            Arg::value(distance),
        ];
        self.emit(VInst::new(op::VSHIFT, args));
        turned
    }

    /// f32 lanes turn in a vector register and add up in an accumulator.
    fn add_turned(&mut self, all: &Arg, distance: ValueId) -> ValueId {
        let Arg::Value { value, part } = *all else {
            return distance;
        };
        let vector = self.copy(value, part, RegClass::X);
        let turned = self.turned(&Arg::value(vector), distance);
        let turned = self.copy(turned, 0, RegClass::Bm);
        let config = self.shared_const(RegClass::R, sum_config(AccLane::F32));
        let sum = self.out.value(RegClass::Bm);
        let args = vec![
            Arg::value(sum),
            all.clone(),
            Arg::value(turned),
            Arg::value(config),
        ];
        self.emit(VInst::new(op::VADD_F, args));
        sum
    }
}
