//! Whole functions through the back end.

mod random;
mod simulate;

use crate::allocate::finish;
use crate::mir::Program;
use crate::select::lower;
use crate::{Options, checker, compile, emit, layout};
use kernel::builder::FuncBuilder;
use kernel::data::Addresses;
use kernel::ir::{CoreLock, Count, Func, MacMode, Module, SrsMode};
use kernel::types::{AccLane, Elem, Rounding, Saturation, Type};
use kernel::verify::verify;

/// Compiles a function, runs it on names, prints its schedule.
fn compiled(func: Func) -> String {
    let module = Module::from(vec![func]);
    let module = verify(module).expect("the test's function is right");
    let func = lower(&module.funcs[0], &Addresses::new()).expect("selects");
    let func = finish(func).expect("has registers").func;
    if let Err(error) = simulate::simulate(&func, 40) {
        panic!("{error}\n{func}");
    }
    func.to_string()
}

/// A worker that calls a kernel for ever on buffers at constant addresses.
fn with_worker(kernel: Func) -> Module {
    let mut b = FuncBuilder::new("main");
    b.loop_(Count::Forever, &[], |b, _| {
        b.acquire(CoreLock(49), 1);
        let args: Vec<_> = kernel
            .params
            .iter()
            .enumerate()
            .map(|(k, p)| match kernel.ty(p.value) {
                Type::Ptr => b.addr(0x7_0400 + 0x4000 * k as u32),
                _ => b.iconst(3),
            })
            .collect();
        b.call(kernel.name.clone(), &args);
        b.release(CoreLock(48), 1);
        vec![]
    });
    Module::from(vec![b.finish(), kernel])
}

/// Compiles a module and holds the bytes against the program.
fn checked(module: Module) -> Result<Program, String> {
    let module = verify(module).map_err(|e| e.to_string())?;
    let program = compile(&module, &Options::default()).map_err(|e| e.to_string())?;
    let map = layout::layout(&program).map_err(|e| e.to_string())?;
    let image = emit::emit(&program, &map).map_err(|e| e.to_string())?;
    match checker::check(&image.text, &program, &map) {
        Ok(_) => Ok(program),
        Err(errors) => {
            let errors: Vec<String> = errors.iter().take(5).map(ToString::to_string).collect();
            Err(format!("{}\n{program}", errors.join("\n")))
        }
    }
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

/// Multiplies by a factor, shifts and stores, as often as a scalar says.
fn scale() -> Func {
    let mode = MacMode::I16E32;
    let v = Type::vec(Elem::I16, 32);
    let mut b = FuncBuilder::new("scale");
    let (from, to) = (b.ptr_param(), b.ptr_param());
    let factor = b.param(Type::I32, false);
    let count = b.param(Type::I32, false);
    let shift = b.param(Type::I32, false);
    let factor = b.splat(v, factor);
    let srs = SrsMode {
        rounding: Rounding::ConvEven,
        range: Saturation::Saturate,
        signed: true,
    };
    b.loop_(Count::Value(count), &[from, to], |b, p| {
        let (x, from) = b.load_post(v, p[0], 64);
        let product = b.mul(mode, x, factor);
        let y = b.srs(v, product, shift, srs);
        let to = b.store_post(y, p[1], 64);
        vec![from, to]
    });
    b.finish()
}

#[test]
fn guards_a_loop_that_may_not_run() {
    insta::assert_snapshot!(compiled(scale()));
}

/// A worker: for ever, take two buffers, call a kernel on them, give them on.
fn worker() -> Func {
    let mut b = FuncBuilder::new("main");
    b.loop_(Count::Forever, &[], |b, _| {
        b.loop_(Count::Const(2), &[], |b, _| {
            b.acquire(CoreLock(49), 1);
            b.acquire(CoreLock(50), 1);
            let (from, to) = (b.addr(0x70400), b.addr(0x74400));
            let n = b.iconst(100_000);
            b.call("scale", &[from, to, n, n, n]);
            b.release(CoreLock(48), 1);
            b.release(CoreLock(51), 1);
            vec![]
        });
        vec![]
    });
    b.finish()
}

#[test]
fn calls_kernels_between_locks() {
    let module = Module::from(vec![worker(), scale()]);
    let module = verify(module).expect("the test's module is right");
    let program = compile(&module, &Options::default()).expect("compiles");
    insta::assert_snapshot!(format!("{}\n{}", program.funcs[0], program.funcs[1]));
    let map = layout::layout(&program).expect("has a layout");
    emit::emit(&program, &map).expect("has bytes");
}

/// A loop that carries more accumulators than there are.
fn crowded() -> Func {
    let acc = Type::acc(AccLane::I32, 32);
    let mut b = FuncBuilder::new("crowded");
    let p = b.ptr_param();
    let zero = b.acc_zero(acc);
    let out = b.loop_(Count::Const(8), &[zero; 10], |b, accs| {
        let (x, y) = (b.load(W, p, 0), b.load(X, p, 64));
        let next = accs.iter().map(|a| b.mac(MacMode::I8M4K8N8, *a, x, y));
        next.collect()
    });
    for (k, acc) in out.iter().enumerate() {
        b.store(*acc, p, 128 * k as i32);
    }
    b.finish()
}

#[test]
fn pressure_in_a_hardware_loop_is_named() {
    let module = verify(Module::from(vec![crowded()]));
    let module = module.expect("the test's function is right");
    let error = finish(lower(&module.funcs[0], &Addresses::new()).expect("selects"))
        .err()
        .expect("ten accumulators do not fit");
    insta::assert_snapshot!(error);
}

/// Thousands of operations in one block.
fn long(steps: u32) -> Func {
    let mut b = FuncBuilder::new("long");
    let (mut p, q) = (b.addr(0x7_0400), b.addr(0x5_0000));
    for k in 0..steps {
        let (v, next) = b.load_post(W, p, 32);
        b.store(v, q, 32 * (k % 16) as i32);
        p = next;
    }
    b.finish()
}

#[test]
fn what_cannot_fit_is_refused_before_it_is_scheduled() {
    let funcs = vec![long(4000)];
    let module = verify(Module::from(funcs)).expect("the test's function is right");
    let options = Options {
        entry: "long".to_owned(),
        ..Options::default()
    };
    let error = compile(&module, &options).expect_err("eight thousand operations are too many");
    insta::assert_snapshot!(error);
}

#[test]
fn long_blocks_are_scheduled() {
    insta::assert_snapshot!(compiled(long(1000)).lines().count());
}

#[test]
fn accesses_to_one_object_do_not_meet() {
    let funcs = vec![matmul_block()];
    let module = verify(Module::from(funcs)).expect("the test's function is right");
    let done = finish(lower(&module.funcs[0], &Addresses::new()).expect("selects"))
        .expect("has registers");
    let said: Vec<String> = done.loops.iter().map(ToString::to_string).collect();
    assert!(done.loops.iter().all(|l| l.stalls == 0), "{said:?}");
}
