//! Tests against openai-whisper's outputs, and of whole models made by code.

mod assets;
mod mel;
mod model;
mod small;
mod weights;
