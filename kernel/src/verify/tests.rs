//! What no text can say: functions put together by hand that break the rules of SSA, and the form of a
//! whole message. The rules that texts break are file tests.

use super::{verify, verify_source};
use crate::builder::FuncBuilder;
use crate::ir::{
    Block, Count, Data, Func, Inst, IntOp, LaneOp, MAX_NESTING, Module, Op, Param, Value, VectorOp,
};
use crate::read::read;
use crate::types::{Elem, Type};

fn inst(results: &[u32], op: Op) -> Inst {
    let results = results.iter().copied().map(Value).collect();
    Inst { results, op }
}

fn add(a: u32, b: u32) -> Op {
    let (op, a, b) = (IntOp::Add, Value(a), Value(b));
    Op::Int { op, a, b }
}

/// A function with one scalar parameter, `%0`.
fn func(types: &[Type], insts: Vec<Inst>) -> Func {
    let param = Param {
        value: Value(0),
        noalias: false,
    };
    Func {
        name: "f".into(),
        params: vec![param],
        results: vec![],
        body: Block { insts },
        types: types.to_vec(),
    }
}

fn errors(func: Func) -> String {
    let module = Module::from(vec![func]);
    verify(module).unwrap_err().to_string()
}

const I: Type = Type::I32;
const I8X64: Type = Type::vec(Elem::I8, 64);

fn splat(ty: Type) -> Op {
    let scalar = Value(0);
    Op::Splat { ty, scalar }
}

#[test]
fn definitions() {
    let insts = vec![
        inst(&[1], add(0, 2)),
        inst(&[2], add(0, 0)),
        inst(&[2], add(0, 0)),
        inst(&[3], add(0, 4)),
        inst(&[9], add(8, 0)),
    ];
    insta::assert_snapshot!(errors(func(&[I; 5], insts)));
}

#[test]
fn results() {
    let insts = vec![
        inst(&[1], add(0, 0)),
        inst(&[], add(0, 0)),
        inst(&[2], Op::Yield(vec![])),
    ];
    insta::assert_snapshot!(errors(func(&[I, Type::Ptr, I], insts)));
}

#[test]
fn carried_values() {
    let body = |values: &[u32]| Block {
        insts: vec![inst(
            &[],
            Op::Yield(values.iter().copied().map(Value).collect()),
        )],
    };
    let loop_ = |params: &[u32], init: &[u32]| Op::Loop {
        count: Count::Const(2),
        params: params.iter().copied().map(Value).collect(),
        init: init.iter().copied().map(Value).collect(),
        body: body(params),
    };
    let insts = vec![
        inst(&[1], loop_(&[2, 3], &[0])),
        inst(&[4], loop_(&[5], &[0])),
    ];
    insta::assert_snapshot!(errors(func(&[I, I, I, I, I, Type::Ptr], insts)));
}

#[test]
fn lane_operations() {
    let lanes = |op, signed, b| {
        let a = Value(1);
        Op::Vector(VectorOp::Lanes { op, signed, a, b })
    };
    let mask_of = |lanes, hi| {
        let lo = Value(0);
        Op::Vector(VectorOp::MaskOf { lanes, lo, hi })
    };
    let insts = vec![
        inst(&[1], splat(I8X64)),
        inst(&[2], lanes(LaneOp::Add, false, Some(Value(1)))),
        inst(&[3], lanes(LaneOp::Max, true, None)),
        inst(&[4], lanes(LaneOp::Neg, true, Some(Value(1)))),
        inst(&[5], mask_of(64, None)),
        inst(&[6], mask_of(16, Some(Value(0)))),
    ];
    let mask = |lanes| Type::Mask { lanes };
    let types = [I, I8X64, I8X64, I8X64, I8X64, mask(64), mask(16)];
    insta::assert_snapshot!(errors(func(&types, insts)));
}

#[test]
fn data_of_no_whole_element() {
    let data = Data::new("half", Elem::I16, vec![1]);
    let module = Module {
        data: vec![data],
        funcs: Vec::new(),
    };
    insta::assert_snapshot!(verify(module).unwrap_err());
}

#[test]
fn nesting() {
    fn nest(b: &mut FuncBuilder, depth: usize) {
        if depth > 0 {
            b.loop_(Count::Const(2), &[], |b, _| {
                nest(b, depth - 1);
                vec![]
            });
        }
    }
    let nested = |depth| {
        let mut b = FuncBuilder::new("f");
        nest(&mut b, depth);
        let funcs = vec![b.finish()];
        verify(Module::from(funcs))
    };
    assert!(nested(MAX_NESTING).is_ok());
    insta::assert_snapshot!(nested(MAX_NESTING + 1).unwrap_err());
}

#[test]
fn whole_message() {
    let text = "\
kernel @f(%source: ptr) {
  %end = loop 4 (%p = %source) {
    %v, %next = load.post i8x32 %p, 33
    yield %next
  }
}
";
    let (module, source) = read(text).unwrap();
    insta::assert_snapshot!(verify_source(module, &source).unwrap_err());
}
