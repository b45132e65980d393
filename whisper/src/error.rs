//! What can go wrong, and what to do about it.

use std::path::PathBuf;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every error of this crate. Messages name the thing, its number and the limit, then what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be opened or read.
    #[error("cannot read {path}: {source}\nhelp: check the path and its permissions", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A path is neither a model directory nor a ggml file.
    #[error("{path} holds no Whisper model: {reason}\nhelp: give a Hugging Face directory with config.json and model.safetensors, or a ggml .bin file", path = path.display())]
    NotAModel {
        /// The path.
        path: PathBuf,
        /// What was looked for and not found.
        reason: String,
    },
    /// A file of a model is cut off or holds impossible values.
    #[error("{path}: {reason}\nhelp: the file is cut off, damaged or of another kind; get it again", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A JSON file of a model does not parse.
    #[error("{path} is not the JSON expected: {source}\nhelp: get the file again", path = path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A dimension of the model is outside of what Whisper models have.
    #[error(
        "model dimension {name} is {found}, must be {expected}\nhelp: this is not a Whisper configuration, or it is damaged"
    )]
    Dimension {
        /// Name as in openai-whisper's ModelDimensions.
        name: &'static str,
        /// The value found.
        found: usize,
        /// What is accepted.
        expected: String,
    },
    /// A tensor is not in the checkpoint.
    #[error(
        "the checkpoint has no tensor {name}\nhelp: it is incomplete, or not of a Whisper model"
    )]
    MissingTensor {
        /// Name as in Hugging Face checkpoints.
        name: String,
    },
    /// A tensor has another shape than the configuration says.
    #[error(
        "tensor {name} has shape {found:?}, the configuration wants {expected:?}\nhelp: configuration and weights belong to different models"
    )]
    Shape {
        /// Name in the file.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape by the configuration.
        expected: Vec<usize>,
    },
    /// A tensor is stored in a way that is not read.
    #[error(
        "tensor {name} is stored as {dtype}, which is not read\nhelp: use f32, f16 or bf16 safetensors, or ggml f32, f16, q8_0, q5_0, q5_1, q4_0, q4_1"
    )]
    DataType {
        /// Name in the file.
        name: String,
        /// Type in the file.
        dtype: String,
    },
    /// A vocabulary does not fit the model.
    #[error("vocabulary: {reason}\nhelp: take the tokenizer files which belong to the model")]
    Vocabulary {
        /// What is wrong.
        reason: String,
    },
    /// A language is not known or the model has none.
    #[error(
        "language {name:?} is not known to this model, which has {known}\nhelp: give a code such as en, or leave it out to have it detected"
    )]
    Language {
        /// What was asked for.
        name: String,
        /// What the model knows.
        known: String,
    },
    /// Options contradict each other.
    #[error("{what}\nhelp: {help}")]
    Options {
        /// The contradiction.
        what: String,
        /// The way out.
        help: &'static str,
    },
    /// A caller gave input of the wrong size.
    #[error(
        "{what} has {found} values, needs {expected}\nhelp: this is a mistake in the calling program"
    )]
    Size {
        /// Which input.
        what: &'static str,
        /// Its size.
        found: usize,
        /// The size needed.
        expected: usize,
    },
    /// More tokens than the decoder has positions.
    #[error(
        "{positions} token positions are needed, the decoder has {limit}\nhelp: shorten the prompt or the prefix"
    )]
    Context {
        /// Positions needed.
        positions: usize,
        /// Positions there are.
        limit: usize,
    },
    /// A token is not in the vocabulary.
    #[error(
        "token {token} is not in the vocabulary of {size}\nhelp: prompt tokens must come from this model's tokenizer"
    )]
    Token {
        /// The token.
        token: u32,
        /// Size of the vocabulary.
        size: usize,
    },
    /// The threads could not be started.
    #[error("cannot start {threads} threads: {reason}\nhelp: ask for fewer threads")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        reason: String,
    },
}
