//! Tokens to functions.

mod vector;

use std::collections::BTreeMap;

use super::lex::{Kind, Lexer, Token};
use super::{FuncSource, ReadError, ReadErrorKind, Source};
use crate::ir::{
    Access, Block, CoreLock, Count, Dim, Func, Inst, IntOp, MAX_NESTING, Module, Narrow, Op, Param,
    PortOp, SrsMode, TableOp, UnaryOp, Value, WalkDims, Width,
};
use crate::nearest;
use crate::types::{AccLane, Elem, Type};
use crate::verify::Pos;

pub(super) type Result<T> = std::result::Result<T, ReadError>;

/// Operations that have no table of their own, as spelled.
const OPS: &[&str] = &[
    "const",
    "addr",
    "select",
    "ptr.add",
    "walk.2d",
    "walk.3d",
    "load",
    "load.post",
    "load.walk",
    "load.s8",
    "load.s8.post",
    "load.s8.walk",
    "load.u8",
    "load.u8.post",
    "load.u8.walk",
    "load.s16",
    "load.s16.post",
    "load.s16.walk",
    "load.u16",
    "load.u16.post",
    "load.u16.walk",
    "store",
    "store.post",
    "store.walk",
    "store.8",
    "store.8.post",
    "store.8.walk",
    "store.16",
    "store.16.post",
    "store.16.walk",
    "splat",
    "concat",
    "half.lo",
    "half.hi",
    "acc.zero",
    "srs",
    "ups",
    "bases",
    "lookup",
    "cascade.put",
    "cascade.get",
    "stream.put",
    "stream.get",
    "if",
    "return",
    "loop",
    "yield",
    "call",
];
/// Operations on locks.
const LOCK_OPS: [&str; 2] = ["acquire", "release"];

/// Every operation, as spelled.
pub(super) fn operations() -> Vec<String> {
    let int_ops = IntOp::ALL.map(|(_, name)| name);
    let unary_ops = UnaryOp::ALL.map(|(_, name)| name);
    let names = [OPS, &LOCK_OPS, &int_ops, &unary_ops].concat();
    let names = names.into_iter().map(str::to_owned);
    names.chain(vector::names()).collect()
}

/// Reads one text.
pub(super) struct Reader<'t> {
    lexer: Lexer<'t>,
    /// The token not yet taken.
    pub(super) next: Token<'t>,
    /// The function being read.
    func: State,
}

/// What is known of the function being read.
#[derive(Default)]
struct State {
    types: Vec<Type>,
    names: Vec<String>,
    by_name: BTreeMap<String, Value>,
    insts: Vec<Pos>,
}

impl State {
    /// Makes a value that no use sees yet.
    fn value(&mut self, name: &str, ty: Type) -> Value {
        self.types.push(ty);
        self.names.push(name.into());
        Value(self.types.len() as u32 - 1)
    }

    fn ty(&self, value: Value) -> Type {
        self.types[value.index()]
    }
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Result<Self> {
        let mut lexer = Lexer::new(text);
        Ok(Reader {
            next: lexer.next()?,
            lexer,
            func: State::default(),
        })
    }

    pub(super) fn module(mut self) -> Result<(Module, Source)> {
        let (mut module, mut source) = (Module::default(), Source::default());
        while self.next.kind != Kind::End {
            if self.is_data() {
                let (data, at) = self.data()?;
                module.data.push(data);
                source.data.push(at);
                continue;
            }
            let (func, place) = self.func()?;
            module.funcs.push(func);
            source.funcs.push(place);
        }
        Ok((module, source))
    }

    fn func(&mut self) -> Result<(Func, FuncSource)> {
        self.func = State::default();
        self.word("`kernel` or `const`", &["kernel", "const"])?;
        let name = self.expect(Kind::Func, "a function name such as `@f`")?;
        let (head, name) = (name.pos, name.text.to_string());
        self.punct("(")?;
        let mut params = Vec::new();
        while !self.at(")") {
            if !params.is_empty() {
                self.punct(",")?;
            }
            params.push(self.param()?);
        }
        self.punct(")")?;
        let results = self.result_types()?;
        let body = self.block(0)?;
        let state = std::mem::take(&mut self.func);
        let func = Func {
            name,
            params,
            results,
            body,
            types: state.types,
        };
        let source = FuncSource {
            head,
            insts: state.insts,
            names: state.names,
        };
        Ok((func, source))
    }

    fn param(&mut self) -> Result<Param> {
        let name = self.expect(Kind::Value, "a parameter such as `%p: ptr` or `)`")?;
        self.punct(":")?;
        let ty = self.ty()?;
        let noalias = self.next.kind == Kind::Word;
        if noalias {
            self.word("`,`, `)` or `noalias`", &["noalias"])?;
        }
        let value = self.func.value(name.text, ty);
        self.define(name, value)?;
        Ok(Param { value, noalias })
    }

    fn block(&mut self, depth: usize) -> Result<Block> {
        self.punct("{")?;
        let mut insts = Vec::new();
        while !self.at("}") {
            insts.push(self.inst(depth)?);
        }
        self.punct("}")?;
        Ok(Block { insts })
    }

    fn inst(&mut self, depth: usize) -> Result<Inst> {
        let start = self.next.pos;
        self.func.insts.push(start);
        let mut names = Vec::new();
        if self.next.kind == Kind::Value {
            names.push(self.take()?);
            while self.at(",") {
                self.take()?;
                names.push(self.expect(Kind::Value, "a value such as `%v`")?);
            }
            self.punct("=")?;
        }
        let expected = match names.is_empty() {
            true => "an operation, `%value =` or `}`",
            false => "an operation",
        };
        let ops = operations();
        let ops: Vec<&str> = ops.iter().map(String::as_str).collect();
        let op_name = self.word(expected, &ops)?.text;
        // A loop's results are numbered before what it carries; their types are known afterwards.
        let results: Vec<Value> = names
            .iter()
            .map(|name| self.func.value(name.text, Type::I32))
            .collect();
        let op = self.op(op_name, depth)?;
        let types = op.result_types(|v| self.func.ty(v));
        if types.len() != results.len() {
            return Err(ReadError::at(start).kind(ReadErrorKind::ResultCount {
                op: op_name.into(),
                found: results.len(),
                expected: types.len(),
            }));
        }
        for ((name, result), ty) in names.into_iter().zip(&results).zip(types) {
            self.func.types[result.index()] = ty;
            self.define(name, *result)?;
        }
        Ok(Inst { results, op })
    }

    fn op(&mut self, name: &str, depth: usize) -> Result<Op> {
        if let Some(op) = self.memory(name)? {
            return Ok(op);
        }
        if let Some((op, _)) = IntOp::ALL.into_iter().find(|(_, n)| *n == name) {
            let (a, b) = self.pair()?;
            return Ok(Op::Int { op, a, b });
        }
        if let Some((op, _)) = UnaryOp::ALL.into_iter().find(|(_, n)| *n == name) {
            let a = self.operand()?;
            return Ok(Op::Unary { op, a });
        }
        if let Some(op) = self.vector(name)? {
            return Ok(op);
        }
        Ok(match name {
            "const" => {
                let (min, max) = (i32::MIN.into(), i32::MAX.into());
                Op::Const(self.int("constant", min, max)? as i32)
            }
            "select" => {
                let cond = self.operand()?;
                self.punct(",")?;
                let (a, b) = self.pair()?;
                Op::Select { cond, a, b }
            }
            "addr" if self.next.kind == Kind::Func => Op::Data(self.take()?.text.into()),
            "addr" => Op::Addr(self.int("address", 0, u32::MAX.into())? as u32),
            "ptr.add" => {
                let ptr = self.operand()?;
                self.punct(",")?;
                match self.next.kind {
                    Kind::Value => {
                        let offset = self.operand()?;
                        Op::PtrAddVar { ptr, offset }
                    }
                    _ => {
                        let offset = self.bytes("an offset: an integer or a value")?;
                        Op::PtrAdd { ptr, offset }
                    }
                }
            }
            "walk.2d" | "walk.3d" => self.walk(name)?,
            "splat" => {
                let ty = self.ty()?;
                let scalar = self.operand()?;
                Op::Splat { ty, scalar }
            }
            "concat" => {
                let (lo, hi) = self.pair()?;
                Op::Concat { lo, hi }
            }
            "half.lo" | "half.hi" => Op::Half {
                value: self.operand()?,
                high: name == "half.hi",
            },
            "acc.zero" => Op::AccZero(self.ty()?),
            "srs" => self.srs()?,
            "ups" => {
                let ty = self.ty()?;
                let (value, shift) = self.pair()?;
                let signed = self.signed()?;
                Op::Ups {
                    ty,
                    value,
                    shift,
                    signed,
                }
            }
            "bases" => {
                let ab = self.data_name()?;
                self.punct(",")?;
                let cd = self.data_name()?;
                Op::Table(TableOp::Bases { ab, cd })
            }
            "lookup" => {
                let (ty, at) = (self.ty()?, self.operand()?);
                Op::Table(TableOp::Lookup { ty, at })
            }
            "cascade.put" => {
                let value = self.operand()?;
                Op::Port(PortOp::CascadePut { value })
            }
            "cascade.get" => Op::Port(PortOp::CascadeGet { ty: self.ty()? }),
            "stream.put" => {
                let value = self.operand()?;
                let last = self.at(",");
                if last {
                    self.take()?;
                    self.word("`last`", &["last"])?;
                }
                Op::Port(PortOp::StreamPut { value, last })
            }
            "stream.get" => Op::Port(PortOp::StreamGet),
            "loop" => self.loop_(depth)?,
            "yield" => Op::Yield(self.values()?),
            "call" => {
                let func = self.expect(Kind::Func, "a function name such as `@f`")?;
                let func = func.text.to_string();
                self.punct("(")?;
                let mut args = Vec::new();
                while !self.at(")") {
                    if !args.is_empty() {
                        self.punct(",")?;
                    }
                    args.push(self.operand()?);
                }
                self.punct(")")?;
                let results = self.result_types()?;
                Op::Call {
                    func,
                    args,
                    results,
                }
            }
            "if" => self.if_(depth)?,
            "return" => Op::Return(self.values()?),
            // The last of the names: "acquire" and "release".
            _ => {
                let lock = CoreLock(self.int("lock", 0, u8::MAX.into())? as u8);
                self.punct(",")?;
                let value = self.int("lock value", 0, u8::MAX.into())? as u8;
                match name {
                    "acquire" => Op::Acquire { lock, value },
                    _ => Op::Release { lock, value },
                }
            }
        })
    }

    /// The name of constant data.
    fn data_name(&mut self) -> Result<String> {
        let name = self.expect(Kind::Func, "a name such as `@table`")?;
        Ok(name.text.into())
    }

    fn srs(&mut self) -> Result<Op> {
        let ty = self.ty()?;
        let (acc, shift) = self.pair()?;
        self.punct(",")?;
        let rounding = self.rounding()?;
        self.punct(",")?;
        let range = self.range()?;
        let signed = self.signed()?;
        let mode = SrsMode {
            rounding,
            range,
            signed,
        };
        Ok(Op::Srs {
            ty,
            acc,
            shift,
            mode,
        })
    }

    fn loop_(&mut self, depth: usize) -> Result<Op> {
        self.nests(depth)?;
        let count = match self.next.kind {
            Kind::Int => Count::Const(self.int("loop count", 0, u32::MAX.into())? as u32),
            Kind::Value => Count::Value(self.operand()?),
            _ => {
                let words = ["while", "forever"];
                let expected = "a loop count: an integer, a value, `while` or `forever`";
                match self.word(expected, &words)?.text {
                    "while" => Count::While,
                    _ => Count::Forever,
                }
            }
        };
        let (mut names, mut init) = (Vec::new(), Vec::new());
        if self.at("(") {
            self.take()?;
            while !self.at(")") {
                if !names.is_empty() {
                    self.punct(",")?;
                }
                names.push(self.expect(Kind::Value, "a carried value such as `%p = %src`")?);
                self.punct("=")?;
                init.push(self.operand()?);
            }
            self.punct(")")?;
        }
        let mut params = Vec::new();
        for (name, init) in names.into_iter().zip(&init) {
            let value = self.func.value(name.text, self.func.ty(*init));
            self.define(name, value)?;
            params.push(value);
        }
        let body = self.block(depth + 1)?;
        Ok(Op::Loop {
            count,
            params,
            init,
            body,
        })
    }

    /// What a function or a call returns: nothing, or `: i32, ptr`.
    fn result_types(&mut self) -> Result<Vec<Type>> {
        let mut types = Vec::new();
        if self.at(":") {
            self.take()?;
            types.push(self.ty()?);
            while self.at(",") {
                self.take()?;
                types.push(self.ty()?);
            }
        }
        Ok(types)
    }

    /// Values up to the end of the line, as many as there are.
    fn values(&mut self) -> Result<Vec<Value>> {
        let mut values = Vec::new();
        if self.next.kind == Kind::Value && !self.next.first {
            values.push(self.operand()?);
            while self.at(",") {
                self.take()?;
                values.push(self.operand()?);
            }
        }
        Ok(values)
    }

    fn if_(&mut self, depth: usize) -> Result<Op> {
        self.nests(depth)?;
        let cond = self.operand()?;
        let then = self.block(depth + 1)?;
        let otherwise = match self.next.kind == Kind::Word && self.next.text == "else" {
            true => {
                self.take()?;
                self.block(depth + 1)?
            }
            false => {
                // A block of one instruction that the text leaves out.
                self.func.insts.push(self.next.pos);
                let (results, op) = (vec![], Op::Yield(vec![]));
                Block {
                    insts: vec![Inst { results, op }],
                }
            }
        };
        Ok(Op::If {
            cond,
            then,
            otherwise,
        })
    }

    fn nests(&self, depth: usize) -> Result<()> {
        match depth >= MAX_NESTING {
            true => {
                let limit = MAX_NESTING;
                Err(ReadError::at(self.next.pos).kind(ReadErrorKind::Nesting { limit }))
            }
            false => Ok(()),
        }
    }

    /// `, unsigned`, or nothing for signed.
    fn signed(&mut self) -> Result<bool> {
        if !self.at(",") {
            return Ok(true);
        }
        self.take()?;
        self.word("`unsigned`", &["unsigned"])?;
        Ok(false)
    }

    /// A load or store.
    fn memory(&mut self, name: &str) -> Result<Option<Op>> {
        let mut parts = name.split('.').peekable();
        let op = parts.next();
        let word = parts.next_if(|part| !matches!(*part, "post" | "walk"));
        let suffix = parts.next().unwrap_or("");
        let narrow = Narrow::ALL.into_iter().find(|(_, n)| Some(*n) == word);
        let width = Width::ALL.into_iter().find(|(_, n)| Some(*n) == word);
        Ok(Some(match (op, word, narrow, width) {
            (Some("load"), None, ..) => {
                let ty = self.ty()?;
                let ptr = self.operand()?;
                let access = self.access(suffix)?;
                Op::Load { ty, ptr, access }
            }
            (Some("load"), _, Some((narrow, _)), _) => {
                let ptr = self.operand()?;
                let access = self.access(suffix)?;
                Op::LoadNarrow {
                    narrow,
                    ptr,
                    access,
                }
            }
            (Some("store"), None, ..) => {
                let (value, ptr) = self.pair()?;
                let access = self.access(suffix)?;
                Op::Store { value, ptr, access }
            }
            (Some("store"), _, _, Some((width, _))) => {
                let (value, ptr) = self.pair()?;
                let access = self.access(suffix)?;
                Op::StoreNarrow {
                    width,
                    value,
                    ptr,
                    access,
                }
            }
            _ => return Ok(None),
        }))
    }

    fn access(&mut self, suffix: &str) -> Result<Access> {
        self.punct(",")?;
        let value = self.next.kind == Kind::Value;
        Ok(match suffix {
            "walk" => Access::Walk(self.operand()?),
            "post" if value => Access::PostVar(self.operand()?),
            "post" => Access::Post(self.bytes("a step: bytes or a value")?),
            _ if value => Access::OffsetVar(self.operand()?),
            _ => Access::Offset(self.bytes("an offset: bytes or a value")?),
        })
    }

    fn walk(&mut self, name: &str) -> Result<Op> {
        let inner = self.dim()?;
        let middle = match name {
            "walk.3d" => Some(self.dim()?),
            _ => None,
        };
        let outer = self.bytes("a step in bytes")?;
        Ok(Op::Walk(WalkDims {
            inner,
            middle,
            outer,
        }))
    }

    fn dim(&mut self) -> Result<Dim> {
        let count = self.int("count", 0, u32::MAX.into())? as u32;
        self.punct(",")?;
        let step = self.bytes("a step in bytes")?;
        self.punct(",")?;
        Ok(Dim { count, step })
    }

    fn bytes(&mut self, expected: &str) -> Result<i32> {
        match self.next.kind {
            Kind::Int => {
                let (min, max) = (i32::MIN.into(), i32::MAX.into());
                Ok(self.int("offset", min, max)? as i32)
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    fn pair(&mut self) -> Result<(Value, Value)> {
        let a = self.operand()?;
        self.punct(",")?;
        Ok((a, self.operand()?))
    }

    fn operand(&mut self) -> Result<Value> {
        let name = self.expect(Kind::Value, "a value such as `%v`")?;
        self.func.by_name.get(name.text).copied().ok_or_else(|| {
            let known = self.func.by_name.keys().map(String::as_str);
            ReadError::at(name.pos).kind(ReadErrorKind::UnknownValue {
                name: name.text.into(),
                nearest: nearest(name.text, known).map(|n| format!("%{n}")),
            })
        })
    }

    fn define(&mut self, name: Token<'t>, value: Value) -> Result<()> {
        let text = name.text.to_string();
        match self.func.by_name.insert(text.clone(), value) {
            None => Ok(()),
            Some(_) => Err(ReadError::at(name.pos).kind(ReadErrorKind::Redefined { name: text })),
        }
    }

    fn ty(&mut self) -> Result<Type> {
        let token = self.next;
        match token.text.parse() {
            Ok(ty) if token.kind == Kind::Word => {
                self.take()?;
                Ok(ty)
            }
            _ => {
                let known = legal_types();
                Err(self.unknown("a type such as `i8x32`", known.iter().map(String::as_str)))
            }
        }
    }

    pub(super) fn int(&mut self, what: &'static str, min: i64, max: i64) -> Result<i64> {
        let token = self.expect(Kind::Int, what)?;
        let (negative, digits) = match token.text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, token.text),
        };
        let (radix, digits) = match digits.strip_prefix("0x") {
            Some(digits) => (16, digits),
            None => (10, digits),
        };
        if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
            return Err(ReadError::at(token.pos).unexpected(token.found(), "an integer"));
        }
        // Digits that overflow i64 are out of any range.
        let value = i64::from_str_radix(digits, radix).ok();
        let value = value.map(|v| if negative { -v } else { v });
        value.filter(|v| (min..=max).contains(v)).ok_or_else(|| {
            let text = token.text.to_string();
            ReadError::at(token.pos).kind(ReadErrorKind::IntRange {
                what,
                text,
                min,
                max,
            })
        })
    }

    pub(super) fn take(&mut self) -> Result<Token<'t>> {
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    pub(super) fn at(&self, punct: &str) -> bool {
        self.next.kind == Kind::Punct && self.next.text == punct
    }

    pub(super) fn punct(&mut self, punct: &str) -> Result<()> {
        match self.at(punct) {
            true => self.take().map(|_| ()),
            false => Err(self.unexpected(format!("`{punct}`"))),
        }
    }

    /// One of `words`.
    pub(super) fn word(&mut self, expected: &str, words: &[&str]) -> Result<Token<'t>> {
        match self.next.kind {
            Kind::Word if words.contains(&self.next.text) => self.take(),
            Kind::Word => Err(self.unknown(expected, words.iter().copied())),
            _ => Err(self.unexpected(expected)),
        }
    }

    pub(super) fn expect(&mut self, kind: Kind, expected: &str) -> Result<Token<'t>> {
        match self.next.kind == kind {
            true => self.take(),
            false => Err(self.unexpected(expected)),
        }
    }

    pub(super) fn unexpected(&self, expected: impl Into<String>) -> ReadError {
        ReadError::at(self.next.pos).unexpected(self.next.found(), expected)
    }

    fn unknown<'a>(&self, expected: &str, known: impl Iterator<Item = &'a str>) -> ReadError {
        ReadError::at(self.next.pos).kind(ReadErrorKind::Unexpected {
            found: self.next.found(),
            expected: expected.into(),
            nearest: nearest(self.next.text, known),
        })
    }
}

/// Spelling of every type that a register holds.
fn legal_types() -> Vec<String> {
    let vectors = Elem::ALL
        .into_iter()
        .flat_map(|(elem, _)| [256, 512].map(|bits| Type::vec(elem, (bits / elem.bits()) as u16)));
    let accs = AccLane::ALL
        .into_iter()
        .flat_map(|(lane, _)| [512, 1024].map(|bits| Type::acc(lane, (bits / lane.bits()) as u16)));
    let masks = [16, 32, 64].map(|lanes| Type::Mask { lanes });
    let scalars = [Type::I32, Type::Ptr];
    let types = scalars.into_iter().chain(vectors).chain(accs).chain(masks);
    types.map(|ty| ty.to_string()).collect()
}
