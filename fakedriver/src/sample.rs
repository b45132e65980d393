//! The smallest overlay that does something: bytes from host memory to a memory tile and back. It needs
//! no core and no compiler, and a dispatch takes the emulator next to no time.

use arch::array::bd::bd_offset;
use arch::array::dma::{Direction, MemQueue, Queue, ctrl_offset, queue_offset};
use arch::array::lock::value_offset;
use arch::array::shim::dma_connect;
use arch::array::switch::{
    MasterConfig, SLAVE_PACKET, Slot, circuit_writes, master_offset, slave_offset, slot_offset,
};
use arch::array::{MemBd, Port, ShimBd, master_index, slave_index};
use arch::{Tile, TileKind};
use formats::cdo::{Cdo, Command};
use formats::pdi::Pdi;
use formats::txn::{self, Op, Stream};
use formats::xclbin::{KernelSpec, Spec};

/// Words that one dispatch copies from argument 0 to argument 1.
pub const WORDS: u32 = 128;
/// Words of a buffer in the memory tile.
const OBJECT: u32 = 64;
const SHIM: Tile = Tile::new(0, 0);
const MEM: Tile = Tile::new(0, 1);

/// What building the sample ends in when a number does not fit; its numbers do.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

fn fits<T>(value: Option<T>) -> Result<T, Failure> {
    value.ok_or_else(|| "the sample names something that npu1 does not have".into())
}

/// The XCLBIN.
///
/// # Errors
/// None in practice: see [`Failure`].
pub fn xclbin() -> Result<Vec<u8>, Failure> {
    let pdi = Pdi::from_cdos(&[&Cdo::new(configuration()?)])?.to_bytes();
    let spec = Spec::new(1, KernelSpec::new("SAMPLE", 5, pdi));
    Ok(spec.build()?.to_bytes())
}

/// The instruction stream of a dispatch.
///
/// # Errors
/// None in practice: see [`Failure`].
pub fn stream() -> Result<Vec<u8>, Failure> {
    let mut ops = Vec::new();
    for (arg, dir) in [(0, Direction::Mm2s), (1, Direction::S2mm)] {
        let token = dir == Direction::S2mm;
        let (bd, addr) = (
            arg as u8,
            SHIM.base() + bd_offset(TileKind::Shim, arg as u8),
        );
        let transfer = ShimBd {
            buffer_length: WORDS,
            burst_length: 2,
            axcache: 2,
            valid: true,
            ..ShimBd::default()
        };
        let data = transfer.encode()?.to_vec();
        ops.push(Op::BlockWrite { addr, data });
        ops.push(Op::DdrPatch {
            addr: addr + 4,
            arg,
            offset: 0,
        });
        if token {
            ops.push(Op::MaskWrite32 {
                addr: SHIM.base() + ctrl_offset(TileKind::Shim, dir, 0),
                value: 15 << 8,
                mask: 0x1f00,
            });
        }
        let task = Queue {
            token,
            repeat: 1,
            start_bd: bd.into(),
        };
        ops.push(Op::Write32 {
            addr: SHIM.base() + queue_offset(TileKind::Shim, dir, 0),
            value: task.to_word()?,
        });
    }
    ops.push(Op::TctWait {
        tile: SHIM,
        direction: txn::Direction::S2mm,
        channel: 0,
        columns: 1,
        rows: 1,
    });
    Ok(Stream::new(ops).to_bytes())
}

/// Two buffers in the memory tile, filled and emptied in turn under two locks; the streams between it
/// and the shim; the route of the tokens.
fn configuration() -> Result<Vec<Command>, Failure> {
    let mut commands = Vec::new();
    let mut write = |tile: Tile, offset: u32, value: u32| {
        let addr = tile.base() + offset;
        commands.push(Command::Write { addr, value });
    };
    write(MEM, value_offset(TileKind::Mem, 0), 2);
    write(MEM, value_offset(TileKind::Mem, 1), 0);
    let circuits = [
        (SHIM, Port::South(3), Port::North(1)),
        (SHIM, Port::North(0), Port::South(2)),
        (MEM, Port::South(1), Port::Dma(0)),
        (MEM, Port::Dma(0), Port::South(0)),
    ];
    for (tile, slave, master) in circuits {
        let slave = fits(slave_index(tile.kind(), slave))?;
        let master = fits(master_index(tile.kind(), master))?;
        for (offset, value) in circuit_writes(tile.kind(), slave, master)? {
            write(tile, offset, value);
        }
    }
    let slave = fits(slave_index(TileKind::Shim, Port::TileCtrl))?;
    let master = fits(master_index(TileKind::Shim, Port::South(0)))?;
    let slot = Slot {
        id: 15,
        mask: 31,
        enable: true,
        msel: 3,
        arbiter: 5,
    };
    let config = MasterConfig::packet(5, 1 << 3, false).to_word()?;
    write(SHIM, master_offset(TileKind::Shim, master), config);
    write(SHIM, slave_offset(TileKind::Shim, slave), SLAVE_PACKET);
    write(SHIM, slot_offset(TileKind::Shim, slave, 0), slot.to_word()?);
    for dir in Direction::ALL {
        let (offset, mask, value) = fits(dma_connect(dir, 0))?;
        let addr = SHIM.base() + offset;
        commands.push(Command::MaskWrite { addr, mask, value });
    }
    // Descriptor, the one after it, byte of the buffer, lock to acquire and to release.
    let rows = [
        (0, 1, 0, 0, 1),
        (1, 0, 0x10000, 0, 1),
        (2, 3, 0, 1, 0),
        (3, 2, 0x10000, 1, 0),
    ];
    for (id, next, byte, acquire, release) in rows {
        // A memory tile counts its own memory and locks from the middle of what it reaches.
        let bd = MemBd {
            base_address: (0x80000 + byte) / 4,
            buffer_length: OBJECT,
            next_bd: next,
            use_next: true,
            valid: true,
            acq_enable: true,
            acq_id: 64 + acquire,
            acq_value: -1,
            rel_id: 64 + release,
            rel_value: 1,
            ..MemBd::default()
        };
        let addr = MEM.base() + bd_offset(TileKind::Mem, id);
        let data = bd.encode()?.to_vec();
        commands.push(Command::DmaWrite { addr, data });
    }
    for (dir, start_bd) in [(Direction::S2mm, 0), (Direction::Mm2s, 2)] {
        let task = MemQueue {
            token: false,
            repeat: 1,
            start_bd,
        };
        let addr = MEM.base() + queue_offset(TileKind::Mem, dir, 0);
        let value = task.to_word()?;
        commands.push(Command::Write { addr, value });
    }
    Ok(commands)
}
