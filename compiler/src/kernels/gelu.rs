//! Gaussian error linear unit, element by element.

use super::error::KernelError;
use super::gate::{Share, gate};
use super::math::{TWO_TERMS, fixed, narrow, splat_f32, splat_pair, split};
use crate::kernel::builder::FuncBuilder;
use crate::kernel::ir::{Func, Value};

/// `gelu(x: ptr, work: ptr, y: ptr)`: `y[i] = x[i] / 2 * (1 + erf(x[i] / sqrt(2)))` for `elements` bf16, a
/// multiple of 32; a shorter tensor is padded with what its caller likes, as elements do not meet. `work`
/// is as large as x.
///
/// Elements are finite. The logarithm of the normal distribution's tail is a polynomial of fifth degree;
/// results are within four units of the last place down to -7. Below they are less than 10^-11.
///
/// Bound: 36 cycles for 32 elements, by the moves of vectors.
///
/// # Errors
/// A size of 0, one that is not a multiple of 32, or an operand beyond a data memory.
pub fn gelu(elements: u32) -> Result<Func, KernelError> {
    gate::<Tail>("gelu", elements)
}

/// The normal distribution's tail: its logarithm is -1 + a * (c1 + a * (c2 + p)), where p is the
/// polynomial a * (c3 + a * (c4 + a * c5)).
///
/// Minimax over 0..=7: off by at most 0.0012.
struct Tail {
    /// The unit of the fixed point in every lane, less 1.
    start: Value,
    c1: Value,
    c2: Value,
}

impl Tail {
    const C1: f32 = -1.142_924_3;
    const C2: f32 = -0.477_049_62;
}

impl Share for Tail {
    const WIDEST: f32 = 13.375;
    const NEAR: f32 = 7.0;
    const POLYNOMIAL: [f32; 4] = [0.0, -0.040_215_65, 0.003_885_655, -0.000_158_740_63];
    const READS: usize = 2;

    fn new(b: &mut FuncBuilder) -> Self {
        Tail {
            start: splat_f32(b, fixed::LARGE - 1.0),
            c1: splat_f32(b, Self::C1),
            c2: splat_pair(b, split(Self::C2)),
        }
    }

    fn log2(
        &self,
        b: &mut FuncBuilder,
        magnitudes: &mut dyn FnMut(&mut FuncBuilder, usize) -> Value,
        polynomial: Value,
    ) -> Value {
        let a = magnitudes(b, 0);
        let sum = b.mac(TWO_TERMS, self.c1, a, self.c2);
        let sum = b.mac(TWO_TERMS, sum, a, polynomial);
        // Two bf16, as the logarithm has more bits than one.
        let first = narrow(b, sum);
        let wide = b.to_f32(first);
        let rest = b.acc_sub(sum, wide);
        let rest = narrow(b, rest);
        let sum = b.concat(first, rest);
        let a = magnitudes(b, 1);
        b.mac(TWO_TERMS, self.start, a, sum)
    }
}
