//! Product of 8-bit integer matrices with bias, brought back to 8 bits or to bf16 by a scale per column.
//!
//! Beside the products a block costs one multiplication of 16 bits (8-bit results) or that and three
//! sums (bf16): integers become floats by addition to the bits of a float so large that the unit of its
//! last place is that of the fixed point, and subtraction of that float.

use super::int8::{self, ACC, BLOCK_N, MatmulI8};
use super::product::{A_BLOCKS, Ends, Pointers, Product};
use crate::kernels::error::{KernelError, at_most, fits};
use kernel::builder::FuncBuilder;
use kernel::ir::{Func, MacMode, SrsMode, Value};
use kernel::types::{AccLane, Elem, Rounding, Saturation, Type};

const NAME: &str = "matmul_i8 requantised";
/// Greatest shift: sums have 32 bits.
const MAX_SHIFT: u32 = 31;
/// Greatest exponent of the fixed point of bf16 results: 16 bits and it make the fraction of a float
/// whose exponent is still in range.
const MAX_EXPONENT: u32 = 31;
/// Lanes of a block.
const LANES: u16 = 32;

/// How a sum becomes a result.
///
/// In integers, with `round` to nearest, ties to even, and `sat` to the range of so many bits:
///
/// ```text
/// sum = bias[column] + A * B             32 bits, wraps
/// q   = sat16(round(sum / 2^shift_in))
/// r   = round(q * scale[column] / 2^shift_out)
/// C   = sat8(r)                          i8
/// C   = bf16(sat16(r) / 2^exponent)      bf16, rounded to nearest, ties to even
/// ```
///
/// `shift_in` is chosen so that the sums in use fit 16 bits after it; `scale` (16 bits, signed) and
/// `shift_out` make up the factor: `scale / 2^(shift_in + shift_out)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Requant {
    /// Right shift of sums, at most 31.
    pub shift_in: u32,
    /// Right shift of scaled sums, at most 31.
    pub shift_out: u32,
    /// What results are.
    pub to: To,
}

/// Element of a requantised result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum To {
    /// i8.
    I8,
    /// bf16.
    Bf16 {
        /// Fraction bits of the 16-bit fixed point that is brought to bf16, at most 31.
        exponent: u32,
    },
}

impl Requant {
    /// Symbol of the kernel.
    pub fn name(&self, accumulate: bool) -> &'static str {
        match (self.to, accumulate) {
            (To::I8, false) => "matmul_i8_i8",
            (To::I8, true) => "matmul_i8_i8_last",
            (To::Bf16 { .. }, false) => "matmul_i8_bf16",
            (To::Bf16 { .. }, true) => "matmul_i8_bf16_last",
        }
    }
}

/// `matmul_i8_i8(a: ptr, b: ptr, bias: ptr, scale: ptr, c: ptr)`, `matmul_i8_bf16` with bf16 results; if
/// `shape` accumulates, `.._last` with a sixth `partial: ptr`, sums of 32 bits in C's order that are added.
///
/// A, B and C lie as [`MatmulI8`] says; bias (i32) and scale (i16) are `[n/8][4 rows][8 columns]`, each
/// column's value four times ([`repeat_columns`]). See [`Requant`] for the arithmetic. Where sizes are padded as
/// there, a result beyond the matrix is what the bias of its column alone comes to.
///
/// Bound: one cycle for 256 multiply-accumulates, and for 32 results one more (i8) or four (bf16). Where k is
/// above 64, halves of a tile are summed in a loop each, which takes a dozen cycles more to fill and drain.
///
/// # Errors
/// As [`MatmulI8::check`], bias beyond a data memory, and shifts or an exponent out of range.
pub fn matmul_i8_requant(shape: MatmulI8, requant: Requant) -> Result<Func, KernelError> {
    shape.check()?;
    at_most(NAME, "shift_in", requant.shift_in, MAX_SHIFT)?;
    at_most(NAME, "shift_out", requant.shift_out, MAX_SHIFT)?;
    if let To::Bf16 { exponent } = requant.to {
        at_most(NAME, "exponent", exponent, MAX_EXPONENT)?;
    }
    let bias = Type::acc(AccLane::I32, LANES).bytes() as i32;
    let scale = Type::vec(Elem::I16, LANES).bytes() as i32;
    fits(NAME, "bias", u64::from(shape.n / BLOCK_N) * bias as u64)?;
    let mut b = FuncBuilder::new(requant.name(shape.accumulate));
    let operands = [b.ptr_param(), b.ptr_param()];
    let by_column = vec![(b.ptr_param(), bias), (b.ptr_param(), scale)];
    let mut by_block = vec![b.ptr_param()];
    if shape.accumulate {
        by_block.push(b.ptr_param());
    }
    let pointers = Pointers::new(by_block, by_column);
    let shift_in = b.iconst(requant.shift_in as i32);
    let shift_out = b.iconst(requant.shift_out as i32);
    let ends = Scaled {
        accumulate: shape.accumulate,
        shift_in,
        shift_out,
        float: match requant.to {
            To::I8 => None,
            To::Bf16 { exponent } => Some(Float::new(&mut b, exponent)),
        },
    };
    // Behind a loop along k the results of a whole tile would be requantised in more registers than there
    // are.
    let product = Product {
        at_once: 1,
        ..int8::product(shape)
    };
    product.build(&mut b, operands, &pointers, &ends);
    Ok(b.finish())
}

/// Values per column as the kernel takes them: each column's four times, 8 columns a group.
pub fn repeat_columns<T: Copy>(values: &[T]) -> Vec<T> {
    let groups = values.chunks(BLOCK_N as usize);
    groups.flat_map(|group| group.repeat(A_BLOCKS)).collect()
}

/// Sums with bias, scaled.
struct Scaled {
    accumulate: bool,
    shift_in: Value,
    shift_out: Value,
    float: Option<Float>,
}

/// Nearest, ties to even, clamped.
const NEAREST: SrsMode = SrsMode {
    rounding: Rounding::ConvEven,
    range: Saturation::Saturate,
    signed: true,
};

impl Ends for Scaled {
    fn start(&self, b: &mut FuncBuilder, pointers: &Pointers, row: i32) -> [Value; A_BLOCKS] {
        match self.accumulate {
            true => pointers.of_blocks(b, ACC, 1, row),
            // Loads bind, moves are free.
            false => [pointers.of_column(b, ACC, 0); A_BLOCKS],
        }
    }

    fn finish(&self, b: &mut FuncBuilder, pointers: &mut Pointers, accs: &[Value]) {
        let words = Type::vec(Elem::I16, LANES);
        let bias = self.accumulate.then(|| pointers.of_column(b, ACC, 0));
        let scale = pointers.of_column(b, words, 1);
        // Step by step for all blocks: what one waits for, the others fill.
        let mut values: Vec<Value> = accs.to_vec();
        let mut each = |b: &mut FuncBuilder, f: &dyn Fn(&mut FuncBuilder, Value) -> Value| {
            values.iter_mut().for_each(|value| *value = f(b, *value));
        };
        if let Some(bias) = bias {
            each(b, &|b, sum| b.acc_add(sum, bias));
        }
        each(b, &|b, sum| b.srs(words, sum, self.shift_in, NEAREST));
        each(b, &|b, q| b.mul(MacMode::I16E32, q, scale));
        match &self.float {
            None => {
                let bytes = Type::vec(Elem::I8, LANES);
                each(b, &|b, scaled| {
                    b.srs(bytes, scaled, self.shift_out, NEAREST)
                });
            }
            Some(float) => {
                each(b, &|b, scaled| {
                    b.srs(words, scaled, self.shift_out, NEAREST)
                });
                each(b, &|b, fixed| float.add_large(b, fixed));
                each(b, &|b, sum| float.take_large(b, sum));
                each(b, &|b, value| b.to_bf16(value, Rounding::ConvEven));
            }
        }
        for result in values {
            let step = b.ty(result).bytes() as i32;
            let c = &mut pointers.by_block[0];
            *c = b.store_post(result, *c, step);
        }
        if let Some(partial) = pointers.by_block.get_mut(1) {
            *partial = b.ptr_add(*partial, accs.len() as i32 * ACC.bytes() as i32);
        }
    }
}

/// Fixed point of 16 bits to bf16.
struct Float {
    /// Bits of the large float in every lane of an accumulator of integers.
    large: Value,
    /// Ones.
    ones: Value,
}

impl Float {
    fn new(b: &mut FuncBuilder, exponent: u32) -> Self {
        // 1.5 * 2^(23 - exponent): the unit of its last place is 2^-exponent, and sums with 22 bits of
        // either sign keep its exponent.
        let bits = (127 + 23 - exponent) << 23 | 1 << 22;
        let half = Type::vec(Elem::I32, 16);
        let bits = b.iconst(bits as i32);
        let bits = b.splat(half, bits);
        let half = b.cast(Type::acc(AccLane::I32, 16), bits);
        let large = b.concat(half, half);
        let one = b.iconst(1);
        let ones = b.splat(Type::vec(Elem::I16, LANES), one);
        Float { large, ones }
    }

    /// The large float, with fixed point in its last places.
    fn add_large(&self, b: &mut FuncBuilder, fixed: Value) -> Value {
        b.mac(MacMode::I16E32, self.large, fixed, self.ones)
    }

    /// What was added to the large float.
    fn take_large(&self, b: &mut FuncBuilder, bits: Value) -> Value {
        let floats = Type::acc(AccLane::F32, LANES);
        let (sum, large) = (b.cast(floats, bits), b.cast(floats, self.large));
        b.acc_sub(sum, large)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_repeated_in_groups() {
        let values: Vec<u32> = (0..16).collect();
        let repeated = repeat_columns(&values);
        assert_eq!(repeated.len(), 64);
        assert_eq!(repeated[7..10], [7, 0, 1]);
        assert_eq!(repeated[32..34], [8, 9]);
    }
}
