//! How the command ends: codes, and errors as they are shown.

use std::fmt;

use miette::Diagnostic;

use crate::audio::AudioError;
use crate::device::DeviceError;
use crate::models::ModelError;
use crate::output::OutputError;

/// The exit code of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for is done.
    Done = 0,
    /// Something failed that none of the others names.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// An input cannot be read or is not audio.
    Input = 3,
    /// The model is missing, damaged, or does not fit its vocabulary.
    Model = 4,
    /// An output cannot be written.
    Output = 5,
    /// The device is not there, or does not run this yet.
    Device = 6,
    /// The network or the hub failed, or a download does not match its checksum.
    Network = 7,
    /// Interrupted; what was done until then is written.
    Interrupted = 130,
}

/// The table of exit codes that `--help` shows, as a literal.
macro_rules! exit_codes {
    () => {
        "\
Exit codes:
  0    everything asked for is done
  1    something else failed
  2    the command line is wrong
  3    an input cannot be read or is not audio
  4    the model is missing, damaged, or does not fit its vocabulary
  5    an output cannot be written (full disk, permissions)
  6    the device is not there, or does not run this yet
  7    the network or the hub failed, or a checksum does not match
  130  interrupted; what was done until then is written
With several files one that fails does not stop the others; the first failure gives the code."
    };
}
pub(crate) use exit_codes;

/// An error on its way to the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError {
    /// The code the command ends with.
    pub exit: Exit,
    message: String,
    help: Option<String>,
    /// Whether nobody is left to be told: the reader of the standard output has gone.
    silent: bool,
}

impl CommandError {
    /// An error from a text whose part after `help: `, on its own line, says what to do.
    pub fn new(exit: Exit, text: impl fmt::Display) -> Self {
        let text = text.to_string();
        let (message, help) = match text.split_once("\nhelp: ") {
            Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
            None => (text, None),
        };
        Self {
            exit,
            message,
            help,
            silent: false,
        }
    }

    /// A mistake on the command line that the parser cannot see.
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
            help: Some(help.into()),
            silent: false,
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CommandError {}

impl Diagnostic for CommandError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }
}

impl From<AudioError> for CommandError {
    fn from(error: AudioError) -> Self {
        Self::new(Exit::Input, error)
    }
}

impl From<OutputError> for CommandError {
    fn from(error: OutputError) -> Self {
        let silent = matches!(&error, OutputError::Stdout { source }
            if source.kind() == std::io::ErrorKind::BrokenPipe);
        Self {
            silent,
            ..Self::new(Exit::Output, error)
        }
    }
}

impl From<DeviceError> for CommandError {
    fn from(error: DeviceError) -> Self {
        Self::new(Exit::Device, error)
    }
}

impl From<ModelError> for CommandError {
    fn from(error: ModelError) -> Self {
        Self::new(error.exit(), error)
    }
}

/// Shows an error on the standard error, unless it is that the reader of the standard output, such as
/// `head`, has had enough.
pub fn show(error: &CommandError) {
    if error.silent {
        return;
    }
    eprintln!("{:?}", miette::Report::new(error.clone()));
}

/// Sets how errors look: in colours and wrapped on a terminal, plain and unwrapped elsewhere.
pub fn install_reports() {
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let installed = miette::set_hook(Box::new(move |_| {
        let options = miette::MietteHandlerOpts::new().terminal_links(false);
        Box::new(if terminal {
            options.build()
        } else {
            options
                .color(false)
                .unicode(false)
                .wrap_lines(false)
                .force_graphical(true)
                .build()
        })
    }));
    debug_assert!(installed.is_ok(), "reports are installed once");
}
