//! What selection wants to know of a function before it begins: uses, and which object each pointer
//! reaches.

use std::collections::{HashMap, HashSet};

use kernel::ir::{Block, Func, Inst, MoveOp, Op, Value, VectorOp};
use kernel::reach::{Reach, Root};
use kernel::types::Type;

/// The object of constant addresses and of parameters that others may reach too.
pub(super) const SHARED_OBJECT: u32 = 0;

/// Constant data: nothing writes there.
pub(super) const CONSTANT_OBJECT: u32 = u32::MAX / 2;

/// The stack: no pointer of the kernel reaches it.
pub const STACK_OBJECT: u32 = u32::MAX;

/// Facts about a function.
pub(super) struct Facts {
    /// Uses per value.
    pub(super) uses: Vec<u32>,
    /// Object that a pointer reaches; `None` where it may reach several.
    objects: Vec<Option<u32>>,
    /// 256-bit values that are only wanted as a half of a [`Op::Concat`], or as both: half -> (whole, high).
    pub(super) halves: HashMap<Value, (Value, bool)>,
    /// Results of [`Op::Srs`], [`VectorOp::ToBf16`] and [`MoveOp::Pack`] whose only use is a store of the
    /// same block.
    pub(super) stored: Vec<bool>,
    /// Loads whose only use is an operation of the same block that widens what is loaded: loaded ->
    /// widened, and how.
    pub(super) widened_loads: HashMap<Value, (Value, Op)>,
}

/// What a block wants of the slots that load: `lda`, which alone loads scalars and accumulators and widens
/// into accumulators, and `ldb`; and of `mv`, which widens what is loaded already.
#[derive(Default)]
struct LoadSlots {
    /// Loads and partial stores of `lda` alone.
    lda: usize,
    /// Loads of either slot.
    either: usize,
    /// Vector operations, any of which may be one of `mv`.
    mv: usize,
}

impl LoadSlots {
    fn count(&mut self, op: &Op) {
        match op {
            Op::Load { ty, .. } => {
                let slot = match ty {
                    Type::Vec { .. } => &mut self.either,
                    _ => &mut self.lda,
                };
                *slot += parts(*ty);
            }
            Op::LoadNarrow { .. } | Op::StoreNarrow { .. } => self.lda += 1,
            Op::Vector(_) | Op::Splat { .. } | Op::Ups { .. } => self.mv += 1,
            _ => {}
        }
    }

    /// Of loads that could widen what they load, of so many parts each, how many should: where nothing else
    /// wants `lda` alone, all; otherwise as many as do not make it the busiest slot.
    fn fused(&self, parts: &[usize]) -> usize {
        if self.lda == 0 {
            return parts.len();
        }
        let both = (self.lda + self.either).div_ceil(2);
        let fits = |fused: &usize| {
            let parts: usize = parts[..*fused].iter().sum();
            self.lda + parts <= both.max(self.mv - fused)
        };
        (0..=parts.len()).rev().find(fits).unwrap_or(0)
    }
}

/// Accesses of 256 bits that a load takes.
fn parts(ty: Type) -> usize {
    (ty.bytes() as usize).div_ceil(32)
}

impl Facts {
    pub(super) fn of(func: &Func) -> Self {
        let n = func.types.len();
        let mut facts = Facts {
            uses: vec![0; n],
            objects: vec![None; n],
            halves: HashMap::new(),
            stored: vec![false; n],
            widened_loads: HashMap::new(),
        };
        facts.count_uses(&func.body);
        let reach = Reach::of(func);
        for (k, object) in facts.objects.iter_mut().enumerate() {
            *object = reach.root(Value(k as u32)).map(|root| match root {
                Root::Param(k) if func.params[k].noalias => k as u32 + 1,
                Root::Param(_) | Root::Address => SHARED_OBJECT,
                Root::Data(_) => CONSTANT_OBJECT,
            });
        }
        facts.pair_up(&func.body);
        facts
    }

    /// The object that `ptr` reaches.
    pub(super) fn object(&self, ptr: Value) -> Option<u32> {
        self.objects[ptr.index()]
    }

    fn count_uses(&mut self, block: &Block) {
        for inst in &block.insts {
            inst.op.for_each_operand(|v| self.uses[v.index()] += 1);
            inst.op.blocks().for_each(|block| self.count_uses(block));
        }
    }

    fn pair_up(&mut self, block: &Block) {
        // Only values that one instruction of the same block writes to a place of its own choice can
        // be put in place.
        let mut placeable = HashSet::new();
        let mut stores = HashSet::new();
        let mut loads = HashMap::new();
        let mut defined = HashMap::new();
        let (mut slots, mut widened) = (LoadSlots::default(), Vec::new());
        for (at, Inst { results, op }) in block.insts.iter().enumerate() {
            defined.extend(results.iter().map(|value| (*value, at)));
            slots.count(op);
            match op {
                Op::Load { ty, .. } => {
                    placeable.insert(results[0]);
                    loads.insert(results[0], (at, parts(*ty)));
                }
                Op::Srs { .. } | Op::Vector(VectorOp::ToBf16 { .. }) => {
                    placeable.insert(results[0]);
                    stores.insert(results[0]);
                }
                Op::Mac { mode, .. } if mode.is_float() => {
                    placeable.insert(results[0]);
                }
                Op::Vector(VectorOp::Move(MoveOp::Pack { .. })) => {
                    placeable.insert(results[0]);
                    stores.insert(results[0]);
                }
                Op::Ups { value, .. }
                | Op::Vector(
                    VectorOp::ToF32 { value } | VectorOp::Move(MoveOp::Unpack { value, .. }),
                ) => {
                    if !matches!(op, Op::Vector(VectorOp::Move(_))) {
                        placeable.insert(results[0]);
                    }
                    // The load wants what else the operation takes: a shift, made above the load.
                    let above = |load: usize| match op {
                        Op::Ups { shift, .. } => defined.get(shift).is_none_or(|at| *at < load),
                        _ => true,
                    };
                    let once = self.uses[value.index()] == 1;
                    let load = loads.get(value).filter(|(at, _)| once && above(*at));
                    if let Some((_, parts)) = load {
                        widened.push((*value, *parts, (results[0], op.clone())));
                    }
                }
                Op::Concat { lo, hi } => {
                    // Where both are one, it goes to the lower half and is copied from there.
                    let uses = 1 + u32::from(lo == hi);
                    for (half, high) in [(hi, true), (lo, false)] {
                        if placeable.contains(half) && self.uses[half.index()] == uses {
                            self.halves.insert(*half, (results[0], high));
                        }
                    }
                }
                Op::Store { value, .. }
                    if stores.contains(value) && self.uses[value.index()] == 1 =>
                {
                    self.stored[value.index()] = true;
                }
                op => op.blocks().for_each(|block| self.pair_up(block)),
            }
        }
        // Unpacking takes the slot of its load either way.
        let (unpacked, raised): (Vec<_>, Vec<_>) = widened
            .into_iter()
            .partition(|(_, _, (_, op))| matches!(op, Op::Vector(VectorOp::Move(_))));
        let fused = slots.fused(&raised.iter().map(|r| r.1).collect::<Vec<_>>());
        let widened = unpacked.into_iter().chain(raised.into_iter().take(fused));
        self.widened_loads
            .extend(widened.map(|(value, _, how)| (value, how)));
    }
}
