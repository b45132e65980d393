//! The kernel library through the whole back end and past the checker.

use crate::aie2::mir::{MFunc, Program};
use crate::aie2::{Options, checker, compile, emit, layout};
use crate::kernel::builder::FuncBuilder;
use crate::kernel::ir::{CoreLock, Count, Func, Module};
use crate::kernel::types::Type;
use crate::kernel::verify::verify;
use crate::kernels::{MatmulI8, matmul_i8, passthrough, scale_i16};

/// A worker that calls a kernel for ever on buffers at constant addresses.
pub(super) fn with_worker(kernel: Func) -> Module {
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
    Module {
        funcs: vec![b.finish(), kernel],
    }
}

/// Compiles a module and holds the bytes against the program.
pub(super) fn checked(module: Module) -> Result<Program, String> {
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

fn kernel(func: Func) -> MFunc {
    let program = checked(with_worker(func)).unwrap_or_else(|e| panic!("{e}"));
    program.funcs.into_iter().next_back().expect("the kernel")
}

#[test]
fn passthrough_is_right() {
    insta::assert_snapshot!(kernel(passthrough(4096).expect("a shape")));
}

#[test]
fn scale_i16_is_right() {
    insta::assert_snapshot!(kernel(scale_i16(1024, 300, 8).expect("a shape")));
}

#[test]
fn matmul_i8_is_right() {
    for (k, accumulate) in [(64, false), (72, true)] {
        let shape = MatmulI8 {
            m: 32,
            k,
            n: 32,
            accumulate,
        };
        kernel(matmul_i8(shape).expect("a shape"));
    }
}
