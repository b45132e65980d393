//! Core programs: what is written is read, and loading gives the writes of the reference tools.

use arch::Tile;
use formats::cdo::{Cdo, Command};
use formats::elf::{CoreElf, ElfError, Segment, Symbol, SymbolKind};

use crate::fixtures::goldens;

fn golden_elf() -> (Vec<u8>, Vec<u8>) {
    let golden = goldens()
        .into_iter()
        .find(|g| g.name == "n_elf_load")
        .unwrap();
    (golden.file("core_0_2.elf"), golden.file("cdo_elfs.bin"))
}

fn program() -> CoreElf {
    let symbol = |name: &str, addr, size, kind, global| Symbol {
        name: name.to_string(),
        addr,
        size,
        kind,
        global,
    };
    CoreElf {
        entry: 0,
        segments: vec![
            Segment::bytes(0, (0..100).collect()),
            Segment::bytes(0x70500, vec![7; 33]),
            Segment::zeros(0x70540, 64),
        ],
        symbols: vec![
            symbol("loop", 0x20, 0, SymbolKind::None, false),
            symbol("main", 0x10, 84, SymbolKind::Function, true),
            symbol("table", 0x70500, 33, SymbolKind::Object, true),
            symbol("buffer_in", 0x78000, 0, SymbolKind::None, true),
        ],
    }
}

#[test]
fn loading_matches_the_reference_tools() {
    let (elf, cdo) = golden_elf();
    let program = CoreElf::parse(&elf).unwrap();
    let loads = program.load_commands(Tile::new(0, 2)).unwrap();
    let all: Vec<Command> = Cdo::parse(&cdo).unwrap().effects().cloned().collect();
    // In front: core disabled, four DMA channels reset; behind: the resets released.
    assert_eq!(all[5..all.len() - 4], loads);
}

#[test]
fn written_programs_come_back() {
    let program = program();
    let bytes = program.to_bytes().unwrap();
    assert_eq!(CoreElf::parse(&bytes).as_ref(), Ok(&program));
    assert_eq!(program.to_bytes().unwrap(), bytes);
    assert_eq!(program.symbol("main").unwrap().addr, 0x10);
}

#[test]
fn data_goes_to_the_tile_behind_its_window() {
    // From the last bytes of the west window into the north window, at odd addresses.
    let program = CoreElf {
        segments: vec![Segment::bytes(0x5fffe, (1..=5).collect())],
        ..CoreElf::default()
    };
    let commands = program.load_commands(Tile::new(1, 3)).unwrap();
    let west = Tile::new(0, 3).base();
    let north = Tile::new(1, 4).base();
    assert_eq!(
        commands,
        [
            Command::MaskWrite {
                addr: west + 0xfffc,
                mask: 0xffff_0000,
                value: 0x0201_0000
            },
            Command::MaskWrite {
                addr: north,
                mask: 0x00ff_ffff,
                value: 0x0005_0403
            },
        ]
    );
    let missing = program.load_commands(Tile::new(0, 3)).unwrap_err();
    assert_eq!(
        missing,
        ElfError::NoNeighbour {
            addr: 0x5fffe,
            tile: Tile::new(0, 3),
            window: "west"
        }
    );
}

#[test]
fn wrong_programs_are_refused() {
    let with = |segments| CoreElf {
        segments,
        ..CoreElf::default()
    };
    let too_long = with(vec![Segment::zeros(0x3ff0, 17)]);
    assert!(matches!(
        too_long.to_bytes(),
        Err(ElfError::Placement {
            start: 0x3ff0,
            end: 0x4001
        })
    ));
    let twice = with(vec![
        Segment::zeros(0x70000, 16),
        Segment::zeros(0x7000f, 1),
    ]);
    assert!(matches!(twice.to_bytes(), Err(ElfError::Overlap { .. })));
    let odd = with(vec![Segment::zeros(2, 4)]);
    assert_eq!(
        odd.load_commands(Tile::new(0, 2)),
        Err(ElfError::ProgramAlign { addr: 2 })
    );

    let mut other = program().to_bytes().unwrap();
    other[18] = 40;
    assert_eq!(
        CoreElf::parse(&other),
        Err(ElfError::Machine { found: 40 + 256 })
    );
    let cut = &program().to_bytes().unwrap()[..120];
    assert!(CoreElf::parse(cut).is_err());
    assert!(matches!(
        CoreElf::parse(b"not an elf"),
        Err(ElfError::Format { .. })
    ));
}

#[test]
fn readelf_agrees_when_it_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("core.elf");
    std::fs::write(&path, program().to_bytes().unwrap()).unwrap();
    let Ok(output) = std::process::Command::new("readelf")
        .args(["-W", "-h", "-l", "-S", "-s"])
        .arg(&path)
        .output()
    else {
        println!("left out: readelf is not on PATH (package binutils)");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.stderr.is_empty(), "readelf: {output:?}");
    for part in ["0x108", "LOAD", "main", "table", "buffer_in", ".text"] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
}
