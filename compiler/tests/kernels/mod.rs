//! Kernels against plain loops, by the interpreter and on the emulated core; and what they refuse.

mod activations;
mod banks;
mod cases;
pub(crate) mod lookup;
mod products;
mod rows;
mod sums;

use std::collections::BTreeMap;

use npuc::kernel::interp::{Arg, End, Interpreter, Memory, NoLocks};
use npuc::kernel::ir::{Func, Module};
use npuc::kernel::read::load;
use npuc::kernel::verify::{Verified, verify};
use npuc::kernels::matmul::bf16::Sum;
use npuc::kernels::matmul::requant::To;
use npuc::kernels::{
    Addend, KernelError, MatmulBf16, MatmulI8, Requant, Transpose, add, exp, gelu, layernorm,
    matmul_bf16, matmul_i8, matmul_i8_requant, passthrough, scale_bf16, scale_i16, silu, softmax,
    transpose,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::machine;

/// Verifies a kernel, and checks on the way that its text reads back as the same kernel.
fn verified(func: Func) -> Verified<Module> {
    let module = verify(Module::from(vec![func])).unwrap_or_else(|e| panic!("{e}"));
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
    let mut next = 0x40000;
    for (index, buffer) in buffers.iter().enumerate() {
        let (name, base) = (format!("b{index}"), next);
        match buffer {
            Ok(bytes) => memory.map_with(&name, base, bytes).unwrap(),
            Err(bytes) => memory.map(&name, base, *bytes).unwrap(),
        }
        let bytes = buffer.as_ref().map_or_else(|bytes| *bytes, Vec::len);
        next += bytes.next_multiple_of(32) as u32;
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
        max_shrink_iters: 64,
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

/// `value / 2^shift`, rounded to the nearest, ties to even.
fn shifted(value: i64, shift: u32) -> i64 {
    let floor = value >> shift;
    let twice_rest = 2 * (value - (floor << shift));
    let up = match twice_rest.cmp(&(1 << shift)) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => floor & 1,
        std::cmp::Ordering::Greater => 1,
    };
    floor + up
}

fn scale_reference(value: i16, factor: i16, shift: u32) -> i16 {
    let product = i64::from(value) * i64::from(factor);
    shifted(product, shift).clamp(i16::MIN.into(), i16::MAX.into()) as i16
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

#[test]
fn shapes_that_kernels_refuse() {
    let shape = |m, k, n| MatmulI8 {
        m,
        k,
        n,
        accumulate: false,
    };
    let requant = |k, shift_in, shift_out, exponent| {
        let to = To::Bf16 { exponent };
        let requant = Requant {
            shift_in,
            shift_out,
            to,
        };
        matmul_i8_requant(shape(16, k, 16), requant)
    };
    let product = |m, k, n| MatmulBf16 {
        m,
        k,
        n,
        sum: Sum::Bf16,
    };
    let turned = |m, n| Transpose { m, n, wide: true };
    let errors: Vec<KernelError> = [
        passthrough(0),
        passthrough(33),
        passthrough(65568),
        scale_i16(48, 1, 0),
        scale_i16(u32::MAX - 31, 1, 0),
        scale_i16(32, 1, 32),
        scale_bf16(48, half::bf16::ONE),
        scale_bf16(32, half::bf16::INFINITY),
        matmul_i8(shape(16, 8, 8)),
        matmul_i8(shape(20, 8, 16)),
        matmul_i8(shape(16, 8192, 16)),
        matmul_i8(shape(256, 8, 128)),
        requant(8, 32, 0, 0),
        requant(8, 0, 32, 0),
        requant(8, 0, 0, 32),
        requant(8192, 0, 0, 0),
        matmul_bf16(product(24, 8, 16)),
        matmul_bf16(product(16, 4, 16)),
        matmul_bf16(product(16, 8, 0)),
        matmul_bf16(product(16, 4096, 16)),
        add(Addend::I8, 48),
        add(Addend::Bf16, 24),
        add(Addend::F32, 0),
        add(Addend::I32, 32768),
        transpose(turned(24, 16)),
        transpose(turned(16, 0)),
        transpose(turned(256, 256)),
        exp(48),
        exp(65536),
        softmax(0, 32),
        softmax(1, 40),
        layernorm(2, 16),
        layernorm(256, 256),
        layernorm(1, 4128),
        gelu(16),
        silu(65536),
    ]
    .into_iter()
    .map(|result| result.unwrap_err())
    .collect();
    let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(text.join("\n"));
}
