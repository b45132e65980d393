//! The distance from the last write of a loop register to the end of its loop.

use arch::aie2::rules::{DELAY_SLOTS, LOOP_END_BYTES, LOOP_SETUP_BYTES};
use arch::aie2::{Dir, reg};

use super::sizes::Sizes;
use super::{Item, LayoutError};
use crate::mir::{BlockId, BlockKind, Label, MFunc, MInst, MOperand, Program};

/// Whether `inst` writes LS, LE or LC.
pub(super) fn writes_loop_register(inst: &MInst) -> bool {
    let descs = inst.op.desc().operands.iter();
    descs.zip(&inst.operands).any(|(desc, operand)| {
        let loop_register = |r: &arch::aie2::Reg| [reg::LS, reg::LE, reg::LC].contains(r);
        desc.dir == Dir::Out && matches!(operand, MOperand::Reg { reg, .. } if loop_register(reg))
    })
}

/// A way from the write of a loop register to the bundle at LE: items, the write last.
struct Approach {
    path: Vec<usize>,
    distance: u32,
}

/// Grows bundles, and puts bundles of no operation in front of loops, until every loop ends at least
/// [`LOOP_SETUP_BYTES`] bytes after the last write of its registers.
pub(super) fn keep_distance(program: &Program, items: &mut Vec<Item>) -> Result<(), LayoutError> {
    for (f, func) in program.funcs.iter().enumerate() {
        for (b, block) in func.blocks.iter().enumerate() {
            if block.kind == BlockKind::HardwareLoop {
                keep_loop_distance(f, func, b, items)?;
            }
        }
    }
    Ok(())
}

fn keep_loop_distance(
    f: usize,
    func: &MFunc,
    block: usize,
    items: &mut Vec<Item>,
) -> Result<(), LayoutError> {
    loop {
        let spans = spans(f, func, items);
        let Some(nearest) = nearest_write(func, block, items, &spans) else {
            return Ok(());
        };
        let mut missing = LOOP_SETUP_BYTES.saturating_sub(nearest.distance);
        if missing == 0 {
            return Ok(());
        }
        for &k in nearest.path.iter().rev() {
            missing -= items[k].sizes.grow(missing).min(missing);
        }
        if missing == 0 {
            continue;
        }
        let writer = items[nearest.path[nearest.path.len() - 1]].block;
        let Some(pad) = Sizes::of(&[])
            .map(Sizes::largest_only)
            .filter(|_| runs_on(func, block, items, &spans, &nearest.path))
        else {
            return Err(LayoutError::LoopTooClose {
                func: func.name.clone(),
                block,
                writer,
                distance: LOOP_SETUP_BYTES - missing,
            });
        };
        let at = quiet_place(items, spans[block].0, &nearest.path);
        let before = items[at - 1].block;
        for _ in 0..missing.div_ceil(LOOP_END_BYTES) {
            items.insert(
                at,
                Item {
                    func: f,
                    block: before,
                    cycle: None,
                    sizes: pad,
                    aligned: false,
                    writes_loop: false,
                    branches: false,
                    lands: 0,
                },
            );
        }
    }
}

/// Where bundles of no operation go in front of a loop at `start`: behind the write of a loop register,
/// in the block before the loop, where no result is under way whose reader they would delay. The
/// prologue of a pipelined loop keeps its distance to the loop this way. Without such a place they go
/// directly in front of the loop.
fn quiet_place(items: &[Item], start: usize, path: &[usize]) -> usize {
    let block = items[start - 1].block;
    let inside = |p: &usize| {
        let between = [*p - 1, *p]
            .iter()
            .all(|k| items[*k].block == block && path.contains(k));
        let delay_slot = (0..*p).rev().take(DELAY_SLOTS).any(|k| items[k].branches);
        between && !delay_slot && !items[*p].aligned
    };
    let quiet = |p: &usize| {
        (0..*p)
            .rev()
            .take(LONGEST)
            .all(|k| k + items[k].lands <= *p)
    };
    let inside = (1..start)
        .rev()
        .take_while(|p| path.contains(p))
        .filter(inside);
    std::iter::once(start)
        .chain(inside)
        .find(quiet)
        .unwrap_or(start)
}

/// No result takes more cycles.
const LONGEST: usize = 16;

/// Whether `path` enters the loop from the bundle in front of it, without a branch.
fn runs_on(
    func: &MFunc,
    block: usize,
    items: &[Item],
    spans: &[(usize, usize)],
    path: &[usize],
) -> bool {
    let (start, end) = spans[block];
    let Some(&entry) = path.get(end - 1 - start) else {
        return false;
    };
    if func.blocks[items[entry].block].kind == BlockKind::HardwareLoop {
        return false;
    }
    let here = MOperand::Label(Label::Block(BlockId(block as u32)));
    entry + 1 == start && {
        let mut insts = func.blocks[items[entry].block].insts.iter();
        !insts.any(|i| i.op.is_branch() && i.operands.contains(&here))
    }
}

/// First item and item after the last of every block of a function.
fn spans(f: usize, func: &MFunc, items: &[Item]) -> Vec<(usize, usize)> {
    let mut at = items.partition_point(|i| i.func < f);
    let mut spans = Vec::with_capacity(func.blocks.len());
    for b in 0..func.blocks.len() {
        let len = items[at..]
            .iter()
            .take_while(|i| i.func == f && i.block == b)
            .count();
        spans.push((at, at + len));
        at += len;
    }
    spans
}

/// The way with the fewest bytes, if there is one below [`LOOP_SETUP_BYTES`].
fn nearest_write(
    func: &MFunc,
    block: usize,
    items: &[Item],
    spans: &[(usize, usize)],
) -> Option<Approach> {
    let mut best: Option<Approach> = None;
    let last = spans[block]
        .1
        .checked_sub(1)
        .filter(|k| *k >= spans[block].0)?;
    // Ways yet to follow: block, the item after the next one to look at, bytes so far, items so far.
    let mut ways = vec![(block, last, 0, Vec::new())];
    // Fewest bytes with which the end of a block was reached.
    let mut seen = vec![u32::MAX; func.blocks.len()];
    while let Some((b, from, mut bytes, mut path)) = ways.pop() {
        let mut found = false;
        for k in (spans[b].0..from).rev() {
            bytes += items[k].sizes.chosen();
            path.push(k);
            found = items[k].writes_loop;
            if found || bytes >= LOOP_SETUP_BYTES {
                break;
            }
        }
        if bytes >= LOOP_SETUP_BYTES || best.as_ref().is_some_and(|a| a.distance <= bytes) {
            continue;
        }
        if found {
            best = Some(Approach {
                path,
                distance: bytes,
            });
            continue;
        }
        for (p, before) in func.blocks.iter().enumerate() {
            let leads_here = before.successors.iter().any(|e| e.to.0 as usize == b);
            if leads_here && bytes < seen[p] {
                seen[p] = bytes;
                ways.push((p, spans[p].1, bytes, path.clone()));
            }
        }
    }
    best
}
