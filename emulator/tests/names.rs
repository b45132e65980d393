//! Faults in the array name core, function, address and cycle.

use arch::Tile;
use emulator::EmuError;
use formats::elf::{CoreElf, Segment, Symbol, SymbolKind};

use crate::core::harness::assemble;
use crate::design::bytes;
use crate::goldens::configure;
use crate::worker::try_programs_on;

const CORE: Tile = Tile::new(0, 2);

/// An ELF of a program whose function `kernel` begins at `at`.
fn elf(program: &[u8], at: u32) -> CoreElf {
    let symbol = Symbol {
        name: "kernel".into(),
        addr: at,
        size: program.len() as u32 - at,
        kind: SymbolKind::Function,
        global: true,
    };
    CoreElf {
        entry: 0,
        segments: vec![Segment::bytes(0, program.to_vec())],
        symbols: vec![symbol],
    }
}

/// What a program on one core of a golden design ends in.
fn failure(text: &str, named: bool) -> EmuError {
    let mut program = assemble(text);
    program.resize(program.len().next_multiple_of(4), 0);
    let mut npu = configure("a_passthrough");
    assert!(
        npu.write_block(CORE.base() + 0x20000, &words(&program))
            .is_ok()
    );
    if named {
        assert!(npu.name_functions(CORE, &elf(&program, 6)));
    }
    let programs = [(CORE, program)];
    let mut args = [bytes(0..256), vec![0; 1024]];
    try_programs_on(&mut npu, "a_passthrough", &programs, &mut args).unwrap_err()
}

fn words(bytes: &[u8]) -> Vec<u32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|w| u32::from_le_bytes(*w)).collect()
}

const BEYOND_THE_WEST: &str = "movxm p0, #327680\nlda r0, [p0, #0]\n.nops 8\ndone\n.nops 8";

#[test]
fn an_access_beyond_the_edge_is_placed_in_its_function() {
    insta::assert_snapshot!(failure(BEYOND_THE_WEST, true), @r#"
    core (0,2) at 0x00006 in kernel+0x0 `lda r0, [p0, #0]`, cycle 5: access to 0x50000: no core tile lies west of this one
    help: check the placement of the buffer and its tile (array cycle 6)
    "#);
    let unnamed = failure(BEYOND_THE_WEST, false).to_string();
    assert!(
        unnamed.starts_with("core (0,2) at 0x00006 `lda"),
        "{unnamed}"
    );
}

#[test]
fn waits_name_functions_too() {
    let text = "mova r0, #-1\n.nops 4\nacq #15, r0\n.nops 8\ndone\n.nops 8";
    let waits = failure(&text.replace("#15", "#63"), true).to_string();
    let line = waits.lines().find(|l| l.contains("core (0,2), at"));
    insta::assert_snapshot!(line.unwrap_or_default().trim(), @r#"
    core (0,2), at 0x00010 in kernel+0xa, waits for lock 15 of core tile (0,2) to be 1 or more, it is 0
    "#);
}

#[test]
fn names_of_another_program_are_not_taken() {
    let mut program = assemble("mova r0, #1\ndone\n.nops 8");
    program.resize(program.len().next_multiple_of(4), 0);
    let mut npu = configure("a_passthrough");
    assert!(
        !npu.name_functions(CORE, &elf(&program, 2)),
        "nothing is loaded"
    );
    let at = CORE.base() + 0x20000;
    assert!(npu.write_block(at, &words(&program)).is_ok());
    assert!(npu.name_functions(CORE, &elf(&program, 0)));
    let place = |npu: &emulator::Npu| npu.core(CORE).unwrap().place().map(|p| p.function);
    assert_eq!(place(&npu).as_deref(), Some("kernel"));
    assert!(npu.write_block(at, &[0x1234_5678]).is_ok());
    assert_eq!(place(&npu), None, "another program has come");
    assert!(
        !npu.name_functions(Tile::new(0, 1), &elf(&program, 2)),
        "no core"
    );
    assert!(
        !npu.name_functions(CORE, &CoreElf::default()),
        "nothing in the ELF"
    );
}
