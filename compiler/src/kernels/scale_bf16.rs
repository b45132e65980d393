//! Multiplies bf16 by a factor.

use super::error::{KernelError, blocks, finite, fits};
use super::math::{LANES, STEP, TWO_TERMS, VECTOR, narrow, splat_pair};
use kernel::builder::FuncBuilder;
use kernel::ir::{Count, Func};

const NAME: &str = "scale_bf16";

/// `scale_bf16(src: ptr, dst: ptr)`: `dst[i] = src[i] * factor`, rounded to nearest, ties to even, for
/// `elements` elements, a multiple of 32; a shorter tensor is padded with what its caller likes, as elements
/// do not meet. Elements are finite.
///
/// Bound: two cycles for 32 elements, by the stores.
///
/// # Errors
/// A size of 0, one that is not a multiple of 32 or needs more than a data memory, a factor that is no
/// finite number.
pub fn scale_bf16(elements: u32, factor: half::bf16) -> Result<Func, KernelError> {
    blocks(NAME, "number of elements", elements, LANES)?;
    fits(NAME, "source", 2 * u64::from(elements))?;
    finite(NAME, "factor", factor)?;
    let mut b = FuncBuilder::new(NAME);
    let (src, dst) = (b.ptr_param(), b.ptr_param());
    // For the elements of either half: a product has one term for each.
    let none = half::bf16::ZERO;
    let factors = [[factor, none], [none, factor]].map(|pair| splat_pair(&mut b, pair));
    b.loop_(Count::Const(elements / LANES), &[src, dst], |b, at| {
        let (value, src) = b.load_post(VECTOR, at[0], STEP);
        let mut dst = at[1];
        for factor in factors {
            let scaled = b.mul(TWO_TERMS, value, factor);
            let scaled = narrow(b, scaled);
            dst = b.store_post(scaled, dst, STEP / 2);
        }
        vec![src, dst]
    });
    Ok(b.finish())
}
