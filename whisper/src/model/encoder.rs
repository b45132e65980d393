//! The encoder: two convolutions, then layers of self attention and a perceptron.

use std::sync::Arc;

use rayon::prelude::*;

use super::attention::attend_all;
use super::compute::{Compute, Precision};
use super::linear::{Linear, Then};
use super::vector::Norm;
use super::{Encoder, Features};
use crate::weights::{AttentionNames, Checkpoint, LayerNames, Part};
use crate::{Dimensions, Error, Result};

/// Frames seen by one output of a convolution.
const KERNEL: usize = 3;

struct Layer {
    attention_norm: Norm,
    fused: Linear,
    out: Linear,
    final_norm: Norm,
    first: Linear,
    second: Linear,
}

/// The encoder on the host.
pub struct CpuEncoder {
    dimensions: Dimensions,
    compute: Arc<Compute>,
    first: Linear,
    second: Linear,
    positions: Vec<f32>,
    layers: Vec<Layer>,
    norm: Norm,
    buffers: Buffers,
}

/// Activations, kept between windows.
#[derive(Default)]
struct Buffers {
    frames: Vec<f32>,
    halved: Vec<f32>,
    normed: Vec<f32>,
    fused: Vec<f32>,
    by_head: Vec<f32>,
    attended: Vec<f32>,
    hidden: Vec<f32>,
}

/// Reads a norm of `width`.
pub(super) fn read_norm(
    checkpoint: &Checkpoint,
    width: usize,
    part: impl Fn(bool) -> Part,
) -> Result<Norm> {
    Ok(Norm {
        scale: checkpoint.read(&part(false), &[width])?,
        shift: checkpoint.read(&part(true), &[width])?,
    })
}

/// Reads a linear layer.
pub(super) fn read_linear(
    checkpoint: &Checkpoint,
    precision: Precision,
    (inputs, outputs): (usize, usize),
    part: impl Fn(bool) -> Part,
) -> Result<Linear> {
    let weight = checkpoint.read(&part(false), &[outputs, inputs])?;
    let bias = checkpoint.read_optional(&part(true), &[outputs])?;
    Ok(Linear::new(precision, &weight, inputs, bias))
}

/// Reads projections of one attention as a single layer, one after another. The query's share is
/// scaled by the root of the head's width, so that scores need no scaling.
pub(super) fn read_fused(
    checkpoint: &Checkpoint,
    precision: Precision,
    (width, heads): (usize, usize),
    names: &[AttentionNames],
    part: impl Fn(AttentionNames, bool) -> Part,
) -> Result<Linear> {
    let scale = 1.0 / ((width / heads) as f32).sqrt();
    let mut weight = Vec::with_capacity(names.len() * width * width);
    let mut bias = Vec::with_capacity(names.len() * width);
    for &name in names {
        let mut w = checkpoint.read(&part(name, false), &[width, width])?;
        let b = checkpoint.read_optional(&part(name, true), &[width])?;
        let mut b = b.unwrap_or_else(|| vec![0.0; width]);
        if matches!(name, AttentionNames::Query) {
            w.iter_mut().chain(&mut b).for_each(|v| *v *= scale);
        }
        weight.extend(w);
        bias.extend(b);
    }
    Ok(Linear::new(precision, &weight, width, Some(bias)))
}

/// Reads a convolution as a layer over three frames, each with all channels. Convolutions stay in
/// f32: they are a thirtieth of the work and carry the widest range.
fn read_convolution(
    checkpoint: &Checkpoint,
    second: bool,
    channels: usize,
    outputs: usize,
) -> Result<Linear> {
    let part = |bias| Part::Conv { second, bias };
    let weight = checkpoint.read(&part(false), &[outputs, channels, KERNEL])?;
    let bias = checkpoint.read(&part(true), &[outputs])?;
    let mut turned = vec![0.0; weight.len()];
    for (to, from) in turned
        .chunks_exact_mut(channels * KERNEL)
        .zip(weight.chunks_exact(channels * KERNEL))
    {
        for channel in 0..channels {
            for tap in 0..KERNEL {
                to[tap * channels + channel] = from[channel * KERNEL + tap];
            }
        }
    }
    let inputs = channels * KERNEL;
    Ok(Linear::new(Precision::F32, &turned, inputs, Some(bias)))
}

impl CpuEncoder {
    /// Reads and packs the encoder's weights.
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
        let width = dimensions.n_audio_state;
        let layers = (0..dimensions.n_audio_layer)
            .map(|index| {
                let part = |name: LayerNames| {
                    move |bias| Part::Layer {
                        decoder: false,
                        index,
                        name,
                        bias,
                    }
                };
                let own = |name| part(LayerNames::SelfAttention(name));
                let names = [
                    AttentionNames::Query,
                    AttentionNames::Key,
                    AttentionNames::Value,
                ];
                let linear =
                    |sizes, name: LayerNames| read_linear(checkpoint, precision, sizes, part(name));
                Ok(Layer {
                    attention_norm: read_norm(checkpoint, width, own(AttentionNames::Norm))?,
                    fused: read_fused(
                        checkpoint,
                        precision,
                        (width, dimensions.n_audio_head),
                        &names,
                        |name, bias| own(name)(bias),
                    )?,
                    out: linear(
                        (width, width),
                        LayerNames::SelfAttention(AttentionNames::Out),
                    )?,
                    final_norm: read_norm(checkpoint, width, part(LayerNames::FinalNorm))?,
                    first: linear((width, 4 * width), LayerNames::FirstLinear)?,
                    second: linear((4 * width, width), LayerNames::SecondLinear)?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(CpuEncoder {
            first: read_convolution(checkpoint, false, dimensions.n_mels, width)?,
            second: read_convolution(checkpoint, true, width, width)?,
            positions: checkpoint.read(
                &Part::Positions { decoder: false },
                &[dimensions.n_audio_ctx, width],
            )?,
            layers,
            norm: read_norm(checkpoint, width, |bias| Part::LastNorm {
                decoder: false,
                bias,
            })?,
            dimensions,
            compute: Arc::clone(compute),
            buffers: Buffers::default(),
        })
    }
}

impl Encoder for CpuEncoder {
    fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    fn encode(&mut self, mel: &[f32]) -> Result<Features> {
        let dims = self.dimensions;
        let expected = dims.n_mels * dims.window_frames();
        if mel.len() != expected {
            return Err(Error::Size {
                what: "a mel window",
                found: mel.len(),
                expected,
            });
        }
        let compute = Arc::clone(&self.compute);
        let data = compute.run(|| self.forward(mel));
        Ok(Features { data })
    }
}

impl CpuEncoder {
    fn forward(&mut self, mel: &[f32]) -> Vec<f32> {
        let dims = self.dimensions;
        let (frames, rows, width) = (dims.window_frames(), dims.n_audio_ctx, dims.n_audio_state);
        let b = &mut self.buffers;

        // Frame by frame, with an empty frame at both ends: three neighbours are then one slice.
        b.frames.clear();
        b.frames.resize((frames + 2) * dims.n_mels, 0.0);
        for (channel, line) in mel.chunks_exact(frames).enumerate() {
            for (frame, value) in line.iter().enumerate() {
                b.frames[(frame + 1) * dims.n_mels + channel] = *value;
            }
        }
        b.halved.clear();
        b.halved.resize((frames + 2) * width, 0.0);
        let inner = &mut b.halved[width..(frames + 1) * width];
        self.first
            .apply_strided(&b.frames, dims.n_mels, inner, Then::Gelu);
        let mut x = vec![0.0; rows * width];
        self.second
            .apply_strided(&b.halved, 2 * width, &mut x, Then::Gelu);
        x.par_iter_mut()
            .zip(&self.positions)
            .with_min_len(4096)
            .for_each(|(x, p)| *x += p);

        b.normed.resize(rows * width, 0.0);
        b.fused.resize(rows * 3 * width, 0.0);
        b.by_head.resize(rows * width, 0.0);
        b.attended.resize(rows * width, 0.0);
        b.hidden.resize(rows * 4 * width, 0.0);
        for layer in &self.layers {
            norm_rows(&layer.attention_norm, &x, &mut b.normed, width);
            layer.fused.apply(&b.normed, &mut b.fused, Then::Store);
            let (heads, by_head) = (dims.n_audio_head, &mut b.by_head);
            attend_all(&b.fused, width, heads, by_head, &mut b.attended);
            layer.out.apply(&b.attended, &mut x, Then::Add);
            norm_rows(&layer.final_norm, &x, &mut b.normed, width);
            layer.first.apply(&b.normed, &mut b.hidden, Then::Gelu);
            layer.second.apply(&b.hidden, &mut x, Then::Add);
        }
        let mut out = vec![0.0; rows * width];
        norm_rows(&self.norm, &x, &mut out, width);
        out
    }
}

/// Normalises many rows on all threads.
fn norm_rows(norm: &Norm, x: &[f32], out: &mut [f32], width: usize) {
    let block = 64 * width;
    out.par_chunks_mut(block)
        .zip(x.par_chunks(block))
        .for_each(|(out, x)| norm.apply(x, out));
}
