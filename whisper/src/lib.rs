//! Whisper on the host: the reference of the pipeline, and its fallback where no NPU is.
//!
//! Data flow: samples -> [`mel`] -> [`model`]'s encoder -> its decoder, driven by [`decode`] for one
//! window and by [`transcribe`] for long audio -> segments and words. [`weights`] reads checkpoints,
//! [`tokenizer`] turns tokens into text. Encoder and decoder are two steps behind two traits, so that
//! another device can take either. Results are those of openai-whisper 20250625 in f32.
//!
//! Products come from rten-gemm, the one of four libraries (candle-core, gemm, matrixmultiply) that was
//! as fast as any with many rows, faster with the few rows of a decoder, and has int8 kernels that use
//! packed weights. `cargo xtask bench transcribe` measures the whole beside other programs.
//!
//! - [`mel`]: log-mel spectrogram
//! - [`weights`]: Hugging Face directories and ggml files
//! - [`tokenizer`]: byte pairs, special tokens, languages, words
//! - [`model`]: encoder and decoder, f32 and int8
//! - [`decode`]: greedy, sampling, beam search and their rules
//! - [`transcribe`]: windows, fallback, segments, word times

pub mod decode;
mod dimensions;
pub mod error;
pub mod mel;
pub mod model;
pub mod tokenizer;
pub mod transcribe;
pub mod weights;

pub use dimensions::Dimensions;
pub use error::{Error, Result};
pub use weights::Checkpoint;
