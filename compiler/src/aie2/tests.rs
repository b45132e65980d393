//! Whole functions through the back end.

use super::compile::finish;
use super::select::lower;
use crate::kernel::builder::FuncBuilder;
use crate::kernel::ir::{Count, Func, MacMode, Module};
use crate::kernel::types::{AccLane, Elem, Type};
use crate::kernel::verify::verify;

fn compiled(func: Func) -> String {
    let module = Module { funcs: vec![func] };
    let module = verify(module).expect("the test's function is right");
    let func = lower(&module.funcs[0]).expect("selects");
    finish(func).expect("has registers").to_string()
}

const W: Type = Type::vec(Elem::I8, 32);
const X: Type = Type::vec(Elem::I8, 64);

/// Copies `n` vectors of 256 bits.
fn passthrough(count: Count) -> Func {
    let mut b = FuncBuilder::new("passthrough");
    let (from, to) = (b.ptr_param(), b.ptr_param());
    b.loop_(count, &[from, to], |b, p| {
        let (v, from) = b.load_post(W, p[0], 32);
        let to = b.store_post(v, p[1], 32);
        vec![from, to]
    });
    b.finish()
}

#[test]
fn copies_in_a_hardware_loop() {
    insta::assert_snapshot!(compiled(passthrough(Count::Const(128))));
}

/// The inner loop of a 64x64x64 product: 16x16 of C in eight accumulators.
fn matmul_block() -> Func {
    let mode = MacMode::I8M4K8N8;
    let acc = Type::acc(AccLane::I32, 32);
    let mut b = FuncBuilder::new("matmul_block");
    let (pa, pb, pc) = (b.ptr_param(), b.ptr_param(), b.ptr_param());
    let zero = b.acc_zero(acc);
    let mut init = vec![zero; 8];
    init.extend([pa, pb]);
    let out = b.loop_(Count::Const(8), &init, |b, p| {
        let (mut pa, mut pb) = (p[8], p[9]);
        let mut a = Vec::new();
        for _ in 0..4 {
            let (v, next) = b.load_post(W, pa, 32);
            a.push(v);
            pa = next;
        }
        let mut bs = Vec::new();
        for _ in 0..2 {
            let (v, next) = b.load_post(X, pb, 64);
            bs.push(v);
            pb = next;
        }
        let mut next = Vec::new();
        for i in 0..4 {
            for j in 0..2 {
                next.push(b.mac(mode, p[i * 2 + j], a[i], bs[j]));
            }
        }
        next.extend([pa, pb]);
        next
    });
    let mut pc = pc;
    for acc in &out[..8] {
        pc = b.store_post(*acc, pc, 128);
    }
    b.finish()
}

#[test]
fn multiplies_matrices() {
    insta::assert_snapshot!(compiled(matmul_block()));
}
