//! Which register each web gets: colouring of the interference graph, the web with the fewest
//! registers left first.

use std::collections::HashMap;

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
    /// Webs alive at once, by position, and how they clash, by position in [`Clashes`].
    neighbours: Vec<(usize, usize)>,
    /// Nodes that a copy connects: the same register makes the copy idle.
    hints: Vec<usize>,
}

/// How webs of two classes clash.
#[derive(Default)]
struct Clashes {
    /// By the classes and the clashing parts: bit 4 * own + other.
    kinds: HashMap<(RegClass, RegClass, u16), usize>,
    /// Per kind and register of the first class: the registers of the other that clash with it.
    with: Vec<Vec<Members>>,
}

impl Clashes {
    fn kind(&mut self, own: RegClass, other: RegClass, parts: u16) -> usize {
        *self.kinds.entry((own, other, parts)).or_insert_with(|| {
            let clashing = |a: &Reg| {
                let members = other.members().iter().enumerate();
                let hit = members.filter(|(_, b)| clash(*a, **b, parts));
                hit.fold(0, |set, (k, _)| set | 1 << k)
            };
            self.with.push(own.members().iter().map(clashing).collect());
            self.with.len() - 1
        })
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
    let mut clashes = Clashes::default();
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
    let mut candidates: HashMap<usize, Members> = HashMap::new();
    let class = |web: usize| func.class(webs.members[web][0]);
    for (web, through_call) in through_call.iter().enumerate() {
        if ranges.of[web].iter().all(Vec::is_empty) {
            continue;
        }
        let fits = |r: &Reg| {
            !func.reserved.contains(r)
                && match webs.fixed[web] {
                    Some(fixed) => *r == fixed,
                    None => {
                        (!through_call || callee_saved(*r))
                            && (!func.returns || !callee_saved(*r) || func.frame.saves(*r))
                    }
                }
        };
        candidates.insert(web, subset(class(web), fits));
    }
    let mut copies: Vec<(usize, usize)> = Vec::new();
    let mut nameable: HashMap<(RegClass, u8, Class), Members> = HashMap::new();
    for inst in func.blocks.iter().flat_map(|b| &b.insts) {
        for (value, part, _, k) in inst.values() {
            let web = webs.of(value);
            let Some(regs) = candidates.get_mut(&web) else {
                continue;
            };
            for form in &inst.forms {
                let (own, operand) = (class(web), form.desc().operands[k].class);
                *regs &= *nameable
                    .entry((own, part, operand))
                    .or_insert_with(|| subset(own, |r| operand_reg(*r, part, operand).is_some()));
            }
        }
        if let (op::MOV_mv_scl, [Arg::Value { value: to, .. }, Arg::Value { value: from, .. }]) =
            (inst.op(), &inst.args[..])
        {
            copies.push((webs.of(*to), webs.of(*from)));
        }
    }
    let mut order: Vec<usize> = candidates.keys().copied().collect();
    order.sort_unstable();
    let position: HashMap<usize, usize> = order.iter().enumerate().map(|(k, w)| (*w, k)).collect();
    let mut nodes: Vec<Node> = order
        .iter()
        .map(|web| Node {
            web: *web,
            class: class(*web),
            candidates: candidates.remove(web).unwrap_or_default(),
            neighbours: Vec::new(),
            hints: Vec::new(),
        })
        .collect();
    let mut clashes: Vec<_> = ranges.clashes.iter().collect();
    clashes.sort_unstable();
    for ((a, b), parts) in clashes {
        let (Some(i), Some(j)) = (position.get(a), position.get(b)) else {
            continue;
        };
        let (a, b) = (nodes[*i].class, nodes[*j].class);
        nodes[*i].neighbours.push((*j, kinds.kind(a, b, *parts)));
        let parts = transpose(*parts);
        nodes[*j].neighbours.push((*i, kinds.kind(b, a, parts)));
    }
    for (a, b) in copies {
        if let (Some(i), Some(j)) = (position.get(&a), position.get(&b)) {
            nodes[*i].hints.push(*j);
            nodes[*j].hints.push(*i);
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

/// Whether two registers hold clashing parts in one unit.
fn clash(a: Reg, b: Reg, parts: u16) -> bool {
    let (a, b) = (a.units(), b.units());
    let meets = |(i, unit): (usize, &u16)| {
        let same = b.iter().position(|u| u == unit);
        same.is_some_and(|j| parts >> (4 * i + j) & 1 == 1)
    };
    a.iter().enumerate().any(meets)
}

/// The position of each node's register among those of its class, or the node that got none.
fn attempt(nodes: &[Node], clashes: &Clashes, weight: &[u32]) -> Result<Vec<usize>, usize> {
    let mut left: Vec<Members> = nodes.iter().map(|n| n.candidates).collect();
    let mut color: Vec<Option<usize>> = vec![None; nodes.len()];
    for _ in 0..nodes.len() {
        let open = (0..nodes.len()).filter(|k| color[*k].is_none());
        // Few registers left, and often in trouble, first.
        let urgency = |k: &usize| {
            let scaled = u64::from(left[*k].count_ones()) * 1000 / u64::from(weight[*k]);
            (scaled, usize::MAX - nodes[*k].neighbours.len(), *k)
        };
        let Some(k) = open.min_by_key(urgency) else {
            break;
        };
        let class = nodes[k].class;
        let hint = |h: &usize| {
            let reg = nodes[*h].class.members()[color[*h]?];
            let own = class.members().iter().position(|r| *r == reg)?;
            (left[k] >> own & 1 == 1).then_some(own)
        };
        let hint = nodes[k].hints.iter().find_map(hint);
        let chosen = hint.or_else(|| {
            let harm = |own: &usize| {
                let open = nodes[k].neighbours.iter().filter(|n| color[n.0].is_none());
                let harm = open.map(|(n, kind)| {
                    let lost = left[*n] & clashes.with[*kind][*own];
                    lost.count_ones() * 100 / left[*n].count_ones().max(1)
                });
                (harm.sum::<u32>(), *own)
            };
            positions(left[k]).min_by_key(harm)
        });
        let own = chosen.ok_or(k)?;
        color[k] = Some(own);
        for (n, kind) in &nodes[k].neighbours {
            if color[*n].is_none() {
                left[*n] &= !clashes.with[*kind][own];
                if left[*n] == 0 {
                    return Err(*n);
                }
            }
        }
    }
    Ok(color.into_iter().flatten().collect())
}
