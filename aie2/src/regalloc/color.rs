//! Which register each web gets: colouring of the interference graph, the web with the fewest
//! registers left first.

use std::sync::LazyLock;

use arch::aie2::{Class, Reg, op};

use super::ranges::Ranges;
use crate::coalesce::Webs;
use crate::liveness::Liveness;
use crate::mir::ValueId;
use crate::vcode::{Arg, RegClass, VFunc, operand_reg};

/// Times that colouring starts anew with what failed coloured earlier.
const ATTEMPTS: usize = 60;

/// The register of each web; `None` for webs that need none.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Per web.
    pub reg: Vec<Option<Reg>>,
}

/// The web that got no register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Web.
    pub web: usize,
    /// Its class.
    pub class: RegClass,
    /// Webs that are alive at the same time and whose registers it could have.
    pub rivals: Vec<usize>,
    /// Whether it is alive across a call.
    pub across_call: bool,
}

/// Whether a call leaves the register as it is.
///
/// Source: Xilinx/llvm-aie llvm/lib/Target/AIE/aie2/AIE2CallingConv.td.
pub fn callee_saved(reg: Reg) -> bool {
    let r = RegClass::R.members();
    let p = RegClass::P.members();
    let mut saved = r[16..24].iter().chain(&p[6..8]);
    saved.any(|saved| reg.units().contains(&saved.units()[0]))
}

/// A set of registers of one class, by their positions among its members.
type Members = u64;

/// The positions in a set.
fn positions(mut set: Members) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(lowest)
    })
}

/// A web to colour.
struct Node {
    web: usize,
    class: RegClass,
    candidates: Members,
    /// Webs alive at once.
    rivals: usize,
    /// Those of them whose registers can be in the way, by position, and how they clash, by position in
    /// [`Clashes`].
    neighbours: Vec<(usize, usize)>,
    /// Nodes that a copy connects: the same register makes the copy idle.
    hints: Vec<usize>,
}

/// Something for every pair of classes.
type Pairs<T> = [[T; RegClass::ALL.len()]; RegClass::ALL.len()];

fn pairs<T>(of: impl Fn(RegClass, RegClass) -> T) -> Pairs<T> {
    RegClass::ALL.map(|own| RegClass::ALL.map(|other| of(own, other)))
}

/// Per register of one class and register of another: which of their parts are one unit, bit 4 * own + other.
static SHARED: LazyLock<Pairs<Vec<Vec<u16>>>> = LazyLock::new(|| {
    let shared = |a: &Reg, b: &Reg| {
        let parts = a.units().iter().enumerate().map(|(i, unit)| {
            let same = b.units().iter().position(|u| u == unit);
            same.map_or(0, |j| 1 << (4 * i + j))
        });
        parts.sum()
    };
    pairs(|own, other| {
        let row = |a: &Reg| other.members().iter().map(|b| shared(a, b)).collect();
        own.members().iter().map(row).collect()
    })
});

/// How webs of two classes clash.
struct Clashes {
    /// By the classes and the clashing parts, bit 4 * own + other; `None` where no registers do.
    kinds: Pairs<Vec<(u16, Option<usize>)>>,
    /// Per kind and register of the first class: the registers of the other that clash with it.
    with: Vec<Vec<Members>>,
}

impl Clashes {
    fn kind(&mut self, own: RegClass, other: RegClass, parts: u16) -> Option<usize> {
        let known = &mut self.kinds[own as usize][other as usize];
        if let Some((_, kind)) = known.iter().find(|k| k.0 == parts) {
            return *kind;
        }
        let clashing = |row: &Vec<u16>| {
            let clash = row.iter().enumerate().filter(|s| s.1 & parts != 0);
            clash.fold(0, |set, (k, _)| set | 1 << k)
        };
        let rows = SHARED[own as usize][other as usize].iter();
        let with: Vec<Members> = rows.map(clashing).collect();
        let kind = with.iter().any(|set| *set != 0).then(|| {
            self.with.push(with);
            self.with.len() - 1
        });
        known.push((parts, kind));
        kind
    }
}

/// Assigns registers.
///
/// # Errors
/// The web that no order of colouring found a register for.
pub fn color(
    func: &VFunc,
    webs: &Webs,
    live: &Liveness,
    ranges: &Ranges,
) -> Result<Assignment, Failure> {
    let through_call = through_calls(func, webs, live);
    let mut clashes = Clashes {
        kinds: pairs(|_, _| Vec::new()),
        with: Vec::new(),
    };
    let nodes = nodes(func, webs, &through_call, ranges, &mut clashes);
    let mut weight = vec![1u32; nodes.len()];
    let mut failed = 0;
    for _ in 0..ATTEMPTS {
        match attempt(&nodes, &clashes, &weight) {
            Ok(colors) => {
                let mut reg = vec![None; webs.count()];
                for (node, color) in nodes.iter().zip(colors) {
                    reg[node.web] = Some(node.class.members()[color]);
                }
                return Ok(Assignment { reg });
            }
            Err(k) => {
                weight[k] += 1;
                failed = k;
            }
        }
    }
    let node = &nodes[failed];
    let could = |(n, kind): &&(usize, usize)| {
        let theirs = nodes[*n].candidates;
        positions(node.candidates).any(|k| clashes.with[*kind][k] & theirs != 0)
    };
    Err(Failure {
        web: node.web,
        class: node.class,
        rivals: node
            .neighbours
            .iter()
            .filter(could)
            .map(|n| nodes[n.0].web)
            .collect(),
        across_call: through_call[node.web],
    })
}

/// Per web: whether a call must leave it alone.
fn through_calls(func: &VFunc, webs: &Webs, live: &Liveness) -> Vec<bool> {
    let mut through_call = vec![false; webs.count()];
    for block in &func.blocks {
        if block.branch().is_some_and(|i| i.op().is_call()) {
            for edge in &block.successors {
                for unit in live.live_in[edge.to.index()].iter() {
                    let value = ValueId(live.units.value(unit).0 as u32);
                    if !block.call_results.contains(&value) {
                        through_call[webs.of(value)] = true;
                    }
                }
            }
        }
    }
    through_call
}

fn nodes(
    func: &VFunc,
    webs: &Webs,
    through_call: &[bool],
    ranges: &Ranges,
    kinds: &mut Clashes,
) -> Vec<Node> {
    let class = |web: usize| func.class(webs.members[web][0]);
    let free = |r: &Reg| !func.reserved.contains(r);
    let own = |r: &Reg| !func.returns || !callee_saved(*r) || func.frame.saves(*r);
    let usable = RegClass::ALL.map(|class| subset(class, |r| free(r) && own(r)));
    let kept = RegClass::ALL.map(|class| subset(class, |r| callee_saved(*r)));
    let mut position = vec![None; webs.count()];
    let mut nodes: Vec<Node> = Vec::new();
    for (web, through_call) in through_call.iter().enumerate() {
        if ranges.of[web].iter().all(Vec::is_empty) {
            continue;
        }
        let class = class(web);
        let candidates = match webs.fixed[web] {
            Some(fixed) => subset(class, |r| free(r) && *r == fixed),
            None if *through_call => usable[class as usize] & kept[class as usize],
            None => usable[class as usize],
        };
        position[web] = Some(nodes.len());
        nodes.push(Node {
            web,
            class,
            candidates,
            rivals: 0,
            neighbours: Vec::new(),
            hints: Vec::new(),
        });
    }
    // By class and part of the value, and class of the operand.
    let mut nameable: [[Vec<(Class, Members)>; 4]; RegClass::ALL.len()] = Default::default();
    for inst in func.blocks.iter().flat_map(|b| &b.insts) {
        for (value, part, _, k) in inst.values() {
            let Some(node) = position[webs.of(value)] else {
                continue;
            };
            let node: &mut Node = &mut nodes[node];
            let known = &mut nameable[node.class as usize][usize::from(part)];
            for form in &inst.forms {
                let operand = form.desc().operands[k].class;
                let regs = known.iter().find(|n| n.0 == operand).map(|n| n.1);
                node.candidates &= regs.unwrap_or_else(|| {
                    let regs = subset(node.class, |r| operand_reg(*r, part, operand).is_some());
                    known.push((operand, regs));
                    regs
                });
            }
        }
        if let (op::MOV_mv_scl, [Arg::Value { value: to, .. }, Arg::Value { value: from, .. }]) =
            (inst.op(), &inst.args[..])
            && let (Some(i), Some(j)) = (position[webs.of(*to)], position[webs.of(*from)])
        {
            nodes[i].hints.push(j);
            nodes[j].hints.push(i);
        }
    }
    for (web, clashes) in ranges.clashes.iter().enumerate() {
        for (other, parts) in clashes {
            let (Some(i), Some(j)) = (position[web], position[*other]) else {
                continue;
            };
            let (a, b) = (nodes[i].class, nodes[j].class);
            nodes[i].rivals += 1;
            nodes[j].rivals += 1;
            let kind = kinds.kind(a, b, *parts);
            nodes[i].neighbours.extend(kind.map(|kind| (j, kind)));
            let kind = kinds.kind(b, a, transpose(*parts));
            nodes[j].neighbours.extend(kind.map(|kind| (i, kind)));
        }
    }
    nodes
}

/// The registers of a class that are `wanted`.
fn subset(class: RegClass, wanted: impl Fn(&Reg) -> bool) -> Members {
    let members = class.members().iter().enumerate();
    let wanted = members.filter(|(_, r)| wanted(r));
    wanted.fold(0, |set, (k, _)| set | 1 << k)
}

fn transpose(parts: u16) -> u16 {
    (0..16)
        .filter(|k| parts >> k & 1 == 1)
        .fold(0, |t, k| t | 1 << (4 * (k % 4) + k / 4))
}

/// The position of each node's register among those of its class, or the node that got none.
fn attempt(nodes: &[Node], clashes: &Clashes, weight: &[u32]) -> Result<Vec<usize>, usize> {
    let mut left: Vec<Members> = nodes.iter().map(|n| n.candidates).collect();
    let mut color: Vec<Option<usize>> = vec![None; nodes.len()];
    // Few registers left, and often in trouble, first; of equals the one with the most rivals.
    let urgency = |k: usize, left: Members| {
        let scaled = u64::from(left.count_ones()) * 1000 / u64::from(weight[k]);
        (scaled << 32) + u64::from(u32::MAX) - nodes[k].rivals as u64
    };
    const DONE: u64 = u64::MAX;
    let mut urgencies: Vec<u64> = (0..nodes.len()).map(|k| urgency(k, left[k])).collect();
    for _ in 0..nodes.len() {
        let Some(k) = (0..nodes.len()).min_by_key(|k| urgencies[*k]) else {
            break;
        };
        urgencies[k] = DONE;
        let open = || {
            nodes[k]
                .neighbours
                .iter()
                .filter(|n| urgencies[n.0] != DONE)
        };
        let class = nodes[k].class;
        let hint = |h: &usize| {
            let reg = nodes[*h].class.members()[color[*h]?];
            let own = class.members().iter().position(|r| *r == reg)?;
            (left[k] >> own & 1 == 1).then_some(own)
        };
        let hint = nodes[k].hints.iter().find_map(hint);
        let chosen = hint.or_else(|| {
            let mut harm = [0; Members::BITS as usize];
            for (n, kind) in open() {
                let (left_there, with) = (left[*n], &clashes.with[*kind]);
                for own in positions(left[k]) {
                    let lost = left_there & with[own];
                    if lost != 0 {
                        harm[own] += lost.count_ones() * 100 / left_there.count_ones();
                    }
                }
            }
            positions(left[k]).min_by_key(|own| harm[*own])
        });
        let own = chosen.ok_or(k)?;
        color[k] = Some(own);
        for (n, kind) in &nodes[k].neighbours {
            if urgencies[*n] != DONE {
                left[*n] &= !clashes.with[*kind][own];
                if left[*n] == 0 {
                    return Err(*n);
                }
                urgencies[*n] = urgency(*n, left[*n]);
            }
        }
    }
    Ok(color.into_iter().flatten().collect())
}
