//! Small models with random weights, written as real checkpoints.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};

/// Sizes of a small model; the vocabulary is the 256 bytes and the special tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Small {
    pub(crate) seed: u64,
    pub(crate) width: usize,
    pub(crate) heads: usize,
    pub(crate) layers: usize,
    pub(crate) audio_positions: usize,
    pub(crate) text_positions: usize,
    pub(crate) languages: usize,
    pub(crate) multilingual: bool,
}

impl Default for Small {
    fn default() -> Self {
        Small {
            seed: 1,
            width: 32,
            heads: 4,
            layers: 2,
            audio_positions: 50,
            text_positions: 32,
            languages: 99,
            multilingual: true,
        }
    }
}

/// Mel channels of small models.
pub(crate) const CHANNELS: usize = 80;

impl Small {
    pub(crate) fn vocabulary(&self) -> usize {
        256 + 8 + self.languages + 1501
    }

    /// Writes the model as a Hugging Face directory.
    pub(crate) fn write(&self, dir: &Path) {
        let config = serde_json::json!({
            "num_mel_bins": CHANNELS, "max_source_positions": self.audio_positions,
            "d_model": self.width, "encoder_attention_heads": self.heads,
            "encoder_layers": self.layers, "vocab_size": self.vocabulary(),
            "max_target_positions": self.text_positions,
            "decoder_attention_heads": self.heads, "decoder_layers": self.layers,
        });
        std::fs::write(dir.join("config.json"), config.to_string()).unwrap();
        let generation = serde_json::json!({ "is_multilingual": self.multilingual });
        std::fs::write(dir.join("generation_config.json"), generation.to_string()).unwrap();
        std::fs::write(dir.join("vocab.json"), vocabulary()).unwrap();
        let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = self
            .tensors()
            .into_iter()
            .map(|(name, shape, values)| {
                let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                (name, shape, bytes)
            })
            .collect();
        let views: HashMap<&str, TensorView<'_>> = tensors
            .iter()
            .map(|(name, shape, bytes)| {
                let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
                (name.as_str(), view)
            })
            .collect();
        let bytes = safetensors::serialize(views, None).unwrap();
        std::fs::write(dir.join("model.safetensors"), bytes).unwrap();
    }

    /// Every tensor with its Hugging Face name.
    pub(crate) fn tensors(&self) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let mut random = Random(self.seed);
        let w = self.width;
        let mut all = Vec::new();
        let mut add = |name: String, shape: &[usize], scale: f32, around: f32| {
            let count = shape.iter().product();
            let values = (0..count).map(|_| around + scale * random.next()).collect();
            all.push((format!("model.{name}"), shape.to_vec(), values));
        };
        add("encoder.conv1.weight".into(), &[w, CHANNELS, 3], 0.2, 0.0);
        add("encoder.conv1.bias".into(), &[w], 0.1, 0.0);
        add("encoder.conv2.weight".into(), &[w, w, 3], 0.2, 0.0);
        add("encoder.conv2.bias".into(), &[w], 0.1, 0.0);
        add(
            "encoder.embed_positions.weight".into(),
            &[self.audio_positions, w],
            0.5,
            0.0,
        );
        add(
            "decoder.embed_positions.weight".into(),
            &[self.text_positions, w],
            0.5,
            0.0,
        );
        add(
            "decoder.embed_tokens.weight".into(),
            &[self.vocabulary(), w],
            0.6,
            0.0,
        );
        for side in ["encoder", "decoder"] {
            for layer in 0..self.layers {
                let name = |rest: &str| format!("{side}.layers.{layer}.{rest}");
                let mut attention = |which: &str| {
                    for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
                        add(name(&format!("{which}.{part}.weight")), &[w, w], 0.6, 0.0);
                        if part != "k_proj" {
                            add(name(&format!("{which}.{part}.bias")), &[w], 0.1, 0.0);
                        }
                    }
                    add(name(&format!("{which}_layer_norm.weight")), &[w], 0.2, 1.0);
                    add(name(&format!("{which}_layer_norm.bias")), &[w], 0.1, 0.0);
                };
                attention("self_attn");
                if side == "decoder" {
                    attention("encoder_attn");
                }
                add(name("fc1.weight"), &[4 * w, w], 0.3, 0.0);
                add(name("fc1.bias"), &[4 * w], 0.1, 0.0);
                add(name("fc2.weight"), &[w, 4 * w], 0.3, 0.0);
                add(name("fc2.bias"), &[w], 0.1, 0.0);
                add(name("final_layer_norm.weight"), &[w], 0.2, 1.0);
                add(name("final_layer_norm.bias"), &[w], 0.1, 0.0);
            }
            add(format!("{side}.layer_norm.weight"), &[w], 0.2, 1.0);
            add(format!("{side}.layer_norm.bias"), &[w], 0.1, 0.0);
        }
        all
    }
}

/// The 256 bytes in GPT-2's alphabet, and the end of text.
fn vocabulary() -> String {
    let mut next = 0x100;
    let mut names = serde_json::Map::new();
    for byte in 0..=255u8 {
        let letter = match byte {
            b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
            _ => {
                next += 1;
                char::from_u32(next - 1).unwrap()
            }
        };
        names.insert(letter.to_string(), byte.into());
    }
    names.insert("<|endoftext|>".into(), 256.into());
    serde_json::Value::Object(names).to_string()
}

/// Numbers between -1 and 1.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}
