//! Which hardware loops are pipelined, and how near they come to their bound.

use std::collections::HashMap;
use std::fmt;

use arch::aie2::op;
use arch::num::{MacConf, MacMode};

use super::coalesce::Webs;
use super::liveness::Liveness;
use super::mir::{BlockKind, ValueId};
use super::pipeline::{candidate, expand};
use super::schedule::modulo::{Plan, bound, loop_graph, plan};
use super::schedule::{Limits, schedule_block};
use super::vcode::{Arg, Trip, VFunc, VInst};

/// How good a hardware loop is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopReport {
    /// Function.
    pub func: String,
    /// Block of the function.
    pub block: usize,
    /// Passes, where they are known.
    pub trips: Option<u32>,
    /// Cycles of a pass.
    pub cycles: u32,
    /// Passes under way at once; 1 where they do not overlap.
    pub stages: u32,
    /// Fewest cycles that a pass can take.
    pub bound: u32,
    /// What makes the bound: slots, a port or a recurrence.
    pub binding: String,
    /// Multiply-accumulates of a pass.
    pub macs: u32,
    /// Why the passes do not overlap, where they do not.
    pub note: Option<&'static str>,
}

impl LoopReport {
    /// Multiply-accumulates per cycle.
    pub fn macs_per_cycle(&self) -> f64 {
        f64::from(self.macs) / f64::from(self.cycles.max(1))
    }

    /// The same at the bound.
    pub fn bound_macs_per_cycle(&self) -> f64 {
        f64::from(self.macs) / f64::from(self.bound.max(1))
    }
}

impl fmt::Display for LoopReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} block {}: {} cycles a pass",
            self.func, self.block, self.cycles
        )?;
        write!(f, ", bound {} by {}", self.bound, self.binding)?;
        if self.macs > 0 {
            let (now, best) = (self.macs_per_cycle(), self.bound_macs_per_cycle());
            write!(f, ", {now:.1} of {best:.1} MACs a cycle")?;
        }
        match self.note {
            Some(note) => write!(f, "; {note}"),
            None if self.stages > 1 => write!(f, "; {} passes overlap", self.stages),
            None => Ok(()),
        }
    }
}

/// Plans that are tried beyond the bound before a loop is left as it is.
const TRIES: u32 = 24;

/// Pipelines the hardware loops of a function where that is shorter, each `stretch` cycles a pass
/// above what would be possible; `None` leaves them as they are. Reports all of them.
pub(super) fn pipeline_loops(
    func: &mut VFunc,
    webs: &mut Webs,
    stretch: Option<u32>,
) -> Vec<LoopReport> {
    let mut reports = Vec::new();
    for block in 0..func.blocks.len() {
        if func.blocks[block].kind != BlockKind::HardwareLoop {
            continue;
        }
        let live = Liveness::of(func);
        let insts = func.blocks[block].insts.clone();
        let out = &live.live_out[block];
        let list = schedule_block(func, webs, &live.units, block, out, Limits::None);
        let graph = loop_graph(func, webs, &live.units, &insts);
        let least = bound(func, &graph, &insts, list.length);
        let mut report = LoopReport {
            func: func.name.clone(),
            block,
            trips: match func.blocks[block].trip {
                Some(Trip::Const(n)) => Some(n),
                _ => None,
            },
            cycles: list.length,
            stages: 1,
            bound: least.cycles,
            binding: least.binding,
            macs: insts.iter().map(|i| macs(func, i)).sum(),
            note: None,
        };
        let found = candidate(func, block).zip(stretch);
        let Some((found, stretch)) = found else {
            report.note = Some(match stretch {
                Some(_) => {
                    "the passes cannot overlap: their number or what they carry is not known"
                }
                None => "the passes do not overlap: too many registers would be needed",
            });
            reports.push(report);
            continue;
        };
        let from = least.cycles + stretch;
        let plans = (from..list.length.min(from + TRIES)).filter_map(|ii| {
            let plan = plan(func, &graph, &insts, ii)?;
            let stages = plan.stages();
            let shorter = (found.trips + stages - 1) * ii < found.trips * list.length;
            (stages <= found.trips && shorter).then_some(plan)
        });
        let cost = |p: &Plan| (found.trips + p.stages() - 1) * p.ii;
        match plans.take(4).min_by_key(|p| (cost(p), p.ii)) {
            Some(plan) => {
                expand(func, webs, &found, &plan);
                report.cycles = plan.ii;
                report.stages = plan.stages();
            }
            None => report.note = Some("the passes do not overlap: that would not be shorter"),
        }
        reports.push(report);
    }
    reports
}

/// Multiply-accumulates of an instruction; its configuration is a constant of the function.
fn macs(func: &VFunc, inst: &VInst) -> u32 {
    let products = [
        op::VMAC_vmac_cm_core_dense,
        op::VMUL_vmac_cm_core_dense,
        op::VMAC_F_vmac_bm_core_dense,
        op::VMUL_F_vmac_bm_core_dense,
    ];
    if !products.contains(&inst.op()) {
        return 0;
    }
    let constants: HashMap<ValueId, i64> = func
        .blocks
        .iter()
        .flat_map(|b| &b.insts)
        .filter_map(|i| match i.args[..] {
            [Arg::Value { value, .. }, Arg::Imm(imm)] => Some((value, imm)),
            _ => None,
        })
        .collect();
    let Some(Arg::Value { value, .. }) = inst.args.last() else {
        return 0;
    };
    let mode = constants.get(value).and_then(|word| {
        let conf = MacConf::decode(*word as u32);
        MacMode::of(conf).ok()
    });
    mode.map_or(0, |m| m.macs() as u32)
}
