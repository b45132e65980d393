//! tanh in bf16 from a table: look-ups end to end, against the interpreter and against f64.

use std::collections::BTreeMap;

use arch::num::{Rounding, f32_to_bf16};
use npuc::kernel::builder::FuncBuilder;
use npuc::kernel::interp::{Arg, Interpreter, Memory, NoLocks};
use npuc::kernel::ir::{Count, Data, LaneOp, Module};
use npuc::kernel::types::{Elem, Type};
use npuc::kernel::verify::verify;
use npuc::machine;

/// Entries for one, as a power of two: the table has steps of 1/64.
const STEPS: i32 = 6;
/// The table reaches from -4 to 4, beyond which tanh is 1 but for bf16's last bit.
const REACH: i32 = 4;
/// Bytes between the places of two entries, as a power of two: each has 2 bytes, twice.
const PLACE: i32 = 2;
const ELEMENTS: u32 = 512;

fn bf16(value: f64) -> u16 {
    f32_to_bf16((value as f32).to_bits(), Rounding::ConvEven)
}

/// tanh of the middle of every step.
fn table() -> [Data; 2] {
    let entries = (-REACH << STEPS)..(REACH << STEPS);
    let steps = f64::from(1 << STEPS);
    let entries = entries.flat_map(|k| bf16(((f64::from(k) + 0.5) / steps).tanh()).to_le_bytes());
    Data::table("tanh", Elem::Bf16, &entries.collect::<Vec<u8>>(), [1, 2])
}

/// `tanh(src, dst)` of bf16.
fn module() -> Module {
    let table = table();
    let (bf16s, words) = (Type::vec(Elem::Bf16, 16), Type::vec(Elem::I32, 16));
    let mut b = FuncBuilder::new("tanh");
    let (src, dst) = (b.ptr_param(), b.ptr_param());
    let bases = b.bases(&table);
    let last = b.iconst(((2 * REACH) << (STEPS + PLACE)) - 1);
    let last = b.splat(words, last);
    let (zero, middle) = (b.iconst(0), b.iconst(REACH << (STEPS + PLACE)));
    let (first, middle) = (b.splat(words, zero), b.splat(words, middle));
    let scale = b.iconst(STEPS + PLACE);
    b.loop_(Count::Const(ELEMENTS / 16), &[src, dst], |b, p| {
        let (x, src) = b.load_post(bf16s, p[0], 32);
        let at = b.floor(x, scale);
        let at = b.lanes(LaneOp::Add, at, middle);
        let at = b.lanes(LaneOp::Max, at, first);
        let at = b.lanes(LaneOp::Min, at, last);
        let y = b.lookup(bf16s, bases, at);
        let dst = b.store_post(y, p[1], 32);
        vec![src, dst]
    });
    Module {
        data: table.into(),
        funcs: vec![b.finish()],
    }
}

#[test]
fn tanh_comes_from_a_table() {
    let module = module();
    let inputs: Vec<u16> = (0..ELEMENTS)
        .map(|k| bf16((f64::from(k) - 256.0) / 48.0))
        .collect();
    let bytes: Vec<u8> = inputs.iter().flat_map(|x| x.to_le_bytes()).collect();
    let mut memory = Memory::new();
    memory.map_with("src", 0x7_0400, &bytes).unwrap();
    memory.map("dst", 0x7_0800, bytes.len()).unwrap();
    let args = [Arg::Ptr(0x7_0400), Arg::Ptr(0x7_0800)];
    let ran = machine::run(&module, "tanh", &args, &memory, BTreeMap::new());
    let ran = ran.unwrap_or_else(|e| panic!("{e}"));

    let verified = verify(module).unwrap_or_else(|e| panic!("{e}"));
    let mut interpreter = Interpreter::new(&verified, memory, NoLocks, 10_000);
    interpreter.run("tanh", &args).unwrap();
    assert_eq!(ran.regions[1], interpreter.memory.regions()[1].bytes());

    let (found, _) = ran.regions[1].as_chunks::<2>();
    let float = |bits: u16| f64::from(f32::from_bits(u32::from(bits) << 16));
    for (x, found) in inputs.iter().zip(found) {
        let (x, found) = (float(*x), float(u16::from_le_bytes(*found)));
        // Half a step where tanh is steepest, and half of bf16's last bit.
        let limit = 0.5 / f64::from(1 << STEPS) + 0.002;
        assert!((found - x.tanh()).abs() <= limit, "{x}: {found}");
    }
}
