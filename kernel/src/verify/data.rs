//! Rules of constant data.

use std::collections::BTreeSet;

use arch::limits::CORE_BANK_BYTES;

use super::calls::is_identifier;
use super::{Report, Rule, VerifyError};
use crate::data::{BANKS, STACK, place};
use crate::ir::{Data, Module, Op, TableOp};
use crate::nearest;
use crate::print;
use crate::read::Source;

/// Checks constant data, and that addresses are taken of nothing else; the errors of the data.
pub(super) fn check(
    module: &Module,
    source: Option<&Source>,
    reports: &mut [Report<'_>],
) -> Vec<VerifyError> {
    let funcs = module.funcs.iter().map(|func| func.name.as_str());
    let mut names: BTreeSet<&str> = funcs.collect();
    let mut errors = Vec::new();
    for (index, data) in module.data.iter().enumerate() {
        let mut rules = alone(data);
        let name = data.name.clone();
        if !names.insert(&data.name) {
            rules.push(Rule::DataTwice { name });
        }
        let at = source.and_then(|source| source.data.get(index).copied());
        errors.extend(rules.into_iter().map(|rule| VerifyError {
            func: None,
            text: print::data::head(data),
            at,
            rule,
        }));
    }
    if errors.is_empty()
        && let Err(no_room) = place(&module.data, &[STACK])
    {
        let at = module.data.iter().position(|d| d.name == no_room.name);
        errors.extend(at.map(|index| VerifyError {
            func: None,
            text: print::data::head(&module.data[index]),
            at: source.and_then(|source| source.data.get(index).copied()),
            rule: Rule::DataRoom { room: no_room },
        }));
    }
    for (func, report) in module.funcs.iter().zip(reports) {
        let mut place = 0;
        func.body.for_each_inst(&mut |inst| {
            let names: [Option<&String>; 2] = match &inst.op {
                Op::Data(name) => [Some(name), None],
                Op::Table(TableOp::Bases { ab, cd }) => [Some(ab), Some(cd)],
                _ => [None, None],
            };
            for name in names.into_iter().flatten() {
                if module.data.iter().any(|data| data.name == *name) {
                    continue;
                }
                let known = module.data.iter().map(|data| data.name.as_str());
                let rule = Rule::UnknownData {
                    name: name.clone(),
                    nearest: nearest(name, known),
                };
                let text = print::line(&report.names, inst);
                report.push(Some(place), text, rule);
            }
            place += 1;
        });
    }
    errors
}

/// Rules of one array.
fn alone(data: &Data) -> Vec<Rule> {
    let mut rules = Vec::new();
    let (name, bytes) = (data.name.clone(), data.bytes.len());
    let element = data.elem.bytes();
    if !is_identifier(&name) {
        rules.push(Rule::DataName { name: name.clone() });
    }
    if bytes == 0 || !bytes.is_multiple_of(element as usize) {
        let name = name.clone();
        rules.push(Rule::DataBytes { name, bytes });
    }
    if !data.align.is_power_of_two() || !(element..=CORE_BANK_BYTES).contains(&data.align) {
        rules.push(Rule::DataAlign {
            name: name.clone(),
            found: data.align,
            min: element,
        });
    }
    if let Some(found) = data.bank.filter(|bank| *bank >= BANKS) {
        rules.push(Rule::DataBank { name, found });
    }
    rules
}
