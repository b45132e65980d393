//! Random functions: whatever the schedule, every read finds its value.

use proptest::prelude::*;

use super::simulate::simulate;
use super::{checked, with_worker};
use crate::CompileError;
use crate::allocate::finish;
use crate::select::lower;
use kernel::builder::FuncBuilder;
use kernel::data::Addresses;
use kernel::ir::{Count, Func, IntOp, MacMode, Module, SrsMode, Value};
use kernel::types::{Elem, Rounding, SATURATIONS, Type};
use kernel::verify::verify;

const W: Type = Type::vec(Elem::I16, 16);
const X: Type = Type::vec(Elem::I16, 32);

/// What a random instruction may use.
struct Pool {
    pointers: Vec<Value>,
    scalars: Vec<Value>,
    halves: Vec<Value>,
    vectors: Vec<Value>,
    accs: Vec<Value>,
}

fn pick(values: &[Value], k: u8) -> Value {
    values[usize::from(k) % values.len()]
}

/// Appends the instruction that three numbers stand for.
fn step(b: &mut FuncBuilder, pool: &mut Pool, (kind, x, y): (u8, u8, u8)) {
    let offset = i32::from(y as i8) * 32;
    let srs = SrsMode {
        rounding: if x % 2 == 0 {
            Rounding::Floor
        } else {
            Rounding::ConvEven
        },
        range: SATURATIONS[usize::from(y) % 3].0,
        signed: y % 3 != 0,
    };
    match kind % 16 {
        0 | 1 => {
            let v = b.load(X, pick(&pool.pointers, x), offset);
            pool.vectors.push(v);
        }
        2 => {
            let k = usize::from(x) % pool.pointers.len();
            let (v, moved) = b.load_post(W, pool.pointers[k], offset);
            pool.halves.push(v);
            pool.pointers[k] = moved;
        }
        3 => {
            let k = usize::from(x) % pool.pointers.len();
            pool.pointers[k] = b.store_post(pick(&pool.vectors, y), pool.pointers[k], offset);
        }
        4 => b.store(pick(&pool.halves, y), pick(&pool.pointers, x), offset),
        5 => b.store(pick(&pool.accs, y), pick(&pool.pointers, x), offset),
        6 => {
            let v = b.concat(pick(&pool.halves, x), pick(&pool.halves, y));
            pool.vectors.push(v);
        }
        7 => {
            let v = b.half(pick(&pool.vectors, x), y % 2 == 0);
            pool.halves.push(v);
        }
        8 | 9 => {
            let (p, q) = (pick(&pool.vectors, x), pick(&pool.vectors, y));
            let v = b.mac(MacMode::I16E32, pick(&pool.accs, x ^ y), p, q);
            pool.accs.push(v);
        }
        10 => {
            let v = b.mul(
                MacMode::I16E32,
                pick(&pool.vectors, x),
                pick(&pool.vectors, y),
            );
            pool.accs.push(v);
        }
        11 => {
            let shift = b.iconst(i32::from(x % 16));
            let v = b.srs(X, pick(&pool.accs, y), shift, srs);
            pool.vectors.push(v);
            if x % 3 == 0 {
                b.store(v, pick(&pool.pointers, y), offset);
            }
        }
        12 => {
            let v = b.splat(X, pick(&pool.scalars, x));
            pool.vectors.push(v);
        }
        13 => {
            let ops = [IntOp::Add, IntOp::Mul, IntOp::Shl, IntOp::Ashr, IntOp::Xor];
            let op = ops[usize::from(x ^ y) % ops.len()];
            let v = b.int(op, pick(&pool.scalars, x), pick(&pool.scalars, y));
            pool.scalars.push(v);
        }
        14 => {
            let v = b.load(Type::I32, pick(&pool.pointers, x), offset / 8);
            pool.scalars.push(v);
        }
        _ => {
            let v = b.ptr_add(pick(&pool.pointers, x), offset);
            if pool.pointers.len() < 4 {
                pool.pointers.push(v);
            }
        }
    }
}

fn function(steps: &[(u8, u8, u8)], looped: &[(u8, u8, u8)], count: u32) -> Func {
    let mut b = FuncBuilder::new("random");
    let pointers = vec![
        b.ptr_param(),
        b.param(Type::Ptr, false),
        b.param(Type::Ptr, false),
    ];
    let scalar = b.param(Type::I32, false);
    let vector = b.splat(X, scalar);
    let half = b.half(vector, false);
    let acc = b.mul(MacMode::I16E32, vector, vector);
    let mut pool = Pool {
        pointers,
        scalars: vec![scalar],
        halves: vec![half],
        vectors: vec![vector],
        accs: vec![acc],
    };
    steps.iter().for_each(|s| step(&mut b, &mut pool, *s));
    let last = |v: &[Value]| v[v.len() - 1];
    let carried = [
        pool.pointers[0],
        pool.pointers[1],
        last(&pool.scalars),
        last(&pool.vectors),
        last(&pool.accs),
    ];
    let count = match count {
        0 => Count::Value(scalar),
        n => Count::Const(n),
    };
    b.loop_(count, &carried, |b, p| {
        let mut pool = Pool {
            pointers: vec![p[0], p[1]],
            scalars: vec![p[2], scalar],
            halves: vec![half],
            vectors: vec![p[3], vector],
            accs: vec![p[4]],
        };
        looped.iter().for_each(|s| step(b, &mut pool, *s));
        let next = [
            pool.pointers[0],
            pool.pointers[1],
            last(&pool.scalars),
            last(&pool.vectors),
            last(&pool.accs),
        ];
        b.store(next[3], next[0], 0);
        b.store(next[2], next[1], 4);
        next.to_vec()
    });
    b.finish()
}

fn check(func: Func) {
    // The checker's proof, by the bytes; more values than registers are no fault.
    if let Err(error) = checked(with_worker(func.clone())) {
        assert!(
            error.contains("registers run out") || error.contains("alive across a call"),
            "{error}"
        );
    }
    let module = verify(Module::from(vec![func])).expect("the function is right");
    let func =
        lower(&module.funcs[0], &Addresses::new()).expect("every operation has an instruction");
    match finish(func) {
        Ok(done) => {
            if let Err(error) = simulate(&done.func, 60) {
                panic!("{error}\n{}", done.func);
            }
        }
        Err(CompileError::Pressure { .. } | CompileError::AcrossCall { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

/// The first pass multiplies what was loaded before the loop, while the load for the second is under way
/// to the same register.
#[test]
fn passes_that_begin_before_the_loop_wait_for_what_enters_it() {
    let steps = [(0, 0, 4)];
    let looped = [(8, 0, 0), (0, 0, 2), (13, 0, 0)];
    check(function(&steps, &looped, 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_read_finds_its_value(
        steps in prop::collection::vec(any::<(u8, u8, u8)>(), 0..24),
        looped in prop::collection::vec(any::<(u8, u8, u8)>(), 0..16),
        count in 0u32..12,
    ) {
        check(function(&steps, &looped, count));
    }
}
