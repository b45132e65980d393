//! Tests against openai-whisper's outputs, and of whole models made by code.

mod assets;
mod batch;
mod cache;
mod decode;
mod mel;
mod model;
mod plain;
mod small;
mod transcribe;
mod weights;
