//! What a configuration makes of the array: used tiles, the memory that descriptors reach, and the
//! routes of the streams.

use std::collections::{BTreeMap, BTreeSet};

use arch::array::bd::bd_words;
use arch::array::dma::{DmaRegister, MemQueue, Queue, dma_register};
use arch::array::memory::{MEM_OWN, PROGRAM_OFFSET};
use arch::array::shim::{DEMUX_OFFSET, MUX_OFFSET, dma_connected, port_dma};
use arch::array::switch::{
    MasterConfig, SLOTS, SlaveConfig, Slot, master_count, master_offset, slave_count, slave_offset,
    slot_offset, wire,
};
use arch::array::{CoreBd, Direction, MemBd, Port, bd, master_port, slave_index, slave_port};
use arch::limits::PROGRAM_BYTES;
use arch::{Tile, TileKind};
use formats::cdo::{Cdo, Command};

use array::lowered::Lowered;

/// Names that registers do not have.
#[derive(Clone, Debug, Default)]
pub struct Names {
    channels: BTreeMap<(Tile, Direction, u8), String>,
    buffers: BTreeMap<(Tile, u32), String>,
}

impl Names {
    /// The names of a design.
    pub fn of(lowered: &Lowered) -> Self {
        let mut names = Names::default();
        for dma in &lowered.dmas {
            for chain in &dma.chains {
                let key = (dma.tile, chain.direction, chain.channel);
                names.channels.insert(key, chain.fifo.clone());
            }
        }
        for shim in &lowered.shim_channels {
            // Packets of several fifos share a channel.
            let key = (shim.tile, shim.direction, shim.channel);
            let name = names.channels.entry(key).or_default();
            if !name.is_empty() {
                name.push_str(", ");
            }
            name.push_str(&shim.fifo);
        }
        for buffer in &lowered.buffers {
            let key = (buffer.tile, buffer.address);
            names.buffers.insert(key, buffer.name.clone());
        }
        names
    }
}

/// A range of a data memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// First byte.
    pub start: u32,
    /// Bytes.
    pub bytes: u32,
    /// Name, where the design has one.
    pub name: Option<String>,
    /// Route that fills or empties it.
    pub route: Option<usize>,
}

/// A DMA channel in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelView {
    /// Direction.
    pub dir: Direction,
    /// Number.
    pub number: u8,
    /// Fifo, where the design names one, or several that send packets.
    pub name: Option<String>,
    /// Buffers of its chain: start and bytes.
    pub buffers: Vec<(u32, u32)>,
    /// Route that begins or ends here.
    pub route: Option<usize>,
}

/// A tile in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileView {
    /// Tile.
    pub tile: Tile,
    /// Bytes of program memory up to the last one that is not zero.
    pub program: u32,
    /// Ranges of data memory, by address.
    pub regions: Vec<Region>,
    /// Channels that are started or connected.
    pub channels: Vec<ChannelView>,
}

/// A connection inside a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// Tile of the switch.
    pub tile: Tile,
    /// Slave port that words come in at.
    pub from: Port,
    /// Master port that they leave at.
    pub to: Port,
}

/// A stream from its sender to all its receivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Name of the fifo or fifos, or of the sender.
    pub name: String,
    /// Connections, from the sender on.
    pub hops: Vec<Hop>,
    /// Whether arbiters switch it by packet headers.
    pub packet: bool,
}

/// The picture before it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// Tiles in use.
    pub tiles: Vec<TileView>,
    /// Routes with an end in a tile, tokens left out.
    pub routes: Vec<Route>,
}

/// Registers and program sizes after a configuration.
struct Registers {
    words: BTreeMap<(Tile, u32), u32>,
    program: BTreeMap<Tile, u32>,
}

impl Registers {
    fn of(cdo: &Cdo) -> Self {
        let mut registers = Registers {
            words: BTreeMap::new(),
            program: BTreeMap::new(),
        };
        for command in &cdo.commands {
            match command {
                Command::Write { addr, value } => registers.write(*addr, *value),
                Command::MaskWrite { addr, mask, value } => {
                    let (tile, offset) = Tile::from_addr(*addr);
                    let old = registers.get(tile, offset);
                    registers.write(*addr, old & !mask | value & mask);
                }
                Command::DmaWrite { addr, data } => {
                    for (i, word) in data.iter().enumerate() {
                        registers.write(addr.wrapping_add(4 * i as u32), *word);
                    }
                }
                Command::MaskPoll { .. } | Command::Delay { .. } | Command::Nop { .. } => {}
            }
        }
        registers
    }

    fn write(&mut self, addr: u32, value: u32) {
        let (tile, offset) = Tile::from_addr(addr);
        if !tile.exists() {
            return;
        }
        let program = PROGRAM_OFFSET..PROGRAM_OFFSET + PROGRAM_BYTES;
        if tile.kind() == TileKind::Core && program.contains(&offset) {
            let end = if value == 0 {
                0
            } else {
                offset + 4 - PROGRAM_OFFSET
            };
            let size = self.program.entry(tile).or_default();
            *size = end.max(*size);
            return;
        }
        if offset >= tile.kind().data_bytes() {
            self.words.insert((tile, offset), value);
        }
    }

    fn get(&self, tile: Tile, offset: u32) -> u32 {
        self.words.get(&(tile, offset)).copied().unwrap_or(0)
    }

    fn master(&self, tile: Tile, index: u8) -> MasterConfig {
        MasterConfig::from_word(self.get(tile, master_offset(tile.kind(), index)))
    }

    fn slave(&self, tile: Tile, index: u8) -> SlaveConfig {
        SlaveConfig::from_word(self.get(tile, slave_offset(tile.kind(), index)))
    }

    /// Masters that a slave's words go to.
    fn masters(&self, tile: Tile, slave: u8) -> Vec<Port> {
        let kind = tile.kind();
        let config = self.slave(tile, slave);
        if !config.enable {
            return Vec::new();
        }
        let slots = (0..SLOTS).map(|s| self.get(tile, slot_offset(kind, slave, s)));
        let slots: Vec<Slot> = slots.map(Slot::from_word).filter(|s| s.enable).collect();
        let takes = |master: &MasterConfig| {
            if config.packet {
                let leads = |slot: &Slot| {
                    slot.arbiter == u32::from(master.arbiter())
                        && master.msel_mask() >> slot.msel & 1 != 0
                };
                return master.packet && slots.iter().any(leads);
            }
            !master.packet && master.configuration == u32::from(slave)
        };
        (0..master_count(kind))
            .filter(|index| {
                let master = self.master(tile, *index);
                master.enable && takes(&master)
            })
            .filter_map(|index| master_port(kind, index))
            .collect()
    }

    /// The channel behind a switch port.
    fn channel(&self, tile: Tile, dir: Direction, port: Port) -> Option<u8> {
        if let Port::Dma(number) = port {
            return Some(number);
        }
        let offset = match dir {
            Direction::Mm2s => MUX_OFFSET,
            Direction::S2mm => DEMUX_OFFSET,
        };
        let number = (tile.kind() == TileKind::Shim).then(|| port_dma(dir, port))??;
        dma_connected(dir, number, self.get(tile, offset)).then_some(number)
    }

    /// First descriptors that the configuration starts on a channel, and the chain from there on:
    /// start and bytes of each.
    fn chain(&self, tile: Tile, start: u8) -> Vec<(u32, u32)> {
        let kind = tile.kind();
        let (mut out, mut seen, mut next) = (Vec::new(), BTreeSet::new(), Some(start));
        while let Some(id) = next.filter(|id| *id < kind.bds() && seen.insert(*id)) {
            let words: Vec<u32> = (0..bd_words(kind))
                .map(|w| self.get(tile, bd::bd_offset(kind, id) + 4 * w))
                .collect();
            let (base, length, after) = match (kind, words.as_slice()) {
                (TileKind::Core, &[a, b, c, d, e, f]) => {
                    let bd = CoreBd::decode([a, b, c, d, e, f]);
                    let after = bd.use_next.then_some(bd.next_bd as u8);
                    (bd.base_address * 4, bd.buffer_length * 4, after)
                }
                (TileKind::Mem, &[a, b, c, d, e, f, g, h]) => {
                    let bd = MemBd::decode([a, b, c, d, e, f, g, h]);
                    let after = bd.use_next.then_some(bd.next_bd as u8);
                    let base = (bd.base_address * 4).wrapping_sub(MEM_OWN);
                    (base, bd.buffer_length * 4, after)
                }
                _ => break,
            };
            out.push((base, length));
            next = after;
        }
        out
    }
}

impl Scene {
    /// The picture of a configuration.
    pub fn new(cdo: &Cdo, names: &Names) -> Self {
        let registers = Registers::of(cdo);
        let routes = routes(&registers, names);
        let used: BTreeSet<Tile> = registers
            .words
            .keys()
            .map(|(tile, _)| *tile)
            .chain(registers.program.keys().copied())
            .collect();
        let tiles = used
            .into_iter()
            .map(|tile| tile_view(&registers, names, &routes, tile))
            .collect();
        Scene { tiles, routes }
    }
}

fn tile_view(registers: &Registers, names: &Names, routes: &[Route], tile: Tile) -> TileView {
    let kind = tile.kind();
    let mut starts: BTreeMap<(Direction, u8), Option<u8>> = BTreeMap::new();
    for ((at, offset), value) in registers.words.range((tile, 0)..=(tile, u32::MAX)) {
        if *at == tile
            && let Some(DmaRegister::Queue(dir, number)) = dma_register(kind, *offset)
        {
            let start = match kind {
                TileKind::Mem => MemQueue::from_word(*value).start_bd,
                TileKind::Core | TileKind::Shim => Queue::from_word(*value).start_bd,
            };
            starts.insert((dir, number), Some(start as u8));
        }
    }
    let route_at = |dir: Direction, number: u8| {
        routes.iter().position(|route| {
            route.hops.iter().any(|hop| {
                let port = match dir {
                    Direction::Mm2s => hop.from,
                    Direction::S2mm => hop.to,
                };
                hop.tile == tile && registers.channel(tile, dir, port) == Some(number)
            })
        })
    };
    for dir in Direction::ALL {
        for number in 0..kind.dma_channels() {
            if route_at(dir, number).is_some() {
                starts.entry((dir, number)).or_insert(None);
            }
        }
    }
    let channels: Vec<ChannelView> = starts
        .into_iter()
        .map(|((dir, number), start)| ChannelView {
            dir,
            number,
            name: names.channels.get(&(tile, dir, number)).cloned(),
            buffers: start.map_or_else(Vec::new, |start| registers.chain(tile, start)),
            route: route_at(dir, number),
        })
        .collect();
    let mut regions: BTreeMap<u32, Region> = BTreeMap::new();
    for channel in &channels {
        for (start, bytes) in &channel.buffers {
            let region = regions.entry(*start).or_insert(Region {
                start: *start,
                bytes: 0,
                name: names.buffers.get(&(tile, *start)).cloned(),
                route: channel.route,
            });
            region.bytes = region.bytes.max(*bytes);
        }
    }
    TileView {
        tile,
        program: registers.program.get(&tile).copied().unwrap_or(0),
        regions: regions.into_values().collect(),
        channels,
    }
}

/// Every stream that a DMA channel or a core sends.
fn routes(registers: &Registers, names: &Names) -> Vec<Route> {
    let mut routes = Vec::new();
    for tile in Tile::all() {
        for slave in 0..slave_count(tile.kind()) {
            let Some(port) = slave_port(tile.kind(), slave) else {
                continue;
            };
            let channel = registers.channel(tile, Direction::Mm2s, port);
            if channel.is_none() && port != Port::Core {
                continue;
            }
            let mut hops = Vec::new();
            follow(registers, tile, slave, &mut hops);
            if hops.is_empty() {
                continue;
            }
            let known = channel.and_then(|n| names.channels.get(&(tile, Direction::Mm2s, n)));
            let sender = match channel {
                Some(number) => format!("MM2S{number} of {} {tile}", tile.kind()),
                None => format!("core {tile}"),
            };
            routes.push(Route {
                name: known.cloned().unwrap_or(sender),
                packet: hops.iter().any(|hop| {
                    slave_index(hop.tile.kind(), hop.from)
                        .is_some_and(|s| registers.slave(hop.tile, s).packet)
                }),
                hops,
            });
        }
    }
    routes
}

fn follow(registers: &Registers, tile: Tile, slave: u8, hops: &mut Vec<Hop>) {
    let Some(from) = slave_port(tile.kind(), slave) else {
        return;
    };
    for to in registers.masters(tile, slave) {
        let hop = Hop { tile, from, to };
        if hops.contains(&hop) {
            continue;
        }
        hops.push(hop);
        let next = match to {
            Port::Fifo => Some((tile, Port::Fifo)),
            _ => wire(tile, to),
        };
        if let Some((next, port)) = next
            && let Some(slave) = slave_index(next.kind(), port)
        {
            follow(registers, next, slave, hops);
        }
    }
}
