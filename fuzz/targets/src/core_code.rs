//! Programs of a core: any bytes run, wait or end in a fault.

use arch::Tile;
use arch::array::core_regs::{CONTROL, CONTROL_ENABLE};
use arch::array::{lock, memory};
use arch::limits::PROGRAM_BYTES;
use emulator::Npu;

use crate::{CYCLES, words};

/// Has neighbours on every side.
const TILE: Tile = Tile { col: 1, row: 3 };

/// Puts the bytes into the program memory of a core whose locks are all 1, and enables it.
pub fn run(data: &[u8]) {
    let program = words::of(&data[..data.len().min(PROGRAM_BYTES as usize)]);
    let mut npu = Npu::new();
    let kind = TILE.kind();
    npu.write_block(TILE.base() | memory::PROGRAM_OFFSET, &program)
        .expect("it fits");
    for id in 0..kind.locks() {
        let at = TILE.base() | (lock::value_base(kind) + 16 * u32::from(id));
        npu.write(at, 1).expect("a lock");
    }
    npu.write(TILE.base() | CONTROL, CONTROL_ENABLE)
        .expect("a core");
    while npu.now() < CYCLES && matches!(npu.step(), Ok(true)) {}
}
