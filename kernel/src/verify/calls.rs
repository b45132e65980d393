//! Rules between functions: names, callees, arguments, recursion.

use std::collections::{BTreeMap, BTreeSet};

use super::{Report, Rule};
use crate::ir::{Count, Func, Inst, Module, Op};
use crate::nearest;
use crate::print;
use crate::types::Type;

pub(super) fn check(module: &Module, reports: &mut [Report<'_>]) {
    let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, func) in module.funcs.iter().enumerate() {
        let name = func.name.clone();
        if !is_identifier(&name) {
            reports[index].head(Rule::FuncName { name: name.clone() });
        }
        if by_name.contains_key(name.as_str()) {
            reports[index].head(Rule::DuplicateFunc { name });
        } else {
            by_name.insert(&func.name, index);
        }
    }

    let mut graph: Vec<BTreeSet<usize>> = Vec::new();
    for (index, func) in module.funcs.iter().enumerate() {
        let mut callees = BTreeSet::new();
        let mut place = 0;
        func.body.for_each_inst(&mut |inst| {
            if let Op::Call { func: name, .. } = &inst.op {
                let rules = match by_name.get(name.as_str()) {
                    None => vec![Rule::UnknownCallee {
                        name: name.clone(),
                        nearest: nearest(name, by_name.keys().copied()),
                    }],
                    Some(callee) => {
                        callees.insert(*callee);
                        call_rules(func, inst, &module.funcs[*callee])
                    }
                };
                let text = print::line(&reports[index].names, inst);
                for rule in rules {
                    reports[index].push(Some(place), text.clone(), rule);
                }
            }
            place += 1;
        });
        graph.push(callees);
    }
    for (start, report) in reports.iter_mut().enumerate() {
        if let Some(cycle) = cycle_from(&graph, start) {
            let names = cycle.iter().map(|f| format!("@{}", module.funcs[*f].name));
            let cycle = names.collect::<Vec<_>>().join(" -> ");
            report.head(Rule::Recursion { cycle });
        }
    }
}

pub(super) fn is_identifier(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    name.chars().all(word) && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

fn call_rules(caller: &Func, inst: &Inst, callee: &Func) -> Vec<Rule> {
    let Op::Call { args, results, .. } = &inst.op else {
        return Vec::new();
    };
    let name = callee.name.clone();
    let mut rules = Vec::new();
    if let Some(Op::Loop {
        count: Count::Forever,
        ..
    }) = callee.body.insts.last().map(|inst| &inst.op)
    {
        rules.push(Rule::NeverReturns { name: name.clone() });
    }
    if *results != callee.results {
        let list = |types: &[Type]| match types {
            [] => "nothing".to_string(),
            types => {
                let types: Vec<String> = types.iter().map(ToString::to_string).collect();
                types.join(", ")
            }
        };
        rules.push(Rule::CallResults {
            name: name.clone(),
            found: list(results),
            expected: list(&callee.results),
        });
    }
    if args.len() != callee.params.len() {
        rules.push(Rule::ArgCount {
            name,
            found: args.len(),
            expected: callee.params.len(),
        });
        return rules;
    }
    for (index, (arg, param)) in args.iter().zip(&callee.params).enumerate() {
        let found = caller.types.get(arg.index()).copied();
        let expected = callee.types.get(param.value.index()).copied();
        // A value without a type is reported where it is used or defined.
        if let (Some(found), Some(expected)) = (found, expected)
            && found != expected
        {
            let name = name.clone();
            rules.push(Rule::ArgType {
                name,
                index,
                found,
                expected,
            });
        }
    }
    rules
}

/// The shortest way from `start` back to it, both ends included, if it is the first function of the
/// module on that way: a cycle is reported once.
fn cycle_from(graph: &[BTreeSet<usize>], start: usize) -> Option<Vec<usize>> {
    let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for next in graph[at].iter().copied().filter(|next| *next >= start) {
            if next == start {
                let mut cycle = vec![start];
                let mut step = at;
                while step != start {
                    cycle.push(step);
                    step = came_from[&step];
                }
                cycle.push(start);
                cycle.reverse();
                return Some(cycle);
            }
            came_from.entry(next).or_insert_with(|| {
                queue.push_back(next);
                at
            });
        }
    }
    None
}
