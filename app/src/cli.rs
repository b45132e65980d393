//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

use crate::exit::exit_codes;
use crate::models::Hub;

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
    /// Show the devices of this machine and what each runs
    Devices,
    /// List, fetch and verify models
    Models(Models),
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
