//! Programs from text: assembler with cycles, from which the values follow by program order.
//!
//! ```text
//! func main r0 p0            name, and registers that the caller passes
//! block head                 a block; `block body loop` is a hardware loop
//! -> body                    its successors, if not just the next block
//! 0: mova r1, #3             cycle: instruction; the lines stand in program order
//! 0: j @body                 @block, @block.last and @@function are labels
//! 2: st r1, [p0, #0] !4      !n: touches memory object n
//! 3: jl @@f r0 p0 -> r0      arguments and results of a call
//! 9: ret lr -> r0            results of the function
//! cycles 15                  length of the block, if empty bundles end it
//! ```

use std::collections::{BTreeMap, HashMap};

use arch::aie2::{Dir, Operand, Reg, parse_inst};
use npuc::aie2::mir::{
    BlockId, BlockKind, Edge, Label, MBlock, MFunc, MInst, MOperand, MemAccess, Program, ValueId,
};

/// The program that `text` describes.
///
/// # Panics
/// When the text is none.
pub(crate) fn program(text: &str) -> Program {
    let lines = text
        .lines()
        .map(|l| l.split("//").next().unwrap_or("").trim());
    let lines: Vec<&str> = lines.filter(|l| !l.is_empty()).collect();
    let funcs = lines.split(|l| l.starts_with("func ")).skip(1);
    let heads = lines.iter().filter(|l| l.starts_with("func "));
    Program {
        funcs: heads
            .zip(funcs)
            .map(|(head, body)| function(head, body))
            .collect(),
        data: Vec::new(),
    }
}

fn regs<'a>(words: impl Iterator<Item = &'a str>) -> Vec<Reg> {
    words
        .map(|w| {
            Reg::from_text(w)
                .first()
                .copied()
                .unwrap_or_else(|| panic!("register {w}"))
        })
        .collect()
}

fn function(head: &str, body: &[&str]) -> MFunc {
    let mut words = head.split_whitespace().skip(1);
    let name = words.next().expect("a function has a name").to_string();
    let params = regs(words);
    let heads: Vec<&str> = body
        .iter()
        .copied()
        .filter(|l| l.starts_with("block "))
        .collect();
    let names: Vec<&str> = heads
        .iter()
        .map(|h| h.split_whitespace().nth(1).expect("name"))
        .collect();
    let mut namer = Namer::default();
    let params: Vec<_> = params.iter().map(|r| (*r, namer.enter(0, *r))).collect();
    let mut blocks = Vec::new();
    for (b, lines) in body.split(|l| l.starts_with("block ")).skip(1).enumerate() {
        let is_loop = heads[b].split_whitespace().nth(2) == Some("loop");
        blocks.push(block(b, is_loop, lines, &names, &mut namer));
    }
    let mut func = MFunc {
        name,
        params,
        blocks,
    };
    namer.finish(&mut func);
    func
}

fn block(b: usize, is_loop: bool, lines: &[&str], names: &[&str], namer: &mut Namer) -> MBlock {
    let id = |name: &str| {
        let at = names.iter().position(|n| *n == name);
        BlockId(at.unwrap_or_else(|| panic!("block {name}")) as u32)
    };
    let mut insts: Vec<MInst> = Vec::new();
    let mut cycles: Vec<Vec<usize>> = Vec::new();
    let mut to: Option<Vec<BlockId>> = None;
    for line in lines {
        if let Some(list) = line.strip_prefix("->") {
            to = Some(list.split_whitespace().map(id).collect());
        } else if let Some(len) = line.strip_prefix("cycles ") {
            cycles.resize(len.trim().parse().expect("a number"), Vec::new());
        } else {
            let (cycle, text) = line.split_once(": ").expect("cycle: instruction");
            let cycle: usize = cycle.trim().parse().expect("a cycle");
            cycles.resize(cycles.len().max(cycle + 1), Vec::new());
            cycles[cycle].push(insts.len());
            insts.push(namer.inst(b, text.trim(), &id));
        }
    }
    let to = to.unwrap_or_else(|| {
        let mut next = if b + 1 < names.len() {
            vec![BlockId(b as u32 + 1)]
        } else {
            Vec::new()
        };
        if is_loop {
            next.push(BlockId(b as u32));
        }
        next
    });
    namer.leave();
    MBlock {
        insts,
        cycles,
        kind: if is_loop {
            BlockKind::HardwareLoop
        } else {
            BlockKind::Plain
        },
        successors: to
            .into_iter()
            .map(|to| Edge {
                to,
                renames: Vec::new(),
            })
            .collect(),
    }
}

/// Gives names to values: a new one for each write, and one for each register where a block begins.
#[derive(Default)]
struct Namer {
    next: u32,
    /// What each unit holds, by its family: the largest register that it is a part of.
    now: HashMap<u16, ValueId>,
    /// Names where a block begins.
    entered: BTreeMap<(usize, u16), ValueId>,
    /// Names where the blocks end.
    left: Vec<HashMap<u16, ValueId>>,
    /// Values that are one, because a register is read that holds parts of both.
    same: HashMap<ValueId, ValueId>,
}

/// The largest register of values that `unit` is a part of, and where in it.
fn family(unit: u16) -> (Reg, u8) {
    let of = |r: &Reg| {
        let name = r.name();
        let kind = name.trim_end_matches(|c: char| c.is_ascii_digit());
        r.units().contains(&unit) && ["x", "cm", "d", "r", "p", "s", "q"].contains(&kind)
    };
    let reg = Reg::all()
        .find(of)
        .or_else(|| Reg::all().find(|r| r.units() == [unit]));
    let reg = reg.unwrap_or_else(|| panic!("unit {unit}"));
    let part = reg
        .units()
        .iter()
        .position(|u| *u == unit)
        .expect("a unit of it");
    (reg, part as u8)
}

impl Namer {
    fn fresh(&mut self) -> ValueId {
        self.next += 1;
        ValueId(self.next)
    }

    fn enter(&mut self, block: usize, reg: Reg) -> ValueId {
        let unit = family(reg.units()[0]).0.units()[0];
        let name = self
            .entered
            .get(&(block, unit))
            .copied()
            .unwrap_or_else(|| {
                let name = self.fresh();
                self.entered.insert((block, unit), name);
                name
            });
        self.now.extend(reg.units().iter().map(|u| (*u, name)));
        name
    }

    fn leave(&mut self) {
        self.left.push(std::mem::take(&mut self.now));
    }

    fn read(&mut self, block: usize, reg: Reg) -> (ValueId, u8) {
        let mut value = None;
        for unit in reg.units() {
            let here = match self.now.get(unit) {
                Some(value) => *value,
                None => self.enter(
                    block,
                    arch::aie2::Reg::all()
                        .find(|r| r.units() == [*unit])
                        .expect("a unit"),
                ),
            };
            match value {
                None => value = Some(here),
                Some(first) => self.unite(first, here),
            }
        }
        (
            value.expect("a register has units"),
            family(reg.units()[0]).1,
        )
    }

    fn write(&mut self, reg: Reg) -> (ValueId, u8) {
        let value = self.fresh();
        self.now.extend(reg.units().iter().map(|u| (*u, value)));
        (value, family(reg.units()[0]).1)
    }

    fn root(&self, mut value: ValueId) -> ValueId {
        while let Some(next) = self.same.get(&value) {
            value = *next;
        }
        value
    }

    fn unite(&mut self, a: ValueId, b: ValueId) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            self.same.insert(b, a);
        }
    }

    fn inst(&mut self, block: usize, text: &str, id: &impl Fn(&str) -> BlockId) -> MInst {
        let (text, object) = match text.split_once('!') {
            Some((text, object)) => (text.trim(), object.trim().parse().ok()),
            None => (text, None),
        };
        let (text, results) = text.split_once("->").unwrap_or((text, ""));
        let (text, args) = match text.strip_prefix("jl ") {
            Some(rest) => rest
                .trim()
                .split_once(' ')
                .map_or((text, ""), |(to, args)| (&text[..3 + to.len()], args)),
            None => (text, ""),
        };
        let mut label = None;
        let mut plain = text.to_string();
        if let Some(at) = text.find('@') {
            let word = text[at + 1..].trim();
            label = Some(match word.strip_prefix('@') {
                Some(func) => Label::Func(func.to_string()),
                None => match word.strip_suffix(".last") {
                    Some(name) => Label::LastBundle(id(name)),
                    None => Label::Block(id(word)),
                },
            });
            plain = format!("{}#0", &text[..at]);
        }
        let inst = parse_inst(&plain).unwrap_or_else(|e| panic!("{plain}: {e}"));
        let descs = inst.desc().operands;
        let mut operands: Vec<Option<MOperand>> = vec![None; descs.len()];
        for dir in [Dir::In, Dir::Out] {
            for (k, operand) in inst
                .operands()
                .iter()
                .enumerate()
                .filter(|(k, _)| descs[*k].dir == dir)
            {
                operands[k] = Some(match operand {
                    Operand::Reg(reg) => {
                        let named = if dir == Dir::In {
                            self.read(block, *reg)
                        } else {
                            self.write(*reg)
                        };
                        MOperand::Reg {
                            reg: *reg,
                            value: Some(named.0),
                            part: named.1,
                        }
                    }
                    Operand::Imm(value) => match label.take() {
                        Some(label) => MOperand::Label(label),
                        None => MOperand::Imm(*value),
                    },
                });
            }
        }
        let mut implicit = Vec::new();
        for reg in regs(args.split_whitespace()) {
            implicit.push((reg, self.read(block, reg).0, false));
        }
        for reg in regs(results.split_whitespace()) {
            let call = inst.op().is_call();
            let named = if call {
                self.write(reg)
            } else {
                self.read(block, reg)
            };
            implicit.push((reg, named.0, call));
        }
        let access = MemAccess {
            object,
            write: inst.op().is_store(),
        };
        MInst {
            op: inst.op(),
            operands: operands.into_iter().flatten().collect(),
            implicit,
            memory: inst.op().is_memory().then_some(access),
        }
    }

    /// Renames on edges, and one name for united values.
    fn finish(&mut self, func: &mut MFunc) {
        let mut renames: Vec<Vec<Vec<(ValueId, ValueId)>>> = Vec::new();
        // A register that a block passes through has a name in it as well.
        let mut changed = true;
        while changed {
            changed = false;
            renames.clear();
            for b in 0..func.blocks.len() {
                let mut edges = Vec::new();
                for edge in &func.blocks[b].successors {
                    let to = edge.to.0 as usize;
                    let there: Vec<_> = self
                        .entered
                        .range((to, 0)..(to + 1, 0))
                        .map(|(k, v)| (k.1, *v))
                        .collect();
                    let mut list = Vec::new();
                    for (unit, name) in there {
                        let family = family(unit).0;
                        for unit in family.units() {
                            let here = match self.left[b].get(unit) {
                                Some(here) => *here,
                                None => {
                                    changed = true;
                                    let here = self.enter(b, family);
                                    let left = std::mem::take(&mut self.now);
                                    for (unit, value) in left {
                                        self.left[b].entry(unit).or_insert(value);
                                    }
                                    here
                                }
                            };
                            list.push((here, name));
                        }
                    }
                    edges.push(list);
                }
                renames.push(edges);
            }
        }
        for (block, edges) in func.blocks.iter_mut().zip(renames) {
            for (edge, list) in block.successors.iter_mut().zip(edges) {
                let mut list: Vec<_> = list
                    .iter()
                    .map(|(a, b)| (self.root(*a), self.root(*b)))
                    .collect();
                list.sort();
                list.dedup();
                edge.renames = list;
            }
            for inst in &mut block.insts {
                for operand in &mut inst.operands {
                    if let MOperand::Reg {
                        value: Some(value), ..
                    } = operand
                    {
                        *value = self.root(*value);
                    }
                }
                for (_, value, _) in &mut inst.implicit {
                    *value = self.root(*value);
                }
            }
        }
        for (_, value) in &mut func.params {
            *value = self.root(*value);
        }
    }
}
