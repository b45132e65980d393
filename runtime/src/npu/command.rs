//! Command packets: what a BO for EXEC_CMD holds.

use std::sync::atomic::Ordering;

use zerocopy::IntoBytes;

use super::memory::Bo;
use super::uapi;
use crate::Error;
use formats::xclbin::{Kernel, Qualifier};

/// Where a kernel's arguments lie in the register map of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegisterMap {
    words: usize,
    opcode: usize,
    stream: usize,
    length: usize,
    /// By buffer.
    buffers: Vec<usize>,
}

/// What a command passes to the kernel.
pub(crate) struct Start<'a> {
    /// Device address of the instruction stream.
    pub(crate) stream: u64,
    /// Its words.
    pub(crate) words: u32,
    /// Device addresses of the buffers.
    pub(crate) buffers: &'a [u64],
}

impl RegisterMap {
    /// The map of a kernel whose first arguments are opcode, instruction stream and its length, as
    /// mlir-aie's host code has them, and whose other global arguments are buffers.
    ///
    /// # Errors
    /// [`Error::Interface`] when the arguments do not lie so, or do not fit a command.
    pub(crate) fn of(kernel: &Kernel) -> Result<Self, Error> {
        let refuse = |why: String| Error::Interface {
            kernel: kernel.name.clone(),
            why,
        };
        let limit = 4 * uapi::MAX_PAYLOAD_WORDS as u32;
        let mut taken = [false; uapi::MAX_PAYLOAD_WORDS];
        let mut place = |index: usize, size: u32, what: &str| {
            let arg = kernel
                .args
                .get(index)
                .ok_or_else(|| refuse(format!("it has no argument {index} ({what})")))?;
            let end = arg.offset.checked_add(size);
            if arg.size != size || !arg.offset.is_multiple_of(4) {
                return Err(refuse(format!(
                    "argument {index} ({what}) has {} bytes at offset {}, not {size} at a multiple of 4",
                    arg.size, arg.offset
                )));
            }
            if end.is_none_or(|end| end > limit) {
                return Err(refuse(format!(
                    "argument {index} ({what}) at offset {} is beyond the {limit} bytes of a command",
                    arg.offset
                )));
            }
            let word = (arg.offset / 4) as usize;
            for taken in &mut taken[word..word + size as usize / 4] {
                if std::mem::replace(taken, true) {
                    return Err(refuse(format!(
                        "argument {index} ({what}) overlaps another one"
                    )));
                }
            }
            Ok(word)
        };
        let opcode = place(0, 8, "opcode")?;
        let stream = place(1, 8, "instruction stream")?;
        let length = place(2, 4, "length of the stream")?;
        let global = |i: &usize| kernel.args[*i].qualifier == Qualifier::Global;
        let buffers = (3..kernel.args.len())
            .filter(global)
            .map(|i| place(i, 8, "buffer"))
            .collect::<Result<Vec<_>, _>>()?;
        let words = taken.iter().rposition(|t| *t).map_or(0, |last| last + 1);
        Ok(RegisterMap {
            words,
            opcode,
            stream,
            length,
            buffers,
        })
    }

    /// Buffers that a command can pass.
    pub(crate) fn buffers(&self) -> usize {
        self.buffers.len()
    }

    /// Commands of this form that one list holds.
    pub(crate) fn per_chain(&self) -> usize {
        uapi::CHAIN_BYTES / (uapi::CHAIN_SLOT_BYTES + 4 * self.words)
    }

    /// Writes the command that starts compute unit 0.
    pub(crate) fn write_start(&self, command: &mut Bo, start: &Start<'_>) {
        let mut packet = [0u32; 2 + uapi::MAX_PAYLOAD_WORDS];
        let (head, map) = packet.split_at_mut(2);
        let mut put = |word: usize, value: u64| {
            map[word] = value as u32;
            map[word + 1] = (value >> 32) as u32;
        };
        put(self.opcode, uapi::KERNEL_OP_TXN);
        put(self.stream, start.stream);
        for (word, address) in self.buffers.iter().zip(start.buffers) {
            put(*word, *address);
        }
        map[self.length] = start.words;
        let follow = 1 + self.words;
        head[0] = uapi::header(uapi::STATE_NEW, uapi::ERT_START_CU, follow as u32);
        head[1] = 1;
        command.write(0, packet[..1 + follow].as_bytes());
    }
}

/// Words of a chain before the handles: count, submit index, error index, three reserved.
const CHAIN_HEAD: usize = 6;
/// Byte of the error index.
const ERROR_INDEX: usize = 4 * 3;

/// Writes a list of commands.
pub(crate) fn write_chain(chain: &mut Bo, commands: &[Bo]) {
    let follow = CHAIN_HEAD + 2 * commands.len();
    let mut packet = Vec::with_capacity(1 + follow);
    packet.push(uapi::header(
        uapi::STATE_NEW,
        uapi::ERT_CMD_CHAIN,
        follow as u32,
    ));
    packet.extend([commands.len() as u32, 0, 0, 0, 0, 0]);
    packet.extend(commands.iter().flat_map(|c| [c.id(), 0]));
    chain.write(0, packet.as_bytes());
}

/// State of a command.
pub(crate) fn state(command: &Bo) -> u32 {
    uapi::state(command.header().load(Ordering::Acquire))
}

/// Index of the command at which a chain failed.
pub(crate) fn error_index(chain: &Bo) -> usize {
    let mut index = [0; 4];
    chain.read(ERROR_INDEX, &mut index);
    u32::from_le_bytes(index) as usize
}

/// The record of a hung command that the driver leaves behind the header, if it is one.
pub(crate) fn health(command: &Bo) -> Option<uapi::Health> {
    let mut health = uapi::Health::default();
    command.read(4, health.as_mut_bytes());
    (health.version == 1 && health.npu_gen == 0).then_some(health)
}
