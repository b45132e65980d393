//! Decoding, mixing and resampling.

mod bad_input;
mod containers;
mod resampling;
mod streams;
mod wav_formats;
