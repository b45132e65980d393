//! A lowered design: everything that is written into the array, and the instruction streams.
//!
//! The types say what the hardware is told, in the order in which the reference tool chain writes
//! it; [`package`](crate::package) turns them into files. The text form is in
//! [`lowered_text`](super::lowered_text).

use arch::array::field::FieldError;
use arch::array::{CoreBd, Direction, MemBd, Port, lock, memory};
use arch::{Tile, TileKind};
use formats::txn;

use super::design::Packet;
use super::worker::CorePlan;

/// A design after all lowering passes.
#[derive(Clone, Debug, PartialEq)]
pub struct Lowered {
    /// Name of the design.
    pub name: String,
    /// Columns of the partition.
    pub columns: u8,
    /// Buffers with their addresses.
    pub buffers: Vec<PlacedBuffer>,
    /// Locks with their initial values.
    pub locks: Vec<Lock>,
    /// DMA programs of core and memory tiles.
    pub dmas: Vec<DmaProgram>,
    /// Which fifo ends use which shim channel.
    pub shim_channels: Vec<ShimChannel>,
    /// Flows that the switches carry.
    pub flows: Vec<Flow>,
    /// Settings of the stream switches.
    pub switches: Vec<SwitchSettings>,
    /// Directions of the cascades.
    pub cascades: Vec<CascadeSettings>,
    /// Programs of the cores.
    pub cores: Vec<CorePlan>,
    /// Instruction streams.
    pub sequences: Vec<LoweredSequence>,
}

impl Lowered {
    /// The program of the core on `tile`.
    pub fn core(&self, tile: Tile) -> Option<&CorePlan> {
        self.cores.iter().find(|c| c.tile == tile)
    }

    /// The instruction stream made of the sequence `name`.
    pub fn sequence(&self, name: &str) -> Option<&LoweredSequence> {
        self.sequences.iter().find(|s| s.name == name)
    }
}

/// A buffer in the data memory of a tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedBuffer {
    /// Name.
    pub name: String,
    /// Tile.
    pub tile: Tile,
    /// First byte in the tile's data memory.
    pub address: u32,
    /// Size in bytes.
    pub bytes: u32,
    /// Contents written at configuration, in 32-bit words.
    pub init: Option<Vec<u32>>,
}

/// A lock and its first value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Name.
    pub name: String,
    /// Tile.
    pub tile: Tile,
    /// Id on the tile.
    pub id: u8,
    /// Value after configuration.
    pub init: u8,
}

/// The DMA program of a core or memory tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DmaProgram {
    /// Tile.
    pub tile: Tile,
    /// One chain per channel.
    pub chains: Vec<Chain>,
}

impl DmaProgram {
    /// The descriptors in the order in which the reference writes them: the first of every chain,
    /// then the others, chains last to first.
    ///
    /// Source: mlir-aie `lib/Targets/AIERT.cpp`.
    pub fn bds_in_write_order(&self) -> impl Iterator<Item = &Bd> {
        let firsts = self.chains.iter().filter_map(|c| c.bds.first());
        let others = self.chains.iter().rev().flat_map(|c| c.bds.iter().skip(1));
        firsts.chain(others)
    }
}

/// The descriptors that one DMA channel walks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Fifo end that the chain serves.
    pub fifo: String,
    /// Direction.
    pub direction: Direction,
    /// Channel.
    pub channel: u8,
    /// Executions of the chain that the channel starts with, 1 or more.
    pub repeat: u32,
    /// Descriptors in order; the channel starts with the first.
    pub bds: Vec<Bd>,
}

/// Use of a lock of the descriptor's own tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockUse {
    /// Lock id.
    pub id: u8,
    /// How much is taken or given.
    pub count: u8,
}

impl LockUse {
    /// `count` of lock `id`.
    pub const fn new(id: u8, count: u8) -> Self {
        LockUse { id, count }
    }
}

/// One dimension of a descriptor, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordDim {
    /// Steps.
    pub size: u32,
    /// Words per step.
    pub step: u32,
}

/// Zeros around one dimension of a descriptor of a memory tile, in steps; words for the innermost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WordPad {
    /// Before the dimension's own steps.
    pub before: u32,
    /// Behind them.
    pub after: u32,
}

/// A buffer descriptor of a core or memory tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bd {
    /// Id on the tile.
    pub id: u8,
    /// Buffer that it moves (a part of).
    pub buffer: String,
    /// First byte in the tile's data memory.
    pub address: u32,
    /// Bytes moved, zeros included.
    pub bytes: u32,
    /// Walk, innermost first; empty is linear.
    pub dims: Vec<WordDim>,
    /// Zeros around the walk, innermost first.
    pub pad: Vec<WordPad>,
    /// Waited for and taken before the transfer.
    pub acquire: Option<LockUse>,
    /// Given after the transfer.
    pub release: Option<LockUse>,
    /// Descriptor that follows.
    pub next: Option<u8>,
    /// Id of the packet that the words become.
    pub packet: Option<u8>,
}

impl Bd {
    fn dim(&self, n: usize) -> WordDim {
        self.dims
            .get(n)
            .copied()
            .unwrap_or(WordDim { size: 0, step: 1 })
    }

    /// The words of the descriptor's registers on `tile`.
    ///
    /// # Errors
    /// When a value does not fit its field; the verifier refuses such designs beforehand.
    pub fn encode(&self, tile: Tile) -> Result<Vec<u32>, FieldError> {
        let [d0, d1, d2, d3] = [0, 1, 2, 3].map(|n| self.dim(n));
        if tile.kind() == TileKind::Mem {
            let base = memory::mem_address(tile, tile, self.address).unwrap_or(self.address);
            let own_lock = |id| u32::from(lock::mem_lock_id(tile, tile, id).unwrap_or(id));
            let [p0, p1, p2] = [0, 1, 2].map(|n| self.pad.get(n).copied().unwrap_or_default());
            let bd = MemBd {
                enable_packet: self.packet.is_some(),
                packet_id: u32::from(self.packet.unwrap_or(0)),
                buffer_length: self.bytes / 4,
                base_address: base / 4,
                d0_wrap: d0.size,
                d0_step: d0.step,
                d0_zero_before: p0.before,
                d0_zero_after: p0.after,
                d1_wrap: d1.size,
                d1_step: d1.step,
                d1_zero_before: p1.before,
                d1_zero_after: p1.after,
                d2_wrap: d2.size,
                d2_step: d2.step,
                d2_zero_before: p2.before,
                d2_zero_after: p2.after,
                d3_step: d3.step,
                next_bd: u32::from(self.next.unwrap_or(0)),
                use_next: self.next.is_some(),
                valid: true,
                acq_enable: self.acquire.is_some(),
                acq_id: self.acquire.map_or(0, |l| own_lock(l.id)),
                acq_value: -self.acquire.map_or(0, |l| i32::from(l.count)),
                rel_id: self.release.map_or(0, |l| own_lock(l.id)),
                rel_value: self.release.map_or(0, |l| i32::from(l.count)),
                ..MemBd::default()
            };
            return Ok(bd.encode()?.to_vec());
        }
        let bd = CoreBd {
            enable_packet: self.packet.is_some(),
            packet_id: u32::from(self.packet.unwrap_or(0)),
            base_address: self.address / 4,
            buffer_length: self.bytes / 4,
            d0_wrap: d0.size,
            d0_step: d0.step,
            d1_wrap: d1.size,
            d1_step: d1.step,
            d2_step: d2.step,
            next_bd: u32::from(self.next.unwrap_or(0)),
            use_next: self.next.is_some(),
            valid: true,
            acq_enable: self.acquire.is_some(),
            acq_id: self.acquire.map_or(0, |l| u32::from(l.id)),
            acq_value: -self.acquire.map_or(0, |l| i32::from(l.count)),
            rel_id: self.release.map_or(0, |l| u32::from(l.id)),
            rel_value: self.release.map_or(0, |l| i32::from(l.count)),
            ..CoreBd::default()
        };
        Ok(bd.encode()?.to_vec())
    }
}

/// The shim DMA channel of a fifo's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShimChannel {
    /// Fifo.
    pub fifo: String,
    /// Shim.
    pub tile: Tile,
    /// Direction: S2MM is to the host.
    pub direction: Direction,
    /// Channel.
    pub channel: u8,
}

/// A port of a tile's stream switch. A DMA port of a shim stands for the switch port behind which
/// the shim's multiplexer puts that channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// Tile.
    pub tile: Tile,
    /// Port.
    pub port: Port,
}

impl Endpoint {
    /// `port` of `tile`.
    pub const fn new(tile: Tile, port: Port) -> Self {
        Endpoint { tile, port }
    }
}

/// How a flow's words find their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowKind {
    /// Fixed connections of its own.
    Circuit,
    /// By the packet header.
    Packet(Packet),
    /// By the packet header, before all others: the task-complete tokens of a shim.
    Control {
        /// Packet id.
        id: u8,
    },
}

impl FlowKind {
    /// The packet id, if there is one.
    pub const fn packet_id(&self) -> Option<u8> {
        match self {
            FlowKind::Circuit => None,
            FlowKind::Packet(packet) => Some(packet.id),
            FlowKind::Control { id } => Some(*id),
        }
    }
}

/// A stream from one port to one or several others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Circuit or packet.
    pub kind: FlowKind,
    /// Where it enters the switches.
    pub source: Endpoint,
    /// Where it leaves them.
    pub dests: Vec<Endpoint>,
}

/// Settings of one tile's stream switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchSettings {
    /// Tile.
    pub tile: Tile,
    /// Circuit connections.
    pub circuits: Vec<Circuit>,
    /// Ports by which packets leave.
    pub packet_masters: Vec<PacketMaster>,
    /// What is done with packets that enter.
    pub packet_rules: Vec<PacketRule>,
    /// Shim DMA channels that the multiplexers connect to the switch.
    pub shim_dmas: Vec<(Direction, u8)>,
}

/// A circuit connection inside a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Circuit {
    /// Port that the words come from.
    pub slave: Port,
    /// Port that they go to.
    pub master: Port,
}

/// A port by which packets leave a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketMaster {
    /// Port.
    pub master: Port,
    /// Its arbiter.
    pub arbiter: u8,
    /// The arbiter's master selects that it hears, a bit each.
    pub msels: u8,
    /// Whether it drops the header.
    pub drop_header: bool,
}

/// Packets of some ids that enter a switch at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketRule {
    /// Port that the packets come from.
    pub slave: Port,
    /// Slot of the slave.
    pub slot: u8,
    /// Packet id, in the bits of the mask.
    pub id: u8,
    /// Bits of the id that count.
    pub mask: u8,
    /// Arbiter.
    pub arbiter: u8,
    /// Master select of the arbiter.
    pub msel: u8,
}

/// Where a core's accumulators come from and go to: from the north and to the south unless said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CascadeSettings {
    /// Core.
    pub tile: Tile,
    /// The input comes from the west.
    pub in_west: bool,
    /// The output goes east.
    pub out_east: bool,
}

/// An instruction stream with the host buffers that it expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoweredSequence {
    /// Name of the sequence.
    pub name: String,
    /// Host buffers: name and size in bytes.
    pub args: Vec<(String, u64)>,
    /// Operations.
    pub ops: Vec<txn::Op>,
}
