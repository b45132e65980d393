//! What the tensors of a Whisper model are called, in Hugging Face and in ggml files.
//!
//! Facts: transformers `modeling_whisper.py`; whisper.cpp `models/convert-pt-to-ggml.py`, which
//! keeps openai-whisper's names.

/// The four projections of an attention, and its norm.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AttentionNames {
    Query,
    Key,
    Value,
    Out,
    Norm,
}

/// The parts of an encoder or decoder layer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LayerNames {
    SelfAttention(AttentionNames),
    CrossAttention(AttentionNames),
    FirstLinear,
    SecondLinear,
    FinalNorm,
}

/// One tensor of the model.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Conv {
        second: bool,
        bias: bool,
    },
    Positions {
        decoder: bool,
    },
    Layer {
        decoder: bool,
        index: usize,
        name: LayerNames,
        bias: bool,
    },
    LastNorm {
        decoder: bool,
        bias: bool,
    },
    Tokens,
}

fn side(decoder: bool) -> &'static str {
    if decoder { "decoder" } else { "encoder" }
}

fn kind(bias: bool) -> &'static str {
    if bias { "bias" } else { "weight" }
}

impl Part {
    /// The name in Hugging Face checkpoints, without the leading `model.`.
    pub(crate) fn hugging_face(&self) -> String {
        match *self {
            Part::Conv { second, bias } => {
                format!("encoder.conv{}.{}", 1 + usize::from(second), kind(bias))
            }
            Part::Positions { decoder } => format!("{}.embed_positions.weight", side(decoder)),
            Part::LastNorm { decoder, bias } => {
                format!("{}.layer_norm.{}", side(decoder), kind(bias))
            }
            Part::Tokens => "decoder.embed_tokens.weight".into(),
            Part::Layer {
                decoder,
                index,
                name,
                bias,
            } => {
                let attention = |which: &str, name| match name {
                    AttentionNames::Query => format!("{which}.q_proj"),
                    AttentionNames::Key => format!("{which}.k_proj"),
                    AttentionNames::Value => format!("{which}.v_proj"),
                    AttentionNames::Out => format!("{which}.out_proj"),
                    AttentionNames::Norm => format!("{which}_layer_norm"),
                };
                let name = match name {
                    LayerNames::SelfAttention(part) => attention("self_attn", part),
                    LayerNames::CrossAttention(part) => attention("encoder_attn", part),
                    LayerNames::FirstLinear => "fc1".into(),
                    LayerNames::SecondLinear => "fc2".into(),
                    LayerNames::FinalNorm => "final_layer_norm".into(),
                };
                format!("{}.layers.{index}.{name}.{}", side(decoder), kind(bias))
            }
        }
    }

    /// The name in ggml files.
    pub(crate) fn ggml(&self) -> String {
        match *self {
            Part::Conv { .. } => self.hugging_face(),
            Part::Positions { decoder } => format!("{}.positional_embedding", side(decoder)),
            Part::LastNorm {
                decoder: false,
                bias,
            } => format!("encoder.ln_post.{}", kind(bias)),
            Part::LastNorm {
                decoder: true,
                bias,
            } => format!("decoder.ln.{}", kind(bias)),
            Part::Tokens => "decoder.token_embedding.weight".into(),
            Part::Layer {
                decoder,
                index,
                name,
                bias,
            } => {
                let attention = |which: &str, name| match name {
                    AttentionNames::Query => format!("{which}.query"),
                    AttentionNames::Key => format!("{which}.key"),
                    AttentionNames::Value => format!("{which}.value"),
                    AttentionNames::Out => format!("{which}.out"),
                    AttentionNames::Norm => format!("{which}_ln"),
                };
                let name = match name {
                    LayerNames::SelfAttention(part) => attention("attn", part),
                    LayerNames::CrossAttention(part) => attention("cross_attn", part),
                    LayerNames::FirstLinear => "mlp.0".into(),
                    LayerNames::SecondLinear => "mlp.2".into(),
                    LayerNames::FinalNorm => "mlp_ln".into(),
                };
                format!("{}.blocks.{index}.{name}.{}", side(decoder), kind(bias))
            }
        }
    }
}
