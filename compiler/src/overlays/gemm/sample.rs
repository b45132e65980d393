//! Matrices of a shape and their exact product in plain loops, for tests and the benchmark.

use arch::num::{Rounding, f32_to_bf16};

use super::int8::{columns_slab, result};
use super::layout::Layout;
use super::{Gemm, Product, Shape};
use crate::kernels::KernelError;

/// Host buffers of a product, and what must come out.
#[derive(Clone, Debug)]
pub struct Sample {
    layout: Layout,
    product: Product,
    /// A, B and, empty, C.
    pub args: Vec<Vec<u8>>,
    /// C row by row: i8 or the bits of bf16.
    expected: Vec<u16>,
}

/// Numbers that look random and are the same in every run (xorshift).
fn numbers(mut state: u32) -> impl Iterator<Item = u32> {
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    })
}

/// A times B, row by row.
fn product(shape: Shape, a: &[i32], b: &[i32]) -> Vec<i32> {
    let (k, n) = (shape.k as usize, shape.n as usize);
    let mut c = vec![0i32; shape.m as usize * n];
    for (row, sums) in a.chunks_exact(k).zip(c.chunks_exact_mut(n)) {
        for (factor, values) in row.iter().zip(b.chunks_exact(n)) {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += factor * value;
            }
        }
    }
    c
}

impl Sample {
    /// Matrices of a shape. Those of bf16 hold small integers, so that every sum is exact in f32.
    ///
    /// # Errors
    /// A shape that is not whole blocks.
    pub fn new(gemm: &Gemm, shape: Shape) -> Result<Self, KernelError> {
        let layout = gemm.layout(shape)?;
        let sizes = [(shape.m * shape.k) as usize, (shape.k * shape.n) as usize];
        let range = match gemm.product {
            Product::Int8 => 256,
            Product::Bf16 => 9,
        };
        let matrix = |seed, len| -> Vec<i32> {
            let values = numbers(seed).map(|v| (v >> 8) % range);
            values
                .map(|v| v as i32 - range as i32 / 2)
                .take(len)
                .collect()
        };
        let (a, b) = (matrix(0x2545_f491, sizes[0]), matrix(0x6c07_8965, sizes[1]));
        let sums = product(shape, &a, &b);
        let (args, expected) = match gemm.product {
            Product::Int8 => int8(&layout, &a, &b, &sums),
            Product::Bf16 => bf16(&layout, &a, &b, &sums),
        };
        let empty = layout.lens()[2] as usize * gemm.elem().bytes() as usize;
        Ok(Sample {
            layout,
            product: gemm.product,
            args: args.into_iter().chain([vec![0xee; empty]]).collect(),
            expected,
        })
    }

    /// Compares C in host memory with the exact product.
    ///
    /// # Errors
    /// The first element that differs.
    pub fn check(&self, c: &[u8]) -> Result<(), String> {
        let got: Vec<u16> = match self.product {
            Product::Int8 => self.layout.unpack_c(c).into_iter().map(u16::from).collect(),
            Product::Bf16 => {
                let (values, _) = c.as_chunks::<2>();
                let values: Vec<u16> = values.iter().map(|v| u16::from_le_bytes(*v)).collect();
                self.layout.unpack_c(&values)
            }
        };
        let wrong = got.iter().zip(&self.expected).position(|(a, b)| a != b);
        match wrong {
            None if got.len() == self.expected.len() => Ok(()),
            None => Err(format!("{} elements of {}", got.len(), self.expected.len())),
            Some(at) => {
                let (row, column) = (
                    at / self.layout.shape.n as usize,
                    at % self.layout.shape.n as usize,
                );
                Err(format!(
                    "row {row}, column {column} is {:#06x}, plain loops give {:#06x}",
                    got[at], self.expected[at]
                ))
            }
        }
    }
}

fn int8(layout: &Layout, a: &[i32], b: &[i32], sums: &[i32]) -> ([Vec<u8>; 2], Vec<u16>) {
    let n = layout.shape.n as usize;
    let biases: Vec<i32> = numbers(7).map(|v| (v >> 8) as i32 % 4096).take(n).collect();
    let scales: Vec<i16> = numbers(11)
        .map(|v| 100 + (v >> 8) as i16 % 100)
        .take(n)
        .collect();
    let narrow = |values: &[i32]| -> Vec<i8> { values.iter().map(|v| *v as i8).collect() };
    let width = layout.tile.n as usize;
    let columns = |i: usize| {
        let range = i * width..(i + 1) * width;
        columns_slab(layout.tile, &biases[range.clone()], &scales[range])
    };
    let bytes = |values: Vec<i8>| values.into_iter().map(|v| v as u8).collect();
    let args = [
        bytes(layout.pack_a(&narrow(a))),
        bytes(layout.pack_b(&narrow(b), columns)),
    ];
    let element = |(i, sum): (usize, &i32)| result(*sum, biases[i % n], scales[i % n]) as u8;
    let expected = sums.iter().enumerate().map(element).map(u16::from);
    (args, expected.collect())
}

fn bf16(layout: &Layout, a: &[i32], b: &[i32], sums: &[i32]) -> ([Vec<u8>; 2], Vec<u16>) {
    let bits = |value: &i32| f32_to_bf16((*value as f32).to_bits(), Rounding::ConvEven);
    let narrow = |values: &[i32]| -> Vec<u16> { values.iter().map(bits).collect() };
    let bytes = |values: Vec<u16>| values.into_iter().flat_map(u16::to_le_bytes).collect();
    let args = [
        bytes(layout.pack_a(&narrow(a))),
        bytes(layout.pack_b(&narrow(b), |_| Vec::new())),
    ];
    (args, narrow(sums))
}
