//! Timers, trace units and memory control of a tile's modules.
//!
//! A core tile has two modules, its core and its memory; memory and shim tiles have one.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Util/aie_registers_aie2.json`; AMD AM025.

use crate::TileKind;

/// Modules of a tile at most.
pub const MODULES: usize = 2;

/// Reset bit of Timer_Control.
pub const TIMER_RESET: u32 = 1 << 31;
/// First bit of the event field of Timer_Control, which is 8 bits wide.
pub const TIMER_EVENT_SHIFT: u32 = 8;
/// Start event field of Trace_Control0. Event 0 never happens.
pub const TRACE_START_MASK: u32 = 0x00ff_0000;
/// Zeroisation bit of the memory control registers; it clears itself.
pub const ZEROISATION: u32 = 1;
/// Interleaving bit of a memory tile's memory control register, set after power-up.
pub const INTERLEAVING: u32 = 2;

/// A register of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleRegister {
    /// Resets the timer, or tells which event does.
    TimerControl,
    /// Makes an event happen once.
    EventGenerate,
    /// Which events enable (bits 6:0) and disable (bits 14:8) a core.
    EnableEvents,
    /// Which event resets a core.
    ResetEvent,
    /// Word 0 or 1 of the 64-bit timer, which counts cycles.
    Timer(u8),
    /// Trace_Control0, Trace_Control1, Trace_Event0, Trace_Event1.
    Trace(u8),
    /// Sets a memory to zero: program memory in module 0 of a core tile, data memory elsewhere.
    MemoryControl,
}

/// The module's number in its tile and the register at an offset.
pub const fn module_register(kind: TileKind, offset: u32) -> Option<(usize, ModuleRegister)> {
    use ModuleRegister::{
        EnableEvents, EventGenerate, MemoryControl, ResetEvent, Timer, TimerControl, Trace,
    };
    let (base, module) = match (kind, offset & !0xfff) {
        (TileKind::Core | TileKind::Shim, 0x34000) => (0x34000, 0),
        (TileKind::Core, 0x14000) => (0x14000, 1),
        (TileKind::Mem, 0x94000) => (0x94000, 0),
        _ => {
            return match (kind, offset) {
                (TileKind::Core, 0x32008) => Some((0, EnableEvents)),
                (TileKind::Core, 0x3200c) => Some((0, ResetEvent)),
                (TileKind::Core, 0x36070) => Some((0, MemoryControl)),
                (TileKind::Core, 0x16010) => Some((1, MemoryControl)),
                (TileKind::Mem, 0x96048) => Some((0, MemoryControl)),
                _ => None,
            };
        }
    };
    let register = match offset - base {
        0x00 => TimerControl,
        0x08 => EventGenerate,
        0xd0 => Trace(0),
        0xd4 => Trace(1),
        0xe0 => Trace(2),
        0xe4 => Trace(3),
        0xf8 => Timer(0),
        0xfc => Timer(1),
        _ => return None,
    };
    Some((module, register))
}

/// The first and the last event of a module that only software makes happen, besides event 0, which
/// never does.
///
/// Source: aie-rt `driver/src/events/xaie_events_aieml.h`, `USER_EVENT_0` and the last one.
pub const fn user_events(kind: TileKind) -> (u32, u32) {
    match kind {
        TileKind::Core => (124, 127),
        TileKind::Mem => (159, 160),
        TileKind::Shim => (126, 127),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::regs::register_name;

    #[test]
    fn registers_have_the_names_of_the_table() {
        for kind in [TileKind::Core, TileKind::Mem, TileKind::Shim] {
            let mut found = 0;
            for offset in (0..0x10_0000).step_by(4) {
                let Some((module, register)) = module_register(kind, offset) else {
                    continue;
                };
                found += 1;
                let name = register_name(kind, offset).expect("a name");
                let word = match register {
                    ModuleRegister::TimerControl => "Timer_Control",
                    ModuleRegister::EventGenerate => "Event_Generate",
                    ModuleRegister::EnableEvents => "Enable_Events",
                    ModuleRegister::ResetEvent => "Reset_Event",
                    ModuleRegister::Timer(_) => "Timer",
                    ModuleRegister::Trace(0 | 1) => "Trace_Control",
                    ModuleRegister::Trace(_) => "Trace_Event",
                    ModuleRegister::MemoryControl => "Memory_Control",
                };
                assert!(name.contains(word), "{name} is {register:?}");
                assert_eq!(name.starts_with("memory "), module == 1, "{name}");
            }
            let expected = [8, 9, 20][kind as usize];
            assert_eq!(found, expected, "{kind}");
        }
    }
}
