//! What the pipeline has under way: ports and units in use, accesses to memory, locks and streams.
//!
//! Each strand starts with everything that any way to it may have left under way, so that blocks, loop
//! back edges, calls and returns are covered alike.
//!
//! Source: Xilinx/llvm-aie llvm/lib/Target/AIE/aie2/AIE2Schedule.td (ports, stages),
//! llvm/lib/Target/AIE/AIEBaseInstrInfo.cpp and AIE2InstrInfo.cpp (memory order, locks).

use arch::aie2::rules::{DONE_LATENCY, LOCK_RESUME_STAGE, LOCK_STALL_STAGE};
use arch::aie2::{Flags, Inst, Opcode, UseKind, itinerary_of, op};

use super::code::{Code, Decoded, Op};
use super::error::{CheckError, Fault};
use super::flow::{Exit, Flow, Strand};
use super::places::{Place, Places};
use crate::mir::MInst;

/// A use of a port or unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    /// Cycles from now.
    at: u8,
    resource: u8,
    required: bool,
    /// Address of the bundle.
    from: u32,
}

/// An access that keeps others away, already issued.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Issued {
    age: u8,
    access: Access,
    form: Opcode,
    from: u32,
    /// Issued by the present run through its block: such pairs are checked by program order.
    own: bool,
}

/// What an instruction does that others must keep a distance from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Access {
    Memory {
        first: u8,
        last: u8,
        object: Option<u32>,
        write: bool,
        /// Which bytes, where that is known.
        place: Option<Place>,
    },
    Lock,
    Done,
    /// Scalar streams and the cascade: their order is their meaning.
    Stream,
    Cascade,
}

/// The lock interface is busy for so many cycles.
const LOCK_CYCLES: i32 = 4;
/// No rule reaches further than this.
const HORIZON: u8 = 16;

/// The least distance from `first` to `second`, which comes later in the program, and why.
fn distance(first: &Access, second: &Access) -> Option<(i32, &'static str)> {
    use Access::{Cascade, Done, Lock, Memory, Stream};
    match (first, second) {
        (
            Memory {
                last,
                object: a,
                write: x,
                place: here,
                ..
            },
            Memory {
                first,
                object: b,
                write: y,
                place: there,
                ..
            },
        ) => {
            let apart = here.as_ref().zip(there.as_ref());
            let apart = apart.is_some_and(|(here, there)| here.is_apart(there));
            let meet = (*x || *y) && (a.is_none() || b.is_none() || a == b) && !apart;
            let why = "they may touch the same memory, and would do so in the wrong order";
            meet.then(|| (i32::from(*last) - i32::from(*first) + 1, why))
        }
        (Memory { last, .. }, Lock) => {
            let why = "memory must be accessed before the lock changes hands";
            Some((i32::from(*last) - i32::from(LOCK_STALL_STAGE) + 1, why))
        }
        (Lock, Memory { first, .. }) => {
            let why = "memory must be accessed after the lock has been taken";
            Some((i32::from(LOCK_RESUME_STAGE) - i32::from(*first) + 1, why))
        }
        (Lock, Lock) => Some((
            LOCK_CYCLES,
            "the lock interface takes one request at a time",
        )),
        (Stream, Stream) | (Cascade, Cascade) => Some((1, "streams keep their order")),
        (Lock | Stream | Cascade, Lock | Stream | Cascade) => {
            Some((1, "what makes the core wait keeps its order"))
        }
        (Memory { .. } | Lock | Stream | Cascade, Done) => {
            Some((DONE_LATENCY, "the core must not stop before"))
        }
        (Done, _) => Some((DONE_LATENCY, "the core stops first")),
        (Memory { .. }, Stream | Cascade) | (Stream | Cascade, Memory { .. }) => None,
    }
}

fn access(inst: &Inst, source: &MInst, place: Option<&Place>) -> Option<Access> {
    let form = inst.op();
    let cycles = itinerary_of(inst).memory_cycles;
    if let (Some(&first), Some(&last)) = (cycles.iter().min(), cycles.iter().max()) {
        let object = source.memory.and_then(|m| m.object);
        return Some(Access::Memory {
            first,
            last,
            object,
            write: form.is_store(),
            place: place.cloned(),
        });
    }
    if form.is_lock() {
        Some(Access::Lock)
    } else if form == op::DONE {
        Some(Access::Done)
    } else if form.flags().contains(Flags::STREAM) {
        Some(Access::Stream)
    } else if form.flags().contains(Flags::CASCADE) {
        Some(Access::Cascade)
    } else {
        None
    }
}

/// Each in order, and once.
#[derive(Clone, Default, PartialEq, Eq)]
struct UnderWay {
    uses: Vec<Use>,
    issued: Vec<Issued>,
}

/// Puts something where it belongs, if it is not there.
fn insert<T: Ord>(list: &mut Vec<T>, item: T) {
    if let Err(at) = list.binary_search(&item) {
        list.insert(at, item);
    }
}

impl UnderWay {
    /// Adds what is under way in `other`; whether that was anything new.
    fn join(&mut self, other: &UnderWay) -> bool {
        let before = self.uses.len() + self.issued.len();
        other.uses.iter().for_each(|u| insert(&mut self.uses, *u));
        let issued = other.issued.iter().cloned();
        issued.for_each(|i| insert(&mut self.issued, i));
        self.uses.len() + self.issued.len() > before
    }

    /// What another run through a block, or another block, finds under way; `place` says where what was
    /// accessed is from there.
    fn handed_on(&self, place: impl Fn(&Place) -> Place) -> UnderWay {
        let issued = self.issued.iter().cloned().map(|mut issued| {
            issued.own = false;
            if let Access::Memory { place: at, .. } = &mut issued.access {
                *at = at.as_ref().map(&place);
            }
            issued
        });
        let mut issued: Vec<Issued> = issued.collect();
        issued.sort_unstable();
        issued.dedup();
        UnderWay {
            uses: self.uses.clone(),
            issued,
        }
    }

    fn advance(&mut self) {
        self.uses.retain(|u| u.at > 0);
        self.uses.iter_mut().for_each(|u| u.at -= 1);
        self.issued.retain(|i| i.age < HORIZON);
        self.issued.iter_mut().for_each(|i| i.age += 1);
    }

    fn issue(
        &mut self,
        code: &Code<'_>,
        (strand, places): (&Strand, &Places),
        k: usize,
        errors: &mut Vec<CheckError>,
    ) {
        let bundle = &code.bundles[k];
        for op in &bundle.ops {
            for stage in itinerary_of(&op.inst).stages {
                let required = stage.kind == UseKind::Required;
                for at in stage.first - 1..stage.first - 1 + stage.cycles {
                    let resource = stage.resource as u8;
                    let used = Use {
                        at,
                        resource,
                        required,
                        from: bundle.address,
                    };
                    let mut others = self
                        .uses
                        .iter()
                        .filter(|u| (u.at, u.resource) == (at, resource));
                    if let Some(other) = others.find(|u| u.required || required) {
                        let (resource, stage, other) = (stage.resource, at + 1, other.from);
                        errors.push(code.error(
                            k,
                            Fault::Resource {
                                resource,
                                stage,
                                other,
                            },
                        ));
                    }
                    insert(&mut self.uses, used);
                }
            }
        }
        let accesses = bundle.ops.iter().filter_map(|op| {
            let place = places.at(strand.block, op.source);
            Some((op, access(&op.inst, code.source(k, op), place)?))
        });
        let accesses: Vec<(&Op, Access)> = accesses.collect();
        for (op, access) in &accesses {
            for before in self.issued.iter().filter(|i| !i.own) {
                let Some((needed, why)) = distance(&before.access, access) else {
                    continue;
                };
                let got = i32::from(before.age);
                if got < needed {
                    let (first, other, second) = (before.form, before.from, op.inst.op());
                    let fault = Fault::Order {
                        first,
                        other,
                        second,
                        got,
                        needed,
                        why,
                    };
                    errors.push(code.error(k, fault));
                }
            }
        }
        for (op, access) in accesses {
            let issued = Issued {
                age: 0,
                access,
                form: op.inst.op(),
                from: bundle.address,
                own: true,
            };
            insert(&mut self.issued, issued);
        }
    }
}

/// Checks ports, units, memory order, locks and streams of the program.
pub(super) fn check(code: &Code<'_>, flow: &Flow) -> Vec<CheckError> {
    let mut errors = Vec::new();
    let places: Vec<Places> = code.program.funcs.iter().map(Places::of).collect();
    for (func, places) in places.iter().enumerate() {
        for block in 0..code.blocks[func].len() {
            check_block(code, places, (func, block), &mut errors);
        }
    }
    let starts = fixed_point(code, flow, &places);
    for (strand, start) in flow.strands.iter().zip(starts) {
        let mut state = start.unwrap_or_default();
        for k in strand.bundles.clone() {
            state.issue(code, (strand, &places[strand.func]), k, &mut errors);
            state.advance();
        }
    }
    errors
}

/// What may be under way where each strand starts; `None` where control never comes.
fn fixed_point(code: &Code<'_>, flow: &Flow, places: &[Places]) -> Vec<Option<UnderWay>> {
    let mut starts: Vec<Option<UnderWay>> = vec![None; flow.strands.len()];
    // Where calls of a function come back to, as far as they are known, and what it leaves under way.
    let mut returns: Vec<Vec<usize>> = vec![Vec::new(); flow.first.len()];
    let mut left: Vec<Option<UnderWay>> = vec![None; flow.first.len()];
    let mut work = Vec::new();
    for &entry in flow.first.iter().filter_map(|blocks| blocks.first()) {
        starts[entry] = Some(UnderWay::default());
        work.push(entry);
    }
    while let Some(s) = work.pop() {
        let strand = &flow.strands[s];
        let Some(mut state) = starts[s].clone() else {
            continue;
        };
        for k in strand.bundles.clone() {
            state.issue(code, (strand, &places[strand.func]), k, &mut Vec::new());
            state.advance();
        }
        let mut reach = |to: usize, state: &UnderWay| match &mut starts[to] {
            Some(start) => {
                if start.join(state) {
                    work.push(to);
                }
            }
            none => {
                *none = Some(state.clone());
                work.push(to);
            }
        };
        match &strand.exit {
            Exit::Ways(ways) => {
                let places = &places[strand.func];
                for way in ways {
                    match way.edge {
                        Some(edge) => {
                            let cross = |place: &Place| places.cross(strand.block, edge, place);
                            reach(way.to, &state.handed_on(cross));
                        }
                        None => reach(way.to, &state),
                    }
                }
            }
            Exit::Call { callee, after, .. } => {
                if let Some(&first) = flow.first[*callee].first() {
                    reach(first, &state.handed_on(Place::forgotten));
                }
                if !returns[*callee].contains(after) {
                    returns[*callee].push(*after);
                }
                if let Some(left) = &left[*callee] {
                    reach(*after, left);
                }
            }
            Exit::Return { .. } => {
                let state = state.handed_on(Place::forgotten);
                let all = left[strand.func].get_or_insert_with(UnderWay::default);
                all.join(&state);
                for &after in &returns[strand.func] {
                    reach(after, all);
                }
            }
            Exit::Stop => {}
        }
    }
    starts
}

/// Distances inside one run through a block, by program order: a later access may stand before an
/// earlier one only as far as the stages allow.
fn check_block(
    code: &Code<'_>,
    places: &Places,
    (func, block): (usize, usize),
    errors: &mut Vec<CheckError>,
) {
    let mut accesses = Vec::new();
    let bundles: &[Decoded] = &code.bundles;
    for (cycle, k) in code.blocks[func][block].clone().enumerate() {
        for op in &bundles[k].ops {
            let place = places.at(block, op.source);
            if let Some(access) = access(&op.inst, code.source(k, op), place) {
                accesses.push((op.source, access, cycle as i32, k, op.inst.op()));
            }
        }
    }
    accesses.sort_by_key(|a| a.0);
    for (n, (_, second, at, k, form)) in accesses.iter().enumerate() {
        for (_, first, before, other, first_form) in &accesses[..n] {
            let Some((needed, why)) = distance(first, second) else {
                continue;
            };
            let got = at - before;
            if got < needed {
                let (first, other, second) = (*first_form, bundles[*other].address, *form);
                let fault = Fault::Order {
                    first,
                    other,
                    second,
                    got,
                    needed,
                    why,
                };
                errors.push(code.error(*k, fault));
            }
        }
    }
}
