//! Multiplies 16-bit integers by a factor, shifts, rounds and saturates.

use super::error::{KernelError, at_most, blocks, fits};
use kernel::builder::FuncBuilder;
use kernel::ir::{Count, Func, MacMode, SrsMode};
use kernel::types::{Elem, Rounding, Saturation, Type};

const NAME: &str = "scale_i16";
/// Elements of one product.
const LANES: u32 = 32;
/// Bytes of as many elements.
const STEP: i32 = 2 * LANES as i32;
/// A product of two 16-bit integers has 31 bits and a sign.
const MAX_SHIFT: u32 = 31;

/// `scale_i16(src: ptr, dst: ptr)`: `dst[i] = saturate(round(src[i] * factor / 2^shift))`, rounded to
/// the nearest, ties to even, for `elements` elements, a multiple of 32.
///
/// Bound: two cycles for 32 elements, by the stores.
///
/// # Errors
/// A size of 0, one that is not a multiple of 32 or needs more than a data memory, a shift above 31.
pub fn scale_i16(elements: u32, factor: i16, shift: u32) -> Result<Func, KernelError> {
    blocks(NAME, "number of elements", elements, LANES)?;
    fits(NAME, "source", 2 * u64::from(elements))?;
    at_most(NAME, "shift", shift, MAX_SHIFT)?;
    let vector = Type::vec(Elem::I16, LANES as u16);
    let mode = SrsMode {
        rounding: Rounding::ConvEven,
        range: Saturation::Saturate,
        signed: true,
    };
    let mut b = FuncBuilder::new(NAME);
    let (src, dst) = (b.ptr_param(), b.ptr_param());
    let factor = b.iconst(factor.into());
    let factor = b.splat(vector, factor);
    let shift = b.iconst(shift as i32);
    b.loop_(Count::Const(elements / LANES), &[src, dst], |b, at| {
        let (value, src) = b.load_post(vector, at[0], STEP);
        let product = b.mul(MacMode::I16E32, value, factor);
        let scaled = b.srs(vector, product, shift, mode);
        vec![src, b.store_post(scaled, at[1], STEP)]
    });
    Ok(b.finish())
}
