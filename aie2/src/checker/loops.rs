//! Rules of hardware loops that concern bytes: sizes, alignment and the distance from the last write of
//! a loop register. That the registers hold what they should is proved by the data flow.

use arch::aie2::reg;
use arch::aie2::rules::{LOOP_END_BYTES, LOOP_SETUP_BYTES, TARGET_ALIGN};

use super::code::{Code, Decoded};
use super::error::{CheckError, Fault, LoopFault};
use super::flow::{Exit, Flow};
use crate::mir::BlockKind;

/// Checks every loop of the program.
pub(super) fn check(code: &Code<'_>, flow: &Flow) -> Vec<CheckError> {
    let mut errors = Vec::new();
    let distances = distances(code, flow);
    for (f, func) in code.program.funcs.iter().enumerate() {
        for (b, block) in func.blocks.iter().enumerate() {
            if block.kind == BlockKind::HardwareLoop {
                let near = distances[flow.first[f][b]];
                check_loop(code, f, b, near, &mut errors);
            }
        }
    }
    errors
}

fn check_loop(code: &Code<'_>, f: usize, b: usize, near: u32, errors: &mut Vec<CheckError>) {
    let range = code.blocks[f][b].clone();
    let fail = |fault| code.block_error(f, b, Fault::Loop(fault));
    if range.is_empty() {
        errors.push(fail(LoopFault::Empty));
        return;
    }
    let (start, last) = (code.start(f, b), &code.bundles[range.end - 1]);
    for (what, address) in [
        ("the loop start", start),
        ("the last bundle of a loop", last.address),
    ] {
        if !address.is_multiple_of(TARGET_ALIGN) {
            errors.push(code.block_error(f, b, Fault::Alignment { what, address }));
        }
    }
    if last.size != LOOP_END_BYTES {
        errors.push(fail(LoopFault::LastSize(last.size)));
    }
    for bundle in &code.bundles[range.clone()] {
        for op in &bundle.ops {
            if op.inst.op().is_branch() || writes_loop_register(op) {
                errors.push(fail(LoopFault::Body(op.inst.op())));
            }
        }
    }
    if let Some(op) = last
        .ops
        .iter()
        .find(|op| op.inst.op().is_partial_word_store())
    {
        errors.push(fail(LoopFault::PartialStoreAtEnd(op.inst.op())));
    }
    let distance = near + (last.address - start);
    if distance < LOOP_SETUP_BYTES {
        errors.push(fail(LoopFault::Distance(distance)));
    }
}

fn writes_loop_register(op: &super::code::Op) -> bool {
    op.inst
        .defs()
        .any(|d| [reg::LS, reg::LE, reg::LC].contains(&d.reg))
}

/// For each strand the fewest bytes, on any way to it, since the start of the last bundle that writes a
/// loop register, at most [`LOOP_SETUP_BYTES`]. A branch into a loop counts as such a write: the fetch that
/// it redirects must be as far from the end.
fn distances(code: &Code<'_>, flow: &Flow) -> Vec<u32> {
    let mut near = vec![LOOP_SETUP_BYTES; flow.strands.len()];
    let mut work: Vec<usize> = (0..flow.strands.len()).collect();
    while let Some(s) = work.pop() {
        let strand = &flow.strands[s];
        let bundles = &code.bundles[strand.bundles.clone()];
        let mut distance = near[s];
        for bundle in bundles {
            if bundle.ops.iter().any(writes_loop_register) {
                distance = 0;
            }
            distance = (distance + bundle.size).min(LOOP_SETUP_BYTES);
        }
        let mut reach = |to: usize, distance: u32| {
            if distance < near[to] {
                near[to] = distance;
                work.push(to);
            }
        };
        match &strand.exit {
            Exit::Ways(ways) => {
                for way in ways {
                    let target = &flow.strands[way.to];
                    let block = &code.program.funcs[target.func].blocks[target.block];
                    if way.jump && block.kind == BlockKind::HardwareLoop {
                        reach(way.to, distance.min(since_branch(bundles)));
                    } else {
                        reach(way.to, distance);
                    }
                }
            }
            Exit::Call { after, .. } => reach(*after, distance),
            Exit::Return { .. } | Exit::Stop => {}
        }
    }
    near
}

fn since_branch(bundles: &[Decoded]) -> u32 {
    let at = bundles
        .iter()
        .rposition(|b| b.ops.iter().any(|op| op.inst.op().is_branch()));
    bundles[at.unwrap_or(0)..].iter().map(|b| b.size).sum()
}
