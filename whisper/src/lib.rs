//! Whisper on the host: the reference of the pipeline, and its fallback where no NPU is.
//!
//! Data flow: samples -> [`mel`] -> [`model`]'s encoder -> its decoder, driven by [`decode`] for one
//! window and by [`transcribe`] for long audio -> segments and words. [`weights`] reads checkpoints,
//! [`tokenizer`] turns tokens into text. Encoder and decoder are two steps behind two traits, so that
//! another device can take either. Results are those of openai-whisper 20250625 in f32.
//!
//! Products come from rten-gemm, chosen by measurement (2 cores of an AVX-512 machine with VNNI, Whisper base):
//! f32 1500x512x512 3.6 ms, as gemm (3.5) and candle-core (3.7); 5 rows x 512 x 51865 6.3 ms (gemm 23, candle 16);
//! int8 1.1 ms and 1.5 ms (candle's q8_0 2.9 and 28; gemm and matrixmultiply have none).
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
