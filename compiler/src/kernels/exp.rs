//! Exponential function, element by element.

use super::error::{KernelError, blocks, fits};
use super::math::{
    Exp2, LANES, STEP, TWO_TERMS, bf16, fixed, fixed_of, load_twice, narrow, splat_bf16, splat_f32,
    splat_pair, split,
};
use super::unroll::unrolled;
use kernel::builder::FuncBuilder;
use kernel::ir::Func;

const NAME: &str = "exp";
/// Least argument: its exponential is just below the least normal number.
const LEAST: f32 = -87.5;
/// Greatest argument: its exponential is just below the greatest number.
const GREATEST: f32 = 88.0;
/// Vectors of a pass that makes exponents.
const UNROLL: u32 = 2;

/// `exp(x: ptr, work: ptr, y: ptr)`: `y[i] = e^x[i]` for `elements` bf16, a multiple of 32; a shorter tensor
/// is padded with what its caller likes, as elements do not meet. `work` is as large as x.
///
/// Arguments are brought into -87.5..=88 first. Results are within two units of the last place; those
/// below 2^-126 are anything between that and 0.
///
/// Bound: 13 cycles for 32 elements, by the moves of vectors.
///
/// # Errors
/// A size of 0, one that is not a multiple of 32, or an operand beyond a data memory.
pub fn exp(elements: u32) -> Result<Func, KernelError> {
    blocks(NAME, "number of elements", elements, LANES)?;
    fits(NAME, "x", 2 * u64::from(elements))?;
    let mut b = FuncBuilder::new(NAME);
    let [x, work, y] = [(); 3].map(|()| b.ptr_param());
    let least = splat_bf16(&mut b, bf16(LEAST));
    let greatest = splat_bf16(&mut b, bf16(GREATEST));
    let log2_e = splat_pair(&mut b, split(std::f32::consts::LOG2_E));
    let large = splat_f32(&mut b, fixed::LARGE);
    unrolled(
        &mut b,
        elements / LANES,
        UNROLL,
        &[x, work],
        |b, steps, pointers| {
            let (mut x, mut work) = (pointers[0], pointers[1]);
            for _ in 0..steps {
                let sums = [(); 2].map(|()| {
                    let value = load_twice(b, &mut x);
                    let value = b.vmax(value, least);
                    let value = b.vmin(value, greatest);
                    b.mac(TWO_TERMS, large, value, log2_e)
                });
                let exponents = fixed_of(b, sums);
                work = b.store_post(exponents, work, STEP);
            }
            vec![x, work]
        },
    );
    let exp2 = Exp2::new(&mut b);
    unrolled(&mut b, elements / LANES, 1, &[work, y], |b, _, pointers| {
        let power = exp2.apply(b, pointers[0]);
        let power = narrow(b, power);
        let y = b.store_post(power, pointers[1], STEP);
        vec![b.ptr_add(pointers[0], STEP), y]
    });
    Ok(b.finish())
}
