//! Properties of all formats: what is written is read back, and no bytes make a parser panic or
//! return much more than it was given.

use arch::Tile;
use formats::cdo::{Cdo, Command, Form};
use formats::elf::{CoreElf, Fill, Segment, Symbol, SymbolKind};
use formats::pdi::Pdi;
use formats::txn::{Direction, Op, Stream};
use formats::xclbin::{Contents, KernelSpec, Spec, Xclbin};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::fixtures::fixtures;

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let word = any::<u32>;
    // Block writes stay below the NPI addresses, which a PDI refuses.
    let addr = || 0u32..0xf000_0000;
    vec(
        prop_oneof![
            (addr(), word()).prop_map(|(addr, value)| Command::Write { addr, value }),
            (addr(), word(), word()).prop_map(|(addr, mask, value)| Command::MaskWrite {
                addr,
                mask,
                value
            }),
            (addr(), vec(word(), 0..12)).prop_map(|(addr, data)| Command::DmaWrite { addr, data }),
            (addr(), vec(word(), 250..260))
                .prop_map(|(addr, data)| Command::DmaWrite { addr, data }),
            (addr(), word(), word(), word()).prop_map(|(addr, mask, value, timeout)| {
                Command::MaskPoll {
                    addr,
                    mask,
                    value,
                    timeout,
                }
            }),
            word().prop_map(|count| Command::Delay { count }),
            prop_oneof![0u32..4, 253u32..257].prop_map(|words| Command::Nop { words }),
        ],
        0..20,
    )
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let word = any::<u32>;
    let byte = any::<u8>;
    vec(
        prop_oneof![
            (word(), word()).prop_map(|(addr, value)| Op::Write32 { addr, value }),
            (word(), vec(word(), 0..20)).prop_map(|(addr, data)| Op::BlockWrite { addr, data }),
            (word(), word(), word()).prop_map(|(addr, value, mask)| Op::MaskWrite32 {
                addr,
                value,
                mask
            }),
            (byte(), byte(), any::<bool>(), byte(), byte(), byte()).prop_map(
                |(col, row, to_host, channel, columns, rows)| Op::TctWait {
                    tile: Tile::new(col, row),
                    direction: if to_host {
                        Direction::S2mm
                    } else {
                        Direction::Mm2s
                    },
                    channel,
                    columns,
                    rows,
                }
            ),
            (word(), word(), any::<u64>()).prop_map(|(addr, arg, offset)| Op::DdrPatch {
                addr,
                arg,
                offset
            }),
            (any::<u16>(), word(), any::<u64>()).prop_map(|(id, size, addr)| Op::LoadPdi {
                id,
                size,
                addr
            }),
            byte().prop_map(|level| Op::Preempt { level }),
            (byte(), word()).prop_map(|(usage, size)| Op::CreateScratchpad { usage, size }),
            (byte(), byte(), word(), word()).prop_map(|(table, function, argument, addr)| {
                Op::UpdateReg {
                    table,
                    function,
                    argument,
                    addr,
                }
            }),
        ],
        0..20,
    )
}

fn programs() -> impl Strategy<Value = CoreElf> {
    let bytes = |limit| vec(any::<u8>(), 1..limit);
    let symbols = vec(
        (
            "[a-zA-Z_.][a-zA-Z0-9_.$]{0,20}",
            0u32..0x80000,
            any::<u32>(),
            prop_oneof![
                Just(SymbolKind::None),
                Just(SymbolKind::Function),
                Just(SymbolKind::Object)
            ],
            any::<bool>(),
        ),
        0..10,
    );
    let segments = (bytes(600), 0u32..0x1000, bytes(300), 1u32..0x1000);
    (segments, symbols, 0u32..0x4000).prop_map(
        |((text, data_at, data, zeros), mut symbols, entry)| {
            symbols.sort_by_key(|s| s.4);
            CoreElf {
                entry,
                segments: vec![
                    Segment::bytes(0, text),
                    Segment::bytes(0x70000 + data_at, data),
                    Segment::zeros(0x70000 + 0x2000, zeros),
                ],
                symbols: symbols
                    .into_iter()
                    .map(|(name, addr, size, kind, global)| Symbol {
                        name,
                        addr,
                        size,
                        kind,
                        global,
                    })
                    .collect(),
            }
        },
    )
}

fn specs() -> impl Strategy<Value = Spec> {
    let kernel = ("[ -9;-~]{1,20}", 0usize..6, vec(any::<u8>(), 0..200));
    (vec(kernel, 1..4), 1u16..5, vec(0u16..5, 0..4)).prop_map(
        |(kernels, columns, start_columns)| Spec {
            columns,
            start_columns,
            kernels: kernels
                .into_iter()
                .zip(0u32..)
                .map(|((name, buffers, pdi), index)| {
                    let mut kernel = KernelSpec::new(&format!("{index}{name}"), buffers, pdi);
                    kernel.id = index * 0x111;
                    kernel
                })
                .collect(),
        },
    )
}

/// Changes to a file: bytes overwritten, then cut to a length.
fn damage() -> impl Strategy<Value = (Vec<(Index, u8)>, Option<Index>)> {
    (
        vec((any::<Index>(), any::<u8>()), 1..6),
        proptest::option::weighted(0.3, any::<Index>()),
    )
}

fn damaged(mut bytes: Vec<u8>, (changes, cut): &(Vec<(Index, u8)>, Option<Index>)) -> Vec<u8> {
    for (at, value) in changes {
        let at = at.index(bytes.len());
        bytes[at] = *value;
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len()));
    }
    bytes
}

/// Parses bytes as everything and prints what was read; returns false if something returned more
/// than a fair multiple of its input.
fn parse_all(bytes: &[u8]) -> bool {
    // A NOP of one word is 4 bytes in a file and a `Command` of 32 in memory.
    let fair = 1024 + bytes.len() * 16;
    let mut weights = vec![];
    let cdo_weight = |cdo: &Cdo| {
        let data = cdo.commands.iter().map(|c| match c {
            Command::DmaWrite { data, .. } => data.len() * 4,
            _ => 0,
        });
        size_of_val(cdo.commands.as_slice()) + data.sum::<usize>()
    };
    if let Ok(cdo) = Cdo::parse(bytes) {
        assert_eq!(cdo.dump().lines().count(), cdo.commands.len());
        weights.push(cdo_weight(&cdo));
    }
    if let Ok(pdi) = Pdi::parse(bytes) {
        assert!(!pdi.dump().is_empty());
        weights.push(cdo_weight(pdi.cdo()));
    }
    if let Ok(stream) = Stream::parse(bytes) {
        assert_eq!(stream.dump().lines().count(), stream.ops.len() + 1);
        assert_eq!(stream.word_count() * 4, bytes.len());
        weights.push(size_of_val(stream.ops.as_slice()) + bytes.len());
    }
    if let Ok(file) = Xclbin::parse(bytes) {
        weights.push(file.sections.iter().map(|s| s.data.len()).sum());
        if let Ok(contents) = Contents::of(&file) {
            assert!(file.dump().is_ok());
            let _ = contents.units();
            let images = contents.partition.iter().flat_map(|p| &p.pdis);
            weights.push(images.map(|p| p.image.len()).sum());
        }
    }
    if let Ok(elf) = CoreElf::parse(bytes) {
        assert!(!elf.dump().is_empty());
        let _ = elf.load_commands(Tile::new(1, 3));
        weights.push(elf.symbols.iter().map(|s| s.name.len()).sum());
        let loaded = elf.segments.iter().map(|s| match &s.fill {
            Fill::Bytes(bytes) => bytes.len(),
            Fill::Zeros(_) => 0,
        });
        weights.push(loaded.sum());
    }
    weights.iter().all(|w| *w <= fair)
}

/// Repairs the lengths and checksums that would otherwise hide the damage behind them.
fn repaired(mut bytes: Vec<u8>) -> Vec<u8> {
    let put = |bytes: &mut Vec<u8>, at: usize, value: u32| {
        if let Some(field) = bytes.get_mut(at..at + 4) {
            field.copy_from_slice(&value.to_le_bytes());
        }
    };
    let sum = |bytes: &[u8]| {
        let (words, _) = bytes.as_chunks::<4>();
        !words
            .iter()
            .fold(0u32, |sum, w| sum.wrapping_add(u32::from_le_bytes(*w)))
    };
    let len = bytes.len() as u32;
    match bytes.first_chunk::<8>() {
        Some([0xdd, ..]) => {
            for (start, end) in [(0x10, 0x8c), (0x90, 0xcc), (0xd0, 0x14c)] {
                if bytes.len() > end {
                    let value = sum(&bytes[start..end]);
                    put(&mut bytes, end, value);
                }
            }
        }
        Some([4, 0, 0, 0, b'C', b'D', b'O', 0]) if len >= 20 => {
            put(&mut bytes, 12, len / 4 - 5);
            let value = sum(&bytes[..16]);
            put(&mut bytes, 16, value);
        }
        Some([0, 1, 3, ..]) => put(&mut bytes, 12, len),
        Some([b'x', b'c', ..]) => put(&mut bytes, 304, len),
        _ => {}
    }
    bytes
}

proptest! {
    #[test]
    fn cdo_round_trip(commands in commands()) {
        let cdo = Cdo::new(commands);
        for form in [Form::Toolchain, Form::Firmware] {
            prop_assert_eq!(&Cdo::parse(&cdo.encode(form)).unwrap(), &cdo);
        }
        let bytes = cdo.to_bytes();
        let read = Cdo::parse(&bytes).unwrap();
        prop_assert!(read.effects().eq(cdo.effects()));
        prop_assert_eq!(read.to_bytes(), bytes);
    }

    #[test]
    fn block_data_is_aligned_in_files(commands in commands()) {
        let cdo = Cdo::parse(&Cdo::new(commands).to_bytes()).unwrap();
        let mut at = 20;
        for command in &cdo.commands {
            let one = Cdo::new(vec![command.clone()]).encode(Form::Toolchain).len() - 20;
            if let Command::DmaWrite { data, .. } = command {
                prop_assert_eq!((at + one - data.len() * 4) % 16, 0);
            }
            at += one;
        }
    }

    #[test]
    fn pdi_round_trip(first in commands(), second in commands()) {
        let pdi = Pdi::from_cdos(&[&Cdo::new(first), &Cdo::new(second)]).unwrap();
        let bytes = pdi.to_bytes();
        prop_assert_eq!(bytes.len() % 16, 0);
        prop_assert_eq!(Pdi::parse(&bytes).unwrap(), pdi);
    }

    #[test]
    fn stream_round_trip(ops in ops()) {
        let stream = Stream::new(ops);
        prop_assert_eq!(Stream::parse(&stream.to_bytes()).unwrap(), stream);
    }

    #[test]
    fn xclbin_round_trip(spec in specs()) {
        let file = spec.build().unwrap();
        let bytes = file.to_bytes();
        prop_assert_eq!(&Xclbin::parse(&bytes).unwrap(), &file);
        let contents = Contents::of(&file).unwrap();
        prop_assert_eq!(&contents, &spec.contents().unwrap());
        let units = contents.units().unwrap();
        prop_assert_eq!(units.len(), spec.kernels.len());
        for (unit, kernel) in units.iter().zip(&spec.kernels) {
            prop_assert_eq!(&unit.pdi.image, &kernel.pdi);
            prop_assert_eq!(&unit.kernel.name, &kernel.name);
        }
    }

    #[test]
    fn elf_round_trip(program in programs()) {
        let bytes = program.to_bytes().unwrap();
        prop_assert_eq!(CoreElf::parse(&bytes).unwrap(), program);
    }

    #[test]
    fn random_bytes_are_survived(bytes in vec(any::<u8>(), 0..2000)) {
        prop_assert!(parse_all(&bytes));
    }

    #[test]
    fn damaged_files_are_survived(which in any::<Index>(), damage in damage()) {
        let files = fixtures();
        let bytes = damaged(files[which.index(files.len())].clone(), &damage);
        prop_assert!(parse_all(&bytes));
        prop_assert!(parse_all(&repaired(bytes)));
    }
}
