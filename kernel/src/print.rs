//! Kernel IR to text.
//!
//! Text is always in canonical numbering: values are numbered in the order in which the text
//! defines them (parameters, then for each instruction its results, then, for a loop, its carried
//! values and its body). [`Func::canonical`] brings a function itself to that numbering, which is
//! the one that the reader makes.

pub(super) mod data;
mod vector;

use std::fmt::{self, Write};

use super::ir::{Access, Block, Count, Dim, Func, Inst, Module, Op, Param, PortOp, TableOp, Value};
use super::types::Type;

/// How the values of a function are spelled.
#[derive(Debug)]
pub(super) struct Names {
    /// Indexed by [`Value`].
    names: Vec<String>,
}

impl Names {
    /// Canonical numbers; a value that nothing defines gets a number after all others.
    pub(super) fn canonical(func: &Func) -> Self {
        let order = definition_order(func);
        let mut names = vec![String::new(); func.types.len()];
        for (number, value) in order.iter().enumerate() {
            if let Some(name) = names.get_mut(value.index()) {
                *name = number.to_string();
            }
        }
        let undefined = names.iter_mut().filter(|name| name.is_empty());
        for (name, number) in undefined.zip(order.len()..) {
            *name = number.to_string();
        }
        Names { names }
    }

    /// The names of a text, without their `%`.
    pub(super) fn given(names: Vec<String>) -> Self {
        Names { names }
    }

    /// Spelling of a value, `%` included; one beyond the function's values keeps its raw number.
    pub(super) fn of(&self, value: Value) -> String {
        match self.names.get(value.index()) {
            Some(name) => format!("%{name}"),
            None => value.to_string(),
        }
    }

    fn list(&self, values: &[Value]) -> String {
        let values: Vec<String> = values.iter().map(|v| self.of(*v)).collect();
        values.join(", ")
    }
}

/// Every definition of the function, in the order of the text.
fn definition_order(func: &Func) -> Vec<Value> {
    fn block(order: &mut Vec<Value>, body: &Block) {
        for inst in &body.insts {
            order.extend(&inst.results);
            if let Op::Loop { params, .. } = &inst.op {
                order.extend(params);
            }
            for inner in inst.op.blocks() {
                block(order, inner);
            }
        }
    }
    let mut order: Vec<Value> = func.params.iter().map(|p| p.value).collect();
    block(&mut order, &func.body);
    order
}

impl Func {
    /// The same function in canonical numbering, without the types of values that nothing defines.
    ///
    /// Meant for functions that verify: in others, uses without a definition keep their number.
    pub fn canonical(&self) -> Func {
        let order = definition_order(self);
        let mut map: Vec<Value> = (0..self.types.len() as u32).map(Value).collect();
        let mut types = Vec::with_capacity(order.len());
        for (number, value) in order.iter().enumerate() {
            if let Some(slot) = map.get_mut(value.index()) {
                *slot = Value(number as u32);
                types.push(self.types[value.index()]);
            }
        }
        let map = |v: Value| map.get(v.index()).copied().unwrap_or(v);
        Func {
            name: self.name.clone(),
            params: self
                .params
                .iter()
                .map(|p| Param {
                    value: map(p.value),
                    ..*p
                })
                .collect(),
            results: self.results.clone(),
            body: renumber(&self.body, &map),
            types,
        }
    }
}

fn renumber(block: &Block, map: &impl Fn(Value) -> Value) -> Block {
    let insts = block.insts.iter().map(|inst| {
        let mut op = inst.op.clone();
        op.for_each_operand_mut(|v| *v = map(*v));
        if let Op::Loop { params, .. } = &mut op {
            params.iter_mut().for_each(|v| *v = map(*v));
        }
        for block in op.blocks_mut() {
            *block = renumber(block, map);
        }
        let results = inst.results.iter().map(|v| map(*v)).collect();
        Inst { results, op }
    });
    Block {
        insts: insts.collect(),
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for data in &self.data {
            writeln!(f, "{}", data::text(data))?;
        }
        for (i, func) in self.funcs.iter().enumerate() {
            if i > 0 || !self.data.is_empty() {
                f.write_char('\n')?;
            }
            func.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Func {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Names::canonical(self);
        writeln!(f, "{} {{", head(self, &names))?;
        write_block(f, &names, &self.body, 1)?;
        writeln!(f, "}}")
    }
}

/// The first line of a function, without its brace.
pub(super) fn head(func: &Func, names: &Names) -> String {
    let params = func.params.iter().map(|p| {
        let ty = match func.types.get(p.value.index()) {
            Some(ty) => ty.to_string(),
            None => "?".into(),
        };
        let noalias = if p.noalias { " noalias" } else { "" };
        format!("{}: {ty}{noalias}", names.of(p.value))
    });
    let params: Vec<String> = params.collect();
    let results = type_list(&func.results);
    format!("kernel @{}({}){results}", func.name, params.join(", "))
}

/// What a function or a call returns: nothing, or `: i32, ptr`.
fn type_list(types: &[Type]) -> String {
    let types: Vec<String> = types.iter().map(ToString::to_string).collect();
    match types.is_empty() {
        true => String::new(),
        false => format!(": {}", types.join(", ")),
    }
}

fn write_block(
    f: &mut fmt::Formatter<'_>,
    names: &Names,
    block: &Block,
    depth: usize,
) -> fmt::Result {
    for inst in &block.insts {
        write!(f, "{:width$}{}", "", line(names, inst), width = 2 * depth)?;
        let mut open = false;
        for block in inst.op.blocks() {
            if open && block.is_idle() {
                continue;
            }
            match open {
                false => writeln!(f, " {{")?,
                true => writeln!(f, "{:width$}}} else {{", "", width = 2 * depth)?,
            }
            write_block(f, names, block, depth + 1)?;
            open = true;
        }
        match open {
            true => writeln!(f, "{:width$}}}", "", width = 2 * depth)?,
            false => writeln!(f)?,
        }
    }
    Ok(())
}

/// An instruction of a function as the text form has it; of one with blocks, the line before the first
/// brace.
pub fn inst(func: &Func, inst: &Inst) -> String {
    line(&Names::canonical(func), inst)
}

/// One instruction without its indentation; of one with blocks, the line before the first brace.
pub(super) fn line(names: &Names, inst: &Inst) -> String {
    let mut line = String::new();
    if !inst.results.is_empty() {
        line = format!("{} = ", names.list(&inst.results));
    }
    line + &operation(names, &inst.op)
}

fn operation(names: &Names, op: &Op) -> String {
    let n = |v: &Value| names.of(*v);
    match op {
        Op::Const(value) => format!("const {value}"),
        Op::Addr(addr) => format!("addr {addr:#x}"),
        Op::Data(name) => format!("addr @{name}"),
        Op::Int { op, a, b } => format!("{op} {}, {}", n(a), n(b)),
        Op::Unary { op, a } => format!("{op} {}", n(a)),
        Op::Select { cond, a, b } => format!("select {}, {}, {}", n(cond), n(a), n(b)),
        Op::PtrAdd { ptr, offset } => format!("ptr.add {}, {offset}", n(ptr)),
        Op::PtrAddVar { ptr, offset } => format!("ptr.add {}, {}", n(ptr), n(offset)),
        Op::Walk(dims) => {
            let dim = |dim: Dim| format!("{}, {}", dim.count, dim.step);
            let middle = dims.middle.map(|m| format!(", {}", dim(m)));
            let (inner, middle) = (dim(dims.inner), middle.unwrap_or_default());
            format!("walk.{}d {inner}{middle}, {}", dims.dims(), dims.outer)
        }
        Op::Load { ty, ptr, access } => {
            let (suffix, at) = (access.suffix(), access_text(names, *access));
            format!("load{suffix} {ty} {}, {at}", n(ptr))
        }
        Op::LoadNarrow {
            narrow,
            ptr,
            access,
        } => {
            let (suffix, at) = (access.suffix(), access_text(names, *access));
            format!("load.{narrow}{suffix} {}, {at}", n(ptr))
        }
        Op::Store { value, ptr, access } => {
            let (suffix, at) = (access.suffix(), access_text(names, *access));
            format!("store{suffix} {}, {}, {at}", n(value), n(ptr))
        }
        Op::StoreNarrow {
            width,
            value,
            ptr,
            access,
        } => {
            let (suffix, at) = (access.suffix(), access_text(names, *access));
            format!("store.{width}{suffix} {}, {}, {at}", n(value), n(ptr))
        }
        Op::Splat { ty, scalar } => format!("splat {ty} {}", n(scalar)),
        Op::Concat { lo, hi } => format!("concat {}, {}", n(lo), n(hi)),
        Op::Half { value, high } => {
            format!("half.{} {}", if *high { "hi" } else { "lo" }, n(value))
        }
        Op::AccZero(ty) => format!("acc.zero {ty}"),
        Op::Mac { .. } => vector::product(names, op),
        Op::Vector(op) => vector::text(names, op),
        Op::Table(TableOp::Bases { ab, cd }) => format!("bases @{ab}, @{cd}"),
        Op::Table(TableOp::Lookup { ty, at }) => format!("lookup {ty} {}", n(at)),
        Op::Port(PortOp::CascadePut { value }) => format!("cascade.put {}", n(value)),
        Op::Port(PortOp::CascadeGet { ty }) => format!("cascade.get {ty}"),
        Op::Port(PortOp::StreamPut { value, last }) => {
            format!(
                "stream.put {}{}",
                n(value),
                if *last { ", last" } else { "" }
            )
        }
        Op::Port(PortOp::StreamGet) => "stream.get".into(),
        Op::Srs {
            ty,
            acc,
            shift,
            mode,
        } => {
            let range = vector::range_name(mode.range);
            let sign = if mode.signed { "" } else { ", unsigned" };
            let rounding = vector::rounding_name(mode.rounding);
            format!(
                "srs {ty} {}, {}, {rounding}, {range}{sign}",
                n(acc),
                n(shift)
            )
        }
        Op::Ups {
            ty,
            value,
            shift,
            signed,
        } => {
            let sign = if *signed { "" } else { ", unsigned" };
            format!("ups {ty} {}, {}{sign}", n(value), n(shift))
        }
        Op::Loop {
            count,
            params,
            init,
            ..
        } => {
            let count = match count {
                Count::Const(n) => n.to_string(),
                Count::Value(v) => n(v),
                Count::While => "while".into(),
                Count::Forever => "forever".into(),
            };
            let carried = params.iter().zip(init);
            let carried: Vec<String> = carried
                .map(|(param, init)| format!("{} = {}", n(param), n(init)))
                .collect();
            match carried.is_empty() {
                true => format!("loop {count}"),
                false => format!("loop {count} ({})", carried.join(", ")),
            }
        }
        Op::Yield(values) if values.is_empty() => "yield".into(),
        Op::Yield(values) => format!("yield {}", names.list(values)),
        Op::If { cond, .. } => format!("if {}", n(cond)),
        Op::Call {
            func,
            args,
            results,
        } => format!("call @{func}({}){}", names.list(args), type_list(results)),
        Op::Return(values) => format!("return {}", names.list(values)),
        Op::Acquire { lock, value } => format!("acquire {}, {value}", lock.0),
        Op::Release { lock, value } => format!("release {}, {value}", lock.0),
    }
}

fn access_text(names: &Names, access: Access) -> String {
    match access {
        Access::Offset(bytes) | Access::Post(bytes) => bytes.to_string(),
        Access::OffsetVar(v) | Access::PostVar(v) | Access::Walk(v) => names.of(v),
    }
}

#[cfg(test)]
mod tests {
    use crate::builder::FuncBuilder;
    use crate::ir::{Count, Module};
    use crate::read::{load, read};
    use crate::types::{Elem, Type};

    const COPY: &str = "\
kernel @passthrough(%0: ptr noalias, %1: ptr noalias) {
  %2, %3 = loop 64 (%4 = %0, %5 = %1) {
    %6, %7 = load.post i8x32 %4, 32
    %8 = store.post %6, %5, 32
    yield %7, %8
  }
}
";

    #[test]
    fn builder_and_reader_meet_in_canonical_numbering() {
        let mut b = FuncBuilder::new("passthrough");
        let (src, dst) = (b.ptr_param(), b.ptr_param());
        b.loop_(Count::Const(64), &[src, dst], |b, p| {
            let (v, src) = b.load_post(Type::vec(Elem::I8, 32), p[0], 32);
            let dst = b.store_post(v, p[1], 32);
            vec![src, dst]
        });
        let func = b.finish();
        assert_eq!(func.to_string(), COPY);
        let module = Module::from(vec![func.canonical()]);
        assert_ne!(module.funcs[0], func);
        assert_eq!(read(COPY).map(|(module, _)| module), Ok(module));
        assert_eq!(load(COPY).map(|m| m.to_string()), Ok(COPY.to_string()));
    }
}
