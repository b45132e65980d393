//! Timers, events, trace units and memory zeroisation.
//!
//! Timers count. Of events, those happen that software generates; what waits for any other is refused. Trace units keep their registers, but tracing itself is refused: its packets are
//! not publicly described well enough to be made.

use arch::array::core_regs::{CONTROL, CONTROL_ENABLE, CONTROL_RESET};
use arch::array::module::{
    INTERLEAVING, MODULES, ModuleRegister, TIMER_EVENT_SHIFT, TIMER_RESET, TRACE_START_MASK,
    ZEROISATION, user_events,
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
    /// Event that makes it 0.
    timer_event: u32,
    /// Events that enable, disable and reset a core; 0 never happens.
    core_events: [u32; 3],
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
                let event = value >> TIMER_EVENT_SHIFT & 0xff;
                if let Err(why) = check_event(tile, event) {
                    return refuse(&why);
                }
                own.timer_event = event;
                if value & TIMER_RESET != 0 {
                    own.zero = now;
                }
            }
            ModuleRegister::EventGenerate => {
                if let Err(why) = check_event(tile, value) {
                    return refuse(&why);
                }
                return self.happens(tile, module, value);
            }
            ModuleRegister::EnableEvents | ModuleRegister::ResetEvent => {
                let events = [value & 0x7f, value >> 8 & 0x7f];
                for event in events {
                    if let Err(why) = check_event(tile, event) {
                        return refuse(&why);
                    }
                }
                let [enable, disable, reset] = &mut own.core_events;
                if register == ModuleRegister::EnableEvents {
                    [*enable, *disable] = events;
                } else {
                    *reset = events[0];
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
            ModuleRegister::TimerControl => own.timer_event << TIMER_EVENT_SHIFT,
            ModuleRegister::EventGenerate => 0,
            ModuleRegister::EnableEvents => own.core_events[0] | own.core_events[1] << 8,
            ModuleRegister::ResetEvent => own.core_events[2],
            ModuleRegister::Timer(word) => (timer >> (32 * u32::from(word))) as u32,
            ModuleRegister::Trace(number) => own.trace[usize::from(number)],
            ModuleRegister::MemoryControl => self.memory_control(tile),
        }
    }

    /// An event happens in a module.
    fn happens(&mut self, tile: Tile, module: usize, event: u32) -> Result<(), EmuError> {
        let now = self.now;
        let own = &mut self.modules.0[tile_index(tile)][module];
        if event == 0 {
            return Ok(());
        }
        if own.timer_event == event {
            own.zero = now;
        }
        let [enable, disable, reset] = own.core_events.map(|e| e == event);
        if !(enable || disable || reset) {
            return Ok(());
        }
        let control = self.core_control(tile);
        let control = match (enable, disable) {
            (_, true) => control & !CONTROL_ENABLE,
            (true, false) => control | CONTROL_ENABLE,
            (false, false) => control,
        };
        if reset {
            self.write_core_control(tile, CONTROL, control | CONTROL_RESET)?;
        }
        self.write_core_control(tile, CONTROL, control & !CONTROL_RESET)
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

/// Whether an event is one that software generates.
///
/// # Errors
/// A text that names the event and those that are.
fn check_event(tile: Tile, event: u32) -> Result<(), String> {
    let (first, last) = user_events(tile.kind());
    if event == 0 || (first..=last).contains(&event) {
        return Ok(());
    }
    Err(format!(
        "event {event} is not modelled: of a {}'s events those happen that software generates\n\
         help: use user events {first} to {last}, or 0 for none",
        tile.kind()
    ))
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
        assert!(error.to_string().contains("event 5 "), "{error}");
        assert!(npu.write(core_timer, 0).is_err());
    }

    #[test]
    fn events_that_software_generates_reset_timers_and_steer_cores() {
        let mut npu = Npu::new();
        npu.step().unwrap();
        let at = |offset: u32| CORE.base() + offset;
        npu.write(at(0x34000), 124 << 8).unwrap();
        assert_eq!(npu.read(at(0x34000)), Ok(124 << 8));
        npu.write(at(0x34008), 125).unwrap();
        assert_eq!(npu.read(at(0x340f8)), Ok(1), "another event");
        npu.write(at(0x14008), 124).unwrap();
        assert_eq!(npu.read(at(0x340f8)), Ok(1), "another module");
        npu.write(at(0x34008), 124).unwrap();
        assert_eq!(npu.read(at(0x340f8)), Ok(0));

        npu.write(at(0x32000), 0).unwrap();
        npu.write(at(0x32008), 125 | 126 << 8).unwrap();
        npu.write(at(0x3200c), 127).unwrap();
        npu.write(at(0x34008), 125).unwrap();
        assert_eq!(npu.read(at(0x32000)), Ok(CONTROL_ENABLE));
        npu.write(at(0x34008), 126).unwrap();
        assert_eq!(npu.read(at(0x32000)), Ok(0));
        npu.write(at(0x34008), 125).unwrap();
        npu.step().unwrap_err();
        npu.write(at(0x34008), 127).unwrap();
        assert_eq!(npu.read(at(0x32000)), Ok(CONTROL_ENABLE));
        assert_eq!(npu.core(CORE).unwrap().cycle(), 0, "it begins again");

        let error = npu.write(at(0x32008), 26).unwrap_err();
        insta::assert_snapshot!(error, @r"
        Enable_Events of core tile (1,2) is written 0x1a: event 26 is not modelled: of a core tile's events those happen that software generates
        help: use user events 124 to 127, or 0 for none
        ");
        assert!(npu.write(MEM.base() + 0x94008, 127).is_err());
        assert!(npu.write(MEM.base() + 0x94008, 159).is_ok());
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
