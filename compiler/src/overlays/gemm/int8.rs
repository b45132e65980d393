//! 8-bit products: kernels, and what a result is.
//!
//! Each tile column of B is preceded by one more slab with the biases and scales of its columns, each
//! four times.

use super::{Kernels, Shape};
use crate::kernels::matmul::TILE_M;
use crate::kernels::matmul::requant::{To, repeat_columns};
use crate::kernels::{KernelError, MatmulI8, Requant, matmul_i8, passthrough};
use kernel::builder::FuncBuilder;
use kernel::ir::{Count, Func, MacMode, Module, SrsMode};
use kernel::types::{AccLane, Elem, Rounding, Saturation, Type};

/// How sums become results: the shifts leave 16 of the bits that sums of random 8-bit numbers take.
pub const REQUANT: Requant = Requant {
    shift_in: 4,
    shift_out: 16,
    to: To::I8,
};

/// Bytes of the biases of a column, and of its scales.
const BIAS_BYTES: u32 = 16;
const SCALE_BYTES: u32 = 8;

/// Rows and columns of a block of C, and its elements.
const ROWS: u32 = 4;
const COLUMNS: u32 = 8;
const LANES: u16 = (ROWS * COLUMNS) as u16;
/// The sums of a block.
const ACC: Type = Type::acc(AccLane::I32, LANES);
/// Nearest, ties to even, clamped.
const NEAREST: SrsMode = SrsMode {
    rounding: Rounding::ConvEven,
    range: Saturation::Saturate,
    signed: true,
};

/// Bytes of the values per column of a tile.
pub(super) fn columns_bytes(tile: Shape) -> u32 {
    tile.n * (BIAS_BYTES + SCALE_BYTES)
}

pub(super) fn kernels(tile: Shape) -> Result<Kernels, KernelError> {
    let shape = |accumulate| MatmulI8 {
        m: tile.m,
        k: tile.k,
        n: tile.n,
        accumulate,
    };
    let (first, next) = (matmul_i8(shape(false))?, matmul_i8(shape(true))?);
    let columns = passthrough(columns_bytes(tile))?;
    let scale = scale(tile);
    let last = last(&next, &scale);
    Ok(Kernels {
        first: first.name.clone(),
        next: next.name.clone(),
        last: last.name.clone(),
        columns: Some(columns.name.clone()),
        module: Module::from(vec![first, next, columns, scale, last]),
    })
}

/// `(a, b, columns, sums, c)`: adds the last slab and makes the result.
fn last(next: &Func, scale: &Func) -> Func {
    let mut f = FuncBuilder::new("gemm_last");
    let [a, b, columns, sums, c] = [(); 5].map(|()| f.ptr_param());
    f.call(next.name.clone(), &[a, b, sums]);
    f.call(scale.name.clone(), &[columns, sums, c]);
    f.finish()
}

/// `(columns, sums, c)`: results of a tile, by the arithmetic of [`Requant`]; four blocks below each
/// other share the values of their columns.
fn scale(tile: Shape) -> Func {
    let words = Type::vec(Elem::I16, LANES);
    let bytes = Type::vec(Elem::I8, LANES);
    let mut f = FuncBuilder::new("gemm_scale");
    let [columns, sums, c] = [(); 3].map(|()| f.ptr_param());
    let scales = f.ptr_add(columns, (tile.n * BIAS_BYTES) as i32);
    let shifts = [REQUANT.shift_in, REQUANT.shift_out].map(|shift| f.iconst(shift as i32));
    f.loop_(Count::Const(tile.m / TILE_M), &[sums, c], |f, at| {
        let init = [at[0], at[1], columns, scales];
        let ends = f.loop_(Count::Const(tile.n / COLUMNS), &init, |f, at| {
            let (mut sums, mut c) = (at[0], at[1]);
            let (bias, biases) = f.load_post(ACC, at[2], ACC.bytes() as i32);
            let (scale, scales) = f.load_post(words, at[3], words.bytes() as i32);
            for _ in 0..TILE_M / ROWS {
                let (sum, next) = f.load_post(ACC, sums, ACC.bytes() as i32);
                let sum = f.acc_add(sum, bias);
                let q = f.srs(words, sum, shifts[0], NEAREST);
                let product = f.mul(MacMode::I16E32, q, scale);
                let result = f.srs(bytes, product, shifts[1], NEAREST);
                c = f.store_post(result, c, bytes.bytes() as i32);
                sums = next;
            }
            vec![sums, c, biases, scales]
        });
        ends[..2].to_vec()
    });
    f.finish()
}

/// The slab before a tile column of B: its biases and scales, then zeros.
pub fn columns_slab(tile: Shape, biases: &[i32], scales: &[i16]) -> Vec<i8> {
    let biases = repeat_columns(biases);
    let scales = repeat_columns(scales);
    let bytes = biases.iter().flat_map(|v| v.to_le_bytes());
    let bytes = bytes.chain(scales.iter().flat_map(|v| v.to_le_bytes()));
    let mut slab: Vec<i8> = bytes.map(|b| b as i8).collect();
    slab.resize((tile.k * tile.n) as usize, 0);
    slab
}

/// `value / 2^shift`, to nearest, ties to even.
fn rounded(value: i64, shift: u32) -> i64 {
    let floor = value >> shift;
    let (rest, half) = (value - (floor << shift), (1 << shift) / 2);
    let up = rest > half || (rest == half && shift > 0 && floor & 1 == 1);
    floor + i64::from(up)
}

/// What the sum of a product's terms becomes, in plain arithmetic; see [`Requant`].
pub fn result(sum: i32, bias: i32, scale: i16) -> i8 {
    let sum = i64::from(sum.wrapping_add(bias));
    let q = rounded(sum, REQUANT.shift_in).clamp(i16::MIN.into(), i16::MAX.into());
    let r = rounded(q * i64::from(scale), REQUANT.shift_out);
    r.clamp(i8::MIN.into(), i8::MAX.into()) as i8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_even() {
        let halves = [-24, -8, 8, 24, 40].map(|v| rounded(v, 4));
        assert_eq!(halves, [-2, 0, 0, 2, 2]);
        assert_eq!([rounded(9, 4), rounded(-9, 4), rounded(7, 0)], [1, -1, 7]);
    }

    #[test]
    fn results_are_clamped() {
        assert_eq!(result(i32::MAX, 0, i16::MAX), 127);
        assert_eq!(result(0, -1 << 30, 32767), -128);
        assert_eq!(result(1600, 0, 655), 1);
    }
}
