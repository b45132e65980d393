//! What the driver and the firmware make of a command: its packet, checked word by word, and its run on
//! the emulated array.
//!
//! Sources: the driver's `aie2_message.c` (what is refused when a job is run) and `amdxdna_ctx.h`;
//! the argument layout is that of mlir-aie's kernels (opcode, stream, length, five buffers).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use emulator::{Budget, EmuError, Npu};
use formats::txn::Stream;
use runtime::npu::uapi;

use crate::bo::Bo;
use crate::context::Job;

/// Cycles after which a run counts as hung.
const BUDGET: u64 = 1_000_000_000;

/// Words of the register map: opcode 2, stream 2, length 1, buffers 2 each.
const MAP_WORDS: usize = 15;
/// Word at which the buffers begin.
const BUFFERS_AT: usize = 5;

/// How a command ended.
pub(crate) enum Outcome {
    Completed,
    /// Found malformed before it was run.
    Rejected,
    /// It failed, at a command of a list.
    Ended {
        state: u32,
        command: usize,
    },
    /// It does not end: the operation that the stream reached.
    Hangs {
        command: usize,
        op: u32,
    },
}

impl Outcome {
    pub(crate) const fn ended(state: u32) -> Self {
        Outcome::Ended { state, command: 0 }
    }
}

/// The register map of a command that starts a compute unit.
struct Packet {
    unit: u32,
    map: Vec<u32>,
}

impl Packet {
    /// Reads a command; `None` when the driver refuses it.
    fn read(command: &Bo) -> Option<Self> {
        let pages = command.pages()?;
        let header = pages.header().load(Ordering::Acquire);
        if uapi::opcode(header) != uapi::ERT_START_CU {
            return None;
        }
        let masks = 1 + (header >> 10 & 3) as usize;
        let count = uapi::words(header) as usize;
        if count <= masks || 4 * (count + 1) > pages.len() {
            return None;
        }
        let words = pages.words(4, count);
        let mask = words[..masks].iter().find(|mask| **mask != 0)?;
        Some(Packet {
            unit: mask.trailing_zeros(),
            map: words[masks..].to_vec(),
        })
    }

    fn address(&self, word: usize) -> u64 {
        u64::from(self.map[word]) | u64::from(self.map[word + 1]) << 32
    }
}

/// The array of a context, configured when its first command runs.
#[derive(Default)]
pub(crate) struct Array {
    npu: Option<Npu>,
}

impl Array {
    /// Runs a command, or every command of a list.
    pub(crate) fn execute(&mut self, job: &Job, unit: Option<&[u8]>) -> Outcome {
        let Some(commands) = commands(job) else {
            return Outcome::Rejected;
        };
        let mut packets = Vec::with_capacity(commands.len());
        let mut space = uapi::CHAIN_BYTES;
        for command in &commands {
            // The driver copies every command into its list before any is run.
            let Some(packet) = Packet::read(command) else {
                return Outcome::Rejected;
            };
            let bytes = uapi::CHAIN_SLOT_BYTES + 4 * packet.map.len();
            match space.checked_sub(bytes) {
                Some(left) => space = left,
                None => return Outcome::Rejected,
            }
            packets.push(packet);
        }
        for (command, packet) in packets.iter().enumerate() {
            match self.start(packet, &job.used, unit) {
                Ok(()) => {}
                Err(Trouble::Error) => {
                    let state = uapi::STATE_ERROR;
                    return Outcome::Ended { state, command };
                }
                Err(Trouble::Hang(op)) => return Outcome::Hangs { command, op },
            }
        }
        Outcome::Completed
    }

    fn start(
        &mut self,
        packet: &Packet,
        used: &[Arc<Bo>],
        unit: Option<&[u8]>,
    ) -> Result<(), Trouble> {
        let pdi = unit.filter(|_| packet.unit == 0).ok_or(Trouble::Error)?;
        if packet.map.len() != MAP_WORDS || packet.address(0) != uapi::KERNEL_OP_TXN {
            return Err(Trouble::Error);
        }
        let stream = find(used, packet.address(2)).ok_or(Trouble::Error)?;
        if stream.kind != uapi::BO_DEV {
            return Err(Trouble::Error);
        }
        let bytes = stream.dram();
        let bytes = bytes.get(..4 * packet.map[4] as usize);
        let stream = Stream::parse(bytes.ok_or(Trouble::Error)?).map_err(|_| Trouble::Error)?;

        let mut buffers = Vec::new();
        for word in (BUFFERS_AT..MAP_WORDS).step_by(2) {
            match packet.address(word) {
                0 => break,
                address => {
                    let bo = find(used, address).filter(|bo| bo.kind == uapi::BO_SHARE);
                    buffers.push(bo.ok_or(Trouble::Error)?);
                }
            }
        }
        if self.npu.is_none() {
            let mut npu = Npu::new();
            npu.load_pdi(file_of(pdi)).map_err(|_| Trouble::Error)?;
            self.npu = Some(npu);
        }
        let npu = self.npu.as_mut().ok_or(Trouble::Error)?;
        let mut args = Vec::with_capacity(buffers.len());
        for bo in &buffers {
            match bo.lend() {
                Some(dram) => args.push(dram),
                None => break,
            }
        }
        let result = if args.len() == buffers.len() {
            let budget = Budget { cycles: BUDGET };
            npu.run(&stream, &mut args, budget).map_err(Trouble::from)
        } else {
            // Another command has one of them.
            Err(Trouble::Error)
        };
        for (bo, dram) in buffers.iter().zip(args) {
            bo.take_back(dram);
        }
        result.map(drop)
    }
}

/// The PDI without the rest of its last page. Its partition header, at byte 0xd0, says in word 2 how
/// many words of data there are; they begin at byte 0x150. Source: bootgen
/// `partitionheadertable-versal.cpp`.
fn file_of(pages: &[u8]) -> &[u8] {
    let words = pages.get(0xd8..0xdc);
    let words = words.map_or(0, |w| u32::from_le_bytes([w[0], w[1], w[2], w[3]]));
    pages.get(..0x150 + 4 * words as usize).unwrap_or(pages)
}

enum Trouble {
    Error,
    Hang(u32),
}

impl From<EmuError> for Trouble {
    fn from(e: EmuError) -> Self {
        match e {
            EmuError::Deadlock { waiters, .. } | EmuError::Budget { waiters, .. } => {
                Trouble::Hang(operation(&waiters))
            }
            _ => Trouble::Error,
        }
    }
}

/// The operation of the stream that waits, which the emulator names first: "operation N of M ...".
fn operation(waiters: &[String]) -> u32 {
    let first = waiters.first().map_or("", String::as_str);
    let mut words = first.split(' ');
    match (words.next(), words.next()) {
        (Some("operation"), Some(number)) => number.parse().unwrap_or(0),
        _ => 0,
    }
}

/// The commands that a job runs: itself, or those of its list. `None` when the list is malformed.
fn commands(job: &Job) -> Option<Vec<Arc<Bo>>> {
    let pages = job.command.pages()?;
    let header = pages.header().load(Ordering::Acquire);
    if uapi::opcode(header) != uapi::ERT_CMD_CHAIN {
        return Some(vec![job.command.clone()]);
    }
    let words = chain_words(&job.command)?;
    let handles = words[6..].chunks_exact(2).map(|pair| pair[0]);
    handles
        .map(|handle| {
            let listed = job.listed.iter().find(|(h, _)| *h == handle);
            listed.map(|(_, bo)| bo.clone())
        })
        .collect()
}

/// The words of a list that are used: six of its head, two for each handle.
pub(crate) fn chain_words(command: &Bo) -> Option<Vec<u32>> {
    let pages = command.pages()?;
    let header = pages.header().load(Ordering::Acquire);
    let follow = uapi::words(header) as usize;
    if uapi::opcode(header) != uapi::ERT_CMD_CHAIN || follow < 6 || 4 * (follow + 1) > pages.len() {
        return None;
    }
    let mut words = pages.words(4, follow);
    let needed = 6 + 2 * words[0] as usize;
    if words[0] == 0 || needed > words.len() {
        return None;
    }
    words.truncate(needed);
    Some(words)
}

/// The BO, among those that a command may use, that begins at a device address.
fn find(used: &[Arc<Bo>], address: u64) -> Option<Arc<Bo>> {
    let bo = used.iter().find(|bo| bo.device_addr() == address)?;
    Some(bo.clone())
}
