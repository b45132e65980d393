//! Linear layers with packed weights, in f32 and in int8.

use std::cell::RefCell;
use std::mem::MaybeUninit;

use rayon::prelude::*;
use rten_gemm::{BiasVector, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix, QuantParams};
use rten_simd::SimdOp;
use rten_tensor::{Matrix, NdTensorView};
use rten_vecmath::Quantize;

use super::compute::{Precision, byte, float};
use super::vector::{Dequantize, Peak, gelu};

/// Rows of one task: their activations, bytes and sums stay in the second-level cache.
const BLOCK_ROWS: usize = 96;
/// Columns of one task when products become floats again.
const BLOCK_COLUMNS: usize = 8192;

/// What happens with a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It replaces the output.
    Store,
    /// It is added to the output.
    Add,
    /// Its GELU replaces the output.
    Gelu,
}

enum Weight {
    Float(PackedBMatrix<f32>),
    Byte {
        packed: PackedBMatrix<i8>,
        scales: Vec<f32>,
    },
}

/// `y = x W^T + b` with `W` of `outputs` rows of `inputs` values.
pub(super) struct Linear {
    weight: Weight,
    bias: Vec<f32>,
    inputs: usize,
    outputs: usize,
}

thread_local! {
    /// Buffers of a task. They are taken out while in use, for a thread that waits for parts of a
    /// product may run another task meanwhile.
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

#[derive(Default)]
struct Buffers {
    bytes: Vec<u8>,
    scales: Vec<f32>,
    zeros: Vec<u8>,
    sums: Vec<i32>,
}

/// A matrix of `rows` by `columns` values, rows `stride` apart.
pub(super) fn matrix<T>(data: &[T], rows: usize, columns: usize, stride: usize) -> Matrix<'_, T> {
    match NdTensorView::from_slice_with_strides([rows, columns], data, [stride, 1]) {
        Ok(view) => view,
        Err(_) => panic!(
            "{} values are no {rows} rows of {columns}, {stride} apart",
            data.len()
        ),
    }
}

impl Linear {
    /// Packs `weight` (`outputs` rows of `inputs`); without `bias` it is zero.
    pub(super) fn new(
        precision: Precision,
        weight: &[f32],
        inputs: usize,
        bias: Option<Vec<f32>>,
    ) -> Self {
        let outputs = weight.len() / inputs;
        let weight = match precision {
            Precision::F32 => {
                let view = matrix(weight, outputs, inputs, inputs);
                Weight::Float(float(|g| g.prepack_b(view.transposed())))
            }
            Precision::Int8 => {
                let mut bytes = vec![0i8; weight.len()];
                let mut scales = vec![0.0f32; outputs];
                bytes
                    .par_chunks_mut(inputs)
                    .zip(&mut scales)
                    .zip(weight.par_chunks(inputs))
                    .for_each(|((to, scale), from)| {
                        let peak = Peak(from).dispatch();
                        *scale = peak / 127.0;
                        let inverse = if peak > 0.0 { 127.0 / peak } else { 0.0 };
                        for (t, f) in to.iter_mut().zip(from) {
                            *t = (f * inverse).round_ties_even() as i8;
                        }
                    });
                let view = matrix(&bytes, outputs, inputs, inputs);
                Weight::Byte {
                    packed: byte(|g| g.prepack_b(view.transposed())),
                    scales,
                }
            }
        };
        Linear {
            weight,
            bias: bias.unwrap_or_else(|| vec![0.0; outputs]),
            inputs,
            outputs,
        }
    }

    /// Width of the output.
    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Applies the layer to the rows of `x`, which are `stride` apart and may overlap, as many as
    /// `out` has rows of [`Self::outputs`] values.
    pub(super) fn apply_strided(&self, x: &[f32], stride: usize, out: &mut [f32], then: Then) {
        let rows = out.len() / self.outputs;
        if rows <= BLOCK_ROWS {
            self.block(x, stride, out, then);
            return;
        }
        out.par_chunks_mut(BLOCK_ROWS * self.outputs)
            .enumerate()
            .for_each(|(i, out)| self.block(&x[i * BLOCK_ROWS * stride..], stride, out, then));
    }

    /// Applies the layer to the rows of `x`.
    pub(super) fn apply(&self, x: &[f32], out: &mut [f32], then: Then) {
        self.apply_strided(x, self.inputs, out, then);
    }

    fn block(&self, x: &[f32], stride: usize, out: &mut [f32], then: Then) {
        let rows = out.len() / self.outputs;
        match &self.weight {
            Weight::Float(packed) => {
                let options = GemmOptions {
                    beta: if then == Then::Add { 1.0 } else { 0.0 },
                    bias: Some(BiasVector::Row(&self.bias)),
                    ..Default::default()
                };
                let a = matrix(x, rows, self.inputs, stride);
                let (a, b) = (GemmInputA::Unpacked(a), GemmInputB::Packed(packed));
                let done = float(|g| g.gemm(out, a, b, options));
                assert!(done.is_ok(), "sizes are fixed at construction: {done:?}");
            }
            Weight::Byte { packed, scales } => {
                let mut buffers = BUFFERS.take();
                self.block_of_bytes(packed, scales, x, stride, out, then, &mut buffers);
                BUFFERS.set(buffers);
            }
        }
        if then == Then::Gelu {
            if rows >= BLOCK_ROWS / 4 {
                gelu(out);
            } else {
                out.par_chunks_mut(1024).for_each(gelu);
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one product, used once"
    )]
    fn block_of_bytes(
        &self,
        packed: &PackedBMatrix<i8>,
        scales: &[f32],
        x: &[f32],
        stride: usize,
        out: &mut [f32],
        then: Then,
        buffers: &mut Buffers,
    ) {
        let rows = out.len() / self.outputs;
        // Where products of two bytes are summed in 16 bits, seven bits of activation are exact.
        let reach: u8 = if byte(|g| g.may_saturate()) { 63 } else { 127 };
        buffers.bytes.clear();
        buffers.bytes.reserve(rows * self.inputs);
        buffers.scales.clear();
        for row in 0..rows {
            let values = &x[row * stride..row * stride + self.inputs];
            let peak = Peak(values).dispatch();
            let inverse = if peak > 0.0 {
                f32::from(reach) / peak
            } else {
                0.0
            };
            buffers.scales.push(peak / f32::from(reach));
            let start = buffers.bytes.len();
            buffers.bytes.resize(start + self.inputs, 0);
            quantize(values, inverse, reach + 1, &mut buffers.bytes[start..]);
        }
        buffers.zeros.clear();
        buffers.zeros.resize(rows, reach + 1);
        buffers.sums.resize(rows * self.outputs, 0);
        let sums = &mut buffers.sums[..rows * self.outputs];
        let options = GemmOptions {
            a_quant: Some(QuantParams {
                zero_point: &buffers.zeros,
            }),
            ..Default::default()
        };
        let a = matrix(&buffers.bytes, rows, self.inputs, self.inputs);
        let (a, b) = (GemmInputA::Unpacked(a), GemmInputB::Packed(packed));
        let done = byte(|g| g.gemm(sums, a, b, options));
        assert!(done.is_ok(), "sizes are fixed at construction: {done:?}");
        let finish = |row_scale: f32, sums: &[i32], out: &mut [f32], from: usize| {
            Dequantize {
                sums,
                row_scale,
                scales: &scales[from..from + out.len()],
                bias: &self.bias[from..from + out.len()],
                add: then == Then::Add,
                out,
            }
            .dispatch();
        };
        let lines = out
            .chunks_exact_mut(self.outputs)
            .zip(sums.chunks_exact(self.outputs))
            .zip(&buffers.scales);
        for ((out, sums), &scale) in lines {
            if self.outputs > 2 * BLOCK_COLUMNS {
                out.par_chunks_mut(BLOCK_COLUMNS)
                    .zip(sums.par_chunks(BLOCK_COLUMNS))
                    .enumerate()
                    .for_each(|(i, (out, sums))| finish(scale, sums, out, i * BLOCK_COLUMNS));
            } else {
                finish(scale, sums, out, 0);
            }
        }
    }
}

/// Rounds `values * inverse + zero` to bytes.
fn quantize(values: &[f32], inverse: f32, zero: u8, out: &mut [u8]) {
    let mut block = [MaybeUninit::<u8>::uninit(); 512];
    for (from, to) in values.chunks(block.len()).zip(out.chunks_mut(block.len())) {
        let bytes = Quantize::new(from, &mut block[..from.len()], inverse, zero).dispatch();
        to.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    #[test]
    fn both_precisions_compute_the_product() {
        let (inputs, outputs) = (70, 33);
        let weight = values(inputs * outputs, 1);
        let bias = values(outputs, 2);
        for rows in [1, 5, 200] {
            let x = values(rows * inputs, 3);
            for (precision, tolerance) in [(Precision::F32, 1e-4), (Precision::Int8, 0.15)] {
                let linear = Linear::new(precision, &weight, inputs, Some(bias.clone()));
                for then in [Then::Store, Then::Add] {
                    let mut out = vec![0.5; rows * outputs];
                    linear.apply(&x, &mut out, then);
                    for (row, line) in out.chunks(outputs).enumerate() {
                        for (o, got) in line.iter().enumerate() {
                            let product: f32 = (0..inputs)
                                .map(|i| x[row * inputs + i] * weight[o * inputs + i])
                                .sum();
                            let expected =
                                product + bias[o] + if then == Then::Add { 0.5 } else { 0.0 };
                            assert!(
                                (got - expected).abs() < tolerance,
                                "{precision:?} {then:?} row {row} output {o}: {got}, should be {expected}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn rows_may_overlap_as_convolutions_do() {
        let linear = Linear::new(Precision::F32, &[1.0, 10.0, 100.0], 3, None);
        let mut out = vec![0.0; 3];
        linear.apply_strided(&[1.0, 2.0, 3.0, 4.0, 5.0], 1, &mut out, Then::Store);
        assert_eq!(out, [321.0, 432.0, 543.0]);
    }

    #[test]
    fn zero_rows_stay_zero() {
        let linear = Linear::new(Precision::Int8, &[0.0; 64], 32, None);
        let mut out = vec![7.0; 2];
        linear.apply(&[0.0; 32], &mut out, Then::Store);
        assert_eq!(out, [0.0, 0.0]);
    }
}
