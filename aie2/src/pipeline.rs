//! Turns a planned hardware loop into its software pipeline.
//!
//! With S passes under way at once, the first S - 1 begin in the block before the loop, the loop's
//! body runs all S stages of different passes, and the block behind it ends the last ones. Values get
//! a name for every pass of the body that they outlive: `v` is that of the newest pass that wrote it,
//! the edge back to the body renames it to the value of one pass ago, and so on. All names of a value
//! share its register.
//!
//! Where values live longer than the time from one pass to the next, the body holds several passes, and
//! names of passes that are a multiple of so many apart share a register (modulo variable expansion, after
//! M. Lam, "Software pipelining: an effective scheduling technique for VLIW machines", 1988). Passes that are
//! left over are made before the loop.

use std::collections::{HashMap, HashSet};

use arch::aie2::{Dir, op, reg};

use super::coalesce::Webs;
use super::liveness::Units;
use super::mir::{BlockId, ValueId};
use super::schedule::ddg::is_port;
use super::schedule::list::HORIZON;
use super::schedule::modulo::Plan;
use super::select::moves;
use super::vcode::{Arg, Beside, Pinned, RegClass, Trip, VFunc, VInst};

/// A hardware loop whose passes can overlap.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// Its block.
    pub(super) body: usize,
    /// The block before it.
    pub(super) before: usize,
    /// The block behind it.
    pub(super) behind: usize,
    /// Passes, where they are known.
    pub(super) trips: Option<u32>,
    /// Passes that it makes at least.
    pub(super) least: u32,
    /// Carried values: name in the body, on entry, and for the next pass.
    carried: Vec<(ValueId, ValueId, ValueId)>,
}

/// The loop of a block if its passes can overlap: it has more than one, no locks, no stores of less than a
/// word, and carries only values that a pass makes.
pub(super) fn candidate(func: &VFunc, body: usize) -> Option<Candidate> {
    let block = &func.blocks[body];
    let (trips, least) = match block.trip? {
        Trip::Const(n) => (Some(n), n),
        Trip::AtLeast(n) => (None, n),
    };
    let preds = |of: usize| {
        let blocks = func.blocks.iter().enumerate();
        let to = blocks.filter(move |(_, b)| b.successors.iter().any(|e| e.to.index() == of));
        to.map(|(k, _)| k).collect::<Vec<_>>()
    };
    let before = preds(body).into_iter().find(|b| *b != body)?;
    let behind = block
        .successors
        .iter()
        .find(|e| e.to.index() != body)?
        .to
        .index();
    let alone = preds(behind) == [body]
        && func.blocks[before].successors.len() == 1
        && func.blocks[before].branch().is_none();
    // A partial-word store may not stand in the last bundle of the body.
    let plain = |i: &VInst| {
        let ordered = i.op().is_lock() || i.op().has_side_effects();
        (!ordered || is_port(i)) && !i.op().is_partial_word_store()
    };
    if least < 2 || !alone || !block.insts.iter().all(plain) {
        return None;
    }
    let back = block.successors.iter().find(|e| e.to.index() == body)?;
    let entry = &func.blocks[before].successors[0];
    let made = |value: ValueId| {
        let mut written = block.insts.iter().flat_map(|i| i.values());
        written.any(|(v, _, desc, _)| v == value && desc.dir == Dir::Out)
    };
    let mut carried: Vec<(ValueId, ValueId, ValueId)> = Vec::new();
    for (next, inside) in &back.renames {
        let (init, _) = entry.renames.iter().find(|r| r.1 == *inside)?;
        if !made(*next) || carried.iter().any(|c| c.2 == *next) {
            return None;
        }
        carried.push((*inside, *init, *next));
    }
    (carried.len() == entry.renames.len()).then_some(Candidate {
        body,
        before,
        behind,
        trips,
        least,
        carried,
    })
}

impl Candidate {
    /// Webs of which each pass of the body can have its own: nothing else is in them, and a pass writes all
    /// that it reads of them first.
    pub(super) fn own_webs(&self, func: &VFunc, webs: &Webs) -> HashSet<usize> {
        let insts = &func.blocks[self.body].insts;
        let units = Units::of(func);
        let (mut inside, mut written, mut shared) =
            (HashSet::new(), HashSet::new(), HashSet::new());
        for inst in insts {
            for dir in [Dir::In, Dir::Out] {
                for (value, _, _, k) in inst.values().filter(|v| v.2.dir == dir) {
                    let web = webs.of(value);
                    inside.insert(value);
                    for unit in units.operand(inst, k) {
                        let part = (web, units.value(unit).1);
                        if dir == Dir::Out {
                            written.insert(part);
                        } else if !written.contains(&part) {
                            shared.insert(web);
                        }
                    }
                }
            }
        }
        let carried = self.carried.iter().flat_map(|c| [c.0, c.1, c.2]);
        shared.extend(carried.map(|value| webs.of(value)));
        let own = inside.iter().map(|value| webs.of(*value));
        own.filter(|web| !shared.contains(web) && webs.fixed[*web].is_none())
            .filter(|web| webs.members[*web].iter().all(|v| inside.contains(v)))
            .collect()
    }
}

/// Names of the values of one loop.
struct Names<'a> {
    func: &'a mut VFunc,
    webs: &'a mut Webs,
    /// Stage that begins a value.
    stage: HashMap<ValueId, u32>,
    /// Carried values: on entry, for the next pass.
    carried: HashMap<ValueId, (ValueId, ValueId)>,
    /// Names made: value, and where it was made.
    made: HashMap<(ValueId, At), ValueId>,
    /// Per value: the oldest that the body asks for, in passes before its last.
    oldest: HashMap<ValueId, u32>,
    /// Passes of the body.
    copies: u32,
    /// Webs of which each of these passes has its own.
    own: HashSet<usize>,
    /// Those of passes other than the last: by the web, and how many passes before it.
    copied: HashMap<(usize, u32), usize>,
    /// Passes before the body.
    before: u32,
}

/// Where a name was made.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    /// So many passes before the body's last.
    Body(u32),
    /// In pass k before the body.
    Prologue(u32),
    /// In pass k after the body.
    Epilogue(u32),
}

impl Names<'_> {
    fn get(&mut self, value: ValueId, at: At) -> ValueId {
        let web = self.webs.of(value);
        let copy = if self.own.contains(&web) {
            self.copy(value, at)
        } else {
            0
        };
        if at == At::Body(0) && copy == 0 {
            return value;
        }
        if let Some(name) = self.made.get(&(value, at)) {
            return *name;
        }
        let name = self.func.value(self.func.class(value));
        let web = match copy {
            0 => Some(web),
            copy => self.copied.get(&(web, copy)).copied(),
        };
        match web {
            Some(web) => self.webs.add(name, web),
            None => {
                let of = self.webs.of(value);
                self.webs.alone(name, None, self.webs.brief[of]);
                self.copied.insert((of, copy), self.webs.of(name));
            }
        }
        self.made.insert((value, at), name);
        name
    }

    /// Which of the registers of its web a name has: by the pass of the loop that it belongs to, counted back
    /// from the last one. The last one has those of the loop as it was.
    fn copy(&self, value: ValueId, at: At) -> u32 {
        let copies = i64::from(self.copies);
        let ago = match at {
            At::Body(ago) => i64::from(ago),
            At::Prologue(pass) => i64::from(self.before) + copies - 1 - i64::from(pass),
            At::Epilogue(pass) => -1 - i64::from(pass),
        };
        (ago + i64::from(self.stage[&value])).rem_euclid(copies) as u32
    }

    /// The value that an operand means, as made by the loop, and how many passes of the body ago;
    /// `None` for what the loop does not make.
    fn source(&self, value: ValueId, stage: u32) -> Option<(ValueId, u32)> {
        if let Some((_, next)) = self.carried.get(&value) {
            return Some((*next, 1 + stage - self.stage[next]));
        }
        Some((value, stage - self.stage.get(&value)?))
    }

    /// Name of an operand of an instruction of stage `stage` in a pass.
    fn name(&mut self, value: ValueId, stage: u32, pass: At) -> ValueId {
        let Some((made, ago)) = self.source(value, stage) else {
            return value;
        };
        match pass {
            At::Body(later) => {
                let oldest = self.oldest.entry(made).or_default();
                *oldest = (*oldest).max(later + ago);
                self.get(made, At::Body(later + ago))
            }
            At::Prologue(pass) => {
                // A pass of the loop that never was: the value on entry.
                if let Some((init, _)) = self.carried.get(&value)
                    && stage == pass
                {
                    return *init;
                }
                self.get(made, At::Prologue(pass - ago))
            }
            At::Epilogue(pass) => match pass.checked_sub(ago) {
                Some(pass) => self.get(made, At::Epilogue(pass)),
                None => self.get(made, At::Body(ago - pass - 1)),
            },
        }
    }

    fn inst(&mut self, inst: &VInst, stage: u32, pass: At) -> VInst {
        let mut inst = inst.clone();
        for arg in &mut inst.args {
            if let Arg::Value { value, .. } = arg {
                *value = self.name(*value, stage, pass);
            }
        }
        inst
    }
}

/// Writes the pipeline of a planned loop into the function; each pass of its body has the webs `own` for
/// itself.
pub(super) fn expand(
    func: &mut VFunc,
    webs: &mut Webs,
    loop_: &Candidate,
    plan: &Plan,
    own: HashSet<usize>,
) {
    let body = func.blocks[loop_.body].insts.clone();
    let (stages, copies) = (plan.stages(), plan.copies);
    let begun = passes_before(plan, loop_.trips);
    let mut stage: HashMap<ValueId, u32> = HashMap::new();
    for (k, inst) in body.iter().enumerate() {
        for (value, ..) in inst.values().filter(|v| v.2.dir == Dir::Out) {
            let first = stage.entry(value).or_insert(u32::MAX);
            *first = (*first).min(plan.stage(k));
        }
    }
    let carried = loop_
        .carried
        .iter()
        .map(|(inside, init, next)| (*inside, (*init, *next)));
    // Older passes first: then each instruction stands behind what it needs.
    let mut order: Vec<usize> = (0..body.len()).collect();
    order.sort_by_key(|k| (std::cmp::Reverse(plan.stage(*k)), *k));
    let mut names = Names {
        func,
        webs,
        stage,
        carried: carried.collect(),
        made: HashMap::new(),
        oldest: HashMap::new(),
        copies,
        own,
        copied: HashMap::new(),
        before: begun,
    };
    let used = used_elsewhere(names.func, loop_.body);
    let ii = plan.ii as i32;
    let mut head = Vec::new();
    let mut tail = Vec::new();
    let mut kernel = Vec::new();
    for later in (0..copies).rev() {
        for k in &order {
            kernel.push(names.inst(&body[*k], plan.stage(*k), At::Body(later)));
        }
    }
    for pass in 0..begun {
        for k in order.iter().filter(|k| plan.stage(**k) <= pass) {
            tail.push(Pinned {
                inst: names.inst(&body[*k], plan.stage(*k), At::Prologue(pass)),
                form: plan.form[*k],
                cycle: pass as i32 * ii + plan.cycle(*k) as i32,
            });
        }
    }
    for pass in 0..stages - 1 {
        for k in order.iter().filter(|k| plan.stage(**k) > pass) {
            head.push(Pinned {
                inst: names.inst(&body[*k], plan.stage(*k), At::Epilogue(pass)),
                form: plan.form[*k],
                cycle: pass as i32 * ii + plan.cycle(*k) as i32,
            });
        }
    }
    let after_loop = final_names(&mut names, &body, &used);
    let (entry, back) = edges(&mut names, loop_);
    let passes = (HORIZON + ii - 1) / ii;
    let beyond = |range: std::ops::Range<i32>| {
        let instances = range.flat_map(|pass| order.iter().map(move |k| (pass, *k)));
        let pinned = instances.map(|(pass, k)| Pinned {
            inst: body[k].clone(),
            form: plan.form[k],
            cycle: pass * ii + plan.cycle(k) as i32,
        });
        let near = pinned.filter(|p| (-HORIZON..HORIZON).contains(&p.cycle));
        near.collect::<Vec<_>>()
    };
    let (before, after) = (beyond(-passes..0), beyond(0..passes));

    let passes = (0..copies).flat_map(|pass| order.iter().map(move |k| (pass, *k)));
    let places = passes
        .map(|(pass, k)| (pass * plan.ii + plan.cycle(k), plan.form[k]))
        .collect();
    rename_behind(func, loop_, &after_loop);
    let block = &mut func.blocks[loop_.body];
    block.insts = kernel;
    block.pipelined = Some((copies * plan.ii, places));
    for edge in &mut block.successors {
        let inside = edge.to.index() == loop_.body;
        edge.renames = if inside { back.clone() } else { Vec::new() };
    }
    set_trips(func, webs, loop_, (begun, copies));
    let block = &mut func.blocks[loop_.before];
    block.successors[0].renames = entry;
    block.insts.extend(tail.iter().map(|p| p.inst.clone()));
    let beside: &mut Beside = block.beside.get_or_insert_default();
    beside.tail = tail;
    beside.tail_span = begun * plan.ii;
    beside.after = after;
    beside.after_span = copies * plan.ii;
    let block = &mut func.blocks[loop_.behind];
    block
        .insts
        .splice(0..0, head.iter().map(|p| p.inst.clone()));
    let beside = block.beside.get_or_insert_default();
    beside.before = before;
    beside.head = head;
}

/// Passes that begin before the loop: those that it overlaps with, and those that do not fill its body.
fn passes_before(plan: &Plan, trips: Option<u32>) -> u32 {
    let overlapping = plan.stages() - 1;
    overlapping + trips.map_or(0, |trips| (trips - overlapping) % plan.copies)
}

/// Values that blocks beside the loop's read.
fn used_elsewhere(func: &VFunc, body: usize) -> HashSet<ValueId> {
    let mut used = HashSet::new();
    for (b, block) in func.blocks.iter().enumerate() {
        for edge in &block.successors {
            if b != body || edge.to.index() != body {
                used.extend(edge.renames.iter().map(|r| r.0));
            }
        }
        if b != body {
            used.extend(block.insts.iter().flat_map(|i| i.values()).map(|v| v.0));
        }
    }
    used
}

/// The names by which values of the last pass go behind the loop.
fn final_names(
    names: &mut Names<'_>,
    body: &[VInst],
    used: &HashSet<ValueId>,
) -> HashMap<ValueId, ValueId> {
    let values: Vec<ValueId> = body
        .iter()
        .flat_map(|i| i.values())
        .filter(|v| v.2.dir == Dir::Out)
        .map(|v| v.0)
        .collect();
    let mut last = HashMap::new();
    for value in values {
        let at = match names.stage[&value] {
            0 => At::Body(0),
            stage => At::Epilogue(stage - 1),
        };
        let name = names.get(value, at);
        last.insert(value, name);
    }
    let inside: Vec<(ValueId, ValueId)> = {
        let carried = names.carried.iter().filter(|(p, _)| used.contains(p));
        carried.map(|(p, (_, n))| (*p, *n)).collect()
    };
    for (inside, next) in inside {
        // The value that the last pass began with.
        let at = match names.stage[&next] {
            0 => At::Body(1),
            1 => At::Body(0),
            stage => At::Epilogue(stage - 2),
        };
        if at == At::Body(1) {
            let oldest = names.oldest.entry(next).or_default();
            *oldest = (*oldest).max(1);
        }
        let name = names.get(next, at);
        last.insert(inside, name);
    }
    last
}

type Renames = Vec<(ValueId, ValueId)>;

/// Renames on the way into the body and on the way back to it.
fn edges(names: &mut Names<'_>, loop_: &Candidate) -> (Renames, Renames) {
    let (copies, last) = (names.copies, names.before + names.copies - 1);
    let (mut entry, mut back) = (Vec::new(), Vec::new());
    let mut oldest: Vec<(ValueId, u32)> = names.oldest.iter().map(|(v, q)| (*v, *q)).collect();
    oldest.sort_unstable();
    for (value, oldest) in oldest {
        let stage = names.stage[&value];
        for ago in copies..=oldest {
            let (newer, older) = (
                names.get(value, At::Body(ago - copies)),
                names.get(value, At::Body(ago)),
            );
            back.push((newer, older));
            // The pass of the loop that made it, counted from the first; -1 made the value on entry.
            let pass = i64::from(last) - i64::from(ago) - i64::from(stage);
            let source = match pass {
                0.. => Some(names.get(value, At::Prologue(last - ago))),
                -1 => loop_.carried.iter().find(|c| c.2 == value).map(|c| c.1),
                _ => None,
            };
            entry.extend(source.map(|s| (s, older)));
        }
    }
    (entry, back)
}

/// Gives what stands behind the loop the names of the last pass.
fn rename_behind(func: &mut VFunc, loop_: &Candidate, last: &HashMap<ValueId, ValueId>) {
    let exits = func.blocks[loop_.body].successors.iter();
    let exits: Renames = exits
        .filter(|e| e.to.index() == loop_.behind)
        .flat_map(|e| e.renames.clone())
        .collect();
    let mut names = last.clone();
    for (from, to) in exits {
        let name = last.get(&from).copied().unwrap_or(from);
        names.insert(to, name);
    }
    let name = |value: &mut ValueId| {
        if let Some(to) = names.get(value) {
            *value = *to;
        }
    };
    for (b, block) in func.blocks.iter_mut().enumerate() {
        if b == loop_.body {
            continue;
        }
        for arg in block.insts.iter_mut().flat_map(|i| &mut i.args) {
            if let Arg::Value { value, .. } = arg {
                name(value);
            }
        }
        block.call_args.iter_mut().for_each(name);
        for edge in &mut block.successors {
            if edge.to != BlockId(loop_.body as u32) {
                edge.renames.iter_mut().for_each(|(from, _)| name(from));
            }
        }
        if let Some(beside) = &mut block.beside {
            for pinned in beside.head.iter_mut().chain(&mut beside.tail) {
                for arg in &mut pinned.inst.args {
                    if let Arg::Value { value, .. } = arg {
                        name(value);
                    }
                }
            }
        }
    }
}

/// Lets the loop begin `begun` passes less, and as many of the rest at once as its body holds.
fn set_trips(func: &mut VFunc, webs: &mut Webs, loop_: &Candidate, (begun, copies): (u32, u32)) {
    let left = func.value(RegClass::R);
    webs.alone(left, None, true);
    let insts = &mut func.blocks[loop_.before].insts;
    let sets = |inst: &VInst| inst.args.first() == Some(&Arg::Reg(reg::LC));
    let Some(at) = insts.iter().position(sets) else {
        return;
    };
    match loop_.trips {
        Some(trips) => {
            let trips = i64::from((trips - begun) / copies);
            insts[at].forms = moves(reg::LC, trips);
            insts[at].args[1] = Arg::Imm(trips);
        }
        None => {
            let trips = std::mem::replace(&mut insts[at].args[1], Arg::value(left));
            let args = vec![Arg::value(left), trips, Arg::Imm(-i64::from(begun))];
            insts.insert(at, VInst::new(op::ADD_add_r_ri, args));
        }
    }
}
