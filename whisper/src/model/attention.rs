//! Attention of many queries against many keys: the encoder's, and the decoder's to the audio.

use std::cell::RefCell;

use rayon::prelude::*;
use rten_gemm::{GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};

use super::compute::float;
use super::linear::matrix;
use super::vector::softmax;

/// Queries of one task: their scores against 1500 keys stay in the second-level cache.
const BLOCK_ROWS: usize = 64;

thread_local! {
    /// Scores of a task, taken out while in use (see `linear`).
    static SCORES: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Keys and values of one head, packed for products with queries.
pub(super) struct PackedHead {
    keys: PackedBMatrix<f32>,
    values: PackedBMatrix<f32>,
    count: usize,
    width: usize,
}

impl PackedHead {
    /// Packs `count` rows, `stride` apart, of which a head of `width` begins each slice.
    pub(super) fn new(
        keys: &[f32],
        values: &[f32],
        count: usize,
        width: usize,
        stride: usize,
    ) -> Self {
        PackedHead {
            keys: float(|g| g.prepack_b(matrix(keys, count, width, stride).transposed())),
            values: float(|g| g.prepack_b(matrix(values, count, width, stride))),
            count,
            width,
        }
    }

    /// Raw scores of queries: rows of `count`.
    pub(super) fn scores(&self, queries: &[f32], stride: usize, out: &mut [f32]) {
        let rows = out.len() / self.count;
        let a = GemmInputA::Unpacked(matrix(queries, rows, self.width, stride));
        let b = GemmInputB::Packed(&self.keys);
        let done = float(|g| g.gemm(out, a, b, GemmOptions::default()));
        assert!(done.is_ok(), "sizes are fixed at construction: {done:?}");
    }

    /// Attends with queries `stride` apart, as many as `out` has rows of the head's width. The
    /// scores before the softmax go to `record` if given.
    pub(super) fn attend(
        &self,
        queries: &[f32],
        stride: usize,
        out: &mut [f32],
        record: Option<&mut [f32]>,
    ) {
        let rows = out.len() / self.width;
        let mut scores = SCORES.take();
        scores.resize(rows * self.count, 0.0);
        self.scores(queries, stride, &mut scores);
        if let Some(record) = record {
            record.copy_from_slice(&scores);
        }
        for row in scores.chunks_exact_mut(self.count) {
            softmax(row);
        }
        let a = GemmInputA::Unpacked(matrix(&scores, rows, self.count, self.count));
        let b = GemmInputB::Packed(&self.values);
        let done = float(|g| g.gemm(out, a, b, GemmOptions::default()));
        assert!(done.is_ok(), "sizes are fixed at construction: {done:?}");
        SCORES.set(scores);
    }
}

/// Full self attention over `fused` rows of queries, keys and values (3 x `width` each) of `heads`
/// heads. `by_head` is a buffer of rows x width; the result goes to `out`, rows of `width`.
pub(super) fn attend_all(
    fused: &[f32],
    width: usize,
    heads: usize,
    by_head: &mut [f32],
    out: &mut [f32],
) {
    let head_width = width / heads;
    let stride = 3 * width;
    let rows = fused.len() / stride;
    let packed: Vec<PackedHead> = (0..heads)
        .into_par_iter()
        .map(|head| {
            let at = head * head_width;
            let (keys, values) = (&fused[width + at..], &fused[2 * width + at..]);
            PackedHead::new(keys, values, rows, head_width, stride)
        })
        .collect();
    by_head
        .par_chunks_mut(rows * head_width)
        .zip(&packed)
        .enumerate()
        .for_each(|(head, (out, packed))| {
            out.par_chunks_mut(BLOCK_ROWS * head_width)
                .enumerate()
                .for_each(|(block, out)| {
                    let queries = &fused[block * BLOCK_ROWS * stride + head * head_width..];
                    packed.attend(queries, stride, out, None);
                });
        });
    out.par_chunks_mut(width)
        .enumerate()
        .for_each(|(row, out)| {
            for (head, out) in out.chunks_exact_mut(head_width).enumerate() {
                let at = (head * rows + row) * head_width;
                out.copy_from_slice(&by_head[at..at + head_width]);
            }
        });
}
