//! bf16 products: kernels.

use super::{Kernels, Shape};
use crate::kernels::matmul::bf16::Sum;
use crate::kernels::{KernelError, MatmulBf16, matmul_bf16};
use kernel::builder::FuncBuilder;
use kernel::ir::{Func, Module};

pub(super) fn kernels(tile: Shape) -> Result<Kernels, KernelError> {
    let build = |sum| {
        matmul_bf16(MatmulBf16 {
            m: tile.m,
            k: tile.k,
            n: tile.n,
            sum,
        })
    };
    let (first, next) = (build(Sum::F32)?, build(Sum::Accumulate)?);
    let narrowed = build(Sum::PartialToBf16)?;
    let last = last(&narrowed);
    Ok(Kernels {
        first: first.name.clone(),
        next: next.name.clone(),
        last: last.name.clone(),
        columns: None,
        module: Module::from(vec![first, next, narrowed, last]),
    })
}

/// `(a, b, sums, c)`: the narrowed product with the operands in its own order.
fn last(narrowed: &Func) -> Func {
    let mut f = FuncBuilder::new("gemm_last");
    let [a, b, sums, c] = [(); 4].map(|()| f.ptr_param());
    f.call(narrowed.name.clone(), &[a, b, c, sums]);
    f.finish()
}
