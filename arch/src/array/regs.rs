//! Names of registers by offset, for listings and refusals.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Util/aie_registers_aie2.json`.

use crate::TileKind;

/// First offset, registers in the row, bytes from one to the next, name; `#` in a name stands for the
/// register's number in the row.
type Row = (u32, u32, u32, &'static str);

#[rustfmt::skip]
const CORE: &[Row] = &[
    (0x00000, 0x4000,  4, "data memory"),
    (0x14000,      1,  4, "memory Timer_Control"),
    (0x14008,      1,  4, "memory Event_Generate"),
    (0x14010,     16,  4, "memory Event_Broadcast#"),
    (0x140d0,      2,  4, "memory Trace_Control#"),
    (0x140d8,      1,  4, "memory Trace_Status"),
    (0x140e0,      2,  4, "memory Trace_Event#"),
    (0x140f0,      4,  4, "memory Timer word #"),
    (0x14200,      4,  4, "memory Event_Status#"),
    (0x16010,      1,  4, "memory Memory_Control"),
    (0x1d000,    128,  4, "DMA descriptor word #"),
    (0x1de00,      2,  8, "DMA_S2MM_#_Ctrl"),
    (0x1de04,      2,  8, "DMA_S2MM_#_Start_Queue"),
    (0x1de10,      2,  8, "DMA_MM2S_#_Ctrl"),
    (0x1de14,      2,  8, "DMA_MM2S_#_Start_Queue"),
    (0x1df00,      2,  4, "DMA_S2MM_Status_#"),
    (0x1df10,      2,  4, "DMA_MM2S_Status_#"),
    (0x1df20,      2,  4, "DMA_S2MM_FoT_Count_FIFO_Pop_#"),
    (0x1f000,     16, 16, "Lock#_value"),
    (0x1f120,      1,  4, "Locks_Overflow"),
    (0x1f128,      1,  4, "Locks_Underflow"),
    (0x20000, 0x1000,  4, "program memory"),
    (0x31100,      1,  4, "Core_PC"),
    (0x31120,      1,  4, "Core_SP"),
    (0x31130,      1,  4, "Core_LR"),
    (0x31170,      1,  4, "Core_CR"),
    (0x31180,      1,  4, "Core_SR"),
    (0x32000,      1,  4, "Core_Control"),
    (0x32004,      1,  4, "Core_Status"),
    (0x32008,      1,  4, "Enable_Events"),
    (0x3200c,      1,  4, "Reset_Event"),
    (0x32038,      1,  4, "Core_Processor_Bus"),
    (0x34000,      1,  4, "core Timer_Control"),
    (0x34008,      1,  4, "core Event_Generate"),
    (0x34010,     16,  4, "core Event_Broadcast#"),
    (0x340d0,      2,  4, "core Trace_Control#"),
    (0x340d8,      1,  4, "core Trace_Status"),
    (0x340e0,      2,  4, "core Trace_Event#"),
    (0x340f0,      4,  4, "core Timer word #"),
    (0x34200,      4,  4, "core Event_Status#"),
    (0x36030,      1,  4, "Tile_Control"),
    (0x36060,      1,  4, "Accumulator_Control"),
    (0x36070,      1,  4, "program Memory_Control"),
    (0x3f000,     23,  4, "Stream_Switch_Master_Config #"),
    (0x3f100,     25,  4, "Stream_Switch_Slave_Config #"),
    (0x3f200,    100,  4, "Stream_Switch_Slave_Slot #"),
    (0x3f800,     24,  4, "Stream_Switch_Deterministic_Merge word #"),
    (0x3ff00,      2,  4, "Stream_Switch_Event_Port_Selection_#"),
    (0x40000, 0x1000,  4, "Lock_Request window word #"),
    (0x60000,      1,  4, "Module_Clock_Control"),
];

#[rustfmt::skip]
const MEM: &[Row] = &[
    (0x00000, 0x20000, 4, "data memory"),
    (0x94000,      1,  4, "Timer_Control"),
    (0x94008,      1,  4, "Event_Generate"),
    (0x94010,     16,  4, "Event_Broadcast#"),
    (0x940d0,      2,  4, "Trace_Control#"),
    (0x940d8,      1,  4, "Trace_Status"),
    (0x940e0,      2,  4, "Trace_Event#"),
    (0x940f0,      4,  4, "Timer word #"),
    (0x94200,      6,  4, "Event_Status#"),
    (0x96030,      1,  4, "Tile_Control"),
    (0x96048,      1,  4, "Memory_Control"),
    (0xa0000,    384,  4, "DMA descriptor word #"),
    (0xa0600,      6,  8, "DMA_S2MM_#_Ctrl"),
    (0xa0604,      6,  8, "DMA_S2MM_#_Start_Queue"),
    (0xa0630,      6,  8, "DMA_MM2S_#_Ctrl"),
    (0xa0634,      6,  8, "DMA_MM2S_#_Start_Queue"),
    (0xa0660,      6,  4, "DMA_S2MM_Status_#"),
    (0xa0680,      6,  4, "DMA_MM2S_Status_#"),
    (0xa06a0,      1,  4, "DMA_Event_Channel_Selection"),
    (0xa06c8,      6,  4, "DMA_S2MM_FoT_Count_FIFO_Pop_#"),
    (0xb0000,     17,  4, "Stream_Switch_Master_Config #"),
    (0xb0100,     18,  4, "Stream_Switch_Slave_Config #"),
    (0xb0200,     72,  4, "Stream_Switch_Slave_Slot #"),
    (0xb0800,     24,  4, "Stream_Switch_Deterministic_Merge word #"),
    (0xb0f00,      2,  4, "Stream_Switch_Event_Port_Selection_#"),
    (0xc0000,     64, 16, "Lock#_value"),
    (0xc0420,      2,  4, "Locks_Overflow_#"),
    (0xc0428,      2,  4, "Locks_Underflow_#"),
    (0xd0000, 0x4000,  4, "Lock_Request window word #"),
    (0xfff00,      1,  4, "Module_Clock_Control"),
];

#[rustfmt::skip]
const SHIM: &[Row] = &[
    (0x14000,     16, 16, "Lock#_value"),
    (0x14120,      1,  4, "Locks_Overflow"),
    (0x14128,      1,  4, "Locks_Underflow"),
    (0x1d000,    128,  4, "DMA descriptor word #"),
    (0x1d200,      2,  8, "DMA_S2MM_#_Ctrl"),
    (0x1d204,      2,  8, "DMA_S2MM_#_Task_Queue"),
    (0x1d210,      2,  8, "DMA_MM2S_#_Ctrl"),
    (0x1d214,      2,  8, "DMA_MM2S_#_Task_Queue"),
    (0x1d220,      2,  4, "DMA_S2MM_Status_#"),
    (0x1d228,      2,  4, "DMA_MM2S_Status_#"),
    (0x1d238,      2,  4, "DMA_S2MM_FoT_Count_FIFO_Pop_#"),
    (0x1e020,      1,  4, "AIE_AXIMM_Config"),
    (0x1f000,      1,  4, "Mux_Config"),
    (0x1f004,      1,  4, "Demux_Config"),
    (0x34000,      1,  4, "Timer_Control"),
    (0x34008,      1,  4, "Event_Generate"),
    (0x34010,     16,  4, "Event_Broadcast#_A"),
    (0x340d0,      2,  4, "Trace_Control#"),
    (0x340d8,      1,  4, "Trace_Status"),
    (0x340e0,      2,  4, "Trace_Event#"),
    (0x340f0,      4,  4, "Timer word #"),
    (0x34200,      4,  4, "Event_Status#"),
    (0x36030,      1,  4, "Tile_Control"),
    (0x3f000,     22,  4, "Stream_Switch_Master_Config #"),
    (0x3f100,     23,  4, "Stream_Switch_Slave_Config #"),
    (0x3f200,     92,  4, "Stream_Switch_Slave_Slot #"),
    (0x3f800,     24,  4, "Stream_Switch_Deterministic_Merge word #"),
    (0x3ff00,      2,  4, "Stream_Switch_Event_Port_Selection_#"),
    (0x40000, 0x1000,  4, "Lock_Request window word #"),
    (0xfff00,      2,  4, "Module_Clock_Control_#"),
    (0xfff14,      1,  4, "Module_Reset_Control_1"),
    (0xfff20,      1,  4, "Column_Clock_Control"),
    (0xfff28,      1,  4, "AIE_Tile_Column_Reset"),
];

/// Name of the register at `offset` in a tile of this kind; `None` when none is known there.
pub fn register_name(kind: TileKind, offset: u32) -> Option<String> {
    let rows = match kind {
        TileKind::Core => CORE,
        TileKind::Mem => MEM,
        TileKind::Shim => SHIM,
    };
    rows.iter().find_map(|(first, count, stride, name)| {
        let at = offset.checked_sub(*first)?;
        let number = at / stride;
        (number < *count && at % stride < 4).then(|| name.replace('#', &number.to_string()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{dma, lock};

    #[test]
    fn names() {
        let name = |kind, offset| register_name(kind, offset).unwrap_or_default();
        assert_eq!(name(TileKind::Core, 0x32000), "Core_Control");
        assert_eq!(name(TileKind::Core, 0x1de14), "DMA_MM2S_0_Start_Queue");
        assert_eq!(name(TileKind::Mem, 0xc0030), "Lock3_value");
        assert_eq!(name(TileKind::Shim, 0x1d21c), "DMA_MM2S_1_Task_Queue");
        assert_eq!(register_name(TileKind::Shim, 0), None);
        assert_eq!(register_name(TileKind::Core, 0x1f004), None);
    }

    #[test]
    fn names_agree_with_the_layouts() {
        for kind in [TileKind::Core, TileKind::Mem, TileKind::Shim] {
            for ch in 0..kind.dma_channels() {
                let at = dma::ctrl_offset(kind, dma::Direction::Mm2s, ch);
                let want = format!("DMA_MM2S_{ch}_Ctrl");
                assert_eq!(register_name(kind, at), Some(want));
            }
            let last = kind.locks() - 1;
            let want = format!("Lock{last}_value");
            assert_eq!(
                register_name(kind, lock::value_offset(kind, last)),
                Some(want)
            );
        }
    }
}
