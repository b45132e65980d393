//! Random kernel IR that verifies and stays within its memory.

mod vector;

use npuc::kernel::builder::FuncBuilder;
use npuc::kernel::ir::{
    Access, Addend, CoreLock, Count, Data, Func, IntOp, LaneOp, MacMode, Module, Narrow, Op,
    SrsMode, TableOp, UnaryOp, Value, Width,
};
use npuc::kernel::types::{AccLane, Elem, ROUNDINGS, SATURATIONS, Type};

/// Bytes of each of the two buffers that a program works on.
pub(super) const BUFFER: i32 = 4096;
/// Bytes by which a loop moves a pointer in a pass.
const STRIDE: i32 = 64;
/// Passes that loops make at most: as many as a pipeline fills and empties with, and more; as masks.
const PASSES: [i32; 3] = [3, 15, 31];
/// Pointers in scope, so that the eight registers of the core suffice.
const POINTERS: usize = 3;
/// Operations of a block.
const OPS: usize = 9;

const VECTORS: [Type; 8] = [
    Type::vec(Elem::I8, 32),
    Type::vec(Elem::I8, 64),
    Type::vec(Elem::I16, 16),
    Type::vec(Elem::I16, 32),
    Type::vec(Elem::I32, 8),
    Type::vec(Elem::I32, 16),
    Type::vec(Elem::Bf16, 16),
    Type::vec(Elem::Bf16, 32),
];
const ACCS: [Type; 6] = [
    Type::acc(AccLane::I32, 16),
    Type::acc(AccLane::I32, 32),
    Type::acc(AccLane::I64, 8),
    Type::acc(AccLane::I64, 16),
    Type::acc(AccLane::F32, 16),
    Type::acc(AccLane::F32, 32),
];
const HALF_ACCS: [Type; 3] = [ACCS[0], ACCS[2], ACCS[4]];
const WIDE_ACCS: [Type; 3] = [ACCS[1], ACCS[3], ACCS[5]];
/// Accumulators and the vectors that `srs` and `ups` move between.
const PAIRS: [(Type, Type); 6] = [
    (ACCS[1], VECTORS[0]),
    (ACCS[1], VECTORS[3]),
    (ACCS[0], VECTORS[2]),
    (ACCS[3], VECTORS[2]),
    (ACCS[3], VECTORS[5]),
    (ACCS[2], VECTORS[4]),
];

/// The choices of a program, one byte each; zeros when they run out.
pub(super) struct Choices<'c>(std::slice::Iter<'c, u8>);

impl<'c> Choices<'c> {
    pub(super) fn new(bytes: &'c [u8]) -> Self {
        Choices(bytes.iter())
    }

    fn below(&mut self, count: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % count
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

/// A pointer, and where in its buffer it may point.
#[derive(Clone, Copy)]
struct Pointer {
    value: Value,
    lowest: i32,
    highest: i32,
}

/// Values in scope.
#[derive(Clone)]
struct Scope {
    pointers: Vec<Pointer>,
    scalars: Vec<Value>,
    wide: Vec<Value>,
    masks: Vec<Value>,
    /// Walks begun in the function.
    walks: usize,
}

/// Name of the constant data of every module, and its size.
const TABLE: &str = "table";
const TABLE_BYTES: i32 = 512;

/// A module of `@main(ptr, ptr, i32)` and a function that it may call.
pub(super) fn module(choices: &mut Choices<'_>) -> Module {
    let leaf = func("leaf", choices, None);
    let main = func("main", choices, Some("leaf"));
    let seed = choices.below(256) as u32;
    let bytes =
        (0..TABLE_BYTES as u32).map(|at| (at.wrapping_mul(0x9e37_79b9) >> 23) as u8 ^ seed as u8);
    Module {
        data: vec![Data::new(TABLE, Elem::I8, bytes.collect())],
        funcs: vec![leaf, main],
    }
}

fn func(name: &str, choices: &mut Choices<'_>, callee: Option<&str>) -> Func {
    let mut b = FuncBuilder::new(name);
    let pointers = [b.ptr_param(), b.ptr_param()];
    let scalar = b.param(Type::I32, false);
    let mut scope = Scope {
        pointers: pointers
            .iter()
            .map(|value| Pointer {
                value: *value,
                lowest: 0,
                highest: 0,
            })
            .collect(),
        scalars: vec![scalar],
        wide: Vec::new(),
        masks: Vec::new(),
        // A function that calls has no walks.
        walks: if callee.is_some() { usize::MAX } else { 0 },
    };
    block(&mut b, choices, &mut scope, 0);
    if let Some(callee) = callee {
        let scalar = scope.scalars[choices.below(scope.scalars.len())];
        for (at, value) in scope.wide.iter().rev().take(3).enumerate() {
            b.store(*value, pointers[1], 128 * at as i32);
        }
        let args = [pointers[0], pointers[1], scalar];
        let results = b.call_for(callee, &args, &[Type::I32, Type::Ptr]);
        // Vectors do not outlive a call: every register that holds one belongs to the callee.
        scope.wide.clear();
        scope.masks.clear();
        scope.pointers.truncate(2);
        scope.scalars = scope
            .scalars
            .split_off(scope.scalars.len().saturating_sub(3));
        scope.scalars.push(results[0]);
        scope.pointers[1] = Pointer {
            value: results[1],
            lowest: 0,
            highest: 0,
        };
        block(&mut b, choices, &mut scope, 0);
    }
    // Whatever was computed last is seen.
    for (at, value) in scope.wide.iter().rev().take(3).enumerate() {
        b.store(*value, pointers[1], 128 * at as i32);
    }
    for (at, value) in scope.scalars.iter().rev().take(4).enumerate() {
        b.store(*value, pointers[0], 4 * at as i32);
    }
    if callee.is_none() {
        b.return_(&[scope.scalars[scope.scalars.len() - 1], pointers[1]]);
    }
    b.finish()
}

fn block(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope, depth: usize) {
    for _ in 0..choices.below(OPS) {
        match choices.below(19) {
            0 | 1 => scalar(b, choices, scope),
            2 | 3 => load(b, choices, scope),
            4 | 5 => store(b, choices, scope),
            6 => vector(b, choices, scope),
            7 | 8 => product(b, choices, scope),
            9 => move_between(b, choices, scope),
            10 if depth < 2 => loop_(b, choices, scope, depth),
            10 => {
                b.release(CoreLock(50), 2);
                b.acquire(CoreLock(50), 1);
            }
            11 | 12 => vector::operation(b, choices, scope),
            13 if depth == 0 => walk(b, choices, scope),
            14 if depth < 2 => choice(b, choices, scope, depth),
            15 if depth < 2 => again(b, choices, scope, depth),
            16 if depth == 0 => look_up(b, choices, scope),
            17 => port(b, choices, scope),
            _ => pointer(b, choices, scope),
        }
    }
}

/// Something sent to a port or taken from one.
fn port(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    // Of every element, the vector of 512 bits stands second.
    let ty = match choices.below(2) {
        0 => choices.of(&ACCS),
        _ => VECTORS[2 * choices.below(VECTORS.len() / 2) + 1],
    };
    match choices.below(4) {
        0 => scope.wide.push(b.cascade_get(ty)),
        1 => {
            let value = wide(b, choices, scope, ty);
            b.cascade_put(value);
        }
        2 => scope.scalars.push(b.stream_get()),
        _ => {
            let value = choices.of(&scope.scalars);
            b.stream_put(value, choices.below(2) == 0);
        }
    }
}

/// A look-up in the constant data, as both arrays of a table.
fn look_up(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    let offsets = wide(b, choices, scope, Type::vec(Elem::I32, 16));
    let lanes = b.iconst(TABLE_BYTES - 1);
    let lanes = b.splat(Type::vec(Elem::I32, 16), lanes);
    let offsets = b.lanes(LaneOp::And, offsets, lanes);
    let [ab, cd] = [TABLE.to_owned(), TABLE.to_owned()];
    let bases = b.op(Op::Table(TableOp::Bases { ab, cd }));
    let value = match choices.below(3) {
        0 => b.lookup(Type::vec(Elem::I16, 16), bases, offsets),
        1 => b.lookup(Type::vec(Elem::Bf16, 32), bases, offsets),
        _ => {
            let offsets = b.half(offsets, choices.below(2) == 0);
            b.lookup(Type::vec(Elem::I32, 16), bases, offsets)
        }
    };
    scope.wide.push(value);
}

fn scalar(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    let left = choices.of(&scope.scalars);
    match choices.below(9) {
        3 => {
            let narrow = choices.of(&Narrow::ALL).0;
            let bytes = narrow.width().bytes() as i32;
            let (index, offset) = place(choices, scope, bytes, bytes);
            let value = b.load_narrow(narrow, scope.pointers[index].value, offset);
            return scope.scalars.push(value);
        }
        0 | 1 => {
            let op = choices.of(&UnaryOp::ALL).0;
            return scope.scalars.push(b.unary(op, left));
        }
        2 => {
            let (x, y) = (choices.of(&scope.scalars), choices.of(&scope.scalars));
            return scope.scalars.push(b.select(left, x, y));
        }
        _ => {}
    }
    let op = choices.of(&IntOp::ALL).0;
    let right = match choices.below(2) {
        0 => choices.of(&scope.scalars),
        _ => {
            let constant = (choices.below(256) as i32 - 128) << choices.below(20);
            b.iconst(match op {
                IntOp::Shl | IntOp::Lshr | IntOp::Ashr => constant & 31,
                _ => constant,
            })
        }
    };
    scope.scalars.push(b.int(op, left, right));
}

/// A shift from a constant or a scalar.
fn shift(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &Scope) -> Value {
    match choices.below(3) {
        0 => {
            let scalar = choices.of(&scope.scalars);
            let mask = b.iconst(31);
            b.int(IntOp::And, scalar, mask)
        }
        _ => {
            let constant = choices.below(40) as i32;
            b.iconst(constant)
        }
    }
}

/// A pointer and an offset at which `bytes` bytes are in its buffer wherever it points.
fn place(choices: &mut Choices<'_>, scope: &Scope, align: i32, bytes: i32) -> (usize, i32) {
    let index = choices.below(scope.pointers.len());
    let pointer = scope.pointers[index];
    let (low, high) = (-pointer.lowest, BUFFER - bytes - pointer.highest);
    let steps = (high - low) / align + 1;
    (index, low + align * (choices.below(256) as i32 % steps))
}

fn load(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    let ty = match choices.below(6) {
        0 => Type::I32,
        1 | 2 => choices.of(&ACCS),
        _ => choices.of(&VECTORS),
    };
    let value = match choices.below(4) {
        0 => {
            let places = (TABLE_BYTES - ty.bytes() as i32) / ty.align() as i32 + 1;
            let table = b.data(TABLE);
            b.load(
                ty,
                table,
                choices.below(places as usize) as i32 * ty.align() as i32,
            )
        }
        _ => load_of(b, choices, scope, ty),
    };
    match ty {
        Type::I32 => scope.scalars.push(value),
        _ => scope.wide.push(value),
    }
}

fn load_of(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope, ty: Type) -> Value {
    let (index, offset) = place(choices, scope, ty.align() as i32, ty.bytes() as i32);
    let pointer = scope.pointers[index];
    let fits = pointer.lowest >= 0 && pointer.highest + STRIDE + 128 <= BUFFER;
    if choices.below(2) == 0 && fits {
        let (value, next) = b.load_post(ty, pointer.value, STRIDE);
        scope.pointers[index] = Pointer {
            value: next,
            lowest: pointer.lowest + STRIDE,
            highest: pointer.highest + STRIDE,
        };
        return value;
    }
    match choices.below(4) {
        0 => {
            let offset = variable(b, choices, offset);
            b.load_at(ty, pointer.value, offset)
        }
        _ => b.load(ty, pointer.value, offset),
    }
}

fn store(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    let value = match choices.below(4) {
        0 => choices.of(&scope.scalars),
        _ if scope.wide.is_empty() => return,
        _ => choices.of(&scope.wide),
    };
    let ty = b.ty(value);
    if ty == Type::I32 && choices.below(2) == 0 {
        let width = choices.of(&Width::ALL).0;
        let (index, offset) = place(choices, scope, width.bytes() as i32, width.bytes() as i32);
        return b.store_narrow(width, value, scope.pointers[index].value, offset);
    }
    let (index, offset) = place(choices, scope, ty.align() as i32, ty.bytes() as i32);
    let pointer = scope.pointers[index].value;
    match choices.below(3) {
        0 => {
            let offset = variable(b, choices, offset);
            b.store_at(value, pointer, offset);
        }
        _ => b.store(value, pointer, offset),
    }
}

/// A number that the compiler does not know.
fn variable(b: &mut FuncBuilder, choices: &mut Choices<'_>, number: i32) -> Value {
    let number = b.iconst(number);
    match choices.below(2) {
        0 => number,
        _ => {
            let ends = b.loop_(Count::Const(2), &[number], |b, carried| {
                let zero = b.iconst(0);
                vec![b.int(IntOp::Or, carried[0], zero)]
            });
            ends[0]
        }
    }
}

/// A short loop that walks through the pointer's buffer, reading or writing.
fn walk(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    let pointer = choices.of(&scope.pointers);
    if pointer.highest + 1024 > BUFFER || scope.walks >= 3 {
        return;
    }
    scope.walks += 1;
    let mut step = || 32 * choices.below(5) as i32;
    let steps = [step(), step(), step()];
    let counts = [1 + choices.below(3) as u32, 1 + choices.below(3) as u32];
    let walk = match choices.below(2) {
        0 => b.walk_2d(counts[0], steps[0], steps[1]),
        _ => b.walk_3d((counts[0], steps[0]), (counts[1], steps[1]), steps[2]),
    };
    let passes = 1 + choices.below(4) as u32;
    let stored = match choices.below(2) {
        0 => None,
        _ => scope.wide.last().copied(),
    };
    let sum = choices.of(&scope.scalars);
    let init = [pointer.value, walk, sum];
    let narrow = choices.of(&Narrow::ALL).0;
    let ends = b.loop_(Count::Const(passes), &init, |b, carried| match stored {
        Some(value) => {
            let (next, walk) = b.store_walk(value, carried[0], carried[1]);
            vec![next, walk, carried[2]]
        }
        None => {
            let ptr = carried[0];
            let access = Access::Walk(carried[1]);
            let read = b.many(Op::LoadNarrow {
                narrow,
                ptr,
                access,
            });
            let sum = b.int(IntOp::Add, carried[2], read[0]);
            vec![read[1], read[2], sum]
        }
    });
    scope.scalars.push(ends[2]);
}

fn pointer(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    if scope.pointers.len() >= POINTERS {
        return;
    }
    let pointer = choices.of(&scope.pointers);
    let step = 32 * (choices.below(16) as i32);
    if pointer.highest + step + 128 > BUFFER {
        return;
    }
    let value = match choices.below(2) {
        0 => b.ptr_add(pointer.value, step),
        _ => {
            let step = b.iconst(step);
            b.ptr_add_var(pointer.value, step)
        }
    };
    scope.pointers.push(Pointer {
        value,
        lowest: pointer.lowest + step,
        highest: pointer.highest + step,
    });
}

fn vector(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    let value = match choices.below(6) {
        0 => {
            let scalar = choices.of(&scope.scalars);
            b.splat(choices.of(&VECTORS), scalar)
        }
        1 => b.acc_zero(choices.of(&ACCS)),
        2 => {
            let whole = VECTORS[2 * choices.below(4) + 1];
            let whole = wide(b, choices, scope, whole);
            b.half(whole, choices.below(2) == 1)
        }
        3 => {
            let ty = choices.of(&WIDE_ACCS);
            let whole = wide(b, choices, scope, ty);
            b.half(whole, choices.below(2) == 1)
        }
        4 => {
            let half = choices.of(&HALF_ACCS);
            let lo = wide(b, choices, scope, half);
            let hi = wide(b, choices, scope, half);
            b.concat(lo, hi)
        }
        _ => {
            let half = VECTORS[2 * choices.below(4)];
            let lo = wide(b, choices, scope, half);
            let hi = wide(b, choices, scope, half);
            b.concat(lo, hi)
        }
    };
    scope.wide.push(value);
}

/// A value of a type: the last there is, or one loaded for the purpose.
fn wide(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope, ty: Type) -> Value {
    match scope.wide.iter().rev().find(|v| b.ty(**v) == ty) {
        Some(value) => *value,
        None => load_of(b, choices, scope, ty),
    }
}

fn product(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    let mode = choices.of(&MacMode::ALL);
    let shape = mode.shape();
    let x = wide(b, choices, scope, shape.a);
    let y = wide(b, choices, scope, shape.b);
    let acc = match choices.below(3) {
        0 => None,
        _ => Some(Addend {
            acc: wide(b, choices, scope, shape.acc),
            negate: choices.below(4) == 0,
        }),
    };
    let negate = choices.below(4) == 0;
    let mut sign = || mode.is_float() || choices.below(2) == 0;
    let (a_signed, b_signed) = (sign(), sign());
    scope.wide.push(b.op(Op::Mac {
        mode,
        a_signed,
        b_signed,
        negate,
        acc,
        a: x,
        b: y,
    }));
}

fn move_between(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    let (acc, vector) = choices.of(&PAIRS);
    let shift = shift(b, choices, scope);
    let signed = choices.below(2) == 0;
    let value = match choices.below(2) {
        0 => {
            let acc = wide(b, choices, scope, acc);
            let mode = SrsMode {
                rounding: choices.of(&ROUNDINGS).0,
                range: choices.of(&SATURATIONS).0,
                signed,
            };
            b.srs(vector, acc, shift, mode)
        }
        _ => {
            let value = wide(b, choices, scope, vector);
            b.op(Op::Ups {
                ty: acc,
                value,
                shift,
                signed,
            })
        }
    };
    scope.wide.push(value);
}

fn loop_(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope, depth: usize) {
    let pointer = choices.of(&scope.pointers);
    let passes = PASSES[choices.below(PASSES.len())];
    if scope.pointers.len() >= POINTERS || pointer.highest + passes * STRIDE + 128 > BUFFER {
        return;
    }
    let count = match choices.below(2) {
        0 => Count::Const(1 + choices.below(passes as usize) as u32),
        _ => {
            let scalar = choices.of(&scope.scalars);
            let mask = b.iconst(passes);
            Count::Value(b.int(IntOp::And, scalar, mask))
        }
    };
    let mut init = vec![pointer.value, choices.of(&scope.scalars)];
    if !scope.wide.is_empty() {
        init.push(choices.of(&scope.wide));
    }
    if !scope.masks.is_empty() {
        init.push(choices.of(&scope.masks));
    }
    let outer = scope.clone();
    let ends = b.loop_(count, &init, |b, carried| {
        let mut scope = outer;
        let range = Pointer {
            value: carried[0],
            lowest: pointer.lowest,
            highest: pointer.highest + (passes - 1) * STRIDE,
        };
        scope.pointers.push(range);
        scope.scalars.push(carried[1]);
        vector::extend(b, &mut scope, &carried[2..]);
        block(b, choices, &mut scope, depth + 1);
        let next = b.ptr_add(carried[0], STRIDE);
        let scalar = *scope.scalars.last().unwrap_or(&carried[1]);
        let mut next = vec![next, scalar];
        for value in &carried[2..] {
            let same = |v: &&Value| b.ty(**v) == b.ty(*value);
            let mut all = scope.wide.iter().rev().chain(scope.masks.iter().rev());
            next.push(*all.find(same).unwrap_or(value));
        }
        next
    });
    scope.pointers.push(Pointer {
        value: ends[0],
        lowest: pointer.lowest,
        highest: pointer.highest + passes * STRIDE,
    });
    scope.scalars.push(ends[1]);
    vector::extend(b, scope, &ends[2..]);
}

/// One of two blocks, which yield a scalar and, where there is one, a vector.
fn choice(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope, depth: usize) {
    let cond = choices.of(&scope.scalars);
    let wide = scope.wide.last().copied();
    let idle = choices.below(3) == 0;
    let outer = scope.clone();
    let arm = |b: &mut FuncBuilder, choices: &mut Choices<'_>| {
        let mut scope = outer.clone();
        block(b, choices, &mut scope, depth + 1);
        let scalar = scope.scalars[scope.scalars.len() - 1];
        let ty = wide.map(|value| b.ty(value));
        let of_type = scope.wide.iter().rev().find(|v| Some(b.ty(**v)) == ty);
        let values = [Some(scalar), of_type.copied()];
        values.into_iter().flatten().collect::<Vec<Value>>()
    };
    let then = b.block(|b| {
        let values = arm(b, choices);
        if idle { vec![] } else { values }
    });
    let otherwise = b.block(|b| match idle {
        true => vec![],
        false => arm(b, choices),
    });
    let mut results = b.many(Op::If {
        cond,
        then,
        otherwise,
    });
    if !idle {
        scope.scalars.push(results.remove(0));
        scope.wide.extend(results);
    }
}

/// A loop that goes on as long as bits are left in a number.
fn again(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope, depth: usize) {
    let mask = b.iconst(PASSES[0]);
    let scalar = choices.of(&scope.scalars);
    let bits = b.int(IntOp::And, scalar, mask);
    let init = [bits, choices.of(&scope.scalars)];
    let outer = scope.clone();
    let ends = b.while_(&init, |b, carried| {
        let mut scope = outer;
        scope.scalars.extend(carried);
        block(b, choices, &mut scope, depth + 1);
        let one = b.iconst(1);
        let fewer = b.int(IntOp::Lshr, carried[0], one);
        let scalar = *scope.scalars.last().unwrap_or(&carried[1]);
        (fewer, vec![fewer, scalar])
    });
    scope.scalars.extend(ends);
}
