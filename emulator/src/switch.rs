//! The stream switches' registers, and the way of a stream through circuit-switched ports.

use arch::array::shim::{DEMUX_OFFSET, MUX_OFFSET, dma_connected, port_dma};
use arch::array::switch::{
    MAX_MASTERS, MAX_SLAVES, MasterConfig, SLOTS, SlaveConfig, Slot, SwitchRegister, connect_legal,
    master_count, master_port, slave_index, slave_port, wire,
};
use arch::array::{Direction, Port};
use arch::{Tile, TileKind};

use crate::error::{ChannelId, EmuError, TILES, tile_index};
use crate::link::Way;
use crate::timing::{FIFO_WORDS, SWITCH_LATENCY, SWITCH_WORDS};

/// Registers of one switch and, on shims, its multiplexers.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    pub(crate) masters: [u32; MAX_MASTERS],
    pub(crate) slaves: [u32; MAX_SLAVES],
    pub(crate) slots: [[u32; SLOTS as usize]; MAX_SLAVES],
    pub(crate) mux: u32,
    pub(crate) demux: u32,
}

impl Switch {
    const NEW: Switch = Switch {
        masters: [0; MAX_MASTERS],
        slaves: [0; MAX_SLAVES],
        slots: [[0; SLOTS as usize]; MAX_SLAVES],
        mux: 0,
        demux: 0,
    };

    pub(crate) fn master(&self, index: u8) -> MasterConfig {
        MasterConfig::from_word(self.masters[usize::from(index)])
    }

    pub(crate) fn slave(&self, index: u8) -> SlaveConfig {
        SlaveConfig::from_word(self.slaves[usize::from(index)])
    }

    pub(crate) fn slots(&self, slave: u8) -> impl Iterator<Item = Slot> {
        self.slots[usize::from(slave)]
            .iter()
            .map(|w| Slot::from_word(*w))
    }
}

/// All switches of the array.
#[derive(Debug)]
pub(crate) struct Switches {
    all: Vec<Switch>,
}

/// Where a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sink {
    /// A core's input stream.
    Core(Tile),
    /// An S2MM channel.
    Dma(ChannelId),
    /// A tile's control port, which takes control packets.
    Control(Tile),
    /// A master port on the south side of a shim that leads to the host's controller.
    Host(Tile, Port),
    /// A slave port in packet mode.
    Packet(Tile, u8),
    /// A port that leads nowhere, and why.
    Nowhere(Tile, Port, &'static str),
}

/// One branch of a stream: where it ends and what lies on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Branch {
    pub(crate) sink: Sink,
    pub(crate) way: Way,
}

impl Switches {
    pub(crate) fn new() -> Self {
        Switches {
            all: vec![Switch::NEW; TILES],
        }
    }

    pub(crate) fn get(&self, tile: Tile) -> &Switch {
        &self.all[tile_index(tile)]
    }

    /// Reads or writes a register by the place `arch` found for its offset.
    pub(crate) fn register(&mut self, tile: Tile, at: SwitchRegister) -> &mut u32 {
        let switch = &mut self.all[tile_index(tile)];
        match at {
            SwitchRegister::Master(i) => &mut switch.masters[usize::from(i)],
            SwitchRegister::Slave(i) => &mut switch.slaves[usize::from(i)],
            SwitchRegister::Slot(i, s) => &mut switch.slots[usize::from(i)][usize::from(s)],
        }
    }

    /// The multiplexer registers of a shim.
    pub(crate) fn mux_register(&mut self, tile: Tile, offset: u32) -> Option<&mut u32> {
        let switch = &mut self.all[tile_index(tile)];
        match (tile.kind(), offset) {
            (TileKind::Shim, MUX_OFFSET) => Some(&mut switch.mux),
            (TileKind::Shim, DEMUX_OFFSET) => Some(&mut switch.demux),
            _ => None,
        }
    }

    /// Every circuit connection must be one the switch has.
    ///
    /// # Errors
    /// Names the first that is not.
    pub(crate) fn check(&self) -> Result<(), EmuError> {
        for tile in Tile::all() {
            let (kind, switch) = (tile.kind(), self.get(tile));
            for index in 0..master_count(kind) {
                let config = switch.master(index);
                let Some(master) = master_port(kind, index) else {
                    continue;
                };
                if !config.enable || config.packet {
                    continue;
                }
                let Some(slave) = slave_port(kind, config.configuration as u8) else {
                    return Err(EmuError::Switch {
                        tile,
                        port: master,
                        why: format!(
                            "the master names slave {}, which does not exist",
                            config.configuration
                        ),
                    });
                };
                if !connect_legal(kind, slave, master) {
                    return Err(EmuError::Connection {
                        tile,
                        slave,
                        master,
                    });
                }
            }
        }
        Ok(())
    }

    /// Whether a slave port takes words, in either mode.
    pub(crate) fn slave_enabled(&self, tile: Tile, slave: u8) -> bool {
        self.get(tile).slave(slave).enable
    }

    /// Every end of the stream that enters `tile` at slave port `slave`.
    ///
    /// A master takes from one slave and a slave is driven by one master, so no stream can enter a
    /// circle.
    pub(crate) fn follow_slave(&self, tile: Tile, slave: u8) -> Vec<Branch> {
        let mut out = Vec::new();
        let way = Way {
            words: 0,
            latency: 0,
        };
        self.slave(tile, slave, way, &mut out);
        out
    }

    /// Every end of the stream that leaves `tile` at master port `master`, which an arbiter feeds.
    pub(crate) fn follow_master(&self, tile: Tile, master: Port) -> Vec<Branch> {
        let mut out = Vec::new();
        let way = Way {
            words: SWITCH_WORDS / 2,
            latency: SWITCH_LATENCY / 2,
        };
        self.master(tile, master, way, &mut out);
        out
    }

    fn slave(&self, tile: Tile, slave: u8, way: Way, out: &mut Vec<Branch>) {
        let kind = tile.kind();
        let Some(port) = slave_port(kind, slave) else {
            return;
        };
        let half = Way {
            words: way.words + SWITCH_WORDS / 2,
            latency: way.latency + SWITCH_LATENCY / 2,
        };
        let config = self.get(tile).slave(slave);
        if !config.enable {
            let sink = Sink::Nowhere(tile, port, "this slave port is not enabled");
            out.push(Branch { sink, way: half });
            return;
        }
        if config.packet {
            let sink = Sink::Packet(tile, slave);
            out.push(Branch { sink, way: half });
            return;
        }
        let through = Way {
            words: way.words + SWITCH_WORDS,
            latency: way.latency + SWITCH_LATENCY,
        };
        let before = out.len();
        for index in 0..master_count(kind) {
            let master = self.get(tile).master(index);
            if master.enable
                && !master.packet
                && master.configuration == u32::from(slave)
                && let Some(port) = master_port(kind, index)
            {
                self.master(tile, port, through, out);
            }
        }
        if out.len() == before {
            let sink = Sink::Nowhere(tile, port, "no master port takes from this slave port");
            out.push(Branch { sink, way: half });
        }
    }

    fn master(&self, tile: Tile, master: Port, way: Way, out: &mut Vec<Branch>) {
        let kind = tile.kind();
        let sink = match master {
            Port::Core => Sink::Core(tile),
            Port::Dma(number) => Sink::Dma(ChannelId {
                tile,
                dir: Direction::S2mm,
                number,
            }),
            Port::TileCtrl => Sink::Control(tile),
            Port::Fifo => {
                let way = Way {
                    words: way.words + FIFO_WORDS,
                    ..way
                };
                if let Some(slave) = slave_index(kind, Port::Fifo) {
                    self.slave(tile, slave, way, out);
                }
                return;
            }
            port => {
                if let Some((to, slave)) = wire(tile, port) {
                    if let Some(slave) = slave_index(to.kind(), slave) {
                        self.slave(to, slave, way, out);
                    }
                    return;
                }
                if kind == TileKind::Shim && matches!(port, Port::South(_)) {
                    self.shim_south(tile, port)
                } else {
                    Sink::Nowhere(tile, port, "this port is at the edge of the array")
                }
            }
        };
        out.push(Branch { sink, way });
    }

    fn shim_south(&self, tile: Tile, port: Port) -> Sink {
        match port_dma(Direction::S2mm, port) {
            Some(number) if dma_connected(Direction::S2mm, number, self.get(tile).demux) => {
                Sink::Dma(ChannelId {
                    tile,
                    dir: Direction::S2mm,
                    number,
                })
            }
            Some(_) => Sink::Nowhere(tile, port, "the shim's demux does not lead it to the DMA"),
            None => Sink::Host(tile, port),
        }
    }

    /// Whether the shim's mux leads an MM2S channel into the switch; true for other tiles.
    pub(crate) fn mux_connects(&self, channel: ChannelId) -> bool {
        channel.tile.kind() != TileKind::Shim
            || dma_connected(channel.dir, channel.number, self.get(channel.tile).mux)
    }
}

impl std::fmt::Display for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Sink::Core(tile) => write!(f, "core {tile}"),
            Sink::Dma(channel) => write!(f, "DMA {channel}"),
            Sink::Control(tile) => write!(f, "control port of {} {tile}", tile.kind()),
            Sink::Host(tile, port) => write!(f, "host through {port} of shim tile {tile}"),
            Sink::Packet(tile, slave) => {
                let port = slave_port(tile.kind(), *slave).unwrap_or(Port::Fifo);
                write!(f, "packet switch of {} {tile} at {port}", tile.kind())
            }
            Sink::Nowhere(tile, port, why) => {
                write!(f, "{port} of {} {tile}, where it ends: {why}", tile.kind())
            }
        }
    }
}
