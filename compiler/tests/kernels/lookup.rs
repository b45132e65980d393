//! tanh in bf16 from a table: look-ups end to end, against the interpreter and against f64.

use arch::num::{Rounding, f32_to_bf16};
use npuc::kernel::builder::FuncBuilder;
use npuc::kernel::data::{self, STACK};
use npuc::kernel::ir::{Count, Data, LaneOp, Module};
use npuc::kernel::types::{Elem, Type};
use npuc::kernels::cases::values::{Pattern, Values};
use npuc::kernels::cases::{Case, Operand, Role, Work, interpret};

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

/// The kernel as one of the registry would be: inputs on both sides of where the table ends.
pub(crate) fn case() -> Case {
    let operand = |name, role| Operand {
        name,
        elem: Elem::Bf16,
        len: ELEMENTS as usize,
        row: ELEMENTS as usize,
        role,
        values: Values::Around {
            middle: 0.0,
            spread: 2.0,
        },
    };
    Case {
        kernel: "tanh",
        shape: ELEMENTS.to_string(),
        code: module(),
        operands: vec![operand("src", Role::In), operand("dst", Role::Out)],
        work: Work::default(),
        exact: Box::new(|operands| vec![operands[0].iter().map(|x| x.tanh()).collect()]),
    }
}

#[test]
fn tanh_comes_from_a_table() {
    let case = case();
    let machine = case.machine().unwrap_or_else(|e| panic!("{e}"));
    for (pattern, name) in Pattern::ALL {
        let outcome = case.run(&machine, pattern, 5);
        let outcome = outcome.unwrap_or_else(|e| panic!("{name}: {e}"));
        let interpreted = interpret(&case, pattern, 5).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(outcome.ran.regions == interpreted, "{name}");
        let inputs = case.inputs(pattern, 5);
        for (x, found) in inputs[0].iter().zip(&outcome.results[0]) {
            // Half a step where tanh is steepest, and half of bf16's last bit.
            let limit = 0.5 / f64::from(1 << STEPS) + 0.002;
            assert!((found - x.tanh()).abs() <= limit, "{name}: {x}: {found}");
        }
    }
}

#[test]
fn operands_spare_a_table() {
    let mut case = case();
    let table = [0x7_8000 - 2048, 0x7_c000 - 2048];
    let constants = data::place(&case.code.data, &[STACK]);
    assert_eq!(constants, Ok(table.to_vec()));
    assert_eq!(case.addresses(), Ok(vec![0x7_0400, 0x7_4000]));
    // Behind the table where there is no room before it.
    case.operands[1].len = 8000;
    assert_eq!(case.addresses(), Ok(vec![0x7_0400, 0x7_c000]));
    case.operands[0].len = 16000;
    let error = case.addresses().unwrap_err();
    insta::assert_snapshot!(error, @r"
    tanh 512: the operands have 48000 bytes, beside stack and constant data the core's memory has 60416
    help: choose a smaller shape
    ");
}
