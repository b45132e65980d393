//! Which labels the register of an indirect branch can hold.

use arch::aie2::Dir;

use crate::mir::{Label, MFunc, MInst, MOperand, ValueId};

/// The labels that `inst` branches to by the value of its pointer operand: every write of the value, or
/// of one that takes its name on an edge, must load a label. That the register holds the value is for
/// the data flow to prove. `None` where anything else may be in it.
pub(super) fn of_branch<'a>(func: &'a MFunc, inst: &MInst) -> Option<Vec<&'a Label>> {
    let descs = inst.op.desc().operands.iter().zip(&inst.operands);
    let mut pointers = descs.filter(|(d, _)| d.dir == Dir::In && d.class.name() == "eP");
    let mut values = vec![value_of(pointers.next()?.1)?];
    let mut labels = Vec::new();
    let mut next = 0;
    while let Some(&value) = values.get(next) {
        next += 1;
        let written = labels.len();
        for inst in func.blocks.iter().flat_map(|b| &b.insts) {
            let mut outs = inst.op.desc().operands.iter().zip(&inst.operands);
            if outs.any(|(d, o)| d.dir == Dir::Out && value_of(o) == Some(value)) {
                labels.push(inst.operands.iter().find_map(label_of)?);
            }
        }
        let edges = func.blocks.iter().flat_map(|b| &b.successors);
        let named = edges
            .flat_map(|e| &e.renames)
            .filter(|(_, there)| *there == value);
        let sources: Vec<ValueId> = named.map(|(here, _)| *here).collect();
        let passed = func.params.iter().any(|(_, param)| *param == value);
        if passed || (labels.len() == written && sources.is_empty()) {
            return None;
        }
        for source in sources {
            if !values.contains(&source) {
                values.push(source);
            }
        }
    }
    labels.dedup();
    let is_func = |l: &&Label| matches!(l, Label::Func(_));
    let calls = inst.op.is_call();
    let right_kind = labels.iter().all(|l| is_func(l) == calls);
    (right_kind && (!calls || labels.len() == 1)).then_some(labels)
}

fn value_of(operand: &MOperand) -> Option<ValueId> {
    match operand {
        MOperand::Reg { value, .. } => *value,
        _ => None,
    }
}

fn label_of(operand: &MOperand) -> Option<&Label> {
    match operand {
        MOperand::Label(label) => Some(label),
        _ => None,
    }
}
