//! Movement of lanes within and between vectors, and lanes taken together.

use inkwell::values::BasicValueEnum;
use npuc::kernel::ir::{LaneOp, MoveOp, ReduceOp, Value};
use npuc::kernel::types::{AccLane, Type};

use super::Error;
use super::func::Lower;

/// Bytes of a register that lanes move in.
const BYTES: i32 = 64;

impl<'c> Lower<'c, '_> {
    /// A movement of lanes.
    pub(super) fn movement(&self, op: &MoveOp) -> Result<BasicValueEnum<'c>, Error> {
        let bits = |value: Value| self.elem(self.ty(value)).bits();
        let number = |value: i32| BasicValueEnum::from(self.constant(value));
        match op {
            MoveOp::Shuffle { mode, a, b } => {
                let mode = number(mode.number() as i32);
                self.intrinsic("vshuffle", &[self.get(*a), self.get(*b), mode])
            }
            MoveOp::Shift { a, b, bytes } => {
                self.shifted(self.get(*a), self.get(*b), self.get(*bytes))
            }
            MoveOp::Broadcast { value, index } => {
                let name = format!("vextract.broadcast{}.I512", bits(*value));
                self.intrinsic(&name, &[self.get(*value), self.place(*value, *index)?])
            }
            MoveOp::Extract {
                value,
                index,
                signed,
            } => {
                let name = format!("vextract.elem{}.I512", bits(*value));
                let place = self.place(*value, *index)?;
                self.intrinsic(&name, &[self.get(*value), place, number((*signed).into())])
            }
            MoveOp::Insert {
                value,
                index,
                scalar,
            } => {
                let name = format!("vinsert{}.I512", bits(*value));
                let place = self.place(*value, *index)?;
                self.intrinsic(&name, &[self.get(*value), place, self.get(*scalar)])
            }
            MoveOp::Push {
                value,
                scalar,
                high,
            } => {
                // The scalar is the lane of a vector of nothing else that comes in beside the others.
                let pushed = self.splat(self.ty(*value), self.int(*scalar))?;
                let lane = bits(*value) as i32 / 8;
                match high {
                    true => self.shifted(self.get(*value), pushed, number(lane)),
                    false => self.shifted(pushed, self.get(*value), number(BYTES - lane)),
                }
            }
            MoveOp::Pack { value, signed, .. } => {
                self.intrinsic("pack.I8.I16", &[self.get(*value), number((*signed).into())])
            }
            MoveOp::Unpack { value, signed } => self.intrinsic(
                "unpack.I16.I8",
                &[self.get(*value), number((*signed).into())],
            ),
        }
    }

    /// The place of a lane: the index modulo the number of lanes, a power of two.
    fn place(&self, value: Value, index: Value) -> Result<BasicValueEnum<'c>, Error> {
        let lanes = match self.ty(value) {
            Type::Vec { lanes, .. } => i32::from(lanes),
            _ => 1,
        };
        let index = self.int(index);
        Ok(self
            .builder
            .build_and(index, self.constant(lanes - 1), "")?
            .into())
    }

    /// 64 bytes of `a` followed by `b` from a byte on.
    fn shifted(
        &self,
        a: BasicValueEnum<'c>,
        b: BasicValueEnum<'c>,
        bytes: BasicValueEnum<'c>,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let step = self.constant(0).into();
        self.intrinsic("vshift.I512.I512", &[a, b, step, bytes])
    }

    /// Lanes taken together as [`npuc::kernel::ir::VectorOp::Reduce`] says.
    pub(super) fn reduction(
        &self,
        op: ReduceOp,
        signed: bool,
        ty: Type,
        value: BasicValueEnum<'c>,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let lane_bytes = match ty {
            Type::Acc { lane, .. } => lane.bits() / 8,
            _ => self.elem(ty).bytes(),
        };
        let mut all = value;
        for distance in ReduceOp::distances(lane_bytes) {
            let by = self.constant(distance as i32).into();
            let turned = self.shifted(all, all, by)?;
            all = match ty {
                Type::Acc { .. } => self.sum(AccLane::F32, "add", &[all, self.as_acc(turned)?])?,
                _ => {
                    let lanes = match op {
                        ReduceOp::Add => LaneOp::Add,
                        ReduceOp::Max => LaneOp::Max,
                        ReduceOp::Min => LaneOp::Min,
                    };
                    self.adder(lanes, signed, self.elem(ty), (all, turned))?.0
                }
            };
        }
        Ok(all)
    }

    /// A vector of 512 bits as an accumulator.
    fn as_acc(&self, value: BasicValueEnum<'c>) -> Result<BasicValueEnum<'c>, Error> {
        let ty = self.context.i64_type().vec_type(BYTES as u32 / 8);
        self.cast(value, ty.into())
    }
}
