//! Modules as lines that can be compared: the same up to SSA names and the order of attributes.
//!
//! Values are called by what they are: constants by their value, tiles by their place, buffers and locks
//! by their symbol, others by a number that counts from the beginning of their core or sequence. A
//! transfer has one offset, the sum over its dimensions.
//!
//! The goldens' cores have loops over elements where ours call kernels: what is done with objects
//! between two operations on fifos is one line, `kernel(...)`, with the memory that it uses.

use std::collections::{BTreeSet, HashMap};

use melior::ir::attribute::DenseI64ArrayAttribute;
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::{Attribute, BlockLike, BlockRef, Module, RegionLike, RegionRef, Value, ValueLike};

/// What modules are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernels {
    /// A line for the kernels between two operations on fifos.
    Outlined,
    /// Kernels, and the accesses to objects for them, are left out.
    LeftOut,
    /// What cores do is left out, with the counters that the reference gives them, and so are flows that
    /// it has routed but not removed. The order of operations counts only where it means something: in
    /// DMA programs and in sequences.
    CoresLeftOut,
}

/// The lines of a module's device.
pub(super) fn lines(module: &Module, kernels: Kernels) -> Vec<String> {
    let mut normal = Normal {
        kernels,
        names: HashMap::new(),
        blocks: HashMap::new(),
        next: 0,
        lines: Vec::new(),
    };
    let device = operations(module.body())
        .find(|op| name(*op) == "aie.device")
        .expect("the module has a device");
    normal.line(0, device, &[]);
    normal.region(device.region(0).expect("a device has a body"), 0);
    match kernels {
        Kernels::CoresLeftOut => sorted(&normal.lines, 0),
        _ => normal.lines,
    }
}

/// Lines of one depth in order of their text, with the deeper lines behind each.
fn sorted(lines: &[String], depth: usize) -> Vec<String> {
    let indent = |line: &String| line.len() - line.trim_start().len();
    let mut groups: Vec<Vec<String>> = Vec::new();
    for line in lines {
        match groups.last_mut() {
            Some(group) if indent(line) > 2 * depth => group.push(line.clone()),
            _ => groups.push(vec![line.clone()]),
        }
    }
    for group in &mut groups {
        let ordered = ["aie.mem", "aie.runtime_sequence"];
        if !ordered
            .iter()
            .any(|name| group[0].trim_start().starts_with(name))
        {
            let deeper = sorted(&group[1..], depth + 1);
            group.truncate(1);
            group.extend(deeper);
        }
    }
    groups.sort();
    groups.concat()
}

/// The name of an operation.
pub(super) fn name(op: OperationRef) -> String {
    op.name()
        .as_string_ref()
        .as_str()
        .expect("names are UTF-8")
        .to_owned()
}

/// The operations of a block.
pub(super) fn operations<'c, 'a>(
    block: BlockRef<'c, 'a>,
) -> impl Iterator<Item = OperationRef<'c, 'a>> {
    std::iter::successors(block.first_operation(), |op| op.next_in_block())
}

/// The blocks of a region.
pub(super) fn blocks<'c, 'a>(region: RegionRef<'c, 'a>) -> impl Iterator<Item = BlockRef<'c, 'a>> {
    std::iter::successors(region.first_block(), |block| block.next_in_region())
}

/// Whether an operation, or one inside it, is about fifos, locks or calls.
pub(super) fn is_structure(op: OperationRef) -> bool {
    let own = name(op);
    own.starts_with("aie") || own == "func.call" || {
        let mut inner = op.regions().flat_map(blocks).flat_map(operations);
        inner.any(is_structure)
    }
}

fn numbers(op: OperationRef, name: &str) -> Vec<i64> {
    let attribute = op.attribute(name).expect("a transfer has its numbers");
    let numbers = DenseI64ArrayAttribute::try_from(attribute).expect("they are an array");
    (0..numbers.len())
        .map(|i| numbers.element(i).expect("the array has as many"))
        .collect()
}

struct Normal {
    kernels: Kernels,
    names: HashMap<usize, String>,
    /// Number of each block in its region.
    blocks: HashMap<usize, usize>,
    next: usize,
    lines: Vec<String>,
}

impl Normal {
    fn call(&mut self, value: Value, name: String) {
        self.names.insert(value.to_raw().ptr as usize, name);
    }

    fn called(&self, value: Value) -> String {
        let name = self.names.get(&(value.to_raw().ptr as usize));
        name.cloned().unwrap_or_else(|| "?".to_owned())
    }

    fn fresh(&mut self, value: Value) -> String {
        let name = format!("%{}", self.next);
        self.next += 1;
        self.call(value, name.clone());
        name
    }

    fn push(&mut self, depth: usize, line: String) {
        self.lines.push(format!("{:1$}{line}", "", 2 * depth));
    }

    fn region(&mut self, region: RegionRef, depth: usize) {
        for (i, block) in blocks(region).enumerate() {
            self.blocks.insert(block.to_raw().ptr as usize, i);
        }
        for (i, block) in blocks(region).enumerate() {
            if i > 0 {
                self.push(depth, format!("^{i}:"));
            }
            self.block(block, depth + 1);
        }
    }

    fn block(&mut self, block: BlockRef, depth: usize) {
        // Memory that the kernels since the last line use.
        let mut used = BTreeSet::new();
        for op in operations(block) {
            let own = name(op);
            match own.as_str() {
                "arith.constant" => {
                    let value = op.attribute("value").expect("a constant has a value");
                    let text = value.to_string();
                    let text = match text.as_str() {
                        "9223372036854775807 : index" | "4294967295 : index" => "forever",
                        other => other,
                    };
                    self.call(op.result(0).expect("and a result").into(), text.to_owned());
                }
                "aie.tile" => {
                    let place = ["col", "row"].map(|n| op.attribute(n).expect("it has a place"));
                    let place = place.map(|n| n.to_string().replace(" : i32", ""));
                    let tile = format!("tile({}, {})", place[0], place[1]);
                    if self.kernels == Kernels::CoresLeftOut {
                        let id = op.attribute("controller_id").map(|id| id.to_string());
                        self.push(depth, format!("{tile} {}", id.unwrap_or_default()));
                    }
                    self.call(op.result(0).expect("and a result").into(), tile);
                }
                "aie.flow" if self.kernels == Kernels::CoresLeftOut => {}
                "aie.buffer" if is_counter(op) => {}
                "func.func" => {}
                "func.call" => {
                    let memory = op.operands().filter(is_memory);
                    used.extend(memory.map(|v| format!("{} : {}", self.called(v), v.r#type())));
                }
                _ if !is_structure(op) && !own.ends_with(".yield") => self.memory(op, &mut used),
                "aie.objectfifo.subview.access" if self.kernels == Kernels::LeftOut => {}
                _ => {
                    self.kernel(depth, &mut used);
                    self.operation(depth, op);
                }
            }
        }
        self.kernel(depth, &mut used);
    }

    /// A line for kernels that use this memory.
    fn kernel(&mut self, depth: usize, used: &mut BTreeSet<String>) {
        let used = std::mem::take(used);
        if !used.is_empty() && self.kernels == Kernels::Outlined {
            let used = used.into_iter().collect::<Vec<_>>().join(", ");
            self.push(depth, format!("kernel({used})"));
        }
    }

    /// Memory from outside that an operation of a kernel uses.
    fn memory(&mut self, op: OperationRef, used: &mut BTreeSet<String>) {
        for value in op.operands().filter(is_memory) {
            used.insert(format!("{} : {}", self.called(value), value.r#type()));
        }
        for inner in op.regions().flat_map(blocks).flat_map(operations) {
            self.memory(inner, used);
        }
    }

    fn operation(&mut self, depth: usize, op: OperationRef) {
        let own = name(op);
        if depth == 1 {
            self.next = 0;
        }
        let arguments: Vec<Value> = op
            .regions()
            .filter_map(|r| r.first_block())
            .flat_map(|b| (0..b.argument_count()).filter_map(move |i| b.argument(i).ok()))
            .map(Value::from)
            .collect();
        let arguments: Vec<String> = arguments
            .into_iter()
            .map(|v| format!("{} : {}", self.fresh(v), v.r#type()))
            .collect();
        self.line(depth, op, &arguments);
        for result in op.results() {
            match op.attribute("sym_name") {
                Ok(symbol) => self.call(result.into(), symbol.to_string()),
                Err(_) if own == "aie.amsel" => {
                    let pair = ["arbiterID", "msel"].map(|n| op.attribute(n).expect("both"));
                    self.call(result.into(), format!("amsel({}, {})", pair[0], pair[1]));
                }
                Err(_) if depth == 1 => {
                    let place = op
                        .operand(0)
                        .map_or_else(|_| String::new(), |v| self.called(v));
                    self.call(result.into(), format!("{own}({place})"));
                }
                Err(_) => {
                    self.fresh(result.into());
                }
            }
        }
        if own != "aie.core" || self.kernels != Kernels::CoresLeftOut {
            op.regions().for_each(|region| self.region(region, depth));
        }
    }

    /// One operation without its regions.
    fn line(&mut self, depth: usize, op: OperationRef, arguments: &[String]) {
        let own = name(op);
        let operands: Vec<String> = op.operands().map(|v| self.called(v)).collect();
        let mut attributes: Vec<String> = op
            .attributes()
            .filter_map(|(name, value)| {
                self.attribute(op, name.as_string_ref().as_str().ok()?, value)
            })
            .collect();
        if own == "aiex.npu.dma_memcpy_nd" {
            let strides = numbers(op, "static_strides");
            let offsets = numbers(op, "static_offsets");
            let offset: i64 = offsets.iter().zip(strides).map(|(o, s)| o * s).sum();
            attributes.push(format!("offset = {offset}"));
        }
        attributes.sort();
        let results: Vec<String> = op.results().map(|r| r.r#type().to_string()).collect();
        let next = op.successors().map(|block| {
            let number = self.blocks.get(&(block.to_raw().ptr as usize));
            number.map_or_else(|| "?".to_owned(), |n| format!("^{n}"))
        });
        let results: Vec<String> = results.into_iter().chain(next).collect();
        let list = |items: &[String]| items.join(", ");
        self.push(
            depth,
            format!(
                "{own}({}) {{{}}} [{}] -> {}",
                list(&operands),
                list(&attributes),
                list(arguments),
                list(&results)
            ),
        );
    }

    fn attribute(&self, op: OperationRef, attribute: &str, value: Attribute) -> Option<String> {
        let left_out = matches!(
            (name(op).as_str(), attribute),
            (
                _,
                "operandSegmentSizes" | "link_with" | "link_files" | "static_offsets"
            ) | ("aie.runtime_sequence", "sym_name")
        );
        (!left_out).then(|| format!("{attribute} = {value}"))
    }
}

/// Whether a value is memory.
pub(super) fn is_memory(value: &Value) -> bool {
    value.r#type().to_string().starts_with("memref")
}

/// Whether a buffer is one of the counters that the reference gives to cores.
fn is_counter(op: OperationRef) -> bool {
    op.attribute("sym_name")
        .is_ok_and(|name| name.to_string().starts_with("\"_anonymous"))
}
