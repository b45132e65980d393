//! A design by hand: register writes put together with `arch`, as the tests of this folder need them.

use arch::array::bd::{bd_offset, bd_words};
use arch::array::dma::{Direction, MemQueue, Queue, ctrl_offset, queue_offset};
use arch::array::lock::value_offset;
use arch::array::shim::dma_connect;
use arch::array::switch::{
    MasterConfig, SLAVE_PACKET, Slot, circuit_writes, master_offset, slave_offset, slot_offset,
};
use arch::array::{CoreBd, MemBd, Port, ShimBd, master_index, slave_index};
use arch::{Tile, TileKind};
use formats::cdo::{Cdo, Command};
use formats::txn::{self, Op, Stream};

/// Register writes of a configuration, in order.
#[derive(Default)]
pub(crate) struct Design {
    commands: Vec<Command>,
}

impl Design {
    pub(crate) fn write(&mut self, tile: Tile, offset: u32, value: u32) -> &mut Self {
        let addr = tile.base() + offset;
        self.commands.push(Command::Write { addr, value });
        self
    }

    /// A circuit connection inside a tile's switch.
    pub(crate) fn connect(&mut self, tile: Tile, slave: Port, master: Port) -> &mut Self {
        let kind = tile.kind();
        let slave = slave_index(kind, slave).expect("slave port");
        let master = master_index(kind, master).expect("master port");
        for (offset, value) in circuit_writes(kind, slave, master).expect("indices fit") {
            self.write(tile, offset, value);
        }
        self
    }

    /// Connects a shim DMA channel to the switch.
    pub(crate) fn mux(&mut self, tile: Tile, dir: Direction, channel: u8) -> &mut Self {
        let (offset, mask, value) = dma_connect(dir, channel).expect("shim channel");
        let addr = tile.base() + offset;
        self.commands.push(Command::MaskWrite { addr, mask, value });
        self
    }

    /// The route of task-complete tokens that the toolchain always makes.
    pub(crate) fn token_route(&mut self, column: u8) -> &mut Self {
        let shim = Tile::new(column, 0);
        let slave = slave_index(TileKind::Shim, Port::TileCtrl).expect("slave port");
        let master = master_index(TileKind::Shim, Port::South(0)).expect("master port");
        let config = MasterConfig::packet(5, 1 << 3, false)
            .to_word()
            .expect("fits");
        let slot = Slot {
            id: 15,
            mask: 31,
            enable: true,
            msel: 3,
            arbiter: 5,
        };
        self.write(shim, master_offset(TileKind::Shim, master), config)
            .write(shim, slave_offset(TileKind::Shim, slave), SLAVE_PACKET)
            .write(
                shim,
                slot_offset(TileKind::Shim, slave, 0),
                slot.to_word().expect("fits"),
            )
    }

    pub(crate) fn lock(&mut self, tile: Tile, id: u8, value: u32) -> &mut Self {
        self.write(tile, value_offset(tile.kind(), id), value)
    }

    /// Writes a descriptor; one that was written before is replaced where it was.
    fn bd(&mut self, tile: Tile, id: u8, words: &[u32]) -> &mut Self {
        assert_eq!(words.len() as u32, bd_words(tile.kind()));
        let at = tile.base() + bd_offset(tile.kind(), id);
        let earlier = self.commands.iter_mut().find_map(|c| match c {
            Command::DmaWrite { addr, data } if *addr == at => Some(data),
            _ => None,
        });
        match earlier {
            Some(data) => *data = words.to_vec(),
            None => self.commands.push(Command::DmaWrite {
                addr: at,
                data: words.to_vec(),
            }),
        }
        self
    }

    pub(crate) fn core_bd(&mut self, tile: Tile, id: u8, bd: CoreBd) -> &mut Self {
        self.bd(tile, id, &bd.encode().expect("legal descriptor"))
    }

    pub(crate) fn mem_bd(&mut self, tile: Tile, id: u8, bd: MemBd) -> &mut Self {
        self.bd(tile, id, &bd.encode().expect("legal descriptor"))
    }

    /// Starts a chain on a channel.
    pub(crate) fn start(&mut self, tile: Tile, dir: Direction, channel: u8, bd: u8) -> &mut Self {
        self.start_times(tile, dir, channel, bd, 1)
    }

    /// Starts a chain that is executed several times.
    pub(crate) fn start_times(
        &mut self,
        tile: Tile,
        dir: Direction,
        channel: u8,
        bd: u8,
        repeat: u32,
    ) -> &mut Self {
        let task = MemQueue {
            token: false,
            repeat,
            start_bd: u32::from(bd),
        };
        let offset = queue_offset(tile.kind(), dir, channel);
        self.write(tile, offset, task.to_word().expect("fits"))
    }

    pub(crate) fn cdo(&self) -> Cdo {
        Cdo {
            commands: self.commands.clone(),
        }
    }
}

/// Operations of one dispatch.
#[derive(Default)]
pub(crate) struct Sequence {
    ops: Vec<Op>,
}

impl Sequence {
    /// A transfer between a shim channel and an argument; S2MM transfers ask for a token.
    pub(crate) fn transfer(
        &mut self,
        column: u8,
        dir: Direction,
        channel: u8,
        bd: u8,
        arg: u32,
        words: u32,
    ) -> &mut Self {
        let raw = ShimBd {
            buffer_length: words,
            burst_length: 2,
            axcache: 2,
            valid: true,
            ..ShimBd::default()
        };
        self.transfer_bd(column, dir, channel, bd, arg, raw)
    }

    pub(crate) fn transfer_bd(
        &mut self,
        column: u8,
        dir: Direction,
        channel: u8,
        bd: u8,
        arg: u32,
        raw: ShimBd,
    ) -> &mut Self {
        let tile = Tile::new(column, 0);
        let addr = tile.base() + bd_offset(TileKind::Shim, bd);
        let token = dir == Direction::S2mm;
        self.ops.push(Op::BlockWrite {
            addr,
            data: raw.encode().expect("legal descriptor").to_vec(),
        });
        self.ops.push(Op::DdrPatch {
            addr: addr + 4,
            arg,
            offset: 0,
        });
        if token {
            self.ops.push(Op::MaskWrite32 {
                addr: tile.base() + ctrl_offset(TileKind::Shim, dir, channel),
                value: 15 << 8,
                mask: 0x1f00,
            });
        }
        let task = Queue {
            token,
            repeat: 1,
            start_bd: u32::from(bd),
        };
        self.ops.push(Op::Write32 {
            addr: tile.base() + queue_offset(TileKind::Shim, dir, channel),
            value: task.to_word().expect("fits"),
        });
        self
    }

    /// Waits for the token of an S2MM channel.
    pub(crate) fn wait(&mut self, column: u8, channel: u8) -> &mut Self {
        self.ops.push(Op::TctWait {
            tile: Tile::new(column, 0),
            direction: txn::Direction::S2mm,
            channel,
            columns: 1,
            rows: 1,
        });
        self
    }

    /// Moves the start of the last transfer on, by bytes.
    pub(crate) fn shift_last_patch(&mut self, bytes: u64) -> &mut Self {
        let patch = self.ops.iter_mut().rev().find_map(|op| match op {
            Op::DdrPatch { offset, .. } => Some(offset),
            _ => None,
        });
        *patch.expect("a transfer") += bytes;
        self
    }

    /// Lets some cycles pass: writes that change nothing, one a cycle.
    pub(crate) fn pause(&mut self, cycles: u32) -> &mut Self {
        let idle = Op::MaskWrite32 {
            addr: Tile::new(3, 5).base(),
            value: 0,
            mask: 0,
        };
        for _ in 0..cycles {
            self.ops.push(idle.clone());
        }
        self
    }

    pub(crate) fn op(&mut self, op: Op) -> &mut Self {
        self.ops.push(op);
        self
    }

    pub(crate) fn stream(&self) -> Stream {
        Stream::new(self.ops.clone())
    }
}

/// Shim of `column` to its memory tile and back, depth-2 buffers of `words` words, all by locks: what
/// an ObjectFIFO pair through a memory tile becomes.
pub(crate) fn loopback(column: u8, words: u32) -> Design {
    let (shim, mem) = (Tile::new(column, 0), Tile::new(column, 1));
    let mut d = Design::default();
    d.lock(mem, 0, 2).lock(mem, 1, 0);
    let bd = |base: u32, next: u32, acquire: u32, release: u32| MemBd {
        base_address: (0x80000 + base) / 4,
        buffer_length: words,
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
    d.mem_bd(mem, 0, bd(0, 1, 0, 1))
        .mem_bd(mem, 1, bd(0x10000, 0, 0, 1))
        .mem_bd(mem, 2, bd(0, 3, 1, 0))
        .mem_bd(mem, 3, bd(0x10000, 2, 1, 0))
        .start(mem, Direction::S2mm, 0, 0)
        .start(mem, Direction::Mm2s, 0, 2)
        .connect(shim, Port::South(3), Port::North(1))
        .connect(shim, Port::North(0), Port::South(2))
        .connect(mem, Port::South(1), Port::Dma(0))
        .connect(mem, Port::Dma(0), Port::South(0))
        .mux(shim, Direction::Mm2s, 0)
        .mux(shim, Direction::S2mm, 0)
        .token_route(column);
    d
}

/// Words as little-endian bytes.
pub(crate) fn bytes(words: impl IntoIterator<Item = u32>) -> Vec<u8> {
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}
