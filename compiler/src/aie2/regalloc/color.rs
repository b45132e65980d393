//! Which register each web gets: colouring of the interference graph, the web with the fewest
//! registers left first.

use std::collections::HashMap;

use arch::aie2::{Reg, op};

use super::ranges::Ranges;
use crate::aie2::coalesce::Webs;
use crate::aie2::liveness::Liveness;
use crate::aie2::mir::ValueId;
use crate::aie2::vcode::{Arg, RegClass, VFunc, operand_reg};

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

/// A web to colour.
struct Node {
    web: usize,
    candidates: Vec<Reg>,
    /// Webs alive at once, by position, with the clashing parts: bit 4 * own + other.
    neighbours: Vec<(usize, u16)>,
    /// Nodes that a copy connects: the same register makes the copy idle.
    hints: Vec<usize>,
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
    let nodes = nodes(func, webs, &through_call, ranges);
    let mut weight = vec![1u32; nodes.len()];
    let mut failed = 0;
    for _ in 0..ATTEMPTS {
        match attempt(&nodes, &weight) {
            Ok(colors) => {
                let mut reg = vec![None; webs.count()];
                for (node, color) in nodes.iter().zip(colors) {
                    reg[node.web] = Some(color);
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
    let could = |n: &&(usize, u16)| {
        let theirs = &nodes[n.0].candidates;
        let shared = |r: &Reg| theirs.iter().any(|t| clash(*r, *t, n.1));
        node.candidates.iter().any(shared)
    };
    Err(Failure {
        web: node.web,
        class: func.class(webs.members[node.web][0]),
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

fn nodes(func: &VFunc, webs: &Webs, through_call: &[bool], ranges: &Ranges) -> Vec<Node> {
    let mut candidates: HashMap<usize, Vec<Reg>> = HashMap::new();
    for (web, through_call) in through_call.iter().enumerate() {
        if ranges.of[web].iter().all(Vec::is_empty) {
            continue;
        }
        let class = func.class(webs.members[web][0]);
        let mut regs: Vec<Reg> = class.members().to_vec();
        regs.retain(|r| !func.reserved.contains(r));
        match webs.fixed[web] {
            Some(fixed) => regs.retain(|r| *r == fixed),
            None if *through_call => regs.retain(|r| callee_saved(*r)),
            None => {}
        }
        if func.returns && webs.fixed[web].is_none() {
            regs.retain(|r| !callee_saved(*r) || func.frame.saves(*r));
        }
        candidates.insert(web, regs);
    }
    let mut copies: Vec<(usize, usize)> = Vec::new();
    for inst in func.blocks.iter().flat_map(|b| &b.insts) {
        for (value, part, _, k) in inst.values() {
            let web = webs.of(value);
            if let Some(regs) = candidates.get_mut(&web) {
                let all = inst.forms.iter().map(|f| f.desc().operands[k].class);
                let classes: Vec<_> = all.collect();
                regs.retain(|r| classes.iter().all(|c| operand_reg(*r, part, *c).is_some()));
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
        nodes[*i].neighbours.push((*j, *parts));
        nodes[*j].neighbours.push((*i, transpose(*parts)));
    }
    for (a, b) in copies {
        if let (Some(i), Some(j)) = (position.get(&a), position.get(&b)) {
            nodes[*i].hints.push(*j);
            nodes[*j].hints.push(*i);
        }
    }
    nodes
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

fn attempt(nodes: &[Node], weight: &[u32]) -> Result<Vec<Reg>, usize> {
    let mut left: Vec<Vec<Reg>> = nodes.iter().map(|n| n.candidates.clone()).collect();
    let mut color: Vec<Option<Reg>> = vec![None; nodes.len()];
    for _ in 0..nodes.len() {
        let open = (0..nodes.len()).filter(|k| color[*k].is_none());
        // Few registers left, and often in trouble, first.
        let urgency = |k: &usize| {
            let scaled = left[*k].len() as u64 * 1000 / u64::from(weight[*k]);
            (scaled, usize::MAX - nodes[*k].neighbours.len(), *k)
        };
        let Some(k) = open.min_by_key(urgency) else {
            break;
        };
        if left[k].is_empty() {
            return Err(k);
        }
        let mut hints = nodes[k].hints.iter().filter_map(|h| color[*h]);
        let hint = hints.find(|r| left[k].contains(r));
        let chosen = hint.or_else(|| {
            let costs = left[k].iter().enumerate().map(|(place, reg)| {
                let harm: usize = nodes[k]
                    .neighbours
                    .iter()
                    .filter(|(n, _)| color[*n].is_none())
                    .map(|(n, parts)| {
                        let lost = left[*n].iter().filter(|r| clash(*reg, **r, *parts)).count();
                        lost * 100 / left[*n].len().max(1)
                    })
                    .sum();
                (harm, place, *reg)
            });
            costs
                .min_by_key(|(harm, place, _)| (*harm, *place))
                .map(|c| c.2)
        });
        let Some(reg) = chosen else {
            return Err(k);
        };
        color[k] = Some(reg);
        for (n, parts) in &nodes[k].neighbours {
            if color[*n].is_none() {
                left[*n].retain(|r| !clash(reg, *r, *parts));
                if left[*n].is_empty() {
                    return Err(*n);
                }
            }
        }
    }
    Ok(color.into_iter().flatten().collect())
}
