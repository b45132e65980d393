//! Core programs of lowered designs, beside those that aie-opt makes when it unrolls loops in place of
//! counting buffers (`objectfifo_static.mlir`).
//!
//! Loops are unrolled by other numbers, so what is compared is what a core does when it runs: its first
//! operations on locks, and the memory that kernels use between them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use comfy_table::Table;
use melior::ir::attribute::IntegerAttribute;
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::{BlockRef, Module, Value, ValueLike};
use npuc::array::design::Design;
use npuc_mlir::aie::{context, parse};

use super::designs;
use super::dialect::golden;
use super::normal::{blocks, is_memory, is_structure, name, operations};
use super::physical::printed;

/// Steps of a core that are compared; more than any ring of buffers has.
const STEPS: usize = 300;

/// What a core does.
struct Run<'n> {
    /// Symbols of buffers and locks.
    names: &'n HashMap<usize, String>,
    numbers: HashMap<usize, i64>,
    steps: Vec<String>,
}

fn key(value: Value) -> usize {
    value.to_raw().ptr as usize
}

impl Run<'_> {
    fn called(&self, value: Value) -> String {
        self.names.get(&key(value)).cloned().unwrap_or_default()
    }

    fn block(&mut self, block: BlockRef) {
        let mut used = BTreeSet::new();
        for op in operations(block) {
            if self.steps.len() >= STEPS {
                return;
            }
            match name(op).as_str() {
                "arith.constant" => self.constant(op),
                "scf.for" if is_structure(op) => {
                    self.kernels(&mut used);
                    self.repeat(op);
                }
                "aie.use_lock" => {
                    self.kernels(&mut used);
                    let lock = self.called(op.operand(0).expect("it has a lock"));
                    let [action, count] =
                        ["action", "value"].map(|n| op.attribute(n).expect("both").to_string());
                    self.steps.push(format!("{action} {count} of {lock}"));
                }
                _ => self.memory(op, &mut used),
            }
        }
        self.kernels(&mut used);
    }

    fn constant(&mut self, op: OperationRef) {
        let value = op.attribute("value").expect("a constant has a value");
        if let Ok(number) = IntegerAttribute::try_from(value) {
            let result = op.result(0).expect("and a result").into();
            self.numbers.insert(key(result), number.value());
        }
    }

    fn memory(&self, op: OperationRef, used: &mut BTreeSet<String>) {
        let memory = op.operands().filter(is_memory).map(|v| self.called(v));
        used.extend(memory);
        for inner in op.regions().flat_map(blocks).flat_map(operations) {
            self.memory(inner, used);
        }
    }

    fn kernels(&mut self, used: &mut BTreeSet<String>) {
        let used = std::mem::take(used);
        if !used.is_empty() {
            let used = used.into_iter().collect::<Vec<_>>().join(", ");
            self.steps.push(format!("kernel({used})"));
        }
    }

    fn repeat(&mut self, op: OperationRef) {
        let bound = |i| {
            let value = op.operand(i).expect("a loop has bounds");
            self.numbers
                .get(&key(value))
                .copied()
                .expect("they are constants")
        };
        let [mut at, end, step] = [0, 1, 2].map(bound);
        while at < end && self.steps.len() < STEPS {
            let body = op.regions().flat_map(blocks);
            body.for_each(|block| self.block(block));
            at += step;
        }
    }
}

/// What each core does, by its place.
fn runs(module: &Module) -> BTreeMap<String, Vec<String>> {
    let device = operations(module.body())
        .next()
        .expect("the module has a device");
    let top = || device.regions().flat_map(blocks).flat_map(operations);
    let mut names = HashMap::new();
    for op in top() {
        let called = match name(op).as_str() {
            "aie.tile" => ["col", "row"]
                .map(|n| op.attribute(n).expect("both").to_string())
                .join(" "),
            "aie.buffer" | "aie.lock" => op.attribute("sym_name").expect("a name").to_string(),
            _ => continue,
        };
        names.insert(key(op.result(0).expect("and a result").into()), called);
    }
    let mut runs = BTreeMap::new();
    for core in top().filter(|op| name(*op) == "aie.core") {
        let mut run = Run {
            names: &names,
            numbers: HashMap::new(),
            steps: Vec::new(),
        };
        let tile = run.called(core.operand(0).expect("a core has a tile"));
        core.regions()
            .flat_map(blocks)
            .for_each(|block| run.block(block));
        run.steps.truncate(STEPS);
        runs.insert(tile, run.steps);
    }
    runs
}

#[test]
fn cores_do_what_the_reference_has_them_do() {
    let context = context();
    let cases: [(&str, Design); 7] = [
        ("a_passthrough", designs::passthrough()),
        ("b_add2", designs::add()),
        ("c_memtile", designs::forward()),
        ("e_broadcast", designs::broadcast()),
        ("j_depth_skip", designs::sliding_window()),
        ("k_shared_mem", designs::shared_memory()),
        ("l_init_repeat", designs::weights()),
    ];
    let mut table = Table::new();
    table.set_header(["golden", "cores", "steps of each core"]);
    for (golden_name, design) in cases {
        let theirs = parse(&context, &golden(golden_name, "objectfifo_static.mlir")).unwrap();
        let theirs = runs(&theirs);
        let ours = parse(&context, &printed(golden_name, design)).unwrap();
        let ours = runs(&ours);
        assert_eq!(ours, theirs, "{golden_name}");
        let steps: Vec<String> = ours.values().map(|run| run.len().to_string()).collect();
        table.add_row([golden_name, &ours.len().to_string(), &steps.join(", ")]);
    }
    println!("{table}");
}
