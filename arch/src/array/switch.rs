//! Stream switches: ports, legal connections, configuration words, wires to the neighbours.
//!
//! A switch's slave ports take streams in, its master ports send them out: `slave Dma(n)` is driven by
//! MM2S channel n, `master Dma(n)` feeds S2MM channel n. A circuit connection is a master word that
//! names the slave, and a slave word. A packet connection is a set of slots on the slave that choose
//! arbiter and msel by packet id, and masters that listen to one arbiter and a set of msels.
//!
//! Source: mlir-aie `lib/Dialect/AIE/IR/AIETargetModel.cpp`,
//! `lib/Dialect/AIE/Util/aie_registers_aie2.json`, `lib/Targets/AIERT.cpp`.

use super::field::{FieldError, word_layout};
use crate::{Tile, TileKind};
use core::fmt;

/// A port of a stream switch; the number is the index within its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    /// The core's stream.
    Core,
    /// A DMA channel of the tile.
    Dma(u8),
    /// The tile's control port.
    TileCtrl,
    /// The switch's FIFO.
    Fifo,
    /// To or from the tile below.
    South(u8),
    /// To or from the tile on the left.
    West(u8),
    /// To or from the tile above.
    North(u8),
    /// To or from the tile on the right.
    East(u8),
    /// Trace unit (slave only).
    Trace(u8),
}

/// Ports of one switch side in index order: `(first port of a group, ports in the group)`.
type Groups = &'static [(Port, u8)];

#[rustfmt::skip]
const CORE_MASTERS: Groups = &[
    (Port::Core, 1), (Port::Dma(0), 2), (Port::TileCtrl, 1), (Port::Fifo, 1),
    (Port::South(0), 4), (Port::West(0), 4), (Port::North(0), 6), (Port::East(0), 4),
];
#[rustfmt::skip]
const CORE_SLAVES: Groups = &[
    (Port::Core, 1), (Port::Dma(0), 2), (Port::TileCtrl, 1), (Port::Fifo, 1),
    (Port::South(0), 6), (Port::West(0), 4), (Port::North(0), 4), (Port::East(0), 4),
    (Port::Trace(0), 2),
];
#[rustfmt::skip]
const MEM_MASTERS: Groups = &[
    (Port::Dma(0), 6), (Port::TileCtrl, 1), (Port::South(0), 4), (Port::North(0), 6),
];
#[rustfmt::skip]
const MEM_SLAVES: Groups = &[
    (Port::Dma(0), 6), (Port::TileCtrl, 1), (Port::South(0), 6), (Port::North(0), 4),
    (Port::Trace(0), 1),
];
#[rustfmt::skip]
const SHIM_MASTERS: Groups = &[
    (Port::TileCtrl, 1), (Port::Fifo, 1),
    (Port::South(0), 6), (Port::West(0), 4), (Port::North(0), 6), (Port::East(0), 4),
];
#[rustfmt::skip]
const SHIM_SLAVES: Groups = &[
    (Port::TileCtrl, 1), (Port::Fifo, 1),
    (Port::South(0), 8), (Port::West(0), 4), (Port::North(0), 4), (Port::East(0), 4),
    (Port::Trace(0), 1),
];

const fn masters(kind: TileKind) -> Groups {
    match kind {
        TileKind::Core => CORE_MASTERS,
        TileKind::Mem => MEM_MASTERS,
        TileKind::Shim => SHIM_MASTERS,
    }
}

const fn slaves(kind: TileKind) -> Groups {
    match kind {
        TileKind::Core => CORE_SLAVES,
        TileKind::Mem => MEM_SLAVES,
        TileKind::Shim => SHIM_SLAVES,
    }
}

/// Most master ports a switch has.
pub const MAX_MASTERS: usize = 23;
/// Most slave ports a switch has.
pub const MAX_SLAVES: usize = 25;
/// Packet slots of a slave port.
pub const SLOTS: u8 = 4;
/// Arbiters of a switch.
pub const ARBITERS: u8 = 6;
/// Master selects of an arbiter.
pub const MSELS: u8 = 4;

impl Port {
    /// The index within the group.
    pub const fn index(self) -> u8 {
        match self {
            Port::Core | Port::TileCtrl | Port::Fifo => 0,
            Port::Dma(n)
            | Port::South(n)
            | Port::West(n)
            | Port::North(n)
            | Port::East(n)
            | Port::Trace(n) => n,
        }
    }

    /// The port of the same group with another index.
    pub const fn with_index(self, n: u8) -> Port {
        match self {
            Port::Dma(_) => Port::Dma(n),
            Port::South(_) => Port::South(n),
            Port::West(_) => Port::West(n),
            Port::North(_) => Port::North(n),
            Port::East(_) => Port::East(n),
            Port::Trace(_) => Port::Trace(n),
            single => single,
        }
    }

    fn same_group(self, other: Port) -> bool {
        core::mem::discriminant(&self) == core::mem::discriminant(&other)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Port::Core => f.write_str("Core"),
            Port::TileCtrl => f.write_str("TileCtrl"),
            Port::Fifo => f.write_str("FIFO"),
            Port::Dma(n) => write!(f, "DMA{n}"),
            Port::South(n) => write!(f, "South{n}"),
            Port::West(n) => write!(f, "West{n}"),
            Port::North(n) => write!(f, "North{n}"),
            Port::East(n) => write!(f, "East{n}"),
            Port::Trace(n) => write!(f, "Trace{n}"),
        }
    }
}

fn index_of(groups: Groups, port: Port) -> Option<u8> {
    let mut at = 0;
    for (first, count) in groups {
        if first.same_group(port) {
            return (port.index() < *count).then_some(at + port.index());
        }
        at += count;
    }
    None
}

fn port_at(groups: Groups, index: u8) -> Option<Port> {
    let mut at = index;
    for (first, count) in groups {
        if at < *count {
            return Some(first.with_index(at));
        }
        at -= count;
    }
    None
}

fn count(groups: Groups) -> u8 {
    groups.iter().map(|(_, count)| count).sum()
}

/// Index of a master port in the switch of a tile; `None` when the switch does not have it.
pub fn master_index(kind: TileKind, port: Port) -> Option<u8> {
    index_of(masters(kind), port)
}

/// Index of a slave port in the switch of a tile; `None` when the switch does not have it.
pub fn slave_index(kind: TileKind, port: Port) -> Option<u8> {
    index_of(slaves(kind), port)
}

/// Master port by index.
pub fn master_port(kind: TileKind, index: u8) -> Option<Port> {
    port_at(masters(kind), index)
}

/// Slave port by index.
pub fn slave_port(kind: TileKind, index: u8) -> Option<Port> {
    port_at(slaves(kind), index)
}

/// Number of master ports.
pub fn master_count(kind: TileKind) -> u8 {
    count(masters(kind))
}

/// Number of slave ports.
pub fn slave_count(kind: TileKind) -> u8 {
    count(slaves(kind))
}

/// Whether the switch of a tile can connect `slave` to `master`. Ports the tile lacks connect to nothing.
pub fn connect_legal(kind: TileKind, slave: Port, master: Port) -> bool {
    use Port::{Core, Dma, East, Fifo, North, South, TileCtrl, Trace, West};
    if slave_index(kind, slave).is_none() || master_index(kind, master).is_none() {
        return false;
    }
    let sides_differ_or_equal_index = match (slave, master) {
        (South(a), South(b)) | (West(a), West(b)) | (North(a), North(b)) | (East(a), East(b)) => {
            a == b
        }
        _ => true,
    };
    match (kind, slave) {
        (TileKind::Core, Dma(_) | Fifo | South(_) | West(_) | North(_) | East(_)) => {
            sides_differ_or_equal_index
        }
        (TileKind::Core, Core) => master != Core,
        (TileKind::Core, TileCtrl) => !matches!(master, TileCtrl | Dma(_)),
        (TileKind::Core, Trace(_)) => matches!(master, Dma(0) | Fifo | South(_)),

        (TileKind::Mem, Dma(n)) => match master {
            Dma(m) => n == m,
            _ => true,
        },
        (TileKind::Mem, TileCtrl) => matches!(master, Dma(5) | South(_) | North(_)),
        (TileKind::Mem, South(n) | North(n)) => match master {
            South(m) | North(m) => n == m,
            _ => true,
        },
        (TileKind::Mem, Trace(_)) => matches!(master, Dma(5) | South(_)),

        (TileKind::Shim, TileCtrl) => master != TileCtrl,
        (TileKind::Shim, Fifo | South(_)) => true,
        (TileKind::Shim, West(_) | North(_) | East(_)) => sides_differ_or_equal_index,
        (TileKind::Shim, Trace(_)) => matches!(master, Fifo | South(_) | West(0) | East(0)),

        (TileKind::Mem, _) | (TileKind::Shim, _) => false,
    }
}

/// Tile and slave port a master port is wired to. `None` for ports that end inside the tile (core,
/// DMA, control, FIFO), for the south side of a shim, and at the edge of the array.
pub fn wire(tile: Tile, master: Port) -> Option<(Tile, Port)> {
    let Tile { col, row } = tile;
    master_index(tile.kind(), master)?;
    let (to, slave) = match master {
        Port::North(n) => (Tile::new(col, row + 1), Port::South(n)),
        Port::South(n) => (Tile::new(col, row.checked_sub(1)?), Port::North(n)),
        Port::East(n) => (Tile::new(col + 1, row), Port::West(n)),
        Port::West(n) => (Tile::new(col.checked_sub(1)?, row), Port::East(n)),
        _ => return None,
    };
    (to.exists() && slave_index(to.kind(), slave).is_some()).then_some((to, slave))
}

/// Tile and master port that drive a slave port, the inverse of [`wire`].
pub fn wire_source(tile: Tile, slave: Port) -> Option<(Tile, Port)> {
    let Tile { col, row } = tile;
    let (from, master) = match slave {
        Port::South(n) => (Tile::new(col, row.checked_sub(1)?), Port::North(n)),
        Port::North(n) => (Tile::new(col, row + 1), Port::South(n)),
        Port::West(n) => (Tile::new(col.checked_sub(1)?, row), Port::East(n)),
        Port::East(n) => (Tile::new(col + 1, row), Port::West(n)),
        _ => return None,
    };
    (from.exists() && wire(from, master) == Some((tile, slave))).then_some((from, master))
}

/// Offset of the first switch register (master 0).
pub const fn base(kind: TileKind) -> u32 {
    match kind {
        TileKind::Mem => 0xb0000,
        TileKind::Core | TileKind::Shim => 0x3f000,
    }
}

/// Offset of a master's configuration register, by index.
pub const fn master_offset(kind: TileKind, index: u8) -> u32 {
    base(kind) + 4 * index as u32
}

/// Offset of a slave's configuration register, by index.
pub const fn slave_offset(kind: TileKind, index: u8) -> u32 {
    base(kind) + 0x100 + 4 * index as u32
}

/// Offset of a slave's packet slot, by the slave's index.
pub const fn slot_offset(kind: TileKind, index: u8, slot: u8) -> u32 {
    base(kind) + 0x200 + 16 * index as u32 + 4 * slot as u32
}

/// A switch register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchRegister {
    /// Configuration of master `index`.
    Master(u8),
    /// Configuration of slave `index`.
    Slave(u8),
    /// Packet slot of slave `index`.
    Slot(u8, u8),
}

/// Which switch register is at `offset` (a multiple of 4), if any.
pub fn switch_register(kind: TileKind, offset: u32) -> Option<SwitchRegister> {
    let at = offset.checked_sub(base(kind))?;
    if at % 4 != 0 {
        return None;
    }
    let (masters, slaves) = (u32::from(master_count(kind)), u32::from(slave_count(kind)));
    match at {
        0..0x100 if at / 4 < masters => Some(SwitchRegister::Master((at / 4) as u8)),
        0x100..0x200 if (at - 0x100) / 4 < slaves => {
            Some(SwitchRegister::Slave(((at - 0x100) / 4) as u8))
        }
        0x200..0x400 if (at - 0x200) / 16 < slaves => Some(SwitchRegister::Slot(
            ((at - 0x200) / 16) as u8,
            (at % 16 / 4) as u8,
        )),
        _ => None,
    }
}

word_layout! {
    /// Master configuration. In circuit mode `configuration` is the slave's index; in packet mode it
    /// is arbiter | msel mask << 3.
    MasterConfig, "stream switch master" {
        /// The port sends.
        enable        = [31:31] flag;
        /// Packet mode.
        packet        = [30:30] flag;
        /// The packet header is not passed on.
        drop_header   = [7:7]   flag;
        /// Slave index, or arbiter and msels.
        configuration = [6:0]   uint;
    }
}

impl MasterConfig {
    /// A circuit connection from the slave with this index.
    pub const fn circuit(slave_index: u8) -> Self {
        MasterConfig {
            enable: true,
            packet: false,
            drop_header: false,
            configuration: slave_index as u32,
        }
    }

    /// A packet connection to an arbiter and the msels of a 4-bit mask.
    pub const fn packet(arbiter: u8, msel_mask: u8, drop_header: bool) -> Self {
        MasterConfig {
            enable: true,
            packet: true,
            drop_header,
            configuration: arbiter as u32 | (msel_mask as u32) << 3,
        }
    }

    /// The arbiter, in packet mode.
    pub const fn arbiter(&self) -> u8 {
        (self.configuration & 7) as u8
    }

    /// The mask of msels, in packet mode.
    pub const fn msel_mask(&self) -> u8 {
        (self.configuration >> 3 & 0xf) as u8
    }
}

word_layout! {
    /// Slave configuration.
    SlaveConfig, "stream switch slave" {
        /// The port takes words.
        enable = [31:31] flag;
        /// Packet mode.
        packet = [30:30] flag;
    }
}

/// Slave word of a circuit connection.
pub const SLAVE_CIRCUIT: u32 = 1 << 31;
/// Slave word of a packet connection.
pub const SLAVE_PACKET: u32 = 3 << 30;

word_layout! {
    /// Packet slot of a slave: a packet matches when `id & mask` equals the packet's id under the mask.
    Slot, "stream switch slot" {
        /// Packet id to match.
        id      = [28:24] uint;
        /// Bits of the id that count.
        mask    = [20:16] uint;
        /// The slot is used.
        enable  = [8:8]   flag;
        /// Master select.
        msel    = [5:4]   uint;
        /// Arbiter.
        arbiter = [2:0]   uint;
    }
}

impl Slot {
    /// Whether a packet with this id goes through the slot.
    pub const fn matches(&self, id: u32) -> bool {
        self.enable && id & self.mask == self.id & self.mask
    }
}

/// Register writes (offset, value) of a circuit connection, master first.
///
/// # Errors
/// When a port index does not fit, which cannot happen for ports the tile has.
pub fn circuit_writes(
    kind: TileKind,
    slave: u8,
    master: u8,
) -> Result<[(u32, u32); 2], FieldError> {
    Ok([
        (
            master_offset(kind, master),
            MasterConfig::circuit(slave).to_word()?,
        ),
        (slave_offset(kind, slave), SLAVE_CIRCUIT),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [TileKind; 3] = [TileKind::Core, TileKind::Mem, TileKind::Shim];

    #[test]
    fn indices_round_trip() {
        for kind in KINDS {
            for i in 0..master_count(kind) {
                let port = master_port(kind, i).unwrap();
                assert_eq!(master_index(kind, port), Some(i));
            }
            for i in 0..slave_count(kind) {
                let port = slave_port(kind, i).unwrap();
                assert_eq!(slave_index(kind, port), Some(i));
            }
            assert_eq!(master_port(kind, master_count(kind)), None);
        }
        assert_eq!(usize::from(master_count(TileKind::Core)), MAX_MASTERS);
        assert_eq!(usize::from(slave_count(TileKind::Core)), MAX_SLAVES);
        assert_eq!(master_index(TileKind::Core, Port::North(5)), Some(18));
        assert_eq!(slave_index(TileKind::Core, Port::Trace(1)), Some(24));
        assert_eq!(slave_index(TileKind::Mem, Port::North(3)), Some(16));
        assert_eq!(slave_index(TileKind::Shim, Port::South(7)), Some(9));
        assert_eq!(master_index(TileKind::Mem, Port::East(0)), None);
    }

    // Register values of a copy design through the shim, by mlir-aie.
    #[test]
    fn words_of_a_circuit() {
        let slave = slave_index(TileKind::Shim, Port::South(3)).unwrap();
        let master = master_index(TileKind::Shim, Port::North(1)).unwrap();
        assert_eq!(
            circuit_writes(TileKind::Shim, slave, master),
            Ok([(0x3f034, 0x8000_0005), (0x3f114, 0x8000_0000)])
        );
    }

    #[test]
    fn words_of_the_token_route() {
        assert_eq!(
            MasterConfig::packet(5, 1 << 3, false).to_word(),
            Ok(0xc000_0045)
        );
        let slot = Slot {
            id: 15,
            mask: 31,
            enable: true,
            msel: 3,
            arbiter: 5,
        };
        assert_eq!(slot.to_word(), Ok(0x0f1f_0135));
        assert_eq!(slot_offset(TileKind::Shim, 0, 0), 0x3f200);
        assert!(slot.matches(15) && !slot.matches(14));
        let pair = Slot::from_word(0x001c_0100);
        assert!((0..4).all(|id| pair.matches(id)) && !pair.matches(4));
        assert_eq!(MasterConfig::from_word(0xc000_0089).arbiter(), 1);
        assert_eq!(MasterConfig::from_word(0xc000_0089).msel_mask(), 1);
        assert!(MasterConfig::from_word(0xc000_0089).drop_header);
    }

    #[test]
    fn legal_connections() {
        use Port::*;
        let legal = |kind, rows: &[(Port, Port, bool)]| {
            for (slave, master, want) in rows {
                assert_eq!(
                    connect_legal(kind, *slave, *master),
                    *want,
                    "{slave} {master}"
                );
            }
        };
        #[rustfmt::skip]
        legal(TileKind::Core, &[
            (South(1), Dma(0),    true),
            (South(1), South(1),  true),
            (South(1), South(2),  false),
            (West(3),  East(0),   true),
            (Dma(0),   Dma(1),    true),
            (Core,     Core,      false),
            (Core,     Fifo,      true),
            (TileCtrl, Dma(0),    false),
            (TileCtrl, South(0),  true),
            (Trace(1), Dma(0),    true),
            (Trace(1), Dma(1),    false),
            (South(6), Dma(0),    false),
        ]);
        #[rustfmt::skip]
        legal(TileKind::Mem, &[
            (Dma(2),   Dma(2),    true),
            (Dma(2),   Dma(3),    false),
            (Dma(2),   North(5),  true),
            (South(4), North(4),  true),
            (South(4), North(3),  false),
            (North(1), South(1),  true),
            (South(4), Dma(0),    true),
            (TileCtrl, Dma(5),    true),
            (TileCtrl, Dma(4),    false),
            (Trace(0), North(0),  false),
            (South(0), East(0),   false),
        ]);
        #[rustfmt::skip]
        legal(TileKind::Shim, &[
            (South(3), North(1),  true),
            (South(3), South(2),  true),
            (North(0), South(2),  true),
            (North(0), North(1),  false),
            (TileCtrl, South(0),  true),
            (TileCtrl, TileCtrl,  false),
            (Trace(0), East(0),   true),
            (Trace(0), East(1),   false),
        ]);
    }

    #[test]
    fn wires_join_neighbours_and_end_at_the_edges() {
        for tile in Tile::all() {
            for i in 0..master_count(tile.kind()) {
                let master = master_port(tile.kind(), i).unwrap();
                if let Some((to, slave)) = wire(tile, master) {
                    assert_eq!(wire_source(to, slave), Some((tile, master)));
                }
            }
        }
        let at = |c, r| Tile::new(c, r);
        assert_eq!(
            wire(at(0, 0), Port::North(5)),
            Some((at(0, 1), Port::South(5)))
        );
        assert_eq!(
            wire(at(1, 2), Port::South(3)),
            Some((at(1, 1), Port::North(3)))
        );
        assert_eq!(
            wire(at(1, 2), Port::West(0)),
            Some((at(0, 2), Port::East(0)))
        );
        assert_eq!(wire(at(0, 5), Port::North(0)), None);
        assert_eq!(wire(at(3, 2), Port::East(0)), None);
        assert_eq!(wire(at(0, 0), Port::South(2)), None);
        assert_eq!(wire_source(at(0, 2), Port::West(0)), None);
    }

    #[test]
    fn registers_are_found_by_offset() {
        for kind in KINDS {
            for i in 0..slave_count(kind) {
                assert_eq!(
                    switch_register(kind, slave_offset(kind, i)),
                    Some(SwitchRegister::Slave(i))
                );
                assert_eq!(
                    switch_register(kind, slot_offset(kind, i, 3)),
                    Some(SwitchRegister::Slot(i, 3))
                );
            }
        }
        assert_eq!(switch_register(TileKind::Mem, 0xb0044), None);
        assert_eq!(switch_register(TileKind::Core, 0x3f800), None);
    }
}
