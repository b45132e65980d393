//! Rules within one function.

mod port;
mod vector;

use std::collections::{BTreeMap, BTreeSet};

use super::{MAX_PTR_PARAMS, MAX_SCALAR_PARAMS, Report, Rule, walks};
use crate::ir::{
    Access, Block, CoreLock, Count, Inst, IntOp, MAX_NESTING, MAX_WALK_STEPS, Op, Value, WalkDims,
};
use crate::print;
use crate::types::{AccLane, DATA_SPACE, Elem, Type};

pub(super) fn check(report: &mut Report<'_>) {
    let func = report.func;
    let mut check = Check {
        defined_somewhere: BTreeSet::new(),
        constants: BTreeMap::new(),
        state: BTreeMap::new(),
        place: 0,
        report,
    };
    check.params();
    check.collect(&func.body);
    walks::check(check.report);
    check.block(&func.body, Ends::Func, 0);
}

/// What a block must end with.
#[derive(Clone, Copy)]
enum Ends<'e> {
    /// With what the function returns.
    Func,
    /// With a yield of values of these types; the instruction is the one that the block belongs to.
    Yield(At<'e>, &'e [Type]),
}

/// Where a definition stands as seen from the instruction being checked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Live,
    /// Its loop body has ended.
    Ended,
}

struct Check<'r, 'a> {
    report: &'r mut Report<'a>,
    defined_somewhere: BTreeSet<Value>,
    constants: BTreeMap<Value, i32>,
    state: BTreeMap<Value, State>,
    /// Position of the next instruction in the order of the text.
    place: usize,
}

/// An instruction with its place.
#[derive(Clone, Copy)]
struct At<'i> {
    inst: &'i Inst,
    place: usize,
}

impl Check<'_, '_> {
    fn name(&self, value: Value) -> String {
        self.report.names.of(value)
    }

    fn error(&mut self, at: At<'_>, rule: Rule) {
        let text = print::line(&self.report.names, at.inst);
        self.report.push(Some(at.place), text, rule);
    }

    /// Type of a value; none where the function has no such value.
    fn ty(&self, value: Value) -> Option<Type> {
        self.report.func.types.get(value.index()).copied()
    }

    fn params(&mut self) {
        let func = self.report.func;
        let (mut pointers, mut scalars) = (0, 0);
        for param in &func.params {
            let value = self.name(param.value);
            if let Some(rule) = self.define(param.value) {
                self.report.head(rule);
            }
            match self.ty(param.value) {
                Some(Type::Ptr) => pointers += 1,
                Some(Type::I32) => scalars += 1,
                Some(ty) => {
                    let value = value.clone();
                    self.report.head(Rule::ParamType { value, ty });
                }
                None => {}
            }
            match self.ty(param.value) {
                Some(ty) if ty != Type::Ptr && param.noalias => {
                    self.report.head(Rule::NoaliasType { value, ty });
                }
                _ => {}
            }
        }
        self.result_types();
        for (class, found, limit) in [
            (Type::Ptr, pointers, MAX_PTR_PARAMS),
            (Type::I32, scalars, MAX_SCALAR_PARAMS),
        ] {
            if found > limit {
                self.report.head(Rule::ParamCount {
                    class,
                    found,
                    limit,
                });
            }
        }
    }

    fn result_types(&mut self) {
        let results = &self.report.func.results;
        let count = |class| results.iter().filter(|ty| **ty == class).count();
        let classes = [
            (Type::Ptr, count(Type::Ptr), MAX_PTR_PARAMS),
            (Type::I32, count(Type::I32), MAX_SCALAR_PARAMS),
        ];
        for ty in results {
            if !matches!(ty, Type::I32 | Type::Ptr) {
                self.report.head(Rule::ResultIsWide { ty: *ty });
            }
        }
        for (class, found, limit) in classes.into_iter().filter(|c| c.1 > c.2) {
            self.report.head(Rule::ReturnedCount {
                class,
                found,
                limit,
            });
        }
    }

    /// Finds every definition and every constant, to tell errors apart and to see constant shifts.
    fn collect(&mut self, block: &Block) {
        for inst in &block.insts {
            self.defined_somewhere.extend(&inst.results);
            match &inst.op {
                Op::Const(constant) => {
                    self.constants
                        .extend(inst.results.iter().map(|v| (*v, *constant)));
                }
                Op::Loop { params, .. } => self.defined_somewhere.extend(params),
                _ => {}
            }
            inst.op.blocks().for_each(|block| self.collect(block));
        }
    }

    /// Takes a definition in.
    fn define(&mut self, value: Value) -> Option<Rule> {
        let name = self.name(value);
        let Some(ty) = self.ty(value) else {
            let count = self.report.func.types.len();
            return Some(Rule::NoSuchValue { value: name, count });
        };
        if self.state.insert(value, State::Live).is_some() {
            return Some(Rule::DefinedTwice { value: name });
        }
        let bits = ty.bits();
        (!ty.is_legal()).then_some(Rule::Width {
            value: name,
            ty,
            bits,
        })
    }

    fn define_at(&mut self, at: At<'_>, value: Value) {
        if let Some(rule) = self.define(value) {
            self.error(at, rule);
        }
    }

    /// Checks a block.
    fn block(&mut self, block: &Block, ends: Ends<'_>, depth: usize) {
        let mut defined = Vec::new();
        for (index, inst) in block.insts.iter().enumerate() {
            let place = self.place;
            self.place += 1;
            let at = At { inst, place };
            let last = index + 1 == block.insts.len();
            let operands_fine = self.operands(at);
            if operands_fine {
                self.op(at);
            }
            match &inst.op {
                Op::Loop {
                    count,
                    params,
                    init,
                    body,
                } => {
                    if *count == Count::Forever && !(last && depth == 0) {
                        self.error(at, Rule::ForeverNotLast);
                    }
                    self.loop_body(at, (*count, params, init), body, depth);
                }
                Op::If {
                    then, otherwise, ..
                } => self.arms(at, then, otherwise, depth),
                Op::Yield(values) => match ends {
                    Ends::Yield(_, types) if last => self.yield_values(at, values, types),
                    _ => self.error(at, Rule::YieldMisplaced),
                },
                Op::Return(values) => match ends {
                    Ends::Func if last => self.return_values(at, values),
                    _ => self.error(at, Rule::ReturnMisplaced),
                },
                _ => {}
            }
            inst.results.iter().for_each(|v| self.define_at(at, *v));
            defined.extend(&inst.results);
            if operands_fine {
                self.results(at);
            }
        }
        match (ends, block.insts.last().map(|i| &i.op)) {
            (Ends::Yield(_, _), Some(Op::Yield(_))) | (Ends::Func, Some(Op::Return(_))) => {}
            (Ends::Yield(at, _), _) => self.error(at, Rule::YieldMissing),
            (Ends::Func, _) if !self.report.func.results.is_empty() => {
                self.report.head(Rule::ReturnMissing);
            }
            (Ends::Func, _) => {}
        }
        self.end(&defined);
    }

    /// The blocks of an `if`.
    fn arms(&mut self, at: At<'_>, then: &Block, otherwise: &Block, depth: usize) {
        if depth >= MAX_NESTING {
            self.error(at, Rule::Nesting { limit: MAX_NESTING });
            self.place += then.inst_count() + otherwise.inst_count();
            return;
        }
        let types: Vec<Type> = then.yields().iter().filter_map(|v| self.ty(*v)).collect();
        for ty in types.iter().filter(|ty| !is_stored(**ty)) {
            self.error(at, Rule::IfWalk { ty: *ty });
        }
        self.block(then, Ends::Yield(at, &types), depth + 1);
        self.block(otherwise, Ends::Yield(at, &types), depth + 1);
    }

    fn return_values(&mut self, at: At<'_>, values: &[Value]) {
        let types = &self.report.func.results;
        let (found, expected) = (values.len(), types.len());
        if found != expected {
            self.error(at, Rule::ReturnCount { found, expected });
            return;
        }
        for (index, (value, expected)) in values.iter().zip(types).enumerate() {
            let expected = *expected;
            if let Some(found) = self.ty(*value).filter(|found| *found != expected) {
                let value = self.name(*value);
                let rule = Rule::ReturnType {
                    value,
                    index,
                    found,
                    expected,
                };
                self.error(at, rule);
            }
        }
    }

    fn end(&mut self, values: &[Value]) {
        for value in values {
            self.state.insert(*value, State::Ended);
        }
    }

    fn loop_body(
        &mut self,
        at: At<'_>,
        (count, params, init): (Count, &[Value], &[Value]),
        body: &Block,
        depth: usize,
    ) {
        if depth >= MAX_NESTING {
            self.error(at, Rule::Nesting { limit: MAX_NESTING });
            self.place += body.inst_count();
            return;
        }
        if params.len() != init.len() {
            let (params, init) = (params.len(), init.len());
            self.error(at, Rule::LoopInit { params, init });
        }
        for (param, init) in params.iter().zip(init) {
            if let (Some(found), Some(expected)) = (self.ty(*param), self.ty(*init))
                && found != expected
            {
                let value = self.name(*param);
                self.error(
                    at,
                    Rule::LoopType {
                        value,
                        found,
                        expected,
                    },
                );
            }
        }
        params.iter().for_each(|v| self.define_at(at, *v));
        let again = (count == Count::While).then_some(Type::I32);
        let carried = params.iter().filter_map(|v| self.ty(*v));
        let types: Vec<Type> = again.into_iter().chain(carried).collect();
        self.block(body, Ends::Yield(at, &types), depth + 1);
        self.end(params);
    }

    fn yield_values(&mut self, at: At<'_>, values: &[Value], types: &[Type]) {
        let (found, expected) = (values.len(), types.len());
        if found != expected {
            self.error(at, Rule::YieldCount { found, expected });
            return;
        }
        for (index, (value, expected)) in values.iter().zip(types).enumerate() {
            let expected = *expected;
            if let Some(found) = self.ty(*value).filter(|found| *found != expected) {
                let value = self.name(*value);
                self.error(
                    at,
                    Rule::YieldType {
                        value,
                        index,
                        found,
                        expected,
                    },
                );
            }
        }
    }

    /// Whether every operand is a value in scope; types mean little where one is not.
    fn operands(&mut self, at: At<'_>) -> bool {
        let mut rules = Vec::new();
        at.inst.op.for_each_operand(|value| {
            let name = self.name(value);
            let rule = match self.state.get(&value) {
                _ if self.ty(value).is_none() => Rule::NoSuchValue {
                    value: name,
                    count: self.report.func.types.len(),
                },
                Some(State::Live) => return,
                Some(State::Ended) => Rule::OutOfScope { value: name },
                None if self.defined_somewhere.contains(&value) => Rule::UsedBefore { value: name },
                None => Rule::Undefined { value: name },
            };
            rules.push(rule);
        });
        let fine = rules.is_empty();
        rules.into_iter().for_each(|rule| self.error(at, rule));
        fine
    }

    /// Number and types of the results.
    fn results(&mut self, at: At<'_>) {
        let types = &self.report.func.types;
        let expected = at.inst.op.result_types(|v| types[v.index()]);
        if at.inst.results.len() != expected.len() {
            let rule = Rule::ResultCount {
                found: at.inst.results.len(),
                expected: expected.len(),
            };
            self.error(at, rule);
            return;
        }
        for (result, expected) in at.inst.results.iter().zip(expected) {
            if let Some(found) = self.ty(*result)
                && found != expected
            {
                let value = self.name(*result);
                self.error(
                    at,
                    Rule::ResultType {
                        value,
                        found,
                        expected,
                    },
                );
            }
        }
    }

    fn operand(&mut self, at: At<'_>, operand: &'static str, value: Value, expected: Type) {
        self.operand_if(at, operand, value, |ty| ty == expected, expected);
    }

    fn operand_if(
        &mut self,
        at: At<'_>,
        operand: &'static str,
        value: Value,
        fits: impl Fn(Type) -> bool,
        expected: impl ToString,
    ) {
        if let Some(found) = self.ty(value)
            && !fits(found)
        {
            let (value, expected) = (self.name(value), expected.to_string());
            let rule = Rule::OperandType {
                operand,
                value,
                found,
                expected,
            };
            self.error(at, rule);
        }
    }

    /// What each operation asks of its operands and constants; results are checked elsewhere.
    fn op(&mut self, at: At<'_>) {
        match &at.inst.op {
            Op::Const(_) | Op::Data(_) | Op::Yield(_) | Op::Return(_) | Op::Call { .. } => {}
            Op::If { cond, .. } => self.operand(at, "condition", *cond, Type::I32),
            Op::Addr(addr) => {
                if !DATA_SPACE.contains(addr) {
                    self.error(at, Rule::AddrRange { addr: *addr });
                }
            }
            Op::Int { op, a, b } => {
                self.operand(at, "operand", *a, Type::I32);
                self.operand(at, "operand", *b, Type::I32);
                if matches!(op, IntOp::Shl | IntOp::Lshr | IntOp::Ashr) {
                    self.shift(at, op.to_string(), *b, 31);
                }
            }
            Op::Unary { a, .. } => self.operand(at, "operand", *a, Type::I32),
            Op::Select { cond, a, b } => {
                self.operand(at, "condition", *cond, Type::I32);
                self.operand(at, "operand", *a, Type::I32);
                self.operand(at, "operand", *b, Type::I32);
            }
            Op::PtrAdd { ptr, offset } => {
                self.operand(at, "pointer", *ptr, Type::Ptr);
                self.offset(at, *offset);
            }
            Op::PtrAddVar { ptr, offset } => {
                self.operand(at, "pointer", *ptr, Type::Ptr);
                self.operand(at, "offset", *offset, Type::I32);
            }
            Op::Walk(dims) => self.walk_dims(at, dims),
            Op::Load { ty, ptr, access } => {
                self.operand(at, "pointer", *ptr, Type::Ptr);
                self.makes(at, "load", *ty, "what memory holds", is_stored);
                self.no_mask(at, *ty);
                self.access(at, *ty, ty.align(), *access);
            }
            Op::LoadNarrow {
                narrow,
                ptr,
                access,
            } => {
                self.operand(at, "pointer", *ptr, Type::Ptr);
                self.access(at, narrow, narrow.width().bytes(), *access);
            }
            Op::Store { value, ptr, access } => {
                self.operand(at, "pointer", *ptr, Type::Ptr);
                self.operand_if(at, "operand", *value, is_stored, "what memory holds");
                if let Some(ty) = self.ty(*value) {
                    self.no_mask(at, ty);
                    self.access(at, ty, ty.align(), *access);
                }
            }
            Op::StoreNarrow {
                width,
                value,
                ptr,
                access,
            } => {
                self.operand(at, "pointer", *ptr, Type::Ptr);
                self.operand(at, "operand", *value, Type::I32);
                self.access(at, format!("store.{width}"), width.bytes(), *access);
            }
            Op::Splat { ty, scalar } => {
                self.operand(at, "scalar", *scalar, Type::I32);
                self.makes(at, "splat", *ty, "vectors", |ty| {
                    matches!(ty, Type::Vec { .. })
                });
            }
            Op::Concat { lo, hi } => self.halves(at, *lo, *hi),
            Op::Half { value, .. } => self.whole(at, *value),
            Op::AccZero(ty) => {
                self.makes(at, "acc.zero", *ty, "accumulators", |ty| {
                    matches!(ty, Type::Acc { .. })
                });
            }
            Op::Mac {
                mode,
                a_signed,
                b_signed,
                acc,
                a,
                b,
                ..
            } => {
                let signed = *a_signed && *b_signed;
                let acc = acc.map(|addend| addend.acc);
                self.product(at, *mode, signed, acc, (*a, *b));
            }
            Op::Vector(op) => self.vector(at, op),
            Op::Table(op) => self.table(at, op),
            Op::Port(op) => self.port(at, op),
            Op::Srs { ty, acc, shift, .. } => {
                self.operand(at, "shift", *shift, Type::I32);
                self.shift(at, "srs".into(), *shift, 63);
                if let Some(acc) = self.ty(*acc)
                    && !is_srs_form(acc, *ty)
                {
                    self.error(at, Rule::SrsForm { acc, ty: *ty });
                }
            }
            Op::Ups {
                ty, value, shift, ..
            } => {
                self.operand(at, "shift", *shift, Type::I32);
                self.shift(at, "ups".into(), *shift, 63);
                // The same pairs as srs, the other way.
                if let Some(from) = self.ty(*value)
                    && !is_srs_form(*ty, from)
                {
                    self.error(at, Rule::UpsForm { ty: from, acc: *ty });
                }
            }
            Op::Loop { count, .. } => match count {
                Count::Const(0) => self.error(at, Rule::LoopCount),
                Count::Value(v) => self.operand(at, "count", *v, Type::I32),
                Count::Const(_) | Count::While | Count::Forever => {}
            },
            Op::Acquire { lock, value } | Op::Release { lock, value } => {
                self.lock(at, *lock, *value);
            }
        }
    }

    fn makes(
        &mut self,
        at: At<'_>,
        op: &'static str,
        found: Type,
        expected: &'static str,
        fits: impl Fn(Type) -> bool,
    ) {
        if !fits(found) {
            self.error(
                at,
                Rule::Makes {
                    op,
                    found,
                    expected,
                },
            );
        }
    }

    fn no_mask(&mut self, at: At<'_>, ty: Type) {
        if matches!(ty, Type::Mask { .. }) {
            self.error(at, Rule::MaskMemory { ty });
        }
    }

    /// What an access of `what`, aligned to `align` bytes, asks beside its pointer.
    fn access(&mut self, at: At<'_>, what: impl ToString, align: u32, access: Access) {
        let bytes = match access {
            Access::Offset(bytes) | Access::Post(bytes) => bytes,
            Access::OffsetVar(v) => return self.operand(at, "offset", v, Type::I32),
            Access::PostVar(v) => return self.operand(at, "step", v, Type::I32),
            Access::Walk(v) => {
                let walk = |ty| matches!(ty, Type::Walk { .. });
                return self.operand_if(at, "walk", v, walk, "walk2 or walk3");
            }
        };
        let what = what.to_string();
        if bytes.rem_euclid(align as i32) != 0 {
            let rule = Rule::Alignment {
                access,
                bytes,
                what,
                align,
            };
            self.error(at, rule);
        }
        self.offset(at, bytes);
    }

    fn walk_dims(&mut self, at: At<'_>, dims: &WalkDims) {
        let all = [Some(dims.inner), dims.middle];
        for dim in all.into_iter().flatten() {
            if !(1..=MAX_WALK_STEPS).contains(&dim.count) {
                let rule = Rule::WalkSteps { found: dim.count };
                self.error(at, rule);
            }
            self.offset(at, dim.step);
        }
        self.offset(at, dims.outer);
    }

    fn offset(&mut self, at: At<'_>, bytes: i32) {
        let limit = DATA_SPACE.end() - DATA_SPACE.start() + 1;
        if bytes.unsigned_abs() >= limit {
            self.error(at, Rule::OffsetRange { bytes, limit });
        }
    }

    fn shift(&mut self, at: At<'_>, op: String, shift: Value, max: i32) {
        if let Some(found) = self.constants.get(&shift).copied()
            && !(0..=max).contains(&found)
        {
            let min = 0;
            self.error(
                at,
                Rule::ShiftRange {
                    op,
                    found,
                    min,
                    max,
                },
            );
        }
    }

    fn lock(&mut self, at: At<'_>, lock: CoreLock, value: u8) {
        if lock.0 > 63 {
            self.error(at, Rule::LockId { found: lock.0 });
        }
        if !(1..=63).contains(&value) {
            self.error(at, Rule::LockValue { found: value });
        }
    }
}

/// Whether memory holds values of a type.
fn is_stored(ty: Type) -> bool {
    !matches!(ty, Type::Walk { .. })
}

/// Pairs between which the core shifts, rounds and saturates; ups goes the other way.
///
/// Source: Xilinx/llvm-aie `llvm/lib/Target/AIE/aie2/AIE2GenInstrInfo.td`, forms of VSRS and VUPS.
fn is_srs_form(acc: Type, vec: Type) -> bool {
    let (Type::Acc { lane, lanes }, Type::Vec { elem, lanes: to }) = (acc, vec) else {
        return false;
    };
    let pair = matches!(
        (lane, elem),
        (AccLane::I32, Elem::I8 | Elem::I16) | (AccLane::I64, Elem::I16 | Elem::I32)
    );
    pair && lanes == to && acc.is_legal() && vec.is_legal()
}
