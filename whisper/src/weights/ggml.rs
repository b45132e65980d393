//! ggml `.bin` files as whisper.cpp reads them.
//!
//! Facts: whisper.cpp `models/convert-pt-to-ggml.py` and `src/whisper.cpp` (`whisper_model_load`):
//! magic, eleven sizes, mel filters, vocabulary, then tensors one after another until the end.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{Checkpoint, Entry, Storage, open_file};
use crate::tokenizer::Vocabulary;
use crate::{Dimensions, Error, Result};

const MAGIC: u32 = 0x6767_6d6c;
/// Longest token or tensor name that is believed, bytes.
const NAME_LIMIT: u32 = 4096;
/// Most axes of a tensor.
const AXES: u32 = 4;

/// Reads forward through a file, never beyond its length.
struct Reader<'a> {
    path: &'a Path,
    file: File,
    at: u64,
    length: u64,
}

impl Reader<'_> {
    fn damaged(&self, reason: String) -> Error {
        Error::Damaged {
            path: self.path.to_owned(),
            reason,
        }
    }

    /// Bytes that must follow here, for `what`.
    fn need(&self, bytes: u64, what: &str) -> Result<()> {
        if bytes > self.length - self.at {
            return Err(self.damaged(format!(
                "{what} needs {bytes} bytes at byte {}, the file has {}",
                self.at, self.length
            )));
        }
        Ok(())
    }

    fn skip(&mut self, bytes: u64, what: &str) -> Result<()> {
        self.need(bytes, what)?;
        self.at += bytes;
        Ok(())
    }

    fn take(&mut self, bytes: u32, what: &str) -> Result<Vec<u8>> {
        self.need(bytes.into(), what)?;
        let mut out = vec![0u8; bytes as usize];
        self.file
            .read_exact_at(&mut out, self.at)
            .map_err(|source| Error::Io {
                path: self.path.to_owned(),
                source,
            })?;
        self.at += u64::from(bytes);
        Ok(out)
    }

    fn word(&mut self, what: &str) -> Result<u32> {
        let bytes = self.take(4, what)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }
}

/// Opens `path` as a ggml model.
pub(super) fn open(path: &Path) -> Result<Checkpoint> {
    let (file, length) = open_file(path)?;
    let mut reader = Reader {
        path,
        file,
        at: 0,
        length,
    };
    let magic = reader.word("the magic number")?;
    if magic != MAGIC {
        return Err(Error::NotAModel {
            path: path.to_owned(),
            reason: format!("it begins with {magic:#010x}, ggml files with {MAGIC:#010x}"),
        });
    }
    let mut sizes = [0usize; 11];
    for size in &mut sizes {
        *size = reader.word("the sizes")? as usize;
    }
    let dimensions = Dimensions {
        n_vocab: sizes[0],
        n_audio_ctx: sizes[1],
        n_audio_state: sizes[2],
        n_audio_head: sizes[3],
        n_audio_layer: sizes[4],
        n_text_ctx: sizes[5],
        n_text_state: sizes[6],
        n_text_head: sizes[7],
        n_text_layer: sizes[8],
        n_mels: sizes[9],
    }
    .check()?;
    // The filters are computed by this crate; those of the file are passed over.
    let rows = u64::from(reader.word("the mel filters")?);
    let bins = u64::from(reader.word("the mel filters")?);
    let filters = rows.checked_mul(bins).and_then(|n| n.checked_mul(4));
    reader.skip(filters.unwrap_or(u64::MAX), "the mel filters")?;

    let vocabulary = vocabulary(&mut reader, &dimensions)?;
    let entries = tensors(&mut reader)?;
    Ok(Checkpoint {
        dimensions,
        vocabulary,
        alignment_heads: None,
        files: vec![(path.to_owned(), reader.file)],
        entries,
        ggml_names: true,
    })
}

fn vocabulary(reader: &mut Reader<'_>, dims: &Dimensions) -> Result<Vocabulary> {
    let count = reader.word("the vocabulary")? as usize;
    if count > dims.n_vocab {
        return Err(reader.damaged(format!(
            "it holds {count} tokens, the model has {}",
            dims.n_vocab
        )));
    }
    let mut tokens = Vec::with_capacity(count);
    for _ in 0..count {
        let size = reader.word("a token")?;
        if size > NAME_LIMIT {
            return Err(reader.damaged(format!(
                "a token has {size} bytes, at most {NAME_LIMIT} are read"
            )));
        }
        tokens.push(reader.take(size, "a token")?);
    }
    // Some converters write the end-of-text token as well, as text or empty.
    if tokens.last().is_some_and(|t| t == b"<|endoftext|>") {
        tokens.pop();
    }
    Vocabulary::new(tokens, dims.n_vocab, None)
}

fn tensors(reader: &mut Reader<'_>) -> Result<HashMap<String, Entry>> {
    let mut entries = HashMap::new();
    while reader.at < reader.length {
        let axes = reader.word("a tensor")?;
        let name_size = reader.word("a tensor")?;
        let number = reader.word("a tensor")?;
        if axes > AXES || name_size > NAME_LIMIT {
            return Err(reader.damaged(format!(
                "the tensor at byte {} has {axes} axes and a name of {name_size} bytes, at most {AXES} and {NAME_LIMIT} are read",
                reader.at
            )));
        }
        let mut shape = Vec::with_capacity(axes as usize);
        for _ in 0..axes {
            shape.push(reader.word("a tensor's shape")? as usize);
        }
        // ggml lists the fastest axis first.
        shape.reverse();
        let name =
            String::from_utf8_lossy(&reader.take(name_size, "a tensor's name")?).into_owned();
        let storage = Storage::from_ggml(number).ok_or_else(|| Error::DataType {
            name: name.clone(),
            dtype: format!("ggml type {number}"),
        })?;
        let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        let whole_rows = shape.last().copied().unwrap_or(1) % storage.block().0 == 0;
        let bytes = count
            .filter(|_| whole_rows)
            .and_then(|n| storage.bytes(n))
            .ok_or_else(|| {
                reader.damaged(format!(
                    "tensor {name} of shape {shape:?} has no whole blocks"
                ))
            })?;
        let offset = reader.at;
        reader.skip(bytes as u64, &format!("tensor {name}"))?;
        entries.insert(
            name,
            Entry {
                file: 0,
                offset,
                storage,
                shape,
            },
        );
    }
    Ok(entries)
}
