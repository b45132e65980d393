//! The cores of the array and what surrounds them.

use arch::Tile;
use arch::array::core_regs::{AccumulatorControl, CONTROL_ENABLE, CONTROL_RESET};
use arch::limits::PROGRAM_BYTES;

use crate::error::{EmuError, TILES, tile_index};
use crate::npu::Npu;
use crate::report::CoreReport;

/// State of a core tile's core.
#[derive(Clone, Debug)]
struct Slot {
    program: Vec<u8>,
    control: u32,
    cascade: u32,
}

#[derive(Debug)]
pub(crate) struct Cores {
    slots: Vec<Slot>,
}

impl Cores {
    pub(crate) fn new() -> Self {
        let slot = Slot {
            program: vec![0; PROGRAM_BYTES as usize],
            control: CONTROL_RESET,
            cascade: 0,
        };
        Cores {
            slots: vec![slot; TILES],
        }
    }
}

impl Npu {
    pub(crate) fn write_program(
        &mut self,
        tile: Tile,
        at: u32,
        bytes: &[u8],
    ) -> Result<(), EmuError> {
        let program = &mut self.cores.slots[tile_index(tile)].program;
        if let Some(slot) = program.get_mut(at as usize..at as usize + bytes.len()) {
            slot.copy_from_slice(bytes);
        }
        Ok(())
    }

    pub(crate) fn read_program(&self, tile: Tile, at: u32) -> u32 {
        let program = &self.cores.slots[tile_index(tile)].program;
        match program.get(at as usize..at as usize + 4) {
            Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
            _ => 0,
        }
    }

    pub(crate) fn write_core_control(
        &mut self,
        tile: Tile,
        offset: u32,
        value: u32,
    ) -> Result<(), EmuError> {
        if value & !(CONTROL_ENABLE | CONTROL_RESET) != 0 {
            return Err(EmuError::Value {
                tile,
                offset,
                value,
                why: "bits other than enable and reset are set".into(),
            });
        }
        if value & CONTROL_ENABLE != 0 {
            return Err(EmuError::Register {
                tile,
                offset,
                why: "cores do not run yet",
            });
        }
        self.cores.slots[tile_index(tile)].control = value;
        Ok(())
    }

    pub(crate) fn core_control(&self, tile: Tile) -> u32 {
        self.cores.slots[tile_index(tile)].control
    }

    pub(crate) fn core_status(&self, tile: Tile) -> u32 {
        self.core_control(tile)
    }

    pub(crate) fn write_cascade(
        &mut self,
        tile: Tile,
        offset: u32,
        value: u32,
    ) -> Result<(), EmuError> {
        if AccumulatorControl::from_word(value).to_word() != Ok(value) {
            return Err(EmuError::Value {
                tile,
                offset,
                value,
                why: "bits other than input and output are set".into(),
            });
        }
        self.cores.slots[tile_index(tile)].cascade = value;
        Ok(())
    }

    pub(crate) fn cascade_control(&self, tile: Tile) -> u32 {
        self.cores.slots[tile_index(tile)].cascade
    }

    pub(crate) fn step_cores(&mut self) -> Result<bool, EmuError> {
        Ok(false)
    }

    pub(crate) fn core_reports(&self) -> Vec<CoreReport> {
        Vec::new()
    }

    pub(crate) fn core_wait_texts(&self) -> Vec<String> {
        Vec::new()
    }
}
