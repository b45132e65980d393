//! Spilling: what is done where values need more registers than there are.
//!
//! A function that returns first takes the registers that its caller wants back, which it saves. Then
//! values go to the stack frame: each instruction that writes one is followed by a store, each that
//! reads one comes behind a load. A constant is made again instead. Vectors and accumulators are left
//! alone in hardware loops: there the kernel says what stays in registers.

use std::collections::{HashMap, HashSet};

use arch::aie2::{Dir, Flags, Reg};

use super::coalesce::Webs;
use super::frame::{Slot, is_wide, load, save, store};
use super::liveness::Units;
use super::mir::{BlockKind, ValueId};
use super::regalloc::Failure;
use super::regalloc::color::callee_saved;
use super::vcode::{Arg, RegClass, VFunc, VInst};

/// What went to the stack in a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpillReport {
    /// Function.
    pub func: String,
    /// Kind of register.
    pub class: RegClass,
    /// Loads and stores, or constants made again, that stand in its code for it.
    pub accesses: usize,
    /// How many of them stand in innermost loops.
    pub in_loops: usize,
}

impl std::fmt::Display for SpillReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: a {} goes to the stack, {} accesses",
            self.func, self.class, self.accesses
        )?;
        match self.in_loops {
            0 => Ok(()),
            n => write!(f, ", {n} in hardware loops"),
        }
    }
}

/// Where a value may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// Only values that no hardware loop touches.
    OutsideLoops,
    /// Scalars that hardware loops touch as well.
    Anywhere,
}

/// Makes room for the web that got no register; whether that was possible.
pub(super) fn relieve(
    func: &mut VFunc,
    webs: &mut Webs,
    failure: &Failure,
    within: Where,
    reports: &mut Vec<SpillReport>,
) -> bool {
    if func.returns && save_more(func, webs, failure.class) {
        return true;
    }
    let touches = touches(func, webs);
    let candidates = std::iter::once(failure.web).chain(failure.rivals.iter().copied());
    // The others are of the pipelines that were tried.
    let candidates = candidates.filter(|web| *web < webs.count());
    let cost = |web: &usize| cost(func, webs, &touches, *web, within);
    let cheapest = candidates.filter_map(|web| Some((cost(&web)?, web))).min();
    match cheapest {
        Some((_, web)) => {
            reports.push(spill(func, webs, web));
            true
        }
        None => false,
    }
}

/// Saves a register of the caller for a function that returns and has operands which nothing else can
/// hold: masks and the places of elements.
pub(super) fn save_wanted(func: &mut VFunc, webs: &mut Webs) {
    let wanted = |inst: &VInst| {
        inst.values().any(|(_, _, desc, _)| {
            let members = desc.class.members();
            !members.is_empty() && members.iter().all(|r| callee_saved(*r))
        })
    };
    if func.returns && func.blocks.iter().flat_map(|b| &b.insts).any(wanted) {
        save_more(func, webs, RegClass::R);
    }
}

/// Saves one more of the caller's registers of a class; whether there was any.
fn save_more(func: &mut VFunc, webs: &mut Webs, class: RegClass) -> bool {
    // The halves of a pair are saved one by one.
    let class = match class {
        RegClass::L => RegClass::R,
        other => other,
    };
    let free = |r: &&Reg| callee_saved(**r) && !func.frame.saves(**r);
    let next = class.members().iter().find(free).copied();
    if let Some(reg) = next {
        save(func, webs, class, reg);
    }
    next.is_some()
}

/// What instructions do with a web.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    /// Accesses, those in loops weighted.
    weight: u64,
    /// In a hardware loop.
    in_loop: bool,
    /// By an instruction that nothing can follow in its block, or by a call.
    bound: bool,
}

fn touches(func: &VFunc, webs: &Webs) -> HashMap<usize, Use> {
    let mut touches: HashMap<usize, Use> = HashMap::new();
    for block in &func.blocks {
        let weight = 10u64.pow(block.depth.min(8));
        for inst in &block.insts {
            for (value, _, desc, _) in inst.values() {
                let entry = touches.entry(webs.of(value)).or_default();
                entry.weight += weight;
                entry.in_loop |= block.kind == BlockKind::HardwareLoop;
                entry.bound |= inst.op().has_delay_slots() && desc.dir == Dir::Out;
            }
        }
        for value in block.call_args.iter().chain(&block.call_results) {
            touches.entry(webs.of(*value)).or_default().bound = true;
        }
    }
    touches
}

/// What it costs to spill a web; `None` where it cannot be.
fn cost(
    func: &VFunc,
    webs: &Webs,
    touches: &HashMap<usize, Use>,
    web: usize,
    within: Where,
) -> Option<(bool, u64)> {
    let touch = touches.get(&web).copied().unwrap_or_default();
    let param = |v: &ValueId| func.params.contains(v);
    let fixed = webs.fixed[web].is_some() && !webs.members[web].iter().any(param);
    let wide = is_wide(func.class(webs.members[web][0]));
    let loops = touch.in_loop && (wide || within == Where::OutsideLoops);
    if webs.brief[web] || touch.bound || fixed || loops {
        return None;
    }
    Some((touch.in_loop, touch.weight))
}

/// The one move of a number that makes all of a web, if that is what makes it.
fn constant(func: &VFunc, webs: &Webs, web: usize) -> Option<VInst> {
    let mut made: Option<&VInst> = None;
    for inst in func.blocks.iter().flat_map(|b| &b.insts) {
        let writes = |v: (ValueId, u8, &arch::aie2::OperandDesc, usize)| {
            webs.of(v.0) == web && v.2.dir == Dir::Out
        };
        if !inst.values().any(writes) {
            continue;
        }
        let number = inst.op().flags().contains(Flags::MOVE_IMM)
            && matches!(inst.args[..], [Arg::Value { .. }, Arg::Imm(_)]);
        let same = made.is_none_or(|m| m.args[1] == inst.args[1]);
        if !number || !same {
            return None;
        }
        made = Some(inst);
    }
    let param = webs.members[web].iter().any(|v| func.params.contains(v));
    made.filter(|_| !param).cloned()
}

/// Where a spilled value comes from.
enum Home {
    Slot(Slot),
    /// Made again by this instruction.
    Remade(VInst),
}

/// Spills a web.
fn spill(func: &mut VFunc, webs: &mut Webs, web: usize) -> SpillReport {
    let class = func.class(webs.members[web][0]);
    let home = match constant(func, webs, web) {
        Some(make) => Home::Remade(make),
        None => Home::Slot(func.frame.slot(class)),
    };
    let members: HashSet<ValueId> = webs.members[web].iter().copied().collect();
    let units = Units::of(func);
    let mut report = SpillReport {
        func: func.name.clone(),
        class,
        accesses: 0,
        in_loops: 0,
    };
    for b in 0..func.blocks.len() {
        let old = std::mem::take(&mut func.blocks[b].insts);
        let mut insts = Vec::with_capacity(old.len());
        if b == 0
            && let Home::Slot(slot) = home
        {
            let params = func.params.iter().filter(|p| members.contains(p));
            for param in params.copied().collect::<Vec<_>>() {
                insts.extend(store(func, webs, param, 0, slot));
            }
        }
        for mut inst in old {
            let (read, written) = parts(&units, &inst, &members);
            if matches!(home, Home::Remade(_)) && !written.is_empty() {
                continue;
            }
            if read.is_empty() && written.is_empty() {
                insts.push(inst);
                continue;
            }
            // Both in one register: an instruction may tie them.
            let (from, to) = (func.value(class), func.value(class));
            webs.alone(from, None, true);
            webs.add(to, webs.of(from));
            let descs = inst.op().desc().operands;
            for (arg, desc) in inst.args.iter_mut().zip(descs) {
                if let Arg::Value { value, .. } = arg
                    && members.contains(value)
                {
                    *value = if desc.dir == Dir::Out { to } else { from };
                }
            }
            let before = insts.len();
            match &home {
                Home::Remade(make) => {
                    let mut make = make.clone();
                    make.args[0] = Arg::value(from);
                    insts.push(make);
                    insts.push(inst);
                }
                Home::Slot(slot) => {
                    for part in &read {
                        insts.extend(load(func, webs, from, *part, *slot));
                    }
                    insts.push(inst);
                    for part in &written {
                        insts.extend(store(func, webs, to, *part, *slot));
                    }
                }
            }
            report.accesses += insts.len() - before - 1;
            if func.blocks[b].kind == BlockKind::HardwareLoop {
                report.in_loops += insts.len() - before - 1;
            }
        }
        func.blocks[b].insts = insts;
        for edge in &mut func.blocks[b].successors {
            edge.renames.retain(|(from, _)| !members.contains(from));
        }
    }
    webs.brief[web] = true;
    report
}

/// The parts of spilled values that an instruction reads and writes.
fn parts(units: &Units, inst: &VInst, members: &HashSet<ValueId>) -> (Vec<u8>, Vec<u8>) {
    let (mut read, mut written) = (Vec::new(), Vec::new());
    for (value, part, desc, k) in inst.values() {
        if !members.contains(&value) {
            continue;
        }
        let list = if desc.dir == Dir::Out {
            &mut written
        } else {
            &mut read
        };
        for (n, _) in units.operand(inst, k).enumerate() {
            let part = part + n as u8;
            if !list.contains(&part) {
                list.push(part);
            }
        }
    }
    (read, written)
}
