//! Copies bytes.

use super::error::{KernelError, blocks, fits};
use super::unroll::unrolled;
use kernel::builder::FuncBuilder;
use kernel::ir::Func;
use kernel::types::{Elem, Type};

const NAME: &str = "passthrough";
/// Bytes of one copy, the width of the load and store bus.
const STEP: u32 = 32;
/// Copies of a pass: two thirds of the vector registers, and twice what hides the latency of a load at
/// one store a cycle.
const UNROLL: u32 = 16;

/// `passthrough(src: ptr, dst: ptr)`: copies `bytes` bytes, a multiple of 32, from `src` to `dst`.
///
/// Bound: one cycle for 32 bytes, by the store.
///
/// # Errors
/// A size of 0, one that is not a multiple of 32, or one beyond a data memory.
pub fn passthrough(bytes: u32) -> Result<Func, KernelError> {
    blocks(NAME, "size in bytes", bytes, STEP)?;
    fits(NAME, "source", bytes.into())?;
    let mut b = FuncBuilder::new(NAME);
    let (src, dst) = (b.ptr_param(), b.ptr_param());
    unrolled(
        &mut b,
        bytes / STEP,
        UNROLL,
        &[src, dst],
        |b, steps, ptrs| {
            let (mut src, mut dst) = (ptrs[0], ptrs[1]);
            let mut vectors = Vec::new();
            for _ in 0..steps {
                let (vector, next) = b.load_post(Type::vec(Elem::I8, 32), src, STEP as i32);
                vectors.push(vector);
                src = next;
            }
            for vector in vectors {
                dst = b.store_post(vector, dst, STEP as i32);
            }
            vec![src, dst]
        },
    );
    Ok(b.finish())
}
