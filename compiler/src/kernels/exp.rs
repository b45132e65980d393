//! Exponential function, element by element.

use super::error::{KernelError, blocks, fits};
use super::math::{
    Exp2, Fixed, LANES, STEP, Sign, TWO_TERMS, VECTOR, bf16, fixed, load_twice, splat_bf16,
    splat_f32, splat_pair, split,
};
use super::unroll::unrolled;
use kernel::builder::FuncBuilder;
use kernel::ir::Func;

const NAME: &str = "exp";
/// Arguments below count as this: what they are multiplied by keeps [`fixed::LARGE`] positive.
const LEAST: f32 = -500.0;

/// `exp(x: ptr, y: ptr)`: `y[i] = e^x[i]` for `elements` bf16, a multiple of 32; a shorter tensor is padded
/// with what its caller likes, as elements do not meet.
///
/// Results are within one unit of the last place; those below 2^-126 are anything between that and 0, and
/// those beyond the greatest bf16 are that one.
///
/// Bound: six cycles for 32 elements, by the products and sums of the vector unit.
///
/// # Errors
/// A size of 0, one that is not a multiple of 32, or an operand beyond a data memory.
pub fn exp(elements: u32) -> Result<Func, KernelError> {
    blocks(NAME, "number of elements", elements, LANES)?;
    fits(NAME, "x", 2 * u64::from(elements))?;
    let mut b = FuncBuilder::new(NAME);
    let [x, y] = [(); 2].map(|()| b.ptr_param());
    let least = splat_bf16(&mut b, bf16(LEAST));
    let log2_e = splat_pair(&mut b, split(std::f32::consts::LOG2_E));
    let large = splat_f32(&mut b, fixed::LARGE);
    let fixed = Fixed::new(&mut b);
    let exp2 = Exp2::new(&mut b, Sign::Plus);
    let vectors = elements / LANES;
    unrolled(&mut b, vectors, 1, &[x, y], |b, _, pointers| {
        let (mut x, y) = (pointers[0], pointers[1]);
        let sums = [(); 2].map(|()| {
            let value = load_twice(b, &mut x);
            let value = b.vmax(value, least);
            b.mac(TWO_TERMS, large, value, log2_e)
        });
        let exponents = fixed.of(b, sums);
        let powers = exp2.apply(b, exponents);
        let powers = b.cast(VECTOR, powers);
        vec![x, b.store_post(powers, y, STEP)]
    });
    Ok(b.finish())
}
