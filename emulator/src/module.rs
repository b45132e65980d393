//! Timers, trace units and memory zeroisation.
//!
//! Timers count. Trace units keep their registers, but tracing itself is refused: its packets are
//! not publicly described well enough to be made.

use arch::array::module::{
    INTERLEAVING, MODULES, ModuleRegister, TIMER_RESET, TIMER_RESET_EVENT_MASK, TRACE_START_MASK,
    ZEROISATION,
};
use arch::limits::PROGRAM_BYTES;
use arch::{Tile, TileKind};

use crate::error::{EmuError, TILES, tile_index};
use crate::npu::Npu;

/// Registers of one module.
#[derive(Clone, Copy, Debug, Default)]
struct Module {
    /// Cycle in which the timer was 0.
    zero: u64,
    trace: [u32; 4],
}

/// Every module, by tile index and number in the tile.
#[derive(Debug, Default)]
pub(crate) struct Modules([[Module; MODULES]; TILES]);

impl Npu {
    pub(crate) fn write_module(
        &mut self,
        tile: Tile,
        offset: u32,
        (module, register): (usize, ModuleRegister),
        value: u32,
    ) -> Result<(), EmuError> {
        let refuse = |why: &str| {
            Err(EmuError::Value {
                tile,
                offset,
                value,
                why: why.into(),
            })
        };
        let now = self.now;
        let own = &mut self.modules.0[tile_index(tile)][module];
        match register {
            ModuleRegister::TimerControl => {
                if value & TIMER_RESET_EVENT_MASK != 0 {
                    return refuse("resetting a timer by an event is not modelled");
                }
                if value & TIMER_RESET != 0 {
                    own.zero = now;
                }
            }
            ModuleRegister::Timer(_) => {
                return Err(EmuError::Register {
                    tile,
                    offset,
                    why: "it is read only",
                });
            }
            ModuleRegister::Trace(number) => {
                if number == 0 && value & TRACE_START_MASK != 0 {
                    return refuse(
                        "it starts a trace, which is not modelled\n\
                         help: leave the start event 0, or see `npuc run --trace`",
                    );
                }
                own.trace[usize::from(number)] = value;
            }
            ModuleRegister::MemoryControl => {
                if value & !(ZEROISATION | self.memory_control(tile)) != 0 {
                    return refuse("bits other than the zeroisation are set");
                }
                if tile.kind() == TileKind::Mem && value & INTERLEAVING == 0 {
                    return refuse("memory without interleaving is not modelled");
                }
                if value & ZEROISATION != 0 {
                    self.zero_memory(tile, module)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn read_module(
        &self,
        tile: Tile,
        (module, register): (usize, ModuleRegister),
    ) -> u32 {
        let own = &self.modules.0[tile_index(tile)][module];
        let timer = self.now - own.zero;
        match register {
            ModuleRegister::TimerControl => 0,
            ModuleRegister::Timer(word) => (timer >> (32 * u32::from(word))) as u32,
            ModuleRegister::Trace(number) => own.trace[usize::from(number)],
            ModuleRegister::MemoryControl => self.memory_control(tile),
        }
    }

    /// The memory control register between zeroisations, which take no time here.
    fn memory_control(&self, tile: Tile) -> u32 {
        match tile.kind() {
            TileKind::Mem => INTERLEAVING,
            TileKind::Core | TileKind::Shim => 0,
        }
    }

    fn zero_memory(&mut self, tile: Tile, module: usize) -> Result<(), EmuError> {
        if tile.kind() == TileKind::Core && module == 0 {
            return self.write_program(tile, 0, &[0; PROGRAM_BYTES as usize]);
        }
        if let Some(bytes) = self.memory.get_mut(tile, 0, tile.kind().data_bytes()) {
            bytes.fill(0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORE: Tile = Tile::new(1, 2);
    const MEM: Tile = Tile::new(1, 1);

    #[test]
    fn timers_count_and_are_reset() {
        let mut npu = Npu::new();
        for _ in 0..3 {
            npu.step().unwrap();
        }
        let core_timer = CORE.base() + 0x340f8;
        assert_eq!(npu.read(core_timer), Ok(3));
        npu.write(CORE.base() + 0x34000, TIMER_RESET).unwrap();
        npu.step().unwrap();
        assert_eq!(npu.read(core_timer), Ok(1));
        assert_eq!(npu.read(CORE.base() + 0x140f8), Ok(4), "one a module");
        assert_eq!(npu.read(CORE.base() + 0x340fc), Ok(0));
        let error = npu.write(CORE.base() + 0x34000, 5 << 8).unwrap_err();
        assert!(error.to_string().contains("by an event"), "{error}");
        assert!(npu.write(core_timer, 0).is_err());
    }

    #[test]
    fn memories_are_zeroed() {
        let mut npu = Npu::new();
        for (tile, control, address) in [
            (CORE, 0x16010, 0x8000),
            (CORE, 0x36070, 0x20100),
            (MEM, 0x96048, 0x7_0000),
        ] {
            npu.write(tile.base() + address, 7).unwrap();
            let kept = npu.read(tile.base() + control).unwrap();
            npu.mask_write(tile.base() + control, 1, 1).unwrap();
            assert_eq!(npu.read(tile.base() + address), Ok(0));
            assert_eq!(npu.read(tile.base() + control), Ok(kept));
        }
        assert!(npu.write(MEM.base() + 0x96048, 1).is_err());
    }

    #[test]
    fn traces_are_refused_when_they_start() {
        let mut npu = Npu::new();
        npu.write(CORE.base() + 0x340d0, 1).unwrap();
        assert_eq!(npu.read(CORE.base() + 0x340d0), Ok(1));
        let error = npu.write(CORE.base() + 0x340d0, 0x1_0001).unwrap_err();
        assert!(error.to_string().contains("starts a trace"), "{error}");
    }
}
