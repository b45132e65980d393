//! Sigmoid linear unit, element by element.

use super::error::KernelError;
use super::gate::{Share, gate};
use super::math::{TWO_TERMS, bf16, fixed, splat_bf16, splat_f32, splat_pair, split};
use crate::kernel::builder::FuncBuilder;
use crate::kernel::ir::{Func, Value};

/// `silu(x: ptr, work: ptr, y: ptr)`: `y[i] = x[i] / (1 + e^-x[i])` for `elements` bf16, a multiple of 32; a
/// shorter tensor is padded with what its caller likes, as elements do not meet. `work` is as large as x.
///
/// Elements are finite. Results are within three units of the last place.
///
/// Bound: 30 cycles for 32 elements, by the moves of vectors.
///
/// # Errors
/// A size of 0, one that is not a multiple of 32, or an operand beyond a data memory.
pub fn silu(elements: u32) -> Result<Func, KernelError> {
    gate::<Sigmoid>("silu", elements)
}

/// The sigmoid of -a: its logarithm is -log2(e) * a - log2(1 + e^-a), where the last term is c0 + a * p
/// with the polynomial p.
///
/// Minimax over 0..=6: off by at most 0.0013, and beyond, where the term vanishes, by at most 0.005.
struct Sigmoid {
    /// The unit of the fixed point in every lane, and c0.
    start: Value,
    slope: Value,
    near: Value,
}

impl Sigmoid {
    const C0: f32 = -1.000_877;
}

impl Share for Sigmoid {
    const WIDEST: f32 = 88.5;
    const NEAR: f32 = 6.0;
    const POLYNOMIAL: [f32; 4] = [0.736_811_2, -0.216_759_71, 0.029_511_238, -0.001_540_010_4];
    const READS: usize = 1;

    fn new(b: &mut FuncBuilder) -> Self {
        Sigmoid {
            start: splat_f32(b, fixed::LARGE + Self::C0),
            slope: splat_pair(b, split(-std::f32::consts::LOG2_E)),
            near: splat_bf16(b, bf16(Self::NEAR)),
        }
    }

    fn log2(
        &self,
        b: &mut FuncBuilder,
        magnitudes: &mut dyn FnMut(&mut FuncBuilder, usize) -> Value,
        polynomial: Value,
    ) -> Value {
        let a = magnitudes(b, 0);
        let near = b.vmin(a, self.near);
        let sum = b.mac(TWO_TERMS, self.start, near, polynomial);
        b.mac(TWO_TERMS, sum, a, self.slope)
    }
}
