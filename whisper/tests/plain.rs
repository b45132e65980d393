//! The network by the book: no cache, no packing, sums in f64. Slow, for small models only.

use std::collections::HashMap;

use crate::small::{CHANNELS, Small};
use whisper::model::{Alignment, Decoder, Features};
use whisper::tokenizer::Token;
use whisper::{Dimensions, Result};

type Rows = Vec<Vec<f64>>;

/// A small model's tensors by name.
pub(crate) struct Plain {
    small: Small,
    dimensions: Dimensions,
    tensors: HashMap<String, Vec<f64>>,
    windows: Vec<Rows>,
    /// Window and tokens of every row.
    rows: Vec<(usize, Vec<Token>)>,
    logits: Vec<f32>,
}

impl Plain {
    pub(crate) fn new(small: Small) -> Self {
        let tensors = small.tensors().into_iter().map(|(name, _, values)| {
            let name = name.strip_prefix("model.").unwrap().to_owned();
            (name, values.into_iter().map(f64::from).collect())
        });
        Plain {
            small,
            dimensions: Dimensions {
                n_mels: CHANNELS,
                n_audio_ctx: small.audio_positions,
                n_audio_state: small.width,
                n_audio_head: small.heads,
                n_audio_layer: small.layers,
                n_vocab: small.vocabulary(),
                n_text_ctx: small.text_positions,
                n_text_state: small.width,
                n_text_head: small.heads,
                n_text_layer: small.layers,
            },
            tensors: tensors.collect(),
            windows: Vec::new(),
            rows: Vec::new(),
            logits: Vec::new(),
        }
    }

    fn linear(&self, name: &str, x: &Rows) -> Rows {
        let weight = &self.tensors[&format!("{name}.weight")];
        let bias = self.tensors.get(&format!("{name}.bias"));
        x.iter()
            .map(|row| {
                let outputs = weight.chunks(row.len()).enumerate();
                outputs
                    .map(|(i, w)| {
                        let sum: f64 = w.iter().zip(row).map(|(a, b)| a * b).sum();
                        sum + bias.map_or(0.0, |b| b[i])
                    })
                    .collect()
            })
            .collect()
    }

    fn norm(&self, name: &str, x: &Rows) -> Rows {
        let (scale, shift) = (
            &self.tensors[&format!("{name}.weight")],
            &self.tensors[&format!("{name}.bias")],
        );
        x.iter()
            .map(|row| {
                let n = row.len() as f64;
                let mean = row.iter().sum::<f64>() / n;
                let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
                let values = row.iter().zip(scale).zip(shift);
                values
                    .map(|((v, a), b)| (v - mean) / (variance + 1e-5).sqrt() * a + b)
                    .collect()
            })
            .collect()
    }

    /// Attention of `x` to `source`, where `causal` only to positions up to its own.
    fn attention(&self, name: &str, x: &Rows, source: &Rows, causal: bool) -> Rows {
        let queries = self.linear(&format!("{name}.q_proj"), x);
        let keys = self.linear(&format!("{name}.k_proj"), source);
        let values = self.linear(&format!("{name}.v_proj"), source);
        let width = self.small.width / self.small.heads;
        let mut out: Rows = vec![vec![0.0; self.small.width]; x.len()];
        for head in 0..self.small.heads {
            let part = head * width..(head + 1) * width;
            for (i, query) in queries.iter().enumerate() {
                let seen = if causal { i + 1 } else { source.len() };
                let scores: Vec<f64> = keys[..seen]
                    .iter()
                    .map(|key| {
                        let pairs = query[part.clone()].iter().zip(&key[part.clone()]);
                        pairs.map(|(a, b)| a * b).sum::<f64>() / (width as f64).sqrt()
                    })
                    .collect();
                let top = scores.iter().copied().fold(f64::MIN, f64::max);
                let total: f64 = scores.iter().map(|s| (s - top).exp()).sum();
                for (score, value) in scores.iter().zip(&values) {
                    let weight = (score - top).exp() / total;
                    for at in part.clone() {
                        out[i][at] += weight * value[at];
                    }
                }
            }
        }
        self.linear(&format!("{name}.out_proj"), &out)
    }

    fn layer(&self, name: &str, x: &mut Rows, audio: Option<&Rows>) {
        let own = self.norm(&format!("{name}.self_attn_layer_norm"), x);
        add(
            x,
            &self.attention(&format!("{name}.self_attn"), &own, &own, audio.is_some()),
        );
        if let Some(audio) = audio {
            let own = self.norm(&format!("{name}.encoder_attn_layer_norm"), x);
            add(
                x,
                &self.attention(&format!("{name}.encoder_attn"), &own, audio, false),
            );
        }
        let own = self.norm(&format!("{name}.final_layer_norm"), x);
        let mut hidden = self.linear(&format!("{name}.fc1"), &own);
        hidden.iter_mut().flatten().for_each(|v| *v = gelu(*v));
        add(x, &self.linear(&format!("{name}.fc2"), &hidden));
    }

    fn convolution(&self, name: &str, x: &Rows, stride: usize) -> Rows {
        let (weight, bias) = (
            &self.tensors[&format!("{name}.weight")],
            &self.tensors[&format!("{name}.bias")],
        );
        let channels = x[0].len();
        (0..x.len() / stride)
            .map(|t| {
                let outputs = bias.iter().enumerate();
                outputs
                    .map(|(o, b)| {
                        let mut sum = *b;
                        for tap in 0..3 {
                            let Some(frame) =
                                (t * stride + tap).checked_sub(1).and_then(|f| x.get(f))
                            else {
                                continue;
                            };
                            for (c, v) in frame.iter().enumerate() {
                                sum += weight[(o * channels + c) * 3 + tap] * v;
                            }
                        }
                        gelu(sum)
                    })
                    .collect()
            })
            .collect()
    }

    /// The encoder.
    pub(crate) fn encode(&self, mel: &[f32]) -> Vec<f32> {
        let frames = self.small.audio_positions * 2;
        let x: Rows = (0..frames)
            .map(|f| {
                (0..CHANNELS)
                    .map(|c| f64::from(mel[c * frames + f]))
                    .collect()
            })
            .collect();
        let x = self.convolution("encoder.conv1", &x, 1);
        let mut x = self.convolution("encoder.conv2", &x, 2);
        let positions = &self.tensors["encoder.embed_positions.weight"];
        let positions: Rows = positions
            .chunks(self.small.width)
            .map(<[f64]>::to_vec)
            .collect();
        add(&mut x, &positions);
        for layer in 0..self.small.layers {
            self.layer(&format!("encoder.layers.{layer}"), &mut x, None);
        }
        let x = self.norm("encoder.layer_norm", &x);
        x.into_iter().flatten().map(|v| v as f32).collect()
    }

    /// Logits after the tokens at `wanted`.
    fn logits_of(&self, window: usize, tokens: &[Token], wanted: &[usize]) -> Rows {
        let w = self.small.width;
        let (table, positions) = (
            &self.tensors["decoder.embed_tokens.weight"],
            &self.tensors["decoder.embed_positions.weight"],
        );
        let mut x: Rows = tokens
            .iter()
            .enumerate()
            .map(|(at, &token)| {
                let token = token as usize * w;
                let pairs = table[token..token + w].iter().zip(&positions[at * w..]);
                pairs.map(|(a, b)| a + b).collect()
            })
            .collect();
        for layer in 0..self.small.layers {
            self.layer(
                &format!("decoder.layers.{layer}"),
                &mut x,
                Some(&self.windows[window]),
            );
        }
        let x: Rows = wanted.iter().map(|&at| x[at].clone()).collect();
        let x = self.norm("decoder.layer_norm", &x);
        self.linear("decoder.embed_tokens", &x)
    }
}

fn add(x: &mut Rows, y: &Rows) {
    for (x, y) in x.iter_mut().flatten().zip(y.iter().flatten()) {
        *x += y;
    }
}

/// x times the normal distribution up to x; the error function is formula 7.1.26 of Abramowitz and
/// Stegun, right to 1.5e-7.
fn gelu(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let factors = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ];
    let series = factors.iter().fold(0.0, |sum, f| (sum + f) * t);
    let erf = (1.0 - series * (-z * z).exp()) * x.signum();
    x * 0.5 * (1.0 + erf)
}

impl Decoder for Plain {
    fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    fn begin(&mut self, windows: &[Features]) -> Result<()> {
        let rows = |f: &Features| {
            let values: Vec<f64> = f.data.iter().map(|&v| v.into()).collect();
            values
                .chunks(self.small.width)
                .map(<[f64]>::to_vec)
                .collect()
        };
        self.windows = windows.iter().map(rows).collect();
        self.rewind();
        Ok(())
    }

    fn rewind(&mut self) {
        self.rows = (0..self.windows.len()).map(|w| (w, Vec::new())).collect();
    }

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn step(&mut self, tokens: &[Token], wanted: &[usize]) -> Result<&[f32]> {
        let count = tokens.len() / self.rows.len();
        self.logits.clear();
        for (i, new) in tokens.chunks(count).enumerate() {
            let before = self.rows[i].1.len();
            self.rows[i].1.extend_from_slice(new);
            let wanted: Vec<usize> = wanted.iter().map(|at| before + at).collect();
            let rows = self.logits_of(self.rows[i].0, &self.rows[i].1, &wanted);
            self.logits
                .extend(rows.into_iter().flatten().map(|v| v as f32));
        }
        Ok(&self.logits)
    }

    fn reorder(&mut self, sources: &[usize]) -> Result<()> {
        self.rows = sources.iter().map(|&s| self.rows[s].clone()).collect();
        Ok(())
    }

    fn align(&mut self, tokens: &[Token], _heads: &[(usize, usize)]) -> Result<Alignment> {
        let all: Vec<usize> = (0..tokens.len()).collect();
        let logits = self.logits_of(0, tokens, &all);
        Ok(Alignment {
            logits: logits.into_iter().flatten().map(|v| v as f32).collect(),
            scores: Vec::new(),
        })
    }
}
