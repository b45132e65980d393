//! Why a run ends before its function does.

use std::fmt;

use thiserror::Error;

use super::MapError;
use crate::counted;
use crate::types::Type;

/// A run that went wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Trap {
    /// Function.
    pub func: String,
    /// Instruction as the printer writes it; none if the run did not begin.
    pub text: Option<String>,
    /// What happened.
    pub kind: TrapKind,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  in kernel @{}", self.kind, self.func)?;
        if let Some(text) = &self.text {
            write!(f, ": `{text}`")?;
        }
        match self.kind.help() {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TrapKind {
    /// The module has no such function.
    #[error("no function @{name}")]
    NoFunc {
        /// Name.
        name: String,
        /// A function that may be meant.
        nearest: Option<String>,
    },
    /// Too few or too many arguments.
    #[error("{}, the function has {}", counted(*.found, "argument"), counted(*.expected, "parameter"))]
    ArgCount {
        /// Arguments.
        found: usize,
        /// Parameters.
        expected: usize,
    },
    /// An argument of the wrong type.
    #[error("argument {index} is {found}, the parameter is {expected}")]
    ArgType {
        /// Position from zero.
        index: usize,
        /// Type of the argument.
        found: Type,
        /// Type of the parameter.
        expected: Type,
    },
    /// No region holds all the bytes of an access.
    #[error("access of {bytes} bytes at {addr:#x}, which no region holds")]
    OutOfRange {
        /// Address.
        addr: u32,
        /// Size.
        bytes: u32,
        /// Regions, as `name 0x70000..=0x7003f`.
        regions: Vec<String>,
    },
    /// An address that is not a multiple of what the access needs.
    #[error("access of {bytes} bytes at {addr:#x}, which is not a multiple of {align}")]
    Misaligned {
        /// Address.
        addr: u32,
        /// Size.
        bytes: u32,
        /// Alignment.
        align: u32,
    },
    /// A read of bytes that nothing has written.
    #[error("read of {bytes} bytes at {addr:#x}, of which {first:#x} was never written")]
    Uninitialised {
        /// Address.
        addr: u32,
        /// Size.
        bytes: u32,
        /// First byte without a value.
        first: u32,
    },
    /// A look-up where there is no constant data.
    #[error("look-up of lane {lane} at {addr:#x}, where no constant data is")]
    Lookup {
        /// Lane.
        lane: usize,
        /// Address.
        addr: u32,
    },
    /// A write to constant data.
    #[error("write of {bytes} bytes at {addr:#x}, which is constant data")]
    Constant {
        /// Address.
        addr: u32,
        /// Size.
        bytes: u32,
    },
    /// A region of memory lies where constant data of the program does.
    #[error(transparent)]
    Map(MapError),
    /// A word reached through a noalias parameter and otherwise.
    #[error(
        "access of {bytes} bytes at {addr:#x}: {word:#x} is written, and reached both through noalias parameter {param} of @{func} and otherwise"
    )]
    Alias {
        /// Address.
        addr: u32,
        /// Size.
        bytes: u32,
        /// Address of the word.
        word: u32,
        /// Position of the parameter, from zero.
        param: usize,
        /// Function that has it.
        func: String,
    },
    /// A shift beyond the register that holds it.
    #[error("shift by {shift}, the range is {min}..={max}")]
    Shift {
        /// Shift.
        shift: i32,
        /// Least.
        min: i32,
        /// Most.
        max: i32,
    },
    /// More steps than allowed.
    #[error("not finished after {steps} steps")]
    Budget {
        /// Steps.
        steps: u64,
    },
    /// Calls within calls beyond what a core's stack takes.
    #[error("calls nest deeper than {limit}")]
    CallDepth {
        /// Limit.
        limit: usize,
    },
}

impl TrapKind {
    fn help(&self) -> Option<String> {
        match self {
            TrapKind::NoFunc { nearest, .. } => nearest
                .as_ref()
                .map(|name| format!("did you mean @{name}?")),
            TrapKind::OutOfRange { regions, .. } if regions.is_empty() => {
                Some("map a region first".into())
            }
            TrapKind::OutOfRange { regions, .. } => {
                Some(format!("regions are {}", regions.join(", ")))
            }
            TrapKind::Alias { .. } => Some("drop noalias, or keep the buffers apart".into()),
            TrapKind::Budget { .. } => {
                Some("give the run more steps, or look for a loop that does not end".into())
            }
            _ => None,
        }
    }
}
