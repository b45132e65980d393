//! Control ports: packets on the streams that write and read the registers of a tile.
//!
//! A packet is the header that switches route by, a second header with operation and register, and
//! the words to write; TLAST ends it. A read is answered by a packet of its own, whose id the second
//! header names.
//!
//! Source: mlir-aie, `lib/Targets/AIETargetNPU.cpp` and the designs `test/npu-xrt/add_one_ctrl_packet`
//! and `ctrl_packet_reconfig`; AM025 `Tile_Control_Packet_Handler_Status` for what is an error.

use std::collections::VecDeque;

use arch::Tile;
use arch::array::Port;
use arch::array::packet::{ControlHeader, ControlOperation, Header, parity_holds};

use crate::error::{EmuError, TILES, tile_index};
use crate::link::Word;
use crate::npu::Npu;

/// Words of the longest packet: two headers and four words.
const LONGEST: usize = 6;

/// The control port of one tile.
#[derive(Clone, Debug, Default)]
struct ControlPort {
    /// The packet as far as it has come.
    packet: Vec<u32>,
    /// It is complete and waits to be executed.
    complete: bool,
    /// What is left of a reply.
    reply: VecDeque<Word>,
    /// The reply's first word is on its way.
    replying: bool,
}

/// All control ports, by tile index.
#[derive(Debug)]
pub(crate) struct ControlPorts {
    ports: Vec<ControlPort>,
    /// Tiles with a complete packet or a reply.
    busy: u32,
}

/// The request of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Request {
    operation: ControlOperation,
    offset: u32,
    words: u32,
    reply_id: u32,
    data: Vec<u32>,
}

impl ControlPorts {
    pub(crate) fn new() -> Self {
        ControlPorts {
            ports: vec![ControlPort::default(); TILES],
            busy: 0,
        }
    }

    /// Whether the port takes a word: not before the packet that it has is done and answered.
    pub(crate) fn takes(&self, tile: Tile) -> bool {
        self.busy >> tile_index(tile) & 1 == 0
    }

    /// Takes a word.
    ///
    /// # Errors
    /// When the packet is longer than any can be.
    pub(crate) fn take(&mut self, tile: Tile, word: Word) -> Result<(), EmuError> {
        let at = tile_index(tile);
        let port = &mut self.ports[at];
        port.packet.push(word.data);
        if word.last {
            port.complete = true;
            self.busy |= 1 << at;
        } else if port.packet.len() == LONGEST {
            let why = format!(
                "the packet has no TLAST after {LONGEST} words, the longest has two headers and 4 words\n\
                 help: end every control packet with TLAST; one packet does one operation"
            );
            return Err(refused(tile, why));
        }
        Ok(())
    }

    /// Whether nothing is to be executed or to be sent.
    pub(crate) fn is_quiet(&self) -> bool {
        self.busy == 0
    }

    /// Whether the tile is in the middle of sending a reply, so that no token may come between.
    pub(crate) fn is_replying(&self, tile: Tile) -> bool {
        self.ports[tile_index(tile)].replying
    }

    /// Ports that cannot get rid of a reply, in words.
    pub(crate) fn wait_texts(&self, connected: impl Fn(Tile) -> bool) -> Vec<String> {
        let waits = |tile: &Tile| !self.ports[tile_index(*tile)].reply.is_empty();
        let text = |tile: Tile| {
            let name = format!("control port of {} {tile}", tile.kind());
            if connected(tile) {
                format!("{name} waits for room to send a reply")
            } else {
                format!("{name} has a reply, but no way out is connected to it")
            }
        };
        Tile::all().filter(waits).map(text).collect()
    }
}

fn refused(tile: Tile, why: String) -> EmuError {
    EmuError::Switch {
        tile,
        port: Port::TileCtrl,
        why,
    }
}

/// Reads a packet.
///
/// # Errors
/// What a control port takes for an error.
fn request(tile: Tile, packet: &[u32]) -> Result<Request, EmuError> {
    let [first, second, data @ ..] = packet else {
        let why = "the control packet ends with its first header\n\
                   help: a header with operation and register follows; keep the first one on the way";
        return Err(refused(tile, why.into()));
    };
    for (which, word) in [("first", *first), ("second", *second)] {
        if !parity_holds(word) {
            let why = format!(
                "the {which} header of a control packet, {word:#010x}, has an even number of ones\n\
                 help: set bit 31 so that it is odd, and keep the first header on the way"
            );
            return Err(refused(tile, why));
        }
    }
    let header = ControlHeader::from_word(*second);
    let Some(operation) = header.operation() else {
        let why = format!(
            "operation {} of control header {second:#010x} is not modelled: its meaning is not public\n\
             help: 0 and 2 write, 1 reads",
            header.operation
        );
        return Err(refused(tile, why));
    };
    let wanted = match operation {
        ControlOperation::Write => header.words as usize,
        ControlOperation::Read => 0,
    };
    if data.len() != wanted {
        let why = format!(
            "control header {second:#010x} is followed by {} words, it says {wanted}\n\
             help: end the packet after the words that its header counts",
            data.len()
        );
        return Err(refused(tile, why));
    }
    Ok(Request {
        operation,
        offset: header.offset,
        words: header.words,
        reply_id: header.reply_id,
        data: data.to_vec(),
    })
}

impl Npu {
    /// Executes the packets that have come, and sends replies. Returns whether anything happened.
    ///
    /// # Errors
    /// Packets without meaning, and what the registers refuse.
    pub(crate) fn step_control_ports(&mut self) -> Result<bool, EmuError> {
        if self.network.control.is_quiet() {
            return Ok(false);
        }
        let mut moved = false;
        for tile in Tile::all()
            .filter(|t| !self.network.control.takes(*t))
            .collect::<Vec<_>>()
        {
            let port = &mut self.network.control.ports[tile_index(tile)];
            if port.complete {
                port.complete = false;
                let packet = std::mem::take(&mut port.packet);
                self.execute_packet(tile, &packet)?;
                moved = true;
            } else {
                moved |= self.send_reply(tile);
            }
        }
        Ok(moved)
    }

    fn execute_packet(&mut self, tile: Tile, packet: &[u32]) -> Result<(), EmuError> {
        let request = request(tile, packet)?;
        let addr = tile.base() | request.offset;
        let mut reply = VecDeque::new();
        match request.operation {
            ControlOperation::Write => self.write_block(addr, &request.data)?,
            ControlOperation::Read => {
                let header = Header::new(tile, request.reply_id, 0).with_parity();
                let word = |data, last| Word { data, last };
                reply.push_back(word(header.unwrap_or(0), false));
                for i in 0..request.words {
                    let value = self.read(addr + 4 * i)?;
                    reply.push_back(word(value, i + 1 == request.words));
                }
            }
        }
        let control = &mut self.network.control;
        if reply.is_empty() {
            control.busy &= !(1 << tile_index(tile));
        }
        control.ports[tile_index(tile)].reply = reply;
        Ok(())
    }

    fn send_reply(&mut self, tile: Tile) -> bool {
        let at = tile_index(tile);
        let Some(link) = self.network.control_out(tile) else {
            return false;
        };
        let (control, link) = (&mut self.network.control, &mut self.network.links[link]);
        let port = &mut control.ports[at];
        if !link.can_send() {
            return false;
        }
        if let Some(word) = port.reply.pop_front() {
            link.send(self.now, word, &mut self.awake);
            port.replying = !word.last;
        }
        if port.reply.is_empty() {
            control.busy &= !(1 << at);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TILE: Tile = Tile::new(1, 3);

    fn odd(word: u32) -> u32 {
        word | u32::from(!parity_holds(word)) << 31
    }

    #[test]
    fn requests_are_read() {
        let write = [odd(5), odd(0x0011_f000), 7, 8];
        let want = Request {
            operation: ControlOperation::Write,
            offset: 0x1f000,
            words: 2,
            reply_id: 0,
            data: vec![7, 8],
        };
        assert_eq!(request(TILE, &write), Ok(want));
        let read = request(TILE, &[odd(5), odd(0x0270_0440)]).unwrap();
        assert_eq!(read.operation, ControlOperation::Read);
        assert_eq!((read.words, read.reply_id, read.offset), (4, 2, 0x440));
    }

    #[test]
    fn packets_without_meaning_are_refused() {
        let text = |packet: &[u32]| request(TILE, packet).unwrap_err().to_string();
        let refusals = [
            text(&[odd(5)]),
            text(&[6, odd(0x440)]),
            text(&[odd(5), 0x440]),
            text(&[odd(5), odd(3 << 22)]),
            text(&[odd(5), odd(0x0010_0000), 1]),
            text(&[odd(5), odd(1 << 22), 1]),
        ];
        insta::assert_snapshot!(refusals.join("\n"));
        let mut ports = ControlPorts::new();
        let word = Word {
            data: 1,
            last: false,
        };
        let longest = (0..LONGEST).map(|_| ports.take(TILE, word));
        assert!(longest.last().unwrap().is_err());
    }
}
