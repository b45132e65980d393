//! Checkpoints: Hugging Face directories and ggml `.bin` files, read tensor by tensor as f32.
//!
//! A checkpoint is opened by reading its header only. Tensors are then read at their offsets, one
//! at a time, because every one is repacked for the arithmetic anyway: a memory map would save
//! nothing and would need `unsafe`. All sizes are checked against the file's length before they
//! are believed.

mod blocks;
mod ggml;
mod hugging_face;
mod names;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::tokenizer::Vocabulary;
use crate::{Dimensions, Error, Result};

pub use blocks::Storage;
pub(crate) use names::{AttentionNames, LayerNames, Part};

/// A tensor's place in a file.
#[derive(Clone, Debug)]
struct Entry {
    file: usize,
    offset: u64,
    storage: Storage,
    shape: Vec<usize>,
}

/// An open checkpoint: sizes, vocabulary and tensors of one model.
#[derive(Debug)]
pub struct Checkpoint {
    dimensions: Dimensions,
    vocabulary: Vocabulary,
    alignment_heads: Option<Vec<(usize, usize)>>,
    files: Vec<(PathBuf, File)>,
    entries: std::collections::HashMap<String, Entry>,
    ggml_names: bool,
}

impl Checkpoint {
    /// Opens a Hugging Face directory (`config.json`, `model.safetensors` or its shards, and
    /// `vocab.json` or `tokenizer.json`) or a ggml `.bin` file.
    ///
    /// # Errors
    /// What is missing, cut off or does not fit, naming the file.
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            hugging_face::open(path)
        } else {
            ggml::open(path)
        }
    }

    /// The model's sizes.
    pub fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    /// The model's tokens.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Cross-attention heads (layer, head) that follow the time, where the checkpoint names them.
    pub fn alignment_heads(&self) -> Option<&[(usize, usize)]> {
        self.alignment_heads.as_deref()
    }

    /// How the tensor `part` is stored, if it is there.
    pub fn storage(&self, hugging_face_name: &str) -> Option<Storage> {
        self.entries.get(hugging_face_name).map(|e| e.storage)
    }

    /// Reads a tensor as f32 after checking its shape; axes of size one are ignored.
    pub(crate) fn read(&self, part: &Part, shape: &[usize]) -> Result<Vec<f32>> {
        let name = if self.ggml_names {
            part.ggml()
        } else {
            part.hugging_face()
        };
        let entry = self
            .entries
            .get(&name)
            .ok_or_else(|| Error::MissingTensor { name: name.clone() })?;
        let plain =
            |dims: &[usize]| -> Vec<usize> { dims.iter().copied().filter(|&n| n != 1).collect() };
        if plain(&entry.shape) != plain(shape) {
            return Err(Error::Shape {
                name,
                found: entry.shape.clone(),
                expected: shape.to_vec(),
            });
        }
        let count: usize = entry.shape.iter().product();
        let (path, file) = &self.files[entry.file];
        let mut bytes = vec![0u8; entry.storage.bytes(count).unwrap_or(0)];
        file.read_exact_at(&mut bytes, entry.offset)
            .map_err(|source| Error::Io {
                path: path.clone(),
                source,
            })?;
        Ok(entry.storage.to_f32(&bytes, count))
    }

    /// Reads a tensor if the checkpoint has it.
    pub(crate) fn read_optional(&self, part: &Part, shape: &[usize]) -> Result<Option<Vec<f32>>> {
        match self.read(part, shape) {
            Ok(values) => Ok(Some(values)),
            Err(Error::MissingTensor { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

/// Opens a file and gives its length.
fn open_file(path: &Path) -> Result<(File, u64)> {
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    Ok((file, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_not_a_model() {
        let dir = tempfile::tempdir().unwrap();
        let message = Checkpoint::open(dir.path()).unwrap_err().to_string();
        assert!(message.contains("config.json"), "{message}");
        let missing = dir.path().join("none.bin");
        assert!(matches!(Checkpoint::open(&missing), Err(Error::Io { .. })));
        let text = dir.path().join("text.bin");
        std::fs::write(&text, "not a model at all").unwrap();
        let message = Checkpoint::open(&text).unwrap_err().to_string();
        assert!(message.contains("ggml"), "{message}");
    }
}
