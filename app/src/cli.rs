//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::device::DeviceChoice;
use crate::exit::exit_codes;
use crate::models::Hub;
use crate::output::Format;

/// Speech to text on the NPU of AMD Ryzen AI laptops.
#[derive(Debug, Parser)]
#[command(
    name = "amanuensis",
    version,
    propagate_version = true,
    after_help = exit_codes!(),
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Turn speech in audio files into text
    Transcribe(Transcribe),
    /// Show the devices of this machine and what each runs
    Devices,
    /// Find what stands between this machine and its NPU, and how to mend it
    Doctor(Doctor),
    /// List, fetch and verify models
    Models(Models),
    /// Measure how much faster than real time a file is transcribed
    Bench(Bench),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each subcommand
    Man {
        /// Write amanuensis.1, amanuensis-transcribe.1 … into this folder
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        output_dir: Option<PathBuf>,
    },
}

/// Options of `amanuensis doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Print JSON: the checks, and all that was found of the machine
    #[arg(long)]
    pub json: bool,
}

/// What to do with the speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Task {
    /// Write it down in its language.
    Transcribe,
    /// Translate it into English.
    Translate,
}

/// Number format of the weights on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    /// 32-bit floating point: the reference.
    F32,
    /// 8-bit integers with a scale for each row: faster, a quarter of the memory.
    Int8,
}

/// Options that name the model and where it runs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Model and device")]
pub struct ModelOptions {
    /// Model: a folder in Hugging Face layout, a ggml .bin file, or a name from `models list`
    #[arg(short, long, value_name = "DIR|NAME", default_value = "base")]
    pub model: String,

    /// Folder models are kept in [default: $AMANUENSIS_MODELS, or ~/.local/share/amanuensis/models]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub models_dir: Option<PathBuf>,

    /// Where encoder and decoder run
    #[arg(short, long, value_enum, default_value_t)]
    pub device: DeviceChoice,

    /// Number format of the weights
    #[arg(long, value_enum, default_value = "f32")]
    pub precision: Precision,

    /// Threads on the host [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// Options of decoding, with openai-whisper's names and defaults.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Decoding")]
pub struct DecodingOptions {
    /// Language spoken, as a code or an English name; detected if not given
    #[arg(short, long, value_name = "LANGUAGE")]
    pub language: Option<String>,

    /// Transcribe in the language spoken, or translate into English
    #[arg(long, value_enum, default_value = "transcribe")]
    pub task: Task,

    /// Temperatures, tried in turn until the text is neither repetitive nor improbable
    #[arg(
        long,
        value_name = "T,…",
        value_delimiter = ',',
        default_value = "0,0.2,0.4,0.6,0.8,1",
        value_parser = temperature
    )]
    pub temperature: Vec<f32>,

    /// Beams of the search at temperature 0 [default: 5; 1 is greedy]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub beam_size: Option<u16>,

    /// Samples the best is taken of, at temperatures above 0
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub best_of: u16,

    /// How much longer than needed the beam search looks, times the beams
    #[arg(long, value_name = "X", value_parser = positive)]
    pub patience: Option<f32>,

    /// Exponent of the length that divides a beam's score [default: plain mean]
    #[arg(long, value_name = "X", value_parser = fraction)]
    pub length_penalty: Option<f32>,

    /// Text that comes before the first window: names, spelling, style
    #[arg(long, value_name = "TEXT")]
    pub initial_prompt: Option<String>,

    /// Do not show a window the text of the one before
    #[arg(long)]
    pub no_condition_on_previous_text: bool,

    /// Tokens that are never chosen; -1 stands for most signs that are not spoken
    #[arg(
        long,
        value_name = "ID,…",
        value_delimiter = ',',
        default_value = "-1",
        allow_hyphen_values = true
    )]
    pub suppress_tokens: Vec<i64>,

    /// Text that compresses better than this is repetitive: try the next temperature
    #[arg(long, value_name = "X", default_value = "2.4")]
    pub compression_ratio_threshold: f32,

    /// Text with a mean log-probability below this is improbable: try the next temperature
    #[arg(
        long,
        value_name = "X",
        default_value = "-1",
        allow_negative_numbers = true
    )]
    pub logprob_threshold: f32,

    /// A window is silence if this probable, and the text improbable
    #[arg(long, value_name = "P", default_value = "0.6")]
    pub no_speech_threshold: f32,

    /// Find when each word is spoken (json and vtt show it)
    #[arg(long)]
    pub word_timestamps: bool,

    /// Write text without times: each window of 30 s becomes one segment
    #[arg(long)]
    pub without_timestamps: bool,

    /// Stretches of audio, cut at pauses, that are heard side by side: faster, needs more memory
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    pub batch: u16,

    /// Seed of the random numbers at temperatures above 0
    #[arg(long, value_name = "N", default_value = "0")]
    pub seed: u64,
}

const TRANSCRIBE_HELP: &str = concat!(
    "\
Examples:
  amanuensis transcribe talk.mp3 --model base.en
  amanuensis transcribe *.flac --format srt,json --output-dir texts
  ffmpeg -i talk.wma -f wav - | amanuensis transcribe - --format vtt > talk.vtt

",
    exit_codes!()
);

/// `amanuensis transcribe`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = TRANSCRIBE_HELP)]
pub struct Transcribe {
    /// Audio files (wav, aiff, flac, mp3, m4a/mp4, aac, ogg, mkv/webm); - is the standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,

    /// Model and device.
    #[command(flatten)]
    pub model: ModelOptions,

    /// Decoding.
    #[command(flatten)]
    pub decoding: DecodingOptions,

    /// Forms of output
    #[arg(
        short,
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "txt",
        help_heading = "Output"
    )]
    pub format: Vec<Format>,

    /// Write DIR/NAME.txt and so on instead of to the standard output
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub output_dir: Option<PathBuf>,

    /// Write to this file instead of the standard output
    #[arg(
        long,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        conflicts_with = "output_dir",
        help_heading = "Output"
    )]
    pub output: Option<PathBuf>,

    /// Show neither progress nor what served
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// `amanuensis bench`.
#[derive(Clone, Debug, Args)]
pub struct Bench {
    /// Audio file
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// Model and device.
    #[command(flatten)]
    pub model: ModelOptions,

    /// Decoding.
    #[command(flatten)]
    pub decoding: DecodingOptions,

    /// Transcribe so many times; the fastest counts
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub runs: u16,

    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
}

/// `amanuensis models`.
#[derive(Clone, Debug, Args)]
pub struct Models {
    /// Folder models are kept in [default: $AMANUENSIS_MODELS, or ~/.local/share/amanuensis/models]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub models_dir: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub action: ModelsAction,
}

/// The subcommands of `amanuensis models`.
#[derive(Clone, Debug, Subcommand)]
pub enum ModelsAction {
    /// List the models here and those that can be fetched by name
    List,
    /// Fetch a model from the Hugging Face hub; an interrupted download goes on where it stopped
    Get {
        /// A name from `models list`, or OWNER/NAME of a repository
        #[arg(value_name = "NAME")]
        name: String,

        /// Branch, tag or commit
        #[arg(long, default_value = "main")]
        revision: String,

        /// Address of the hub
        #[arg(long, value_name = "URL", default_value = Hub::PUBLIC, value_hint = ValueHint::Url)]
        endpoint: String,
    },
    /// Read fetched models again and compare them with their checksums
    Verify {
        /// Names or folders [default: all that are here]
        #[arg(value_name = "NAME|DIR")]
        names: Vec<String>,
    },
}

fn temperature(text: &str) -> Result<f32, String> {
    number(text, 0.0..=10.0)
}

fn positive(text: &str) -> Result<f32, String> {
    number(text, 0.01..=100.0)
}

fn fraction(text: &str) -> Result<f32, String> {
    number(text, 0.0..=1.0)
}

fn number(text: &str, range: std::ops::RangeInclusive<f32>) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if range.contains(&value) => Ok(value),
        _ => Err(format!(
            "a number from {} to {} is needed",
            range.start(),
            range.end()
        )),
    }
}
