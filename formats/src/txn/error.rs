//! What can be wrong with an instruction stream.

use thiserror::Error;

use super::HEADER_WORDS;

/// Why bytes are not an instruction stream.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TxnError {
    /// The length is no multiple of 4.
    #[error(
        "an instruction stream of {bytes} bytes is not whole 32-bit words\nhelp: the file is cut off or not an instruction stream"
    )]
    PartWord {
        /// Length of the input in bytes.
        bytes: usize,
    },
    /// Fewer words than the header has.
    #[error(
        "an instruction stream of {words} words has no room for its header of {HEADER_WORDS} words\nhelp: the file is cut off or not an instruction stream"
    )]
    NoHeader {
        /// Length of the input in words.
        words: usize,
    },
    /// The header's size is not the size of the input.
    #[error(
        "instruction stream header announces {declared} bytes, the input has {actual}\nhelp: the file is cut off, has something appended, or is not an instruction stream"
    )]
    Size {
        /// Bytes according to the header.
        declared: u32,
        /// Bytes of the input.
        actual: usize,
    },
    /// A version with another layout.
    #[error(
        "instruction stream has version {major}.{minor}, only 0.1 is read\nhelp: rebuild it with a tool that writes version 0.1"
    )]
    Version {
        /// Major version.
        major: u8,
        /// Minor version.
        minor: u8,
    },
    /// The header's operation count is wrong.
    #[error(
        "instruction stream header announces {declared} operations, the stream holds {actual}\nhelp: the header or an operation's size was damaged"
    )]
    Count {
        /// Operations according to the header.
        declared: u32,
        /// Operations found.
        actual: usize,
    },
    /// An opcode that is not in the format.
    #[error(
        "unknown opcode {opcode:#04x} ({opcode}) at word {word} of the instruction stream\nhelp: the stream is damaged, or made for a newer firmware"
    )]
    UnknownOpcode {
        /// Index of the operation's first word.
        word: usize,
        /// The opcode.
        opcode: u8,
    },
    /// An opcode of the format whose operation is not read here.
    #[error(
        "operation {name} (opcode {opcode:#04x}) at word {word} of the instruction stream is not supported\nhelp: streams for npu1 need WRITE32, BLOCKWRITE, MASKWRITE32, TCT_WAIT and DDR_PATCH only"
    )]
    Unsupported {
        /// Index of the operation's first word.
        word: usize,
        /// The opcode.
        opcode: u8,
        /// Its name.
        name: &'static str,
    },
    /// The operation reaches beyond the end.
    #[error(
        "operation {name} at word {word} of the instruction stream takes {need} words, only {left} are left\nhelp: the stream is cut off"
    )]
    Overrun {
        /// Index of the operation's first word.
        word: usize,
        /// Name of the operation.
        name: &'static str,
        /// Words the operation takes.
        need: usize,
        /// Words left, the first included.
        left: usize,
    },
    /// The operation's own size field is wrong.
    #[error(
        "operation {name} at word {word} of the instruction stream says it has {found} bytes, must be {expected}\nhelp: the stream is damaged"
    )]
    OpSize {
        /// Index of the operation's first word.
        word: usize,
        /// Name of the operation.
        name: &'static str,
        /// Size in the stream.
        found: u32,
        /// What it must be.
        expected: &'static str,
    },
    /// Bits that must be zero are not.
    #[error(
        "{name} has {found:#010x} at word {word} of the instruction stream, where reserved bits must be 0\nhelp: the stream is damaged, or uses fields npu1 tools do not write"
    )]
    Reserved {
        /// Index of the word.
        word: usize,
        /// Name of the operation.
        name: &'static str,
        /// The word.
        found: u32,
    },
}
