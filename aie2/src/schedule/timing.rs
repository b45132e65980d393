//! When an instruction reads and writes, before registers are assigned.

use arch::aie2::{Access, Dir, Itinerary, Opcode, Reg, RegFile, Resource, Stage};

use crate::vcode::{Arg, VFunc, VInst, operand_reg};

/// Stage in which a lock operation stops the core until the lock is taken.
///
/// Source of this and the next two: Xilinx/llvm-aie llvm/lib/Target/AIE/AIEBaseSubtarget.cpp.
pub const LOCK_STALL_STAGE: i32 = 2;
/// First stage of a memory access that a lock operation before it holds back.
pub const LOCK_RESUME_STAGE: i32 = 8;
/// Cycles from one lock operation to the next.
pub const LOCK_TO_LOCK: i32 = 4;
/// Cycles that `done` keeps to itself on either side.
pub const DONE_FENCE: i32 = 6;
/// From a cascade or stream operation to another one at another port, or to or from a lock: no stage of the
/// pipeline in which one waits comes later.
pub const PORT_TO_OTHER: i32 = 8;

/// Something that an instruction reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// A unit of a value, by the numbers of [`Units`](crate::liveness::Units).
    Value(usize),
    /// A unit of a register that is no value.
    Reg(u16),
}

/// A read or a write.
#[derive(Clone, Copy, Debug)]
pub struct Touch {
    /// What.
    pub place: Place,
    /// Whether it writes.
    pub write: bool,
    /// When, with the path that makes a result available early.
    pub access: Access,
    /// Whether the register that the value gets decides about that path.
    pub unsure: bool,
}

/// The itinerary of a form of an instruction, by the classes of its values.
pub fn itinerary(func: &VFunc, inst: &VInst, form: Opcode) -> &'static Itinerary {
    let descs = form.desc().operands;
    form.itinerary().variant(|k, class| match inst.args.get(k) {
        Some(Arg::Value { value, part }) => {
            let info = &func.values[value.index()];
            let mut regs = info.class.members().iter();
            let typical = regs.find_map(|r| operand_reg(*r, *part, descs[k].class));
            typical.is_some_and(|r| class.contains(r))
        }
        Some(Arg::Reg(reg)) => class.contains(*reg),
        _ => false,
    })
}

/// The uses of ports and units. VST.CONV reserves the store interface in stage 2 and uses it in stage 4,
/// as VST.SRS does: both count.
///
/// Source: Xilinx/llvm-aie llvm/lib/Target/AIE/aie2/AIE2Schedule.td, which names only the first.
pub fn stages(itinerary: &'static Itinerary) -> impl Iterator<Item = Stage> {
    let late = itinerary.memory_cycles.contains(&7);
    let mut early = itinerary.stages.iter();
    let early = early.find(|s| s.resource == Resource::Store && s.first == 2);
    let again = early.filter(|_| late).map(|s| Stage { first: 4, ..*s });
    itinerary.stages.iter().copied().chain(again)
}

/// Whether an implicit register orders instructions: status registers, which nobody reads, do not.
fn orders(reg: Reg) -> bool {
    reg.file() != RegFile::Sr
}

/// Everything that an instruction reads and writes.
pub fn touches(func: &VFunc, units: &crate::liveness::Units, inst: &VInst) -> Vec<Touch> {
    let op = inst.op();
    let desc = op.desc();
    let itinerary = itinerary(func, inst, op);
    let mut touches = Vec::new();
    for (k, operand) in desc.operands.iter().enumerate() {
        let Some(access) = itinerary.access(k) else {
            continue;
        };
        let write = operand.dir == Dir::Out;
        let mut add = |place, unsure| {
            touches.push(Touch {
                place,
                write,
                access,
                unsure,
            });
        };
        match &inst.args[k] {
            Arg::Value { .. } => {
                let unsure = !op.itinerary().variants.is_empty();
                for unit in units.operand(inst, k) {
                    add(Place::Value(unit), unsure);
                }
            }
            Arg::Reg(reg) => {
                for unit in reg.units() {
                    add(Place::Reg(*unit), false);
                }
            }
            Arg::Imm(_) | Arg::Label(_) => {}
        }
    }
    let implicit = [(desc.implicit_defs, true), (desc.implicit_uses, false)];
    for (registers, write) in implicit {
        for implicit in registers.iter().filter(|i| orders(i.reg)) {
            for unit in implicit.reg.units() {
                touches.push(Touch {
                    place: Place::Reg(*unit),
                    write,
                    access: implicit.access(),
                    unsure: false,
                });
            }
        }
    }
    touches
}

/// Fewest cycles from a write to a read that shall see it.
pub fn raw(write: &Touch, read: &Touch) -> i32 {
    let sure = |t: &Touch| match t.unsure {
        true => Access {
            bypass: None,
            ..t.access
        },
        false => t.access,
    };
    arch::aie2::raw_latency(sure(write), sure(read))
}

/// Fewest cycles from a read to a write that it shall not see.
///
/// Where both take one forwarding path, a write in the cycle of the read would be seen.
pub fn war(read: &Touch, write: &Touch) -> i32 {
    let forwarded = read.access.bypass.is_some() && read.access.bypass == write.access.bypass;
    arch::aie2::war_latency(read.access, write.access) + i32::from(forwarded)
}

/// Fewest cycles between two writes so that the second one remains.
pub fn waw(first: &Touch, second: &Touch) -> i32 {
    arch::aie2::waw_latency(first.access, second.access)
}

/// Cycles after its issue at which a block may end, so that what follows finds everything written,
/// every read done and every port free.
pub fn settled(func: &VFunc, inst: &VInst, touches: &[Touch]) -> i32 {
    let op = inst.op();
    let mut after = 1;
    for touch in touches {
        after = after.max(i32::from(touch.access.stage));
    }
    // Status registers order nothing, but have to be written as well.
    for implicit in op.desc().implicit_defs {
        after = after.max(i32::from(implicit.access().stage));
    }
    for form in &inst.forms {
        let itinerary = itinerary(func, inst, *form);
        for stage in stages(itinerary) {
            // A port that nobody uses before stage k may be busy for k - 1 cycles of what follows.
            let last = i32::from(stage.first) + i32::from(stage.cycles) - 1;
            let free = i32::from(super::resources::first_use(stage.resource)) - 1;
            after = after.max(last - free);
        }
        // Accesses to memory happen in stage 5 or later.
        if let Some(last) = itinerary.memory_cycles.iter().max() {
            after = after.max(i32::from(*last) - 5 + 1);
        }
    }
    if op.is_lock() {
        after = after.max(LOCK_TO_LOCK);
    }
    if op == arch::aie2::op::DONE {
        after = after.max(DONE_FENCE);
    }
    after
}

/// The first cycle of a block in which an instruction may issue: what came before is settled, but
/// accesses to memory have not met the locks yet.
pub fn earliest(inst: &VInst) -> i32 {
    match inst.op() {
        op if op.is_lock() => LOCK_TO_LOCK - 1,
        op if op == arch::aie2::op::DONE => DONE_FENCE - 1,
        _ => 0,
    }
}
