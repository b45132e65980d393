//! Whatever is written to it, the array refuses or runs; it never panics.

use arch::array::{bd, dma, lock, switch};
use arch::{Tile, TileKind};
use emulator::{Budget, Npu};
use formats::cdo::{Cdo, Command};
use formats::txn::{Op, Stream};
use proptest::prelude::*;

use crate::goldens::{configure, stream};

/// Offsets around everything that is modelled, and anything else.
fn offset(kind: TileKind) -> impl Strategy<Value = u32> {
    let dma_base = dma::ctrl_offset(kind, dma::Direction::S2mm, 0);
    prop_oneof![
        (0u32..512).prop_map(move |i| bd::bd_base(kind) + 4 * i),
        (0u32..32).prop_map(move |i| dma_base + 4 * i),
        (0u32..64).prop_map(move |i| lock::value_base(kind) + 16 * i),
        (0u32..256).prop_map(move |i| switch::base(kind) + 4 * i),
        (0u32..8).prop_map(|i| 0x32000 + 4 * i),
        (0u32..8).prop_map(|i| 0x1f000 + 4 * i),
        0u32..0x10_0000,
    ]
}

/// Values that are small, or set the bits that matter, or anything.
fn value() -> impl Strategy<Value = u32> {
    prop_oneof![
        0u32..64,
        (0u32..64).prop_map(|v| 0x8000_0000 | v),
        (0u32..32).prop_map(|v| 0xc000_0000 | v),
        any::<u32>(),
    ]
}

fn tile() -> impl Strategy<Value = Tile> {
    (0u8..4, 0u8..6).prop_map(|(col, row)| Tile::new(col, row))
}

fn write() -> impl Strategy<Value = (u32, u32)> {
    tile().prop_flat_map(|t| (offset(t.kind()).prop_map(move |o| t.base() | o), value()))
}

proptest! {
    #[test]
    fn random_writes(writes in prop::collection::vec(write(), 1..60)) {
        let mut npu = configure("c_memtile");
        for (addr, value) in writes {
            let _ = npu.write(addr & !3, value);
            let _ = npu.read(addr & !3);
        }
        for _ in 0..50 {
            if npu.step().is_err() {
                break;
            }
        }
    }

    #[test]
    fn random_descriptors(
        words in prop::collection::vec(any::<u32>(), 8),
        row in 0u8..4,
        dir in 0usize..2,
    ) {
        let tile = Tile::new(1, row);
        let mut npu = configure("c_memtile");
        let mut words = words;
        words.truncate(bd::bd_words(tile.kind()) as usize);
        let last = words.len() - 1;
        words[last] |= if tile.kind() == TileKind::Mem { 1 << 31 } else { 1 << 25 };
        npu.write_block(tile.base() + bd::bd_offset(tile.kind(), 30 % tile.kind().bds()), &words).unwrap();
        let channel = if tile.kind() == TileKind::Mem { 3 } else { 1 };
        let queue = dma::queue_offset(tile.kind(), dma::Direction::ALL[dir], channel);
        npu.write(tile.base() + queue, 30 % u32::from(tile.kind().bds())).unwrap();
        for _ in 0..100 {
            if npu.step().is_err() {
                break;
            }
        }
    }

    #[test]
    fn changed_operations(at in 0usize..8, field in 0usize..3, value in value()) {
        let mut stream: Stream = stream("c_memtile");
        let count = stream.ops.len();
        match &mut stream.ops[at % count] {
            Op::Write32 { addr, value: v } => *[addr, v][field % 2] = value,
            Op::MaskWrite32 { addr, value: v, mask } => *[addr, v, mask][field] = value,
            Op::BlockWrite { addr, data } => match field {
                0 => *addr = value,
                _ => data[at] = value,
            },
            Op::DdrPatch { addr, arg, offset } => match field {
                0 => *addr = value,
                1 => *arg = value,
                _ => *offset = u64::from(value) << 4,
            },
            Op::TctWait { channel, columns, rows, .. } => *[channel, columns, rows][field] = value as u8,
            _ => {}
        }
        let mut npu = configure("c_memtile");
        let mut args = [vec![1; 2048], vec![0; 2048]];
        let _ = npu.run(&stream, &mut args, Budget { cycles: 3000 });
        prop_assert_eq!(args[0].len(), 2048);
    }

    #[test]
    fn random_commands(commands in prop::collection::vec((write(), any::<u32>(), 0u8..4), 1..40)) {
        let commands = commands
            .into_iter()
            .map(|((addr, value), mask, kind)| match kind {
                0 => Command::Write { addr, value },
                1 => Command::MaskWrite { addr, mask, value },
                2 => Command::DmaWrite { addr, data: vec![value; (mask % 9) as usize] },
                _ => Command::Nop { words: 1 },
            })
            .collect();
        let mut npu = Npu::new();
        let _ = npu.load_cdo(&Cdo { commands });
        let _ = npu.step();
    }
}
