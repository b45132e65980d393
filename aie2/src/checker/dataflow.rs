//! Proves that every read finds what it names, by running each function on names instead of numbers.
//!
//! A block starts with what holds on all ways to it, so that what is proved holds whichever way control
//! comes and however often loops run.

use std::collections::{BTreeSet, VecDeque};

use arch::aie2::rules::DELAY_SLOTS;
use arch::aie2::{RegFile, reg};

use super::cell::{By, Name};
use super::code::{Code, Op};
use super::error::{CheckError, Fault, Found, LoopFault, Wanted};
use super::flow::{Exit, Flow, Strand, Way};
use super::meaning::{Meaning, Write, misdescribed, stack_bytes, stack_offset};
use super::state::{Read, Renames, State};
use super::units::{Unit, is_callee_saved, name_of, units};
use crate::mir::{BlockKind, MInst};

/// Checks every function; gives the number of reads proved.
pub(super) fn check(code: &Code<'_>, flow: &Flow, errors: &mut Vec<CheckError>) -> usize {
    let mut proved = 0;
    for func in 0..code.program.funcs.len() {
        let meaning = Meaning::of(code, func);
        let mut starts = vec![None; flow.strands.len()];
        let mut run = Run {
            code,
            flow,
            meaning: &meaning,
            places: BTreeSet::new(),
            errors: Vec::new(),
            proved: 0,
        };
        run.fixed_point(func, &mut starts);
        (run.errors, run.proved) = (Vec::new(), 0);
        for (strand, start) in flow.strands.iter().zip(starts) {
            if let Some(state) = start {
                run.strand(strand, state);
            }
        }
        proved += run.proved;
        errors.append(&mut run.errors);
    }
    proved
}

struct Run<'a, 'c> {
    code: &'a Code<'c>,
    flow: &'a Flow,
    meaning: &'a Meaning,
    /// Accesses to the stack: place, bytes and object.
    places: BTreeSet<(i64, i64, Option<u32>)>,
    errors: Vec<CheckError>,
    proved: usize,
}

impl Run<'_, '_> {
    /// What holds where each strand starts, on all ways to it; `None` where control never comes.
    fn fixed_point(&mut self, func: usize, starts: &mut [Option<State>]) {
        let Some(&first) = self.flow.first[func].first() else {
            return;
        };
        starts[first] = Some(State::at_entry(&self.code.program.funcs[func]));
        let mut work = VecDeque::from([first]);
        while let Some(s) = work.pop_front() {
            let Some(state) = starts[s].clone() else {
                continue;
            };
            for (to, inside, state) in self.strand(&self.flow.strands[s], state) {
                let changed = match &mut starts[to] {
                    Some(start) if !inside => start.join(&state),
                    // Only one way leads to a strand inside a block.
                    Some(start) if *start == state => false,
                    start => {
                        *start = Some(state);
                        true
                    }
                };
                if changed && !work.contains(&to) {
                    work.push_back(to);
                }
            }
            self.errors.clear();
        }
    }

    fn fail(&mut self, bundle: usize, fault: Fault) {
        self.errors.push(self.code.error(bundle, fault));
    }

    /// Runs a strand; gives the states that it hands on, and whether inside its block.
    fn strand(&mut self, strand: &Strand, mut state: State) -> Vec<(usize, bool, State)> {
        for k in strand.bundles.clone() {
            self.bundle(strand, k, &mut state);
            for read in state.due() {
                self.read(strand, k, &state, &read);
            }
            state.advance();
        }
        match &strand.exit {
            Exit::Ways(ways) => {
                let reads = state.reads.clone();
                if ways.iter().any(|w| w.edge.is_some()) {
                    for read in &reads {
                        self.read(strand, strand.bundles.end, &state, read);
                    }
                }
                ways.iter()
                    .map(|way| self.way(strand, way, state.clone()))
                    .collect()
            }
            Exit::Call {
                callee,
                branch,
                after,
            } => {
                self.call(strand, *branch, *callee, &mut state);
                vec![(*after, true, state)]
            }
            Exit::Return { branch } => {
                self.give_back(*branch, &state);
                Vec::new()
            }
            Exit::Stop => Vec::new(),
        }
    }

    fn bundle(&mut self, strand: &Strand, k: usize, state: &mut State) {
        let bundle = &self.code.bundles[k];
        let stack = reg::SP.units().iter().find_map(|unit| {
            let names = state.cell(*unit).names.iter();
            names.clone().find_map(|n| {
                if let Name::Stack(at) = n {
                    Some(*at)
                } else {
                    None
                }
            })
        });
        let mut writes = Vec::new();
        for (n, op) in bundle.ops.iter().enumerate() {
            let source = self.code.source(k, op);
            if let Some(text) = misdescribed(&op.inst, source) {
                self.fail(k, Fault::Described(text));
            }
            state
                .reads
                .extend(self.meaning.reads(strand.block, (k, n), op, source));
            let mut written = self.meaning.writes(op, source, stack);
            if let Some(place) = stack.zip(stack_offset(&op.inst)).map(|(at, by)| at + by) {
                self.stack(op, place, &mut written, state);
                self.place(k, place, op, source);
            }
            writes.extend(written.into_iter().map(|w| (op, w)));
        }
        let names = writes.iter().flat_map(|(_, write)| &write.names).copied();
        let values: Vec<Name> = names.filter(|n| matches!(n, Name::Value(..))).collect();
        if !values.is_empty() {
            state.forget(&values);
        }
        for (op, write) in writes {
            let (unit, at) = (write.unit, write.at);
            let (other, guard) = state.write(unit, at, write.names, write.bypass, bundle.address);
            // Status registers gather what all writers say.
            let status = write.reg.file() == RegFile::Sr;
            if let Some(By::Bundle(first)) = other.filter(|_| !status) {
                let (reg, second) = (write.reg, bundle.address);
                self.fail(k, Fault::WrittenTwice { reg, first, second });
            }
            if let Some(guard) = guard {
                let (inst, reg, reader) = (op.inst.op(), write.reg, guard.reader);
                let early = u32::from(guard.at - at).max(1);
                self.fail(
                    k,
                    Fault::WriteBeforeRead {
                        inst,
                        reg,
                        early,
                        reader,
                    },
                );
            }
        }
    }

    /// Accesses to the same bytes of the stack name one object, so that their order was proved.
    fn place(&mut self, k: usize, place: i64, op: &Op, source: &MInst) {
        let (bytes, object) = (stack_bytes(&op.inst), source.memory.and_then(|m| m.object));
        let meets = |(at, length, other): &&(i64, i64, Option<u32>)| {
            *at < place + bytes && place < at + length && *other != object
        };
        if let Some((at, ..)) = self.places.iter().find(meets) {
            let text = format!(
                "`{}` and another access meet on the stack, at {place} and {at} bytes from where the \
                 function began, but the program says that they touch different objects",
                source.op.name()
            );
            self.fail(k, Fault::Described(text));
        }
        self.places.insert((place, bytes, object));
    }

    /// An access at a `place` on the stack: a register that was saved there comes back as it was.
    fn stack(&self, op: &Op, place: i64, writes: &mut [Write], state: &mut State) {
        if op.inst.op().is_store() {
            let read = op.inst.uses().find(|u| u.operand.is_some());
            let unit = read.filter(|u| u.access.stage == 1).map(|u| u.reg.units());
            let kept = |u: &Unit| self.meaning.is_kept(*u, &state.cell(*u).names);
            let unit = match unit {
                Some([unit]) => Some(*unit).filter(kept),
                _ => None,
            };
            state.store_on_stack(place, stack_bytes(&op.inst), unit);
        } else if let Some(unit) = state.saved.get(&place) {
            for write in writes.iter_mut().filter(|w| w.unit == *unit) {
                write.names.push(Name::Kept);
                write.names.sort_unstable();
            }
        }
    }

    /// Proves a read. `now` is the bundle that issues in the cycle from which the read is counted.
    fn read(&mut self, strand: &Strand, now: usize, state: &State, read: &Read) {
        let cell = state.cell(read.unit);
        let seen = cell.seen(read.at, read.bypass);
        let kept = read.wanted == Name::Kept && self.meaning.is_kept(read.unit, seen);
        if kept || seen.contains(&read.wanted) {
            self.proved += 1;
            return;
        }
        let inst = self.code.bundles[read.bundle].ops[read.op].inst.op();
        let (reg, stage) = (read.reg, read.stage);
        let address = self.code.bundles[read.bundle].address;
        // One unit of a register tells enough.
        let told = |e: &CheckError| {
            let same = matches!(e.fault, Fault::Read { inst: i, reg: r, stage: s, .. } if (i, r, s) == (inst, reg, stage));
            same && e.site.address == address
        };
        if self.errors.last().is_some_and(told) {
            return;
        }
        let fault = Fault::Read {
            inst,
            reg,
            stage,
            wanted: in_words(read.wanted),
            found: self.found(strand, now, state, read),
        };
        self.fail(read.bundle, fault);
    }

    /// Why a read does not find what it names.
    fn found(&self, strand: &Strand, now: usize, state: &State, read: &Read) -> Found {
        let cell = state.cell(read.unit);
        let lands = |at: u32, bypass| {
            let forwarded = bypass == read.bypass && read.bypass.is_some();
            (at + u32::from(!forwarded)).saturating_sub(u32::from(read.at))
        };
        let flying = cell
            .flight
            .iter()
            .filter(|l| l.at >= read.at && l.names.contains(&read.wanted));
        if let Some(landing) = flying.min_by_key(|l| l.at) {
            return Found::Early(lands(u32::from(landing.at), None));
        }
        for k in now + 1..strand.bundles.end {
            for op in &self.code.bundles[k].ops {
                let writes = self.meaning.writes(op, self.code.source(k, op), None);
                let write = writes
                    .iter()
                    .find(|w| w.unit == read.unit && w.names.contains(&read.wanted));
                if let Some(write) = write {
                    return Found::Early(lands(
                        (k - now) as u32 + u32::from(write.at),
                        write.bypass,
                    ));
                }
            }
        }
        let forwarding = cell.flight.iter().find(|l| l.at == read.at);
        if let Some(By::Bundle(by)) = forwarding.map(|l| l.by)
            && cell.before(read.at).0.contains(&read.wanted)
        {
            return Found::Forwarded(by);
        }
        match cell.before(read.at).1 {
            By::Nobody => Found::Never,
            By::Bundle(by) => Found::Overwritten(by),
            By::Several => Found::Unknown,
        }
    }

    fn way(&mut self, strand: &Strand, way: &Way, mut state: State) -> (usize, bool, State) {
        let Some(edge) = way.edge else {
            return (way.to, true, state);
        };
        let code = self.code;
        let func = &code.program.funcs[strand.func];
        let (from, target) = (&func.blocks[strand.block], &self.flow.strands[way.to]);
        let to = &func.blocks[target.block];
        let renames = Renames::new(&from.successors[edge].renames);
        let last = &self.meaning.last[strand.block];
        state.cross(&renames, last, |read| code.bundles[read.bundle].address);
        let again = strand.block == target.block;
        if to.kind == BlockKind::HardwareLoop && !again {
            self.enter_loop(strand, target, &state);
        }
        if from.kind == BlockKind::HardwareLoop && !again {
            state.forget(&[Name::Armed]);
        }
        (way.to, false, state)
    }

    fn enter_loop(&mut self, strand: &Strand, target: &Strand, state: &State) {
        let code = self.code;
        let range = &code.blocks[target.func][target.block];
        let Some(last) = range.clone().last() else {
            return;
        };
        let start = i64::from(code.start(target.func, target.block));
        let end = i64::from(code.bundles[last].address);
        let wanted = [
            (
                reg::LS,
                Name::Address(start),
                format!("the address {start:#06x} of its start"),
            ),
            (
                reg::LE,
                Name::Address(end),
                format!("the address {end:#06x} of its last bundle"),
            ),
            (
                reg::LC,
                Name::Armed,
                "a loop count that no loop has used".to_string(),
            ),
        ];
        for (reg, name, wanted) in wanted {
            let holds = |unit: &Unit| {
                let cell = state.cell(*unit);
                cell.names.contains(&name) && cell.flight.is_empty()
            };
            if !reg.units().iter().all(holds) {
                let fault = Fault::Loop(LoopFault::Register { reg, wanted });
                self.errors
                    .push(code.block_error(strand.func, strand.block, fault));
            }
        }
    }

    /// Nothing may be under way where another function takes over.
    fn drained(&mut self, branch: usize, state: &State) {
        for (unit, cell) in state.cells.iter().enumerate() {
            if let Some(landing) = cell.flight.last() {
                let (reg, cycles) = (name_of(unit as Unit), u32::from(landing.at) + 1);
                self.fail(
                    branch,
                    Fault::UnderWay {
                        reg,
                        what: "written",
                        cycles,
                    },
                );
            }
        }
        for read in &state.reads {
            let (reg, cycles) = (read.reg, u32::from(read.at) + 1);
            self.fail(
                branch,
                Fault::UnderWay {
                    reg,
                    what: "read",
                    cycles,
                },
            );
        }
    }

    fn call(&mut self, strand: &Strand, branch: usize, callee: usize, state: &mut State) {
        self.drained(branch, state);
        let code = self.code;
        let bundle = &code.bundles[branch];
        let Some(n) = bundle.ops.iter().position(|op| op.inst.op().is_call()) else {
            return;
        };
        let source = code.source(branch, &bundle.ops[n]);
        let func = &code.program.funcs[callee];
        let given = |reg| source.implicit.iter().any(|i| i.0 == reg && !i.2);
        let kept = |unit: &Unit| is_callee_saved(*unit) || reg::LR.units().contains(unit);
        for (reg, _) in &func.params {
            if !reg.units().iter().all(kept) && !given(*reg) {
                let (what, func) = ("takes", func.name.clone());
                self.fail(
                    branch,
                    Fault::Call {
                        func,
                        what,
                        reg: *reg,
                    },
                );
            }
        }
        self.boundary_reads(strand, branch, n, state);
        let op = &bundle.ops[n];
        state.return_from_call(op.source, bundle.address);
        state.reads.clear();
        for (reg, value, _) in source.implicit.iter().filter(|i| i.2) {
            let blocks = func.blocks.iter().flat_map(|b| &b.insts);
            let mut returns = blocks.filter(|i| i.op.is_return());
            if !returns.all(|i| i.implicit.iter().any(|i| i.0 == *reg && !i.2)) {
                let (what, func) = ("returns", func.name.clone());
                self.fail(
                    branch,
                    Fault::Call {
                        func,
                        what,
                        reg: *reg,
                    },
                );
            }
            for (part, unit) in units(*reg) {
                let name = Name::Value(*value, *part);
                state.forget(&[name]);
                let names = &mut state.cells[usize::from(*unit)].names;
                names.push(name);
                names.sort_unstable();
            }
        }
    }

    fn give_back(&mut self, branch: usize, state: &State) {
        self.drained(branch, state);
        let code = self.code;
        let bundle = &code.bundles[branch];
        for (unit, cell) in state.cells.iter().enumerate() {
            let unit = unit as Unit;
            if is_callee_saved(unit) && !self.meaning.is_kept(unit, &cell.names) {
                self.fail(branch, Fault::NotKept(name_of(unit)));
            }
        }
        let n = bundle.ops.iter().position(|op| op.inst.op().is_return());
        let strand = self
            .flow
            .strands
            .iter()
            .find(|s| s.bundles.contains(&branch));
        if let (Some(n), Some(strand)) = (n, strand) {
            self.boundary_reads(strand, branch, n, state);
        }
    }

    /// Arguments and results: what the program says that a call or return reads, where control leaves.
    fn boundary_reads(&mut self, strand: &Strand, branch: usize, n: usize, state: &State) {
        let source = self.code.source(branch, &self.code.bundles[branch].ops[n]);
        for (reg, value, _) in source.implicit.iter().filter(|i| !i.2) {
            for (unit, wanted) in self.meaning.value_in(*reg, *value, 0) {
                let read = Read {
                    at: 0,
                    unit,
                    wanted,
                    bypass: None,
                    reg: *reg,
                    stage: DELAY_SLOTS as u8 + 2,
                    bundle: branch,
                    op: n,
                };
                self.read(strand, strand.bundles.end, state, &read);
            }
        }
    }
}

fn in_words(name: Name) -> Wanted {
    match name {
        Name::Value(value, part) => Wanted::Value(value, part),
        Name::Kept => Wanted::Kept,
        _ => Wanted::InOrder,
    }
}
