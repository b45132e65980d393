//! The product: files in, text out.
//!
//! * [`audio`] decodes files and streams to blocks of 16 kHz mono samples.
//! * [`output`] turns transcripts into txt, srt, vtt, tsv and json, and writes files at once.

pub mod audio;
pub mod output;
