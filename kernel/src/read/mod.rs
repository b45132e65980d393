//! Text to kernel IR.
//!
//! The grammar is what [`print`](super::print) writes, and more freely: values may have names
//! (`%src`), integers may be hexadecimal, blanks and line breaks are free, `;` begins a comment. Each
//! name stands for one value of its function. What is read is in canonical numbering.
//!
//! Constant data stands between functions or before them: integers, and floats as decimals without an exponent or, after
//! `0x`, by their bits. `align` and `bank` may be left out: it then begins at a multiple of 32 bytes in any bank.
//!
//! ```text
//! const @steps: i16[4] align 64 bank 2 = 0, 1, -5, 0x7f
//!
//! kernel @add(%src: ptr noalias, %dst: ptr noalias, %n: i32) {
//!   %end, %_ = loop %n (%p = %src, %q = %dst) {
//!     %v, %p2 = load.post i8x32 %p, 32
//!     %q2 = store.post %v, %q, 32
//!     yield %p2, %q2
//!   }
//! }
//! ```

mod data;
mod func;
mod lex;

use thiserror::Error;

use super::counted;
use super::ir::Module;
use super::verify::{Pos, Verified, VerifyErrors, verify_source};
use func::Reader;

/// Where the parts of a module stand in its text, and how it names its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Names of constant data, as the module has it.
    pub data: Vec<Pos>,
    /// As the module's functions.
    pub funcs: Vec<FuncSource>,
}

/// Where the parts of a function stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FuncSource {
    /// Name of the function.
    pub head: Pos,
    /// Instructions in the order of the text, loops before their bodies.
    pub insts: Vec<Pos>,
    /// Names of the values without their `%`, indexed by value.
    pub names: Vec<String>,
}

/// Every operation of kernel IR, as spelled.
pub fn operations() -> Vec<String> {
    func::operations()
}

/// Reads a module.
///
/// # Errors
/// The first thing that is not kernel IR. What is kernel IR but breaks a rule is left to the
/// verifier.
pub fn read(text: &str) -> Result<(Module, Source), ReadError> {
    Reader::new(text)?.module()
}

/// Reads and verifies a module.
///
/// # Errors
/// The first thing that is not kernel IR, or every rule that the module breaks, with positions.
pub fn load(text: &str) -> Result<Verified<Module>, TextError> {
    let (module, source) = read(text)?;
    Ok(verify_source(module, &source)?)
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// It is not kernel IR.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It breaks rules.
    #[error(transparent)]
    Verify(#[from] VerifyErrors),
}

/// Why a text is not kernel IR.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{at}: {kind}")]
pub struct ReadError {
    /// Where.
    pub at: Pos,
    /// What.
    pub kind: ReadErrorKind,
}

/// What is wrong at a place of a text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadErrorKind {
    /// Something else should stand here.
    #[error("found {found}, expected {expected}{}", help(.nearest))]
    Unexpected {
        /// What stands there, quoted.
        found: String,
        /// What should.
        expected: String,
        /// A word that may be meant.
        nearest: Option<String>,
    },
    /// A value that no instruction above defines.
    #[error("no value `%{name}` is defined above{}", help(.nearest))]
    UnknownValue {
        /// Its name.
        name: String,
        /// A value that may be meant.
        nearest: Option<String>,
    },
    /// A second value of the same name.
    #[error(
        "value `%{name}` is already defined\nhelp: each name stands for one value; rename this one"
    )]
    Redefined {
        /// The name.
        name: String,
    },
    /// More or fewer names than the operation has results.
    #[error("{op} has {}, {found} named\nhelp: `{}{op} ...`", counted(*.expected, "result"), example(*.expected))]
    ResultCount {
        /// Operation.
        op: String,
        /// Names before `=`.
        found: usize,
        /// Results.
        expected: usize,
    },
    /// An integer that does not fit.
    #[error("{what} {text} is out of range {min}..={max}")]
    IntRange {
        /// What the integer is.
        what: &'static str,
        /// As it stands.
        text: String,
        /// Least.
        min: i64,
        /// Greatest.
        max: i64,
    },
    /// More or fewer elements than the type of constant data says.
    #[error("@{name} has {}, its type says {expected}", counted(*.found, "element"))]
    DataCount {
        /// Its name.
        name: String,
        /// Elements.
        found: usize,
        /// Elements by the type.
        expected: usize,
    },
    /// Loops nest too deeply.
    #[error("loops nest deeper than {limit}\nhelp: move inner loops to a function of their own")]
    Nesting {
        /// Limit.
        limit: usize,
    },
}

fn help(nearest: &Option<String>) -> String {
    let help = |nearest| format!("\nhelp: did you mean `{nearest}`?");
    nearest.as_ref().map(help).unwrap_or_default()
}

fn example(results: usize) -> String {
    let names: Vec<String> = (0..results).map(|i| format!("%r{i}")).collect();
    match results {
        0 => String::new(),
        _ => format!("{} = ", names.join(", ")),
    }
}

/// A [`ReadError`] in the making.
struct ErrorAt(Pos);

impl ReadError {
    fn at(pos: Pos) -> ErrorAt {
        ErrorAt(pos)
    }
}

impl ErrorAt {
    fn kind(self, kind: ReadErrorKind) -> ReadError {
        ReadError { at: self.0, kind }
    }

    fn unexpected(self, found: String, expected: impl Into<String>) -> ReadError {
        self.kind(ReadErrorKind::Unexpected {
            found,
            expected: expected.into(),
            nearest: None,
        })
    }
}
