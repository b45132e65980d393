//! The product: files in, text out.
//!
//! * [`audio`] decodes files and streams to blocks of 16 kHz mono samples.
//! * [`output`] turns transcripts into txt, srt, vtt, tsv and json, and writes files at once.
//! * [`device`] says which devices are here and which runs what.
//! * [`doctor`] says what stands between a machine and its NPU.
//! * [`models`] finds, fetches and verifies models.
//! * [`engine`] runs the model over the audio, piece by piece; [`watch`] times its steps.
//! * [`cli`] is the command line, [`command`] what it does.
//! * [`exit`] holds the exit codes and errors as the terminal shows them; [`interrupt`] and
//!   [`progress`] are the rest of the terminal.

pub mod audio;
pub mod cli;
pub mod command;
pub mod device;
pub mod doctor;
pub mod engine;
pub mod exit;
pub mod interrupt;
pub mod models;
pub mod output;
pub mod progress;
pub mod watch;
