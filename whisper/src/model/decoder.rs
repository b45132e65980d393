//! The decoder: token embedding, layers of self attention, attention to the audio and a
//! perceptron, and the embedding again as output.

use std::sync::Arc;

use half::f16;
use rayon::prelude::*;
use rten_simd::SimdOp;

use super::attention::PackedHead;
use super::cache::Cache;
use super::compute::{Compute, Precision};
use super::encoder::{read_fused, read_linear, read_norm};
use super::linear::{Linear, Then};
use super::vector::{AttendOne, Norm};
use super::{Alignment, Decoder, Features};
use crate::tokenizer::Token;
use crate::weights::{AttentionNames, Checkpoint, LayerNames, Part};
use crate::{Dimensions, Error, Result};

/// Multiplications below which self attention is not worth a second thread.
const WORTH_THREADS: usize = 1 << 18;

struct Layer {
    self_norm: Norm,
    fused: Linear,
    self_out: Linear,
    cross_norm: Norm,
    cross_query: Linear,
    cross_key_value: Linear,
    cross_out: Linear,
    final_norm: Norm,
    first: Linear,
    second: Linear,
}

/// Rows of the embedding, in half precision where that is exact.
enum Table {
    Half(Vec<f16>),
    Float(Vec<f32>),
}

impl Table {
    fn new(values: Vec<f32>) -> Self {
        let half: Vec<f16> = values.iter().map(|&v| f16::from_f32(v)).collect();
        let exact = half.iter().zip(&values).all(|(h, &v)| h.to_f32() == v);
        if exact {
            Table::Half(half)
        } else {
            Table::Float(values)
        }
    }

    /// Adds row `index` to `out`.
    fn add(&self, index: usize, out: &mut [f32]) {
        let range = index * out.len()..(index + 1) * out.len();
        match self {
            Table::Half(rows) => out
                .iter_mut()
                .zip(&rows[range])
                .for_each(|(o, v)| *o += v.to_f32()),
            Table::Float(rows) => out.iter_mut().zip(&rows[range]).for_each(|(o, v)| *o += v),
        }
    }
}

/// Keys and values of one window's audio: every head of every layer.
struct Window {
    layers: Vec<Vec<PackedHead>>,
}

/// The decoder on the host.
pub struct CpuDecoder {
    dimensions: Dimensions,
    compute: Arc<Compute>,
    table: Table,
    positions: Vec<f32>,
    layers: Vec<Layer>,
    norm: Norm,
    output: Linear,
    windows: Vec<Window>,
    /// The window of every row; rows of a window stand together.
    owners: Vec<usize>,
    cache: Cache,
    buffers: Buffers,
}

/// Activations, kept between steps.
#[derive(Default)]
struct Buffers {
    x: Vec<f32>,
    normed: Vec<f32>,
    fused: Vec<f32>,
    attended: Vec<f32>,
    by_head: Vec<f32>,
    hidden: Vec<f32>,
    chosen: Vec<f32>,
    logits: Vec<f32>,
}

/// Attention scores that are kept while tokens pass.
struct Record<'a> {
    heads: &'a [(usize, usize)],
    scores: Vec<f32>,
}

impl CpuDecoder {
    /// Reads and packs the decoder's weights.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape than the sizes say.
    pub fn load(
        checkpoint: &Checkpoint,
        compute: &Arc<Compute>,
        precision: Precision,
    ) -> Result<Self> {
        compute.run(|| Self::load_inside(checkpoint, compute, precision))
    }

    fn load_inside(
        checkpoint: &Checkpoint,
        compute: &Arc<Compute>,
        precision: Precision,
    ) -> Result<Self> {
        let dimensions = *checkpoint.dimensions();
        let (width, heads) = (dimensions.n_text_state, dimensions.n_text_head);
        let layers = (0..dimensions.n_text_layer)
            .map(|index| read_layer(checkpoint, precision, (width, heads), index))
            .collect::<Result<_>>()?;
        let table = checkpoint.read(&Part::Tokens, &[dimensions.n_vocab, width])?;
        Ok(CpuDecoder {
            output: Linear::new(precision, &table, width, None),
            table: Table::new(table),
            positions: checkpoint.read(
                &Part::Positions { decoder: true },
                &[dimensions.n_text_ctx, width],
            )?,
            norm: read_norm(checkpoint, width, |bias| Part::LastNorm {
                decoder: true,
                bias,
            })?,
            layers,
            dimensions,
            compute: Arc::clone(compute),
            windows: Vec::new(),
            owners: Vec::new(),
            cache: Cache::new(dimensions.n_text_layer, width),
            buffers: Buffers::default(),
        })
    }

    /// Appends tokens to every row and computes the logits at `wanted`.
    fn forward(&mut self, tokens: &[Token], wanted: &[usize], mut record: Option<&mut Record<'_>>) {
        let width = self.dimensions.n_text_state;
        let rows = self.owners.len();
        let count = tokens.len() / rows;
        let lines = tokens.len();
        let b = &mut self.buffers;
        b.x.resize(lines * width, 0.0);
        b.normed.resize(lines * width, 0.0);
        b.fused.resize(lines * 3 * width, 0.0);
        b.attended.resize(lines * width, 0.0);
        b.by_head.resize(lines * width, 0.0);
        b.hidden.resize(lines * 4 * width, 0.0);
        for (i, (line, &token)) in b.x.chunks_exact_mut(width).zip(tokens).enumerate() {
            let position = self.cache.length() + i % count;
            line.copy_from_slice(&self.positions[position * width..(position + 1) * width]);
            self.table.add(token as usize, line);
        }
        self.cache.reserve(count);
        for (index, layer) in self.layers.iter().enumerate() {
            layer.self_norm.apply(&b.x, &mut b.normed);
            layer.fused.apply(&b.normed, &mut b.fused, Then::Store);
            self.cache.store(index, &b.fused, count);
            let heads = self.dimensions.n_text_head;
            let sizes = (width, heads);
            attend_history(&self.cache, index, &b.fused, count, sizes, &mut b.attended);
            layer.self_out.apply(&b.attended, &mut b.x, Then::Add);

            layer.cross_norm.apply(&b.x, &mut b.normed);
            let queries = &mut b.attended;
            layer.cross_query.apply(&b.normed, queries, Then::Store);
            let groups = Groups {
                owners: &self.owners,
                windows: &self.windows,
                layer: index,
                count,
                heads: self.dimensions.n_text_head,
            };
            groups.attend(queries, &mut b.by_head, record.as_deref_mut());
            groups.gather(&b.by_head, &mut b.attended);
            layer.cross_out.apply(&b.attended, &mut b.x, Then::Add);

            layer.final_norm.apply(&b.x, &mut b.normed);
            layer.first.apply(&b.normed, &mut b.hidden, Then::Gelu);
            layer.second.apply(&b.hidden, &mut b.x, Then::Add);
        }
        self.cache.advance(count);
        b.normed.resize(rows * wanted.len() * width, 0.0);
        b.chosen.clear();
        for row in 0..rows {
            for &position in wanted {
                let at = (row * count + position) * width;
                b.chosen.extend_from_slice(&b.x[at..at + width]);
            }
        }
        self.norm.apply(&b.chosen, &mut b.normed);
        b.logits
            .resize(rows * wanted.len() * self.output.outputs(), 0.0);
        self.output.apply(&b.normed, &mut b.logits, Then::Store);
    }

    /// Checks a step's input before anything is touched.
    fn check(&self, tokens: &[Token], wanted: &[usize]) -> Result<()> {
        let rows = self.owners.len();
        if rows == 0 || tokens.is_empty() || !tokens.len().is_multiple_of(rows) {
            return Err(Error::Size {
                what: "a step's tokens",
                found: tokens.len(),
                expected: rows.max(1),
            });
        }
        let count = tokens.len() / rows;
        if let Some(&outside) = wanted.iter().find(|&&w| w >= count) {
            return Err(Error::Size {
                what: "a position of a step",
                found: outside,
                expected: count - 1,
            });
        }
        let positions = self.cache.length() + count;
        if positions > self.dimensions.n_text_ctx {
            return Err(Error::Context {
                positions,
                limit: self.dimensions.n_text_ctx,
            });
        }
        let size = self.dimensions.n_vocab;
        match tokens.iter().find(|&&t| t as usize >= size) {
            Some(&token) => Err(Error::Token { token, size }),
            None => Ok(()),
        }
    }
}

fn read_layer(
    checkpoint: &Checkpoint,
    precision: Precision,
    (width, heads): (usize, usize),
    index: usize,
) -> Result<Layer> {
    use AttentionNames::{Key, Norm as NormName, Out, Query, Value};
    let part = |name: LayerNames| {
        move |bias| Part::Layer {
            decoder: true,
            index,
            name,
            bias,
        }
    };
    let norm = |name| read_norm(checkpoint, width, part(name));
    let linear = |sizes, name| read_linear(checkpoint, precision, sizes, part(name));
    let fused = |names: &[AttentionNames], which: fn(AttentionNames) -> LayerNames| {
        let name = |name, bias| part(which(name))(bias);
        read_fused(checkpoint, precision, (width, heads), names, name)
    };
    Ok(Layer {
        self_norm: norm(LayerNames::SelfAttention(NormName))?,
        fused: fused(&[Query, Key, Value], LayerNames::SelfAttention)?,
        self_out: linear((width, width), LayerNames::SelfAttention(Out))?,
        cross_norm: norm(LayerNames::CrossAttention(NormName))?,
        cross_query: fused(&[Query], LayerNames::CrossAttention)?,
        cross_key_value: fused(&[Key, Value], LayerNames::CrossAttention)?,
        cross_out: linear((width, width), LayerNames::CrossAttention(Out))?,
        final_norm: norm(LayerNames::FinalNorm)?,
        first: linear((width, 4 * width), LayerNames::FirstLinear)?,
        second: linear((4 * width, width), LayerNames::SecondLinear)?,
    })
}

/// Attends from new tokens to all before them and themselves, row by row.
fn attend_history(
    cache: &Cache,
    layer: usize,
    fused: &[f32],
    count: usize,
    (width, heads): (usize, usize),
    out: &mut [f32],
) {
    let lines = out.len() / width;
    let one = |line: usize, out: &mut [f32], scores: &mut Vec<f32>| {
        let (keys, values) = cache.row(layer, line / count);
        scores.resize(cache.length() + line % count + 1, 0.0);
        let head_width = width / heads;
        for (head, out) in out.chunks_exact_mut(head_width).enumerate() {
            let at = head * head_width;
            let query = line * 3 * width + at;
            AttendOne {
                query: &fused[query..query + head_width],
                keys: &keys[at..],
                values: &values[at..],
                stride: width,
                scores,
                out,
            }
            .dispatch();
        }
    };
    if lines * (cache.length() + count) * width < WORTH_THREADS {
        let mut scores = Vec::new();
        for (line, out) in out.chunks_exact_mut(width).enumerate() {
            one(line, out, &mut scores);
        }
    } else {
        out.par_chunks_exact_mut(width)
            .enumerate()
            .for_each_init(Vec::new, |scores, (line, out)| one(line, out, scores));
    }
}

/// The rows of a step, grouped by window for attention to the audio.
struct Groups<'a> {
    owners: &'a [usize],
    windows: &'a [Window],
    layer: usize,
    count: usize,
    heads: usize,
}

impl Groups<'_> {
    /// Lines (row x new token) of each window that has any: first line, lines, window.
    fn runs(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let mut first = 0;
        self.owners.chunk_by(|a, b| a == b).map(move |run| {
            let at = first;
            first += run.len() * self.count;
            (at, run.len() * self.count, run[0])
        })
    }

    /// Attends with every head; `by_head` gets, window after window, head after head, its lines.
    fn attend(&self, queries: &[f32], by_head: &mut [f32], record: Option<&mut Record<'_>>) {
        let width = by_head.len() / (self.owners.len() * self.count);
        let head_width = width / self.heads;
        let mut tasks = Vec::with_capacity(self.owners.len() * self.heads);
        let mut rest = by_head;
        for (first, lines, window) in self.runs() {
            for head in 0..self.heads {
                let (out, after) = rest.split_at_mut(lines * head_width);
                rest = after;
                let packed = &self.windows[window].layers[self.layer][head];
                tasks.push((first * width + head * head_width, packed, out));
            }
        }
        match record {
            None => tasks.into_par_iter().for_each(|(at, packed, out)| {
                packed.attend(&queries[at..], width, out, None);
            }),
            Some(record) => {
                let size = record.scores.len() / record.heads.len().max(1);
                for (head, (at, packed, out)) in tasks.into_iter().enumerate() {
                    let asked = record.heads.iter().position(|&h| h == (self.layer, head));
                    let kept = asked.map(|i| &mut record.scores[i * size..(i + 1) * size]);
                    packed.attend(&queries[at..], width, out, kept);
                }
            }
        }
    }

    /// Puts the heads of every line side by side again.
    fn gather(&self, by_head: &[f32], out: &mut [f32]) {
        let width = out.len() / (self.owners.len() * self.count);
        let head_width = width / self.heads;
        for (first, lines, _) in self.runs() {
            let from = &by_head[first * width..(first + lines) * width];
            for (i, piece) in from.chunks_exact(head_width).enumerate() {
                let (head, line) = (i / lines, first + i % lines);
                let at = line * width + head * head_width;
                out[at..at + head_width].copy_from_slice(piece);
            }
        }
    }
}

impl Decoder for CpuDecoder {
    fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    fn begin(&mut self, windows: &[Features]) -> Result<()> {
        let (rows, width) = (self.dimensions.n_audio_ctx, self.dimensions.n_text_state);
        if let Some(wrong) = windows.iter().find(|w| w.data.len() != rows * width) {
            return Err(Error::Size {
                what: "a window's features",
                found: wrong.data.len(),
                expected: rows * width,
            });
        }
        let (layers, compute) = (&self.layers, &*self.compute);
        let head_width = self.dimensions.text_head_width();
        let heads = self.dimensions.n_text_head;
        self.windows = compute.run(|| {
            let mut both = vec![0.0; rows * 2 * width];
            windows
                .iter()
                .map(|window| Window {
                    layers: layers
                        .iter()
                        .map(|layer| {
                            let projection = &layer.cross_key_value;
                            projection.apply(&window.data, &mut both, Then::Store);
                            (0..heads)
                                .into_par_iter()
                                .map(|head| {
                                    let at = head * head_width;
                                    let (keys, values) = (&both[at..], &both[width + at..]);
                                    PackedHead::new(keys, values, rows, head_width, 2 * width)
                                })
                                .collect()
                        })
                        .collect(),
                })
                .collect()
        });
        self.rewind();
        Ok(())
    }

    fn rewind(&mut self) {
        self.owners = (0..self.windows.len()).collect();
        self.cache.clear(self.owners.len());
    }

    fn rows(&self) -> usize {
        self.owners.len()
    }

    fn step(&mut self, tokens: &[Token], wanted: &[usize]) -> Result<&[f32]> {
        self.check(tokens, wanted)?;
        let compute = Arc::clone(&self.compute);
        compute.run(|| self.forward(tokens, wanted, None));
        Ok(&self.buffers.logits)
    }

    fn reorder(&mut self, sources: &[usize]) -> Result<()> {
        let rows = self.owners.len();
        if let Some(&outside) = sources.iter().find(|&&s| s >= rows) {
            return Err(Error::Size {
                what: "a row's source",
                found: outside,
                expected: rows.saturating_sub(1),
            });
        }
        self.owners = sources.iter().map(|&s| self.owners[s]).collect();
        self.cache.reorder(sources);
        Ok(())
    }

    fn align(&mut self, tokens: &[Token], heads: &[(usize, usize)]) -> Result<Alignment> {
        self.rewind();
        self.reorder(&[0])?;
        let wanted: Vec<usize> = (0..tokens.len()).collect();
        self.check(tokens, &wanted)?;
        let size = tokens.len() * self.dimensions.n_audio_ctx;
        let mut record = Record {
            heads,
            scores: vec![0.0; heads.len() * size],
        };
        let compute = Arc::clone(&self.compute);
        compute.run(|| self.forward(tokens, &wanted, Some(&mut record)));
        let logits = self.buffers.logits.clone();
        self.rewind();
        Ok(Alignment {
            logits,
            scores: record.scores,
        })
    }
}
