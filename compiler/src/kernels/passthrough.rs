//! Copies bytes.

use super::error::{KernelError, blocks, fits};
use kernel::builder::FuncBuilder;
use kernel::ir::{Count, Func};
use kernel::types::{Elem, Type};

const NAME: &str = "passthrough";
/// Bytes of one copy, the width of the load and store bus.
const STEP: u32 = 32;

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
    b.loop_(Count::Const(bytes / STEP), &[src, dst], |b, at| {
        let (vector, src) = b.load_post(Type::vec(Elem::I8, 32), at[0], STEP as i32);
        vec![src, b.store_post(vector, at[1], STEP as i32)]
    });
    Ok(b.finish())
}
