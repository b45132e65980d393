//! Control and status registers of a core tile's core.
//!
//! A core starts when its enable bit is set; a reset pulse is a write of the reset bit and a write
//! without it. A core is done when it has executed the `done` instruction.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Util/aie_registers_aie2.json`, `lib/Targets/AIERT.cpp`.

use super::field::word_layout;

/// Offset of the control register.
pub const CONTROL: u32 = 0x32000;
/// Offset of the status register (read only).
pub const STATUS: u32 = 0x32004;
/// Offset of the program counter.
pub const PC: u32 = 0x31100;
/// Offset of the stack pointer.
pub const SP: u32 = 0x31120;
/// Offset of the link register.
pub const LR: u32 = 0x31130;
/// Offset of the cascade direction register.
pub const ACCUMULATOR_CONTROL: u32 = 0x36060;
/// Offset of the tile's isolation register in core and shim tiles.
pub const TILE_CONTROL: u32 = 0x36030;
/// Offset of the tile's isolation register in memory tiles.
pub const MEM_TILE_CONTROL: u32 = 0x96030;

/// Enable bit of the control register.
pub const CONTROL_ENABLE: u32 = 1;
/// Reset bit of the control register, set after power-up.
pub const CONTROL_RESET: u32 = 2;

word_layout! {
    /// Status word of a core.
    Status, "core status" {
        /// The `done` instruction was executed.
        done           = [20:20] flag;
        /// Stopped by an error.
        error_halt     = [19:19] flag;
        /// Stopped by the debugger.
        debug_halt     = [16:16] flag;
        /// Waits for room on the cascade.
        cascade_out    = [15:15] flag;
        /// Waits for data on the cascade.
        cascade_in     = [14:14] flag;
        /// Waits for room on the output stream.
        stream_out     = [12:12] flag;
        /// Waits for data on the input stream.
        stream_in      = [10:10] flag;
        /// Waits for a lock of its own (east) memory.
        lock_east      = [9:9]   flag;
        /// Waits for a lock of the north neighbour.
        lock_north     = [8:8]   flag;
        /// Waits for a lock of the west neighbour.
        lock_west      = [7:7]   flag;
        /// Waits for a lock of the south neighbour.
        lock_south     = [6:6]   flag;
        /// In reset.
        reset          = [1:1]   flag;
        /// Enabled.
        enable         = [0:0]   flag;
    }
}

word_layout! {
    /// Cascade directions of a core tile.
    AccumulatorControl, "cascade direction" {
        /// The output goes east instead of south.
        out_east = [1:1] flag;
        /// The input comes from the west instead of the north.
        in_west  = [0:0] flag;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cascade_words() {
        let word = |in_west, out_east| AccumulatorControl { in_west, out_east }.to_word();
        assert_eq!(word(false, true), Ok(2));
        assert_eq!(word(true, false), Ok(1));
        assert_eq!(word(false, false), Ok(0));
    }
}
