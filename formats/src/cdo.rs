//! Configuration data objects (CDO, version 2): the list of register writes that configures an
//! array.
//!
//! Two encodings of the same commands exist and both are read:
//! - [`Form::Toolchain`]: what the AIE tools write to files, with 64-bit addresses;
//! - [`Form::Firmware`]: what `bootgen` puts inside a PDI, with 32-bit addresses.
//!
//! Sources: Xilinx/bootgen `cdo-driver/cdo_driver.c`, `cdo-binary.c`; Xilinx/aie-rt
//! `driver/src/io_backend/ext/xaie_cdo.c`.

use std::fmt;

use thiserror::Error;

use crate::words::{self, At, Block};

/// Words of the header in front of the commands.
pub const HEADER_WORDS: usize = 5;
/// Second header word: "CDO\0".
pub const MAGIC: u32 = 0x004f_4443;
/// Third header word: the version of the format.
pub const VERSION: u32 = 0x200;

/// Header words that the first header word counts: those the checksum covers.
const CHECKED_WORDS: u32 = 4;
/// Value of the 8-bit length field that says the length is in the next word.
const LONG: u32 = 255;

const MASK_POLL: u32 = 0x101;
const MASK_WRITE: u32 = 0x102;
const WRITE: u32 = 0x103;
const DELAY: u32 = 0x104;
const DMA_WRITE: u32 = 0x105;
const MASK_POLL64: u32 = 0x106;
const MASK_WRITE64: u32 = 0x107;
const WRITE64: u32 = 0x108;
const NOP: u32 = 0x111;

/// One command. Addresses are partition relative: `col << 25 | row << 20 | offset`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Writes one register.
    Write {
        /// Register address.
        addr: u32,
        /// New value.
        value: u32,
    },
    /// `new = (old & !mask) | (value & mask)`.
    MaskWrite {
        /// Register address.
        addr: u32,
        /// Bits that change.
        mask: u32,
        /// Their new values.
        value: u32,
    },
    /// Writes consecutive words.
    DmaWrite {
        /// Address of the first word.
        addr: u32,
        /// The words.
        data: Vec<u32>,
    },
    /// Waits until `register & mask == value & mask`.
    MaskPoll {
        /// Register address.
        addr: u32,
        /// Bits that count.
        mask: u32,
        /// Awaited value.
        value: u32,
        /// Time limit, in the firmware's unit.
        timeout: u32,
    },
    /// Waits.
    Delay {
        /// How long, in the firmware's unit.
        count: u32,
    },
    /// Fills space, so that the data of a following block write is aligned.
    Nop {
        /// Ignored words after the command word (written as zeros).
        words: u32,
    },
}

/// How addresses of single writes are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// WRITE64, MASK_WRITE64 and MASK_POLL64 with an address high word of 0.
    Toolchain,
    /// WRITE, MASK_WRITE and MASK_POLL.
    Firmware,
}

/// A list of commands, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cdo {
    /// The commands.
    pub commands: Vec<Command>,
}

/// Why bytes are not a CDO.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CdoError {
    /// The length is no multiple of 4.
    #[error(
        "a CDO of {bytes} bytes is not whole 32-bit words\nhelp: the file is cut off or not a CDO"
    )]
    PartWord {
        /// Length of the input in bytes.
        bytes: usize,
    },
    /// Fewer words than the header has.
    #[error(
        "a CDO of {words} words has no room for its header of {HEADER_WORDS} words\nhelp: the file is cut off or not a CDO"
    )]
    NoHeader {
        /// Length of the input in words.
        words: usize,
    },
    /// A header word has another value than version 2 prescribes.
    #[error(
        "CDO header word {word} ({name}) is {found:#010x}, must be {expected:#010x}\nhelp: only little-endian CDO version 2 files are read"
    )]
    Header {
        /// Index of the word.
        word: usize,
        /// What the word holds.
        name: &'static str,
        /// Value in the file.
        found: u32,
        /// Value that was expected.
        expected: u32,
    },
    /// The header's checksum does not fit its words.
    #[error(
        "CDO header checksum is {found:#010x}, its words give {expected:#010x}\nhelp: the header was changed or damaged"
    )]
    Checksum {
        /// Value in the file.
        found: u32,
        /// Value computed from the other header words.
        expected: u32,
    },
    /// The header's length is not the number of words that follow.
    #[error(
        "CDO header announces {declared} command words, the input holds {actual}\nhelp: the file is cut off or has something appended"
    )]
    Length {
        /// Words according to the header.
        declared: u32,
        /// Words after the header.
        actual: usize,
    },
    /// A command code this reader does not know.
    #[error(
        "unknown CDO command {command:#06x} (word {header:#010x}) at word {word}\nhelp: npu1 files use MASK_POLL, MASK_WRITE, WRITE, DELAY, DMA_WRITE (with 32 or 64-bit addresses) and NOP"
    )]
    UnknownCommand {
        /// Index of the command word in the file.
        word: usize,
        /// The whole command word.
        header: u32,
        /// Its low 16 bits: module and command.
        command: u32,
    },
    /// The command's payload reaches beyond the end.
    #[error(
        "CDO command {name} at word {word} needs {need} more words, only {left} are left\nhelp: the file is cut off"
    )]
    Overrun {
        /// Index of the command word in the file.
        word: usize,
        /// Name of the command.
        name: &'static str,
        /// Words the command announces.
        need: u32,
        /// Words left in the file.
        left: usize,
    },
    /// The payload has another length than the command takes.
    #[error(
        "CDO command {name} at word {word} has {found} payload words, takes {expected}\nhelp: the file is damaged, or uses optional fields npu1 tools do not write"
    )]
    Payload {
        /// Index of the command word in the file.
        word: usize,
        /// Name of the command.
        name: &'static str,
        /// Words announced.
        found: u32,
        /// Words the command takes.
        expected: &'static str,
    },
    /// A 64-bit address outside the 32 bits of a partition.
    #[error(
        "CDO command {name} at word {word} has address high word {high:#x}, partition addresses fit 32 bits\nhelp: the file was made for an absolute base address; make it partition relative"
    )]
    HighAddress {
        /// Index of the command word in the file.
        word: usize,
        /// Name of the command.
        name: &'static str,
        /// Upper half of the address.
        high: u32,
    },
}

impl Cdo {
    /// A CDO of these commands.
    pub fn new(commands: Vec<Command>) -> Self {
        Cdo { commands }
    }

    /// Reads a CDO in either form. NOPs are kept, so that writing gives the same bytes.
    ///
    /// # Errors
    /// [`CdoError`] names the word where the input is no CDO of known commands. Memory stays in
    /// proportion to the input.
    pub fn parse(bytes: &[u8]) -> Result<Self, CdoError> {
        let words = words::from_bytes(bytes).ok_or(CdoError::PartWord { bytes: bytes.len() })?;
        let Some((header, area)) = words.split_first_chunk::<HEADER_WORDS>() else {
            return Err(CdoError::NoHeader { words: words.len() });
        };
        for (word, name, expected) in [
            (0, "header length", CHECKED_WORDS),
            (1, "magic", MAGIC),
            (2, "version", VERSION),
        ] {
            let found = header[word];
            if found != expected {
                return Err(CdoError::Header {
                    word,
                    name,
                    found,
                    expected,
                });
            }
        }
        let expected = words::checksum(&header[..4]);
        if header[4] != expected {
            return Err(CdoError::Checksum {
                found: header[4],
                expected,
            });
        }
        if usize::try_from(header[3]) != Ok(area.len()) {
            return Err(CdoError::Length {
                declared: header[3],
                actual: area.len(),
            });
        }
        let mut reader = Reader { words: area, at: 0 };
        let mut commands = Vec::new();
        while reader.at < area.len() {
            commands.push(reader.command()?);
        }
        Ok(Cdo { commands })
    }

    /// The file the toolchain writes: 64-bit addresses, a leading NOP, and a NOP before each block
    /// write whose data would not begin at a multiple of 16 bytes in the file.
    ///
    /// NOPs that are already there are kept and counted, so a parsed toolchain file comes out
    /// unchanged. (The original writer aligns a block write of exactly 253 words wrongly; here it
    /// is aligned like the others.)
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(&self.aligned().commands, Form::Toolchain)
    }

    /// The commands in the given form exactly as they stand, no NOP added.
    pub fn encode(&self, form: Form) -> Vec<u8> {
        encode(&self.commands, form)
    }

    /// These commands with the NOPs that [`Cdo::to_bytes`] adds.
    pub fn aligned(&self) -> Cdo {
        let mut commands = Vec::with_capacity(self.commands.len() + 1);
        let mut at = HEADER_WORDS;
        if !matches!(self.commands.first(), Some(Command::Nop { .. })) {
            commands.push(Command::Nop { words: 0 });
            at += 1;
        }
        for command in &self.commands {
            if let Command::DmaWrite { data, .. } = command {
                let data_at = at + command_words(command, Form::Toolchain) - data.len();
                at += pad(&mut commands, (4 - data_at % 4) % 4);
            }
            at += command_words(command, Form::Toolchain);
            commands.push(command.clone());
        }
        Cdo { commands }
    }

    /// The commands that do something: all but NOPs.
    pub fn effects(&self) -> impl Iterator<Item = &Command> {
        self.commands
            .iter()
            .filter(|c| !matches!(c, Command::Nop { .. }))
    }

    /// A readable listing, one numbered command a line.
    pub fn dump(&self) -> String {
        let mut out = String::new();
        for (index, command) in self.commands.iter().enumerate() {
            out.push_str(&format!("{index:5}  {command}\n"));
        }
        out
    }

    /// What `bootgen` makes of this file before it joins it with others: block writes of one word
    /// become single writes, and NOPs are inserted so that the payload of a block write has the
    /// alignment of its address, counted from the file's own header.
    pub(crate) fn bootgen_form(&self) -> Vec<Command> {
        let mut commands = Vec::with_capacity(self.commands.len());
        let mut at = HEADER_WORDS;
        for command in &self.commands {
            let command = match command {
                Command::DmaWrite { addr, data } if data.len() == 1 => Command::Write {
                    addr: *addr,
                    value: data[0],
                },
                other => other.clone(),
            };
            if let Command::DmaWrite { addr, data } = &command {
                let data_at = at + command_words(&command, Form::Firmware) - data.len();
                let wanted = (*addr >> 2) as usize % 4;
                at += pad(&mut commands, (wanted + 4 - data_at % 4) % 4);
            }
            at += command_words(&command, Form::Firmware);
            commands.push(command);
        }
        commands
    }
}

/// Appends a NOP that takes `words` words in all (none for 0) and returns `words`.
fn pad(commands: &mut Vec<Command>, words: usize) -> usize {
    if words > 0 {
        commands.push(Command::Nop {
            words: words as u32 - 1,
        });
    }
    words
}

/// Words of the payload of a command.
fn payload_words(command: &Command, form: Form) -> usize {
    let wide = usize::from(form == Form::Toolchain);
    match command {
        Command::Write { .. } => 2 + wide,
        Command::MaskWrite { .. } => 3 + wide,
        Command::MaskPoll { .. } => 4 + wide,
        Command::DmaWrite { data, .. } => 2 + data.len(),
        Command::Delay { .. } => 1,
        Command::Nop { words } => *words as usize,
    }
}

/// Words of a whole command: command word, long length when needed, payload.
fn command_words(command: &Command, form: Form) -> usize {
    let payload = payload_words(command, form);
    1 + usize::from(payload >= LONG as usize) + payload
}

fn encode(commands: &[Command], form: Form) -> Vec<u8> {
    let length: usize = commands.iter().map(|c| command_words(c, form)).sum();
    let mut out = Vec::with_capacity(HEADER_WORDS + length);
    out.extend([CHECKED_WORDS, MAGIC, VERSION, length as u32]);
    out.push(words::checksum(&out));
    for command in commands {
        encode_command(&mut out, command, form);
    }
    words::to_bytes(&out)
}

fn encode_command(out: &mut Vec<u32>, command: &Command, form: Form) {
    let (narrow, wide) = match command {
        Command::Write { .. } => (WRITE, WRITE64),
        Command::MaskWrite { .. } => (MASK_WRITE, MASK_WRITE64),
        Command::MaskPoll { .. } => (MASK_POLL, MASK_POLL64),
        Command::DmaWrite { .. } => (DMA_WRITE, DMA_WRITE),
        Command::Delay { .. } => (DELAY, DELAY),
        Command::Nop { .. } => (NOP, NOP),
    };
    let code = if form == Form::Toolchain {
        wide
    } else {
        narrow
    };
    let length = payload_words(command, form) as u32;
    if length < LONG {
        out.push(length << 16 | code);
    } else {
        out.extend([LONG << 16 | code, length]);
    }
    if wide != narrow && form == Form::Toolchain {
        out.push(0);
    }
    match command {
        Command::Write { addr, value } => out.extend([*addr, *value]),
        Command::MaskWrite { addr, mask, value } => out.extend([*addr, *mask, *value]),
        Command::MaskPoll {
            addr,
            mask,
            value,
            timeout,
        } => out.extend([*addr, *mask, *value, *timeout]),
        Command::DmaWrite { addr, data } => {
            out.extend([0, *addr]);
            out.extend_from_slice(data);
        }
        Command::Delay { count } => out.push(*count),
        Command::Nop { words } => out.resize(out.len() + *words as usize, 0),
    }
}

/// Reads commands from the words after the header.
struct Reader<'a> {
    words: &'a [u32],
    at: usize,
}

impl<'a> Reader<'a> {
    fn command(&mut self) -> Result<Command, CdoError> {
        let word = HEADER_WORDS + self.at;
        let header = self.words[self.at];
        let command = header & 0xffff;
        let name = match command {
            MASK_POLL => "MASK_POLL",
            MASK_WRITE => "MASK_WRITE",
            WRITE => "WRITE",
            DELAY => "DELAY",
            DMA_WRITE => "DMA_WRITE",
            MASK_POLL64 => "MASK_POLL64",
            MASK_WRITE64 => "MASK_WRITE64",
            WRITE64 => "WRITE64",
            NOP => "NOP",
            _ => "",
        };
        if name.is_empty() || header >> 24 != 0 {
            return Err(CdoError::UnknownCommand {
                word,
                header,
                command,
            });
        }
        let payload = self.payload(word, name, header)?;
        let wrong = |expected| CdoError::Payload {
            word,
            name,
            found: payload.len() as u32,
            expected,
        };
        let narrow = |high: u32| {
            if high == 0 {
                Ok(())
            } else {
                Err(CdoError::HighAddress { word, name, high })
            }
        };
        Ok(match (command, payload) {
            (WRITE, &[addr, value]) => Command::Write { addr, value },
            (WRITE, _) => return Err(wrong("2")),
            (WRITE64, &[high, addr, value]) => {
                narrow(high)?;
                Command::Write { addr, value }
            }
            (WRITE64, _) => return Err(wrong("3")),
            (MASK_WRITE, &[addr, mask, value]) => Command::MaskWrite { addr, mask, value },
            (MASK_WRITE, _) => return Err(wrong("3")),
            (MASK_WRITE64, &[high, addr, mask, value]) => {
                narrow(high)?;
                Command::MaskWrite { addr, mask, value }
            }
            (MASK_WRITE64, _) => return Err(wrong("4")),
            (MASK_POLL, &[addr, mask, value, timeout]) => Command::MaskPoll {
                addr,
                mask,
                value,
                timeout,
            },
            (MASK_POLL, _) => return Err(wrong("4")),
            (MASK_POLL64, &[high, addr, mask, value, timeout]) => {
                narrow(high)?;
                Command::MaskPoll {
                    addr,
                    mask,
                    value,
                    timeout,
                }
            }
            (MASK_POLL64, _) => return Err(wrong("5")),
            (DMA_WRITE, [high, addr, data @ ..]) => {
                narrow(*high)?;
                Command::DmaWrite {
                    addr: *addr,
                    data: data.to_vec(),
                }
            }
            (DMA_WRITE, _) => return Err(wrong("2 or more")),
            (DELAY, &[count]) => Command::Delay { count },
            (DELAY, _) => return Err(wrong("1")),
            (_, payload) => Command::Nop {
                words: payload.len() as u32,
            },
        })
    }

    /// The payload of the command whose command word is next; moves behind it.
    fn payload(
        &mut self,
        word: usize,
        name: &'static str,
        header: u32,
    ) -> Result<&'a [u32], CdoError> {
        let mut rest = &self.words[self.at + 1..];
        let mut length = header >> 16 & 0xff;
        if length == LONG {
            let Some((first, after)) = rest.split_first() else {
                return Err(CdoError::Overrun {
                    word,
                    name,
                    need: 1,
                    left: 0,
                });
            };
            (length, rest) = (*first, after);
        }
        let payload = rest.get(..length as usize).ok_or(CdoError::Overrun {
            word,
            name,
            need: length,
            left: rest.len(),
        })?;
        self.at = self.words.len() - rest.len() + payload.len();
        Ok(payload)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Write { addr, value } => write!(f, "write {} = {value:#010x}", At(*addr)),
            Command::MaskWrite { addr, mask, value } => {
                write!(
                    f,
                    "mask_write {} = {value:#010x} mask {mask:#010x}",
                    At(*addr)
                )
            }
            Command::DmaWrite { addr, data } => {
                write!(f, "dma_write {} = {}", At(*addr), Block(data))
            }
            Command::MaskPoll {
                addr,
                mask,
                value,
                timeout,
            } => write!(
                f,
                "mask_poll {} == {value:#010x} mask {mask:#010x} timeout {timeout}",
                At(*addr)
            ),
            Command::Delay { count } => write!(f, "delay {count}"),
            Command::Nop { words } => write!(f, "nop {words}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(addr: u32, words: usize) -> Command {
        Command::DmaWrite {
            addr,
            data: vec![7; words],
        }
    }

    /// Positions in the file: header 0..5, NOP 5, then the block write's command word.
    #[test]
    fn files_align_block_data() {
        for (words, header) in [(252, 3), (253, 4), (254, 4)] {
            let cdo = Cdo::new(vec![block(0x1000, words)]).aligned();
            let [Command::Nop { words: 0 }, Command::Nop { words: gap }, _] = cdo.commands[..]
            else {
                panic!("{:?}", cdo.commands);
            };
            assert_eq!((6 + 1 + gap as usize + header) % 4, 0, "{words} words");
        }
        let aligned = Cdo::new(vec![Command::Delay { count: 1 }, block(0x1000, 8)]);
        assert!(matches!(
            aligned.aligned().commands[..],
            [
                Command::Nop { words: 0 },
                Command::Delay { .. },
                Command::Nop { words: 0 },
                Command::DmaWrite { .. }
            ]
        ));
    }

    #[test]
    fn merging_aligns_block_data_to_its_address() {
        for (addr, gap) in [(0x1000, None), (0x1004, Some(0)), (0x100c, Some(2))] {
            let commands = Cdo::new(vec![block(addr, 8)]).bootgen_form();
            let nop = match commands[0] {
                Command::Nop { words } => Some(words),
                _ => None,
            };
            assert_eq!(nop, gap, "{addr:#x}");
        }
        assert_eq!(
            Cdo::new(vec![block(0x1004, 1)]).bootgen_form(),
            [Command::Write {
                addr: 0x1004,
                value: 7
            }]
        );
    }
}
