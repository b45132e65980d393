//! Element-wise steps over rows: norm, softmax, GELU, dot products.

use rten_simd::{Isa, SimdOp, SimdUnaryOp};
use rten_vecmath::{Gelu, Normalize, NormalizeOptions, Softmax, Sum, SumSquareSub};

/// Added to the variance, as in PyTorch's LayerNorm.
const EPSILON: f32 = 1e-5;

/// Scale and shift of a layer norm.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

impl Norm {
    /// Normalises every row of `x` into `out`.
    pub(super) fn apply(&self, x: &[f32], out: &mut [f32]) {
        let width = self.scale.len();
        out.copy_from_slice(x);
        for row in out.chunks_exact_mut(width) {
            let mean = Sum::new(row).dispatch() / width as f32;
            let variance = SumSquareSub::new(row, mean).dispatch() / width as f32;
            let options = NormalizeOptions {
                pre_scale_bias: mean,
                scale: 1.0 / (variance + EPSILON).sqrt(),
                element_scale: Some(&self.scale),
                bias: 0.0,
                element_bias: Some(&self.shift),
            };
            Normalize::new_mut(row, options).dispatch();
        }
    }
}

/// Softmax of one row, in place.
pub(super) fn softmax(row: &mut [f32]) {
    Softmax::new_mut(row).dispatch();
}

/// The exact GELU, in place.
pub(super) fn gelu(x: &mut [f32]) {
    Gelu {}.map_mut(x);
}

/// Lanes summed apart, so that the compiler may use vectors of any width.
const LANES: usize = 16;

/// One head of one query against the rows of a cache: scores, softmax, weighted sum.
///
/// `keys` and `values` begin at the head's first element of the first row; rows are `stride` apart
/// and as many as `scores` has elements.
pub(super) struct AttendOne<'a> {
    pub(super) query: &'a [f32],
    pub(super) keys: &'a [f32],
    pub(super) values: &'a [f32],
    pub(super) stride: usize,
    pub(super) scores: &'a mut [f32],
    pub(super) out: &'a mut [f32],
}

impl SimdOp for AttendOne<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, _isa: I) {
        let width = self.query.len();
        for (score, key) in self.scores.iter_mut().zip(self.keys.chunks(self.stride)) {
            *score = dot(self.query, &key[..width]);
        }
        softmax(self.scores);
        self.out.fill(0.0);
        for (&weight, value) in self.scores.iter().zip(self.values.chunks(self.stride)) {
            for (o, v) in self.out.iter_mut().zip(&value[..width]) {
                *o += weight * v;
            }
        }
    }
}

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a_whole, b_whole) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_whole
        .remainder()
        .iter()
        .zip(b_whole.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (x, y) in a_whole.zip(b_whole) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// The largest magnitude of a row.
pub(super) struct Peak<'a>(pub(super) &'a [f32]);

impl SimdOp for Peak<'_> {
    type Output = f32;

    #[inline(always)]
    fn eval<I: Isa>(self, _isa: I) -> f32 {
        let mut lanes = [0.0f32; LANES];
        let whole = self.0.chunks_exact(LANES);
        let rest = whole.remainder().iter().fold(0.0f32, |m, v| m.max(v.abs()));
        for chunk in whole {
            for lane in 0..LANES {
                let value = chunk[lane].abs();
                lanes[lane] = if value > lanes[lane] {
                    value
                } else {
                    lanes[lane]
                };
            }
        }
        lanes.iter().fold(rest, |m, &v| m.max(v))
    }
}

/// Integer products back to floats: `out = sums * row_scale * scales + bias`, added if `add`.
pub(super) struct Dequantize<'a> {
    pub(super) sums: &'a [i32],
    pub(super) row_scale: f32,
    pub(super) scales: &'a [f32],
    pub(super) bias: &'a [f32],
    pub(super) add: bool,
    pub(super) out: &'a mut [f32],
}

impl SimdOp for Dequantize<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, _isa: I) {
        let n = self.out.len();
        let (sums, scales, bias) = (&self.sums[..n], &self.scales[..n], &self.bias[..n]);
        if self.add {
            for i in 0..n {
                self.out[i] += sums[i] as f32 * (self.row_scale * scales[i]) + bias[i];
            }
        } else {
            for i in 0..n {
                self.out[i] = sums[i] as f32 * (self.row_scale * scales[i]) + bias[i];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_norm_has_mean_zero_and_variance_one_before_scale_and_shift() {
        let norm = Norm {
            scale: vec![2.0; 4],
            shift: vec![1.0; 4],
        };
        let mut out = vec![0.0; 4];
        norm.apply(&[1.0, 2.0, 3.0, 4.0], &mut out);
        let expected = [-1.3416, -0.4472, 0.4472, 1.3416].map(|v: f32| v * 2.0 + 1.0);
        for (o, e) in out.iter().zip(expected) {
            assert!((o - e).abs() < 1e-3, "{out:?}");
        }
    }

    #[test]
    fn attention_of_one_head_is_the_weighted_mean() {
        let mut scores = [0.0; 2];
        let mut out = [0.0; 3];
        AttendOne {
            query: &[1.0, 0.0, 0.0],
            keys: &[0.0, 9.0, 9.0, 7.0, 3.0f32.ln(), 0.0, 0.0, 7.0],
            values: &[4.0, 0.0, 1.0, 7.0, 0.0, 4.0, 1.0, 7.0],
            stride: 4,
            scores: &mut scores,
            out: &mut out,
        }
        .dispatch();
        for (o, e) in out.iter().zip([1.0, 3.0, 1.0]) {
            assert!((o - e).abs() < 1e-5, "{out:?}");
        }
    }

    #[test]
    fn peaks_are_found_anywhere() {
        let mut row = vec![0.5; 37];
        for at in [0, 20, 36] {
            row[at] = -2.0 - at as f32;
            assert_eq!(Peak(&row).dispatch(), 2.0 + at as f32);
        }
    }
}
