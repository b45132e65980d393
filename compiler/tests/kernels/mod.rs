//! Kernels against plain loops, by the interpreter and on the emulated core; and what they refuse.

mod cases;

use std::collections::BTreeMap;

use npuc::kernel::interp::{Arg, End, Interpreter, Memory, NoLocks};
use npuc::kernel::ir::{Func, Module};
use npuc::kernel::read::load;
use npuc::kernel::verify::{Verified, verify};
use npuc::kernels::matmul_i8::{pack_a, pack_b, pack_c, unpack_c};
use npuc::kernels::{KernelError, MatmulI8, matmul_i8, passthrough, scale_i16};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::machine;

/// Verifies a kernel, and checks on the way that its text reads back as the same kernel.
fn verified(func: Func) -> Verified<Module> {
    let module = verify(Module { funcs: vec![func] }).unwrap_or_else(|e| panic!("{e}"));
    let again = load(&module.to_string()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(again.funcs[0], module.funcs[0].canonical());
    again
}

/// Runs the module's only function on buffers at addresses of their own, by the interpreter and compiled on
/// the emulated core, which must agree; the buffers afterwards, and the cycles of the core.
/// `Err` is a buffer of that size without values.
fn run(module: &Verified<Module>, buffers: &[Result<Vec<u8>, usize>]) -> (Vec<Vec<u8>>, u64) {
    let mut memory = Memory::new();
    let mut args = Vec::new();
    for (index, buffer) in buffers.iter().enumerate() {
        let (name, base) = (format!("b{index}"), 0x40000 + 0x10000 * index as u32);
        match buffer {
            Ok(bytes) => memory.map_with(&name, base, bytes).unwrap(),
            Err(bytes) => memory.map(&name, base, *bytes).unwrap(),
        }
        args.push(Arg::Ptr(base));
    }
    let name = &module.funcs[0].name;
    let mut interpreter = Interpreter::new(module, memory.clone(), NoLocks, 1_000_000);
    let outcome = interpreter.run(name, &args);
    let outcome = outcome.unwrap_or_else(|trap| panic!("{trap}"));
    assert_eq!(outcome.end, End::Returned);
    let regions = interpreter.memory.regions().iter();
    let after: Vec<Vec<u8>> = regions
        .map(|region| {
            assert!(
                region.is_written(),
                "{} has bytes without a value",
                region.name()
            );
            region.bytes().to_vec()
        })
        .collect();
    let ran = machine::run(module, name, &args, &memory, BTreeMap::new());
    let ran = ran.unwrap_or_else(|error| panic!("{module:?}\n{error}"));
    assert_eq!(ran.end, End::Returned);
    assert!(ran.regions == after, "interpreter and core differ");
    (after, ran.cycles)
}

fn i16s(bytes: &[u8]) -> Vec<i16> {
    let pairs = bytes.chunks_exact(2);
    pairs.map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

fn i32s(bytes: &[u8]) -> Vec<i32> {
    let words = bytes.chunks_exact(4);
    words
        .map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

fn bytes_of_i8(values: &[i8]) -> Vec<u8> {
    values.iter().map(|v| *v as u8).collect()
}

fn bytes_of_i32(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn cases(count: u32) -> TestRunner {
    TestRunner::new(Config {
        cases: count,
        failure_persistence: None,
        ..Config::default()
    })
}

#[test]
fn passthrough_copies() {
    // Less than a pass, whole passes, passes and a rest, a whole memory.
    for bytes in [32, 224, 256, 512, 544, 4096, 65536] {
        let module = verified(passthrough(bytes).unwrap());
        let source: Vec<u8> = (0..bytes).map(|i| (i * 31 + i / 256) as u8).collect();
        let (after, _) = run(&module, &[Ok(source.clone()), Err(bytes as usize)]);
        assert_eq!(after, [source.clone(), source]);
    }
}

fn scale_reference(value: i16, factor: i16, shift: u32) -> i16 {
    let product = i64::from(value) * i64::from(factor);
    let floor = product >> shift;
    let twice_rest = 2 * (product - (floor << shift));
    let up = match twice_rest.cmp(&(1 << shift)) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => floor & 1,
        std::cmp::Ordering::Greater => 1,
    };
    (floor + up).clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

#[test]
fn scale_multiplies_shifts_rounds_and_saturates() {
    let extremes = prop_oneof![any::<i16>(), Just(i16::MIN), Just(i16::MAX), -3i16..=3];
    let inputs =
        (1u32..12, extremes.clone(), 0u32..=31).prop_flat_map(move |(blocks, factor, shift)| {
            let values = prop::collection::vec(extremes.clone(), 32 * blocks as usize);
            (values, Just(factor), Just(shift))
        });
    let run_case = |(values, factor, shift): (Vec<i16>, i16, u32)| {
        let module = verified(scale_i16(values.len() as u32, factor, shift).unwrap());
        let source: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let (after, _) = run(&module, &[Ok(source), Err(2 * values.len())]);
        let expected = values.iter().map(|v| scale_reference(*v, factor, shift));
        prop_assert_eq!(i16s(&after[1]), expected.collect::<Vec<_>>());
        Ok(())
    };
    cases(60).run(&inputs, run_case).unwrap();
}

fn matmul_reference(shape: &MatmulI8, a: &[i8], b: &[i8], c: &[i32]) -> Vec<i32> {
    let (k, n) = (shape.k as usize, shape.n as usize);
    let mut out = c.to_vec();
    for (index, sum) in out.iter_mut().enumerate() {
        let (row, column) = (index / n, index % n);
        for step in 0..k {
            *sum += i32::from(a[row * k + step]) * i32::from(b[step * n + column]);
        }
    }
    out
}

/// Runs a product on matrices stored row by row; C and the cycles.
fn matmul(shape: MatmulI8, a: &[i8], b: &[i8], c: &[i32]) -> (Vec<i32>, u64) {
    let module = verified(matmul_i8(shape).unwrap());
    let c = match shape.accumulate {
        true => Ok(bytes_of_i32(&pack_c(&shape, c))),
        false => Err(shape.c_bytes() as usize),
    };
    let a = bytes_of_i8(&pack_a(&shape, a));
    let b = bytes_of_i8(&pack_b(&shape, b));
    let (after, cycles) = run(&module, &[Ok(a), Ok(b), c]);
    (unpack_c(&shape, &i32s(&after[2])), cycles)
}

#[test]
fn matmul_multiplies() {
    let sizes = (1u32..=3, 1u32..=5, 1u32..=3, any::<bool>());
    let inputs = sizes.prop_flat_map(|(m, k, n, accumulate)| {
        let shape = MatmulI8 {
            m: 16 * m,
            k: 8 * k,
            n: 16 * n,
            accumulate,
        };
        let element = || prop_oneof![8 => any::<i8>(), 1 => Just(i8::MIN), 1 => Just(0i8)];
        let a = prop::collection::vec(element(), shape.a_bytes() as usize);
        let b = prop::collection::vec(element(), shape.b_bytes() as usize);
        let c = prop::collection::vec(-1_000_000i32..1_000_000, shape.c_bytes() as usize / 4);
        (Just(shape), a, b, c)
    });
    let run_case = |(shape, a, b, c): (MatmulI8, Vec<i8>, Vec<i8>, Vec<i32>)| {
        let start = match shape.accumulate {
            true => c.clone(),
            false => vec![0; c.len()],
        };
        let expected = matmul_reference(&shape, &a, &b, &start);
        prop_assert_eq!(matmul(shape, &a, &b, &c).0, expected);
        Ok(())
    };
    cases(24).run(&inputs, run_case).unwrap();
}

#[test]
fn matmul_of_the_tile_that_overlays_use() {
    let shape = MatmulI8 {
        m: 64,
        k: 64,
        n: 64,
        accumulate: false,
    };
    assert_eq!(shape.macs(), 64 * 64 * 64);
    let values = |seed: u32| -> Vec<i8> {
        let mix = |i: u32| (i.wrapping_mul(2_654_435_761).rotate_left(11) ^ seed) as i8;
        (0..64 * 64).map(mix).collect()
    };
    let (a, b) = (values(1), values(77));
    let expected = matmul_reference(&shape, &a, &b, &[0; 64 * 64]);
    let (c, cycles) = matmul(shape, &a, &b, &[]);
    assert_eq!(c, expected);
    // The multiplier alone takes 1024; what is beyond is latency and the stores of C.
    assert!(cycles < 2200, "{cycles} cycles");
}

#[test]
fn shapes_that_kernels_refuse() {
    let shape = |m, k, n| MatmulI8 {
        m,
        k,
        n,
        accumulate: false,
    };
    let errors: Vec<KernelError> = [
        passthrough(0),
        passthrough(33),
        passthrough(65568),
        scale_i16(48, 1, 0),
        scale_i16(u32::MAX - 31, 1, 0),
        scale_i16(32, 1, 32),
        matmul_i8(shape(16, 8, 8)),
        matmul_i8(shape(20, 8, 16)),
        matmul_i8(shape(16, 8192, 16)),
        matmul_i8(shape(256, 8, 128)),
    ]
    .into_iter()
    .map(|result| result.unwrap_err())
    .collect();
    let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(text.join("\n"));
}
