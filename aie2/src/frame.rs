//! Stack frames: what a function keeps in memory while it runs.
//!
//! The stack grows upward. A function that keeps something moves the stack pointer past its frame when
//! it is entered and back when it returns. Until `lay_out` knows the size of the frame, an access
//! names its place counted from the bottom of the frame; afterwards from the stack pointer.

use arch::aie2::{Opcode, Reg, op, reg};

use super::coalesce::Webs;
use super::mir::{MemAccess, ValueId};
use super::select::{STACK_OBJECT, copy_form};
use super::vcode::{Arg, RegClass, VFunc, VInst};

/// Bytes in which the stack pointer moves: the alignment of a vector.
const FRAME_STEP: u32 = 32;
/// Bytes of a scalar, pointer or modifier.
const SCALAR_BYTES: u32 = 4;
/// Bytes of a unit of a vector or an accumulator.
const UNIT_BYTES: u32 = 32;

/// What a function keeps on the stack.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    bytes: u32,
    slots: u32,
    link: Option<Slot>,
    saved: Vec<Saved>,
}

/// A place in the frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    at: u32,
    object: u32,
}

/// A register that the function hands back as it was.
#[derive(Clone, Copy, Debug)]
struct Saved {
    reg: Reg,
    /// What it holds on entry and on return.
    entry: ValueId,
    end: ValueId,
    slot: Slot,
}

impl Frame {
    /// Bytes by which the stack pointer moves.
    pub fn size(&self) -> u32 {
        self.bytes.next_multiple_of(FRAME_STEP)
    }

    /// Whether the function may use a register that its caller wants back.
    pub fn saves(&self, reg: Reg) -> bool {
        let saved = |unit: &u16| self.saved.iter().any(|s| s.reg.units().contains(unit));
        reg.units().iter().all(saved)
    }

    /// Whether a value is what a saved register held on entry: the caller's, and no value of the
    /// function.
    pub fn is_callers(&self, value: ValueId) -> bool {
        self.saved
            .iter()
            .any(|s| s.entry == value || s.end == value)
    }

    /// Makes room for a value of a class.
    pub(super) fn slot(&mut self, class: RegClass) -> Slot {
        let align = unit_bytes(class);
        let bytes = class.units() as u32 * align;
        let at = self.bytes.next_multiple_of(align);
        self.bytes = at + bytes;
        self.slots += 1;
        Slot {
            at,
            object: STACK_OBJECT - self.slots,
        }
    }
}

/// Whether values of a class are vectors or accumulators.
pub(super) fn is_wide(class: RegClass) -> bool {
    matches!(
        class,
        RegClass::W | RegClass::X | RegClass::Bm | RegClass::Cm
    )
}

/// Bytes of a unit of a class on the stack.
fn unit_bytes(class: RegClass) -> u32 {
    match is_wide(class) {
        true => UNIT_BYTES,
        false => SCALAR_BYTES,
    }
}

/// Store and load of a unit of a class, relative to the stack pointer.
fn forms(class: RegClass) -> (Opcode, Opcode) {
    match class {
        RegClass::W | RegClass::X => (op::VST_dmw_sts_w_ag_spill, op::VLDA_dmw_lda_w_ag_spill),
        RegClass::Bm | RegClass::Cm => (op::VST_dmw_sts_am_ag_spill, op::VLDA_dmw_lda_am_ag_spill),
        _ => (op::ST_dms_spill, op::LDA_dms_spill),
    }
}

/// An access to the bytes of a slot from `offset` on.
fn access(form: Opcode, data: Arg, slot: Slot, offset: u32, write: bool) -> VInst {
    let at = slot.at + offset;
    let mut inst = VInst::new(form, vec![data, Arg::Imm(i64::from(at))]);
    inst.memory = Some(MemAccess {
        object: Some(slot.object),
        write,
    });
    inst
}

/// Stores a unit of a value into its slot. Shift amounts go by way of a scalar.
pub(super) fn store(
    func: &mut VFunc,
    webs: &mut Webs,
    value: ValueId,
    part: u8,
    slot: Slot,
) -> Vec<VInst> {
    let class = func.class(value);
    let (form, _) = forms(class);
    if class == RegClass::S {
        let scalar = func.value(RegClass::R);
        webs.alone(scalar, None, true);
        let copy = VInst::new(
            copy_form(class),
            vec![Arg::value(scalar), Arg::value(value)],
        );
        return vec![copy, access(form, Arg::value(scalar), slot, 0, true)];
    }
    let offset = u32::from(part) * unit_bytes(class);
    vec![access(form, Arg::Value { value, part }, slot, offset, true)]
}

/// Loads a unit of a value from its slot.
pub(super) fn load(
    func: &mut VFunc,
    webs: &mut Webs,
    value: ValueId,
    part: u8,
    slot: Slot,
) -> Vec<VInst> {
    let class = func.class(value);
    let (_, form) = forms(class);
    if class == RegClass::S {
        let scalar = func.value(RegClass::R);
        webs.alone(scalar, None, true);
        let copy = VInst::new(
            copy_form(class),
            vec![Arg::value(value), Arg::value(scalar)],
        );
        return vec![access(form, Arg::value(scalar), slot, 0, false), copy];
    }
    let offset = u32::from(part) * unit_bytes(class);
    vec![access(
        form,
        Arg::Value { value, part },
        slot,
        offset,
        false,
    )]
}

/// Keeps the link register of a function that calls and returns.
pub(super) fn keep_link(func: &mut VFunc) {
    if func.returns && func.calls() {
        func.frame.link = Some(func.frame.slot(RegClass::P));
    }
}

/// Lets a function that returns use a register that its caller wants back.
pub(super) fn save(func: &mut VFunc, webs: &mut Webs, class: RegClass, reg: Reg) {
    let (entry, end) = (func.fixed(class, reg), func.fixed(class, reg));
    webs.alone(entry, Some(reg), true);
    webs.alone(end, Some(reg), true);
    let slot = func.frame.slot(class);
    func.frame.saved.push(Saved {
        reg,
        entry,
        end,
        slot,
    });
}

/// Makes the frame: the stack pointer moves, what must be kept is saved and restored, and accesses get
/// their distance from the stack pointer.
pub(super) fn lay_out(func: &mut VFunc) {
    let size = i64::from(func.frame.size());
    if size == 0 {
        return;
    }
    let grow = |by: i64| {
        let mut inst = VInst::new(op::PADDA_sp_imm, vec![Arg::Imm(by)]);
        inst.forms.push(op::PADDB_sp_imm);
        inst
    };
    let (mut first, mut last) = (vec![grow(size)], Vec::new());
    let (store, load) = forms(RegClass::P);
    if let Some(slot) = func.frame.link {
        first.push(access(store, Arg::Reg(reg::LR), slot, 0, true));
        last.push(access(load, Arg::Reg(reg::LR), slot, 0, false));
    }
    for saved in &func.frame.saved {
        first.push(access(store, Arg::value(saved.entry), saved.slot, 0, true));
        last.push(access(load, Arg::value(saved.end), saved.slot, 0, false));
    }
    last.push(grow(-size));
    func.blocks[0].insts.splice(0..0, first);
    if func.returns {
        let ends: Vec<ValueId> = func.frame.saved.iter().map(|s| s.end).collect();
        for block in &mut func.blocks {
            if block.branch().is_some_and(|i| i.op().is_return()) {
                let at = block.insts.len() - 1;
                block.insts.splice(at..at, last.iter().cloned());
                block.call_args.extend(&ends);
            }
        }
    }
    for inst in func.blocks.iter_mut().flat_map(|b| &mut b.insts) {
        let object = inst.memory.and_then(|m| m.object);
        if object.is_some_and(|o| o >= STACK_OBJECT - func.frame.slots)
            && let Some(Arg::Imm(at)) = inst.args.last_mut()
        {
            *at -= size;
        }
    }
}
