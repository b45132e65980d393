//! The multiplexers between the shim's DMA channels and its stream switch.
//!
//! MM2S channels enter the switch through the mux on slave ports South 3 and South 7; S2MM channels
//! are fed through the demux from master ports South 2 and South 3.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Util/aie_registers_aie2.json`, `lib/Targets/AIERT.cpp`.

use super::dma::Direction;
use super::switch::Port;

/// Offset of the mux register (into the switch).
pub const MUX_OFFSET: u32 = 0x1f000;
/// Offset of the demux register (out of the switch).
pub const DEMUX_OFFSET: u32 = 0x1f004;

/// Who a shim port is connected to; the value of the 2-bit field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MuxSetting {
    /// Programmable logic (absent on npu1).
    Pl = 0,
    /// The shim's DMA channel.
    Dma = 1,
    /// The network on chip directly.
    Noc = 2,
}

/// Ports and field positions: direction, channel, port index on the south side, least significant bit.
const FIELDS: [(Direction, u8, u8, u32); 4] = [
    (Direction::Mm2s, 0, 3, 10),
    (Direction::Mm2s, 1, 7, 14),
    (Direction::S2mm, 0, 2, 4),
    (Direction::S2mm, 1, 3, 6),
];

/// Bits of the mux register that are fields (South 2, 3, 6, 7).
pub const MUX_MASK: u32 = 0xff00;
/// Bits of the demux register that are fields (South 2, 3, 4, 5).
pub const DEMUX_MASK: u32 = 0x0ff0;

/// The switch port of a shim DMA channel: slave South for MM2S, master South for S2MM. `None` for a
/// channel the shim does not have.
pub fn dma_port(dir: Direction, channel: u8) -> Option<Port> {
    FIELDS
        .iter()
        .find(|(d, c, ..)| (*d, *c) == (dir, channel))
        .map(|(_, _, port, _)| Port::South(*port))
}

/// The shim DMA channel behind a switch port, if the port leads to one.
pub fn port_dma(dir: Direction, port: Port) -> Option<u8> {
    FIELDS
        .iter()
        .find(|(d, _, p, _)| *d == dir && Port::South(*p) == port)
        .map(|(_, channel, ..)| *channel)
}

/// Register offset, mask and value of the mask write that connects a DMA channel to the switch.
pub fn dma_connect(dir: Direction, channel: u8) -> Option<(u32, u32, u32)> {
    let (.., lsb) = FIELDS
        .iter()
        .find(|(d, c, ..)| (*d, *c) == (dir, channel))?;
    let offset = match dir {
        Direction::Mm2s => MUX_OFFSET,
        Direction::S2mm => DEMUX_OFFSET,
    };
    Some((offset, 3 << lsb, (MuxSetting::Dma as u32) << lsb))
}

/// Whether the register word (mux for MM2S, demux for S2MM) connects the DMA channel.
pub fn dma_connected(dir: Direction, channel: u8, word: u32) -> bool {
    dma_connect(dir, channel).is_some_and(|(_, mask, value)| word & mask == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections() {
        assert_eq!(
            dma_connect(Direction::Mm2s, 0),
            Some((0x1f000, 0xc00, 0x400))
        );
        assert_eq!(
            dma_connect(Direction::Mm2s, 1),
            Some((0x1f000, 0xc000, 0x4000))
        );
        assert_eq!(dma_connect(Direction::S2mm, 0), Some((0x1f004, 0x30, 0x10)));
        assert_eq!(dma_connect(Direction::S2mm, 1), Some((0x1f004, 0xc0, 0x40)));
        assert_eq!(dma_connect(Direction::S2mm, 2), None);
        assert_eq!(dma_port(Direction::Mm2s, 1), Some(Port::South(7)));
        assert_eq!(port_dma(Direction::S2mm, Port::South(3)), Some(1));
        assert_eq!(port_dma(Direction::S2mm, Port::South(7)), None);
        assert!(dma_connected(Direction::S2mm, 1, 0x50));
        assert!(!dma_connected(Direction::S2mm, 1, 0x10));
    }
}
