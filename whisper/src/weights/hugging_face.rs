//! Hugging Face directories: `config.json`, safetensors (whole or in shards), tokenizer files.

use std::collections::{BTreeSet, HashMap};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, Metadata};
use serde::Deserialize;

use super::{Checkpoint, Entry, Storage, open_file};
use crate::tokenizer::Vocabulary;
use crate::{Dimensions, Error, Result};

/// Longest JSON file that is read, bytes; tokenizer.json of large-v3 has 4 MB.
const JSON_LIMIT: u64 = 64 << 20;
/// Longest safetensors header, bytes, as in the safetensors crate.
const HEADER_LIMIT: u64 = 100_000_000;

#[derive(Deserialize)]
struct Config {
    num_mel_bins: usize,
    max_source_positions: usize,
    d_model: usize,
    encoder_attention_heads: usize,
    encoder_layers: usize,
    vocab_size: usize,
    max_target_positions: usize,
    decoder_attention_heads: usize,
    decoder_layers: usize,
}

#[derive(Deserialize)]
struct Generation {
    alignment_heads: Option<Vec<(usize, usize)>>,
    is_multilingual: Option<bool>,
}

#[derive(Deserialize)]
struct Shards {
    weight_map: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Tokenizer {
    model: TokenizerModel,
}

#[derive(Deserialize)]
struct TokenizerModel {
    vocab: HashMap<String, u32>,
}

/// Opens `dir` as a model.
pub(super) fn open(dir: &Path) -> Result<Checkpoint> {
    let config: Config = json(&dir.join("config.json"))?.ok_or_else(|| Error::NotAModel {
        path: dir.to_owned(),
        reason: "it has no config.json".into(),
    })?;
    let dimensions = Dimensions {
        n_mels: config.num_mel_bins,
        n_audio_ctx: config.max_source_positions,
        n_audio_state: config.d_model,
        n_audio_head: config.encoder_attention_heads,
        n_audio_layer: config.encoder_layers,
        n_vocab: config.vocab_size,
        n_text_ctx: config.max_target_positions,
        n_text_state: config.d_model,
        n_text_head: config.decoder_attention_heads,
        n_text_layer: config.decoder_layers,
    }
    .check()?;
    let generation: Option<Generation> = json(&dir.join("generation_config.json"))?;
    let vocabulary = vocabulary(dir, &dimensions, generation.as_ref())?;
    let alignment_heads = generation.and_then(|g| g.alignment_heads).map(|heads| {
        let fits = |&(layer, head): &(usize, usize)| {
            layer < dimensions.n_text_layer && head < dimensions.n_text_head
        };
        heads.into_iter().filter(fits).collect()
    });
    let mut checkpoint = Checkpoint {
        dimensions,
        vocabulary,
        alignment_heads,
        files: Vec::new(),
        entries: HashMap::new(),
        ggml_names: false,
    };
    for path in tensor_files(dir)? {
        add_safetensors(&mut checkpoint, &path)?;
    }
    Ok(checkpoint)
}

/// Reads a JSON file if it is there.
fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    if !path.exists() {
        return Ok(None);
    }
    let (_, length) = open_file(path)?;
    if length > JSON_LIMIT {
        return Err(Error::Damaged {
            path: path.to_owned(),
            reason: format!("it has {length} bytes, at most {JSON_LIMIT} are read"),
        });
    }
    let bytes = std::fs::read(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|source| Error::Json {
            path: path.to_owned(),
            source,
        })
}

/// The safetensors files of a directory.
fn tensor_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let whole = dir.join("model.safetensors");
    if whole.exists() {
        return Ok(vec![whole]);
    }
    let index = dir.join("model.safetensors.index.json");
    let shards: Shards = json(&index)?.ok_or_else(|| Error::NotAModel {
        path: dir.to_owned(),
        reason: "it has neither model.safetensors nor model.safetensors.index.json".into(),
    })?;
    let names: BTreeSet<String> = shards.weight_map.into_values().collect();
    names
        .into_iter()
        .map(|name| {
            // A shard is a plain file name; anything else could lead out of the directory.
            if name.contains(['/', '\\']) || name.starts_with('.') {
                return Err(Error::Damaged {
                    path: index.clone(),
                    reason: format!("it names the shard {name:?}, which is not a plain file name"),
                });
            }
            Ok(dir.join(name))
        })
        .collect()
}

/// Reads the header of one safetensors file and notes where its tensors are.
fn add_safetensors(checkpoint: &mut Checkpoint, path: &Path) -> Result<()> {
    let (file, length) = open_file(path)?;
    let damaged = |reason: String| Error::Damaged {
        path: path.to_owned(),
        reason,
    };
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    if length < 8 {
        return Err(damaged(format!("{length} bytes are no safetensors file")));
    }
    let mut size = [0u8; 8];
    file.read_exact_at(&mut size, 0).map_err(io)?;
    let header = u64::from_le_bytes(size);
    if header > HEADER_LIMIT || header > length - 8 {
        return Err(damaged(format!(
            "it announces a header of {header} bytes and has {length} in all"
        )));
    }
    let mut bytes = vec![0u8; header as usize];
    file.read_exact_at(&mut bytes, 8).map_err(io)?;
    // Reading it checks that tensors follow each other and have the bytes their shapes say.
    let metadata: Metadata =
        serde_json::from_slice(&bytes).map_err(|e| damaged(format!("its header is wrong: {e}")))?;
    let index = checkpoint.files.len();
    for (name, info) in metadata.tensors() {
        let (start, end) = info.data_offsets;
        let offset = 8 + header + start as u64;
        if 8 + header + end as u64 > length {
            return Err(damaged(format!(
                "tensor {name} ends at byte {}, the file has {length}",
                8 + header + end as u64
            )));
        }
        let storage = match info.dtype {
            Dtype::F32 => Storage::F32,
            Dtype::F16 => Storage::F16,
            Dtype::BF16 => Storage::Bf16,
            // Other types are fine as long as nobody asks for them.
            _ => continue,
        };
        let short = name.strip_prefix("model.").unwrap_or(&name).to_owned();
        checkpoint.entries.insert(
            short,
            Entry {
                file: index,
                offset,
                storage,
                shape: info.shape.clone(),
            },
        );
    }
    checkpoint.files.push((path.to_owned(), file));
    Ok(())
}

/// The text tokens of vocab.json, or of tokenizer.json.
fn vocabulary(
    dir: &Path,
    dims: &Dimensions,
    generation: Option<&Generation>,
) -> Result<Vocabulary> {
    let names: HashMap<String, u32> = match json(&dir.join("vocab.json"))? {
        Some(names) => names,
        None => {
            let file: Tokenizer =
                json(&dir.join("tokenizer.json"))?.ok_or_else(|| Error::NotAModel {
                    path: dir.to_owned(),
                    reason: "it has neither vocab.json nor tokenizer.json".into(),
                })?;
            file.model.vocab
        }
    };
    let multilingual = generation.and_then(|g| g.is_multilingual);
    Vocabulary::from_hugging_face(names, dims.n_vocab, multilingual)
}
