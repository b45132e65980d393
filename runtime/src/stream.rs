//! Instruction streams, and what they do to the buffers that they name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arch::array::Direction;
use arch::array::dma::{DmaRegister, dma_register};
use arch::{Tile, TileKind};
use formats::txn::{Op, Stream};

use crate::Error;
use crate::npu::Loaded;

/// Bytes of the largest stream that is taken: half of the NPU's heap.
const MAX_BYTES: usize = 32 << 20;

/// An instruction stream: the host-side DMA program of one dispatch. Clones share it.
#[derive(Clone, Debug)]
pub struct InstructionStream(pub(crate) Arc<Program>);

/// What is known of a stream.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) stream: Stream,
    pub(crate) bytes: Vec<u8>,
    /// By argument: how the stream uses it.
    pub(crate) access: Vec<Access>,
    /// Its place in the heap of the NPU that ran it last.
    pub(crate) loaded: Mutex<Option<Arc<Loaded>>>,
}

impl Program {
    pub(crate) fn place(&self) -> MutexGuard<'_, Option<Arc<Loaded>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a stream does to an argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) reads: bool,
    pub(crate) writes: bool,
}

impl InstructionStream {
    /// Reads the binary form.
    ///
    /// # Errors
    /// [`Error::Stream`] when the bytes are not an instruction stream, [`Error::LargeStream`] when
    /// they are more than the device's heap is made for.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_BYTES {
            let (bytes, limit) = (bytes.len(), MAX_BYTES);
            return Err(Error::LargeStream { bytes, limit });
        }
        let stream = Stream::parse(bytes)?;
        let access = accesses(&stream)?;
        Ok(InstructionStream(Arc::new(Program {
            stream,
            bytes: bytes.to_vec(),
            access,
            loaded: Mutex::default(),
        })))
    }

    /// How many buffers it takes: one more than the highest argument that it names.
    pub fn arguments(&self) -> usize {
        self.0.access.len()
    }
}

/// Highest argument that a stream can name; interfaces of kernels end far below.
const MAX_ARGUMENT: u32 = 255;

/// An argument's address in a shim descriptor.
struct Patch {
    argument: usize,
    queued: bool,
}

/// How a stream uses its arguments: an address patch ties an argument to a shim descriptor, a write
/// to a task queue sends the descriptor one way. What is patched and not seen to be queued, for
/// instance because another descriptor leads to it, counts as read and written.
fn accesses(stream: &Stream) -> Result<Vec<Access>, Error> {
    const UNKNOWN: Access = Access {
        reads: true,
        writes: true,
    };
    let mut access: Vec<Access> = Vec::new();
    let mut patches: BTreeMap<(Tile, u8), Patch> = BTreeMap::new();
    for op in &stream.ops {
        match op {
            Op::DdrPatch { addr, arg, .. } => {
                if *arg > MAX_ARGUMENT {
                    let (index, limit) = (*arg, MAX_ARGUMENT);
                    return Err(Error::ArgumentIndex { index, limit });
                }
                let argument = *arg as usize;
                if access.len() <= argument {
                    access.resize(argument + 1, Access::default());
                }
                let Some((tile, DmaRegister::Bd { id, .. })) = shim_register(*addr) else {
                    access[argument] = UNKNOWN;
                    continue;
                };
                let patch = Patch {
                    argument,
                    queued: false,
                };
                let before = patches.insert((tile, id), patch);
                if let Some(Patch {
                    argument,
                    queued: false,
                }) = before
                {
                    access[argument] = UNKNOWN;
                }
            }
            Op::Write32 { addr, value } => {
                let Some((tile, DmaRegister::Queue(dir, _))) = shim_register(*addr) else {
                    continue;
                };
                if let Some(patch) = patches.get_mut(&(tile, (*value & 0xf) as u8)) {
                    patch.queued = true;
                    match dir {
                        Direction::Mm2s => access[patch.argument].reads = true,
                        Direction::S2mm => access[patch.argument].writes = true,
                    }
                }
            }
            _ => {}
        }
    }
    for patch in patches.values().filter(|p| !p.queued) {
        access[patch.argument] = UNKNOWN;
    }
    Ok(access)
}

/// The DMA register of a shim tile at an address of the stream.
fn shim_register(addr: u32) -> Option<(Tile, DmaRegister)> {
    let (tile, offset) = Tile::from_addr(addr);
    (tile.exists() && tile.kind() == TileKind::Shim).then_some(())?;
    Some((tile, dma_register(TileKind::Shim, offset)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BD0: u32 = 0x1d004;
    const MM2S_QUEUE: u32 = 0x1d214;
    const S2MM_QUEUE: u32 = 0x1d204;

    fn patch(bd: u32, arg: u32) -> Op {
        Op::DdrPatch {
            addr: BD0 + 32 * bd,
            arg,
            offset: 0,
        }
    }

    fn queue(addr: u32, value: u32) -> Op {
        Op::Write32 { addr, value }
    }

    fn access(ops: &[Op]) -> Vec<(bool, bool)> {
        let stream = Stream::new(ops.to_vec());
        let access = accesses(&stream).expect("small indices");
        access.iter().map(|a| (a.reads, a.writes)).collect()
    }

    #[test]
    fn queues_tell_what_is_read_and_what_is_written() {
        let ops = [
            patch(0, 0),
            queue(MM2S_QUEUE, 0),
            patch(1, 1),
            queue(S2MM_QUEUE, 1),
        ];
        assert_eq!(access(&ops), [(true, false), (false, true)]);
    }

    #[test]
    fn what_is_not_seen_counts_as_both() {
        assert_eq!(access(&[patch(0, 0)]), [(true, true)]);
        let ops = [patch(0, 0), patch(0, 1), queue(MM2S_QUEUE, 0)];
        assert_eq!(access(&ops), [(true, true), (true, false)]);
        // Argument 0 is named by no patch.
        assert_eq!(
            access(&[patch(0, 1), queue(MM2S_QUEUE, 0)]),
            [(false, false), (true, false)]
        );
    }

    #[test]
    fn an_absurd_argument_is_refused() {
        let bytes = Stream::new(vec![patch(0, u32::MAX)]).to_bytes();
        let refused = InstructionStream::parse(&bytes).expect_err("4 billion buffers");
        assert!(
            matches!(refused, Error::ArgumentIndex { limit: 255, .. }),
            "{refused}"
        );
    }
}
