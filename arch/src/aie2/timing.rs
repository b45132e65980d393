//! Timing: in which stage operands are read and written, which ports are busy, and the distances
//! between bundles that follow.
//!
//! A bundle that issues at cycle t executes stage k at t + k - 1. The pipeline is exposed: a result
//! written in stage w is readable from the next cycle on, and nothing waits for it.
//!
//! Source: Xilinx/llvm-aie `llvm/lib/Target/AIE/aie2/AIE2Schedule.td`,
//! `llvm/lib/Target/AIE/AIEBaseInstrInfo.cpp`, `AIEBaseSubtarget.cpp`.

use super::classes::Class;
use super::desc::{Dir, Implicit, Opcode};
use super::inst::Inst;
use super::register::Reg;
use super::tables::{Bypass, ITINERARIES, Resource};

/// Timing of an instruction form or of one of its variants.
#[derive(Debug, PartialEq, Eq)]
pub struct Itinerary {
    /// The name in the data file.
    pub name: &'static str,
    /// Stage in which each operand is read or written. May be longer than the operand list.
    pub operand_cycles: &'static [u8],
    /// Forwarding path of each operand.
    pub bypass: &'static [Option<Bypass>],
    /// Ports and units it occupies.
    pub stages: &'static [Stage],
    /// Stages of the access to data memory.
    pub memory_cycles: &'static [u8],
    /// Timing for certain register classes instead of this one.
    pub variants: &'static [Variant],
}

/// An itinerary by its position in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItineraryId(pub(crate) u16);

/// A port or unit that is busy for some cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// First stage in which it is busy, 1 is the cycle of issue.
    pub first: u8,
    /// Number of cycles.
    pub cycles: u8,
    /// The port or unit.
    pub resource: Resource,
    /// Use or reservation.
    pub kind: UseKind,
}

/// How an instruction occupies a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseKind {
    /// Uses it: nothing else may use or reserve it in the same cycle.
    Required,
    /// Keeps others from using it, but not from reserving it as well.
    Reserved,
}

impl Stage {
    /// The stages in which it is busy.
    pub const fn busy(&self) -> core::ops::Range<u8> {
        self.first..self.first + self.cycles
    }
}

impl UseKind {
    /// Whether two occupations of one resource in one cycle exclude each other.
    pub const fn conflicts(self, other: UseKind) -> bool {
        !matches!((self, other), (UseKind::Reserved, UseKind::Reserved))
    }
}

/// Another itinerary for certain register classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Operand position and class; all must hold.
    pub when: &'static [(u8, Class)],
    /// The itinerary that holds then.
    pub itinerary: ItineraryId,
}

/// The stage of an access and the forwarding path it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Stage, 1 is the cycle of issue.
    pub stage: u8,
    /// Forwarding path.
    pub bypass: Option<Bypass>,
}

/// A register that an instruction reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegAccess {
    /// The register.
    pub reg: Reg,
    /// When, and by which path.
    pub access: Access,
    /// Position of the operand that names it, `None` for an implicit register.
    pub operand: Option<u8>,
}

impl ItineraryId {
    /// The itinerary.
    pub fn get(self) -> &'static Itinerary {
        &ITINERARIES[usize::from(self.0)]
    }
}

impl Itinerary {
    /// Every itinerary.
    pub fn all() -> &'static [Itinerary] {
        &ITINERARIES
    }

    /// The itinerary called `name`, for example `II_VMAC`.
    pub fn from_name(name: &str) -> Option<&'static Itinerary> {
        ITINERARIES.iter().find(|i| i.name == name)
    }

    /// The itinerary that holds when `in_class(k, class)` says whether operand `k` is in `class`.
    /// For code without registers assigned yet; [`itinerary_of`] asks an instruction.
    pub fn variant(&'static self, in_class: impl Fn(usize, Class) -> bool) -> &'static Itinerary {
        let holds = |(k, class): &(u8, Class)| in_class(usize::from(*k), *class);
        let variant = self.variants.iter().find(|v| v.when.iter().all(holds));
        variant.map_or(self, |v| v.itinerary.get())
    }

    /// When and how operand `k` is read or written.
    pub fn access(&self, k: usize) -> Option<Access> {
        Some(Access {
            stage: *self.operand_cycles.get(k)?,
            bypass: self.bypass.get(k).copied().flatten(),
        })
    }
}

impl Implicit {
    /// The access of an implicit register; it has no forwarding path.
    pub const fn access(self) -> Access {
        Access {
            stage: self.stage,
            bypass: None,
        }
    }
}

impl Opcode {
    /// The form's itinerary, before register classes are looked at.
    pub fn itinerary(self) -> &'static Itinerary {
        self.desc().itinerary.get()
    }
}

/// The itinerary of an instruction, chosen by its registers' classes.
pub fn itinerary_of(inst: &Inst) -> &'static Itinerary {
    inst.op()
        .itinerary()
        .variant(|k, class| inst.reg(k).is_some_and(|r| class.contains(r)))
}

impl Inst {
    /// The registers it writes: operands first, then implicit ones.
    pub fn defs(&self) -> impl Iterator<Item = RegAccess> {
        self.accesses(Dir::Out, self.desc().implicit_defs)
    }

    /// The registers it reads: operands first, then implicit ones.
    pub fn uses(&self) -> impl Iterator<Item = RegAccess> {
        self.accesses(Dir::In, self.desc().implicit_uses)
    }

    fn accesses(
        &self,
        dir: Dir,
        implicit: &'static [Implicit],
    ) -> impl Iterator<Item = RegAccess> + use<> {
        let (itinerary, inst) = (itinerary_of(self), *self);
        let operands = self.desc().operands.iter().enumerate();
        let explicit = operands
            .filter(move |(_, o)| o.dir == dir)
            .filter_map(move |(k, _)| {
                Some(RegAccess {
                    reg: inst.reg(k)?,
                    access: itinerary.access(k)?,
                    operand: Some(k as u8),
                })
            });
        explicit.chain(implicit.iter().map(|i| RegAccess {
            reg: i.reg,
            access: i.access(),
            operand: None,
        }))
    }
}

/// Fewest cycles from a write to a read that shall see it; never below 0 through a bypass.
pub fn raw_latency(write: Access, read: Access) -> i32 {
    let latency = i32::from(write.stage) - i32::from(read.stage) + 1;
    let forwarded = write.bypass.is_some() && write.bypass == read.bypass;
    if forwarded && latency > 0 {
        latency - 1
    } else {
        latency
    }
}

/// Fewest cycles from a read to a later write of the same register that it shall not see. May be
/// negative: the writer may then issue that much earlier.
pub fn war_latency(read: Access, write: Access) -> i32 {
    i32::from(read.stage) - i32::from(write.stage)
}

/// Fewest cycles between two writes of the same register, so that the second one remains. May be
/// negative.
pub fn waw_latency(first: Access, second: Access) -> i32 {
    i32::from(first.stage) - i32::from(second.stage) + 1
}

/// Fewest cycles between two accesses to the same place in data memory; `None` if one of them does not
/// access memory. May be negative.
pub fn memory_latency(first: &Itinerary, second: &Itinerary) -> Option<i32> {
    let last = first.memory_cycles.iter().max()?;
    let next = second.memory_cycles.iter().min()?;
    Some(i32::from(*last) - i32::from(*next) + 1)
}
