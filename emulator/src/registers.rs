//! Register writes and reads, decoded per tile.
//!
//! Whatever is not modelled is refused by name; nothing is ignored.

use arch::array::Direction;
use arch::array::core_regs::{ACCUMULATOR_CONTROL, CONTROL, STATUS};
use arch::array::dma::{DmaRegister, dma_register};
use arch::array::lock::{VALUE_MASK, value_register};
use arch::array::memory::{DATA_OFFSET, PROGRAM_OFFSET};
use arch::array::module::{ModuleRegister, module_register};
use arch::array::regs::register_name;
use arch::array::shim::{DEMUX_MASK, DEMUX_OFFSET, MUX_MASK, MUX_OFFSET};
use arch::array::switch::{SwitchRegister, switch_register};
use arch::{Tile, TileKind};

use crate::error::{ChannelId, EmuError, tile_index};
use crate::npu::Npu;

/// What is at an offset.
enum Place {
    Data,
    Program(u32),
    Dma(DmaRegister),
    Lock(u8),
    Switch(SwitchRegister),
    Mux,
    CoreControl,
    CoreStatus,
    Cascade,
    Module((usize, ModuleRegister)),
}

fn place(tile: Tile, offset: u32) -> Result<Place, EmuError> {
    let kind = tile.kind();
    if (DATA_OFFSET..DATA_OFFSET + kind.data_bytes()).contains(&offset) {
        return Ok(Place::Data);
    }
    if let Some(register) = dma_register(kind, offset) {
        return Ok(Place::Dma(register));
    }
    if let Some(id) = value_register(kind, offset) {
        return Ok(Place::Lock(id));
    }
    if let Some(register) = switch_register(kind, offset) {
        return Ok(Place::Switch(register));
    }
    if let Some(register) = module_register(kind, offset) {
        return Ok(Place::Module(register));
    }
    match (kind, offset) {
        (TileKind::Core, PROGRAM_OFFSET..0x24000) => Ok(Place::Program(offset - PROGRAM_OFFSET)),
        (TileKind::Core, CONTROL) => Ok(Place::CoreControl),
        (TileKind::Core, STATUS) => Ok(Place::CoreStatus),
        (TileKind::Core, ACCUMULATOR_CONTROL) => Ok(Place::Cascade),
        (TileKind::Shim, MUX_OFFSET | DEMUX_OFFSET) => Ok(Place::Mux),
        _ => Err(EmuError::Register {
            tile,
            offset,
            why: why_not(kind, offset),
        }),
    }
}

/// Why registers have no model, by what their names contain.
#[rustfmt::skip]
const WITHOUT_MODEL: [(&str, &str); 9] = [
    ("Event",               "events of the hardware are not modelled, nothing would drive it"),
    ("Trace",               "what trace units send is not public"),
    ("Timer",               "timers make no events here"),
    ("Tile_Control",        "the streams at a tile's edges are always open here"),
    ("Clock",               "clocks always run here"),
    ("Deterministic_Merge", "in which order it takes packets is not public; arbiters serve in turn here"),
    ("Lock_Request",        "locks are requested by cores and descriptors here, not by address"),
    ("Core_",               "a core's own registers are not reachable from the array here"),
    ("AXIMM",               "the host's bus has no faults here"),
];

fn why_not(kind: TileKind, offset: u32) -> &'static str {
    let name = register_name(kind, offset).unwrap_or_default();
    let row = WITHOUT_MODEL.iter().find(|(part, _)| name.contains(part));
    row.map_or(
        "no register of this tile that is known is there",
        |(_, why)| why,
    )
}

/// Splits an address, refusing what is outside the partition.
pub(crate) fn locate(addr: u32) -> Result<(Tile, u32), EmuError> {
    if !addr.is_multiple_of(4) {
        return Err(EmuError::Unaligned { addr });
    }
    let (tile, offset) = Tile::from_addr(addr);
    if !tile.exists() {
        return Err(EmuError::NoTile { addr });
    }
    Ok((tile, offset))
}

impl Npu {
    /// Writes one register or memory word, as a CDO or instruction stream does.
    ///
    /// # Errors
    /// Unknown or unmodelled registers, values the hardware does not take.
    pub fn write(&mut self, addr: u32, value: u32) -> Result<(), EmuError> {
        let (tile, offset) = locate(addr)?;
        let bad = |why: &str| {
            Err(EmuError::Value {
                tile,
                offset,
                value,
                why: why.into(),
            })
        };
        match place(tile, offset)? {
            Place::Data => {
                if let Some(bytes) = self.memory.get_mut(tile, offset, 4) {
                    bytes.copy_from_slice(&value.to_le_bytes());
                }
            }
            Place::Program(at) => self.write_program(tile, at, &value.to_le_bytes())?,
            Place::Dma(DmaRegister::Bd { id, word }) => {
                if let Some(channel) = self.bd_in_use(tile, id) {
                    return bad(&format!(
                        "a task of DMA {channel} still has to load this descriptor\n\
                         help: wait for the task's token before writing its descriptor again"
                    ));
                }
                self.bds[tile_index(tile)][usize::from(id)][usize::from(word)] = value;
            }
            Place::Dma(DmaRegister::Ctrl(dir, number)) => {
                let at = self.channel_index(tile, dir, number);
                if let Err(why) = self.channels[at].write_ctrl(value) {
                    return bad(&why);
                }
            }
            Place::Dma(DmaRegister::Queue(dir, number)) => {
                let at = self.channel_index(tile, dir, number);
                self.channels[at].push_task(value)?;
                self.awake.channels |= 1 << at;
            }
            Place::Dma(DmaRegister::Status(..)) => {
                return Err(EmuError::Register {
                    tile,
                    offset,
                    why: "clearing status bits is not modelled",
                });
            }
            Place::Dma(DmaRegister::Counts(_)) => {
                return Err(EmuError::Register {
                    tile,
                    offset,
                    why: "it is read only",
                });
            }
            Place::Lock(id) => {
                let Some(lock) = self.locks.find(tile, id) else {
                    return bad("there is no such lock");
                };
                if value > VALUE_MASK {
                    return bad("a lock holds 0 to 63");
                }
                self.locks.set(lock, value as u8, &mut self.awake);
            }
            Place::Switch(register) => {
                *self.network.switches.register(tile, register) = value;
                self.network.dirty = true;
            }
            Place::Mux => {
                let fields = if offset == MUX_OFFSET {
                    MUX_MASK
                } else {
                    DEMUX_MASK
                };
                if value & !fields != 0 {
                    return bad("bits outside the port fields are set");
                }
                if let Some(register) = self.network.switches.mux_register(tile, offset) {
                    *register = value;
                }
                self.network.dirty = true;
            }
            Place::CoreControl => self.write_core_control(tile, offset, value)?,
            Place::CoreStatus => {
                return Err(EmuError::Register {
                    tile,
                    offset,
                    why: "it is read only",
                });
            }
            Place::Cascade => self.write_cascade(tile, offset, value)?,
            Place::Module(register) => self.write_module(tile, offset, register, value)?,
        }
        Ok(())
    }

    /// A channel with a task that starts at the descriptor and has not loaded it.
    pub(crate) fn bd_in_use(&self, tile: Tile, id: u8) -> Option<ChannelId> {
        let first = self.channel_index(tile, Direction::S2mm, 0);
        let count = 2 * usize::from(tile.kind().dma_channels());
        let of_tile = &self.channels[first..first + count];
        of_tile.iter().find(|c| c.will_start_at(id)).map(|c| c.id)
    }

    /// Writes consecutive words.
    ///
    /// # Errors
    /// As for [`Npu::write`]; program memory is left as it was when the block does not fit.
    pub fn write_block(&mut self, addr: u32, data: &[u32]) -> Result<(), EmuError> {
        let (tile, offset) = locate(addr)?;
        if let Place::Program(at) = place(tile, offset)? {
            let bytes: Vec<u8> = data.iter().flat_map(|w| w.to_le_bytes()).collect();
            return self.write_program(tile, at, &bytes);
        }
        for (i, word) in data.iter().enumerate() {
            let at = (i as u32)
                .checked_mul(4)
                .and_then(|by| addr.checked_add(by))
                .ok_or(EmuError::NoTile { addr })?;
            self.write(at, *word)?;
        }
        Ok(())
    }

    /// Changes the bits of `mask` to those of `value`.
    ///
    /// # Errors
    /// As for [`Npu::write`].
    pub fn mask_write(&mut self, addr: u32, mask: u32, value: u32) -> Result<(), EmuError> {
        let (tile, offset) = locate(addr)?;
        let old = match place(tile, offset)? {
            Place::Dma(DmaRegister::Queue(..)) => 0,
            _ => self.read(addr)?,
        };
        self.write(addr, old & !mask | value & mask)
    }

    /// Reads one register or memory word.
    ///
    /// # Errors
    /// Unknown, unmodelled or write-only registers.
    pub fn read(&mut self, addr: u32) -> Result<u32, EmuError> {
        let (tile, offset) = locate(addr)?;
        Ok(match place(tile, offset)? {
            Place::Data => match self.memory.get(tile, offset, 4) {
                Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
                _ => 0,
            },
            Place::Program(at) => self.read_program(tile, at),
            Place::Dma(DmaRegister::Bd { id, word }) => {
                self.bds[tile_index(tile)][usize::from(id)][usize::from(word)]
            }
            Place::Dma(DmaRegister::Ctrl(dir, number)) => {
                self.channels[self.channel_index(tile, dir, number)].ctrl
            }
            Place::Dma(DmaRegister::Status(dir, number)) => {
                self.channels[self.channel_index(tile, dir, number)].status()
            }
            Place::Dma(DmaRegister::Counts(number)) => {
                let at = self.channel_index(tile, Direction::S2mm, number);
                self.channels[at].counted.pop()
            }
            Place::Dma(DmaRegister::Queue(..)) => {
                return Err(EmuError::Register {
                    tile,
                    offset,
                    why: "it is write only",
                });
            }
            Place::Lock(id) => self
                .locks
                .find(tile, id)
                .map_or(0, |lock| u32::from(self.locks.value(lock))),
            Place::Switch(register) => *self.network.switches.register(tile, register),
            Place::Mux => self
                .network
                .switches
                .mux_register(tile, offset)
                .map_or(0, |r| *r),
            Place::CoreControl => self.core_control(tile),
            Place::CoreStatus => self.core_status(tile),
            Place::Cascade => self.cascade_control(tile),
            Place::Module(register) => self.read_module(tile, register),
        })
    }
}
