//! Runs that cannot end: who waits for what.

use arch::array::{Direction, Port};
use arch::{Tile, array};
use emulator::{Budget, EmuError, Npu};
use formats::cdo::{Cdo, Command};

use crate::core::harness::assemble;
use crate::design::{Sequence, bytes, loopback};
use crate::goldens::{configure, enable, stream};
use crate::worker::{copy, end};

const BUDGET: Budget = Budget { cycles: 100_000 };

fn diagnose(cdo: &Cdo, sequence: &Sequence) -> String {
    let mut npu = Npu::new();
    npu.load_cdo(cdo).unwrap();
    let mut args = [bytes(0..64), vec![0; 256]];
    match npu.run(&sequence.stream(), &mut args, BUDGET) {
        Err(e @ EmuError::Deadlock { .. }) => e.to_string(),
        other => panic!("{other:?}"),
    }
}

/// A golden design with these programs.
fn diagnose_programs(design: &str, programs: &[(Tile, Vec<u8>)], args: &mut [Vec<u8>]) -> String {
    let mut npu = configure(design);
    for (core, program) in programs {
        let (words, _) = program.as_chunks::<4>();
        let words: Vec<u32> = words.iter().map(|w| u32::from_le_bytes(*w)).collect();
        npu.write_block(core.base() + array::memory::PROGRAM_OFFSET, &words)
            .unwrap();
    }
    enable(&mut npu, design);
    match npu.run(&stream(design), args, BUDGET) {
        Err(e @ EmuError::Deadlock { .. }) => e.to_string(),
        other => panic!("{other:?}"),
    }
}

fn both(words_in: u32, words_out: u32) -> Sequence {
    let mut seq = Sequence::default();
    seq.transfer(0, Direction::Mm2s, 0, 1, 0, words_in)
        .transfer(0, Direction::S2mm, 0, 0, 1, words_out)
        .wait(0, 0);
    seq
}

#[test]
fn a_missing_input_transfer() {
    let mut seq = Sequence::default();
    seq.transfer(0, Direction::S2mm, 0, 0, 1, 16).wait(0, 0);
    insta::assert_snapshot!(diagnose(&loopback(0, 16).cdo(), &seq));
}

#[test]
fn byte_counts_that_do_not_match() {
    insta::assert_snapshot!(diagnose(&loopback(0, 16).cdo(), &both(24, 24)));
}

#[test]
fn a_lock_that_nobody_releases() {
    let mut design = loopback(0, 16);
    design.lock(Tile::new(0, 1), 0, 0);
    insta::assert_snapshot!(diagnose(&design.cdo(), &both(16, 16)));
}

#[test]
fn a_stream_that_ends_nowhere() {
    let mut cdo = loopback(0, 16).cdo();
    let mem = Tile::new(0, 1);
    let slave = array::slave_index(mem.kind(), Port::South(1)).unwrap();
    let addr = mem.base() + array::switch::slave_offset(mem.kind(), slave);
    cdo.commands.push(Command::Write { addr, value: 0 });
    insta::assert_snapshot!(diagnose(&cdo, &both(16, 16)));
}

#[test]
fn a_token_without_a_way_to_the_host() {
    let mut cdo = loopback(0, 16).cdo();
    let shim = Tile::new(0, 0);
    let addr = shim.base() + array::switch::slave_offset(shim.kind(), 0);
    cdo.commands.push(Command::Write { addr, value: 0 });
    insta::assert_snapshot!(diagnose(&cdo, &both(16, 16)));
}

#[test]
fn a_program_that_does_not_release() {
    let program = assemble(
        "mova r0, #-1\nmova r1, #1\n.nops 8\nagain:\nacq #49, r0\nacq #50, r0\n.nops 4\n\
         rel #51, r1\n.nops 4\nj #again\n.nops 5\n.align\n",
    );
    let mut args = [bytes(0..256), vec![0; 1024]];
    let programs = [(Tile::new(0, 2), program)];
    insta::assert_snapshot!(diagnose_programs("a_passthrough", &programs, &mut args));
}

/// The core wants two objects of a fifo that has room for one.
#[test]
fn a_circle_through_a_fifo_of_depth_one() {
    const IN: &[u32] = &[0x8000, 0xc000];
    const OUT: &[u32] = &[0x400, 0x4000];
    let workers = [
        copy(end(0, 2, 0, IN), end(0, 2, 2, OUT), 64),
        copy(
            end(0, 3, 0, &[0x8000, 0xc000, 0x440]),
            end(0, 3, 2, OUT),
            64,
        ),
        copy(end(1, 2, 0, IN), end(1, 2, 2, OUT), 64),
    ];
    let mut programs: Vec<_> = workers.iter().map(|w| (w.core, w.program())).collect();
    let greedy = assemble(
        "mova r0, #-2\nmova r1, #1\nmova r2, #2\nmova r3, #-1\n.nops 8\nagain:\n\
         acq #49, r0\nacq #50, r3\n.nops 4\nrel #48, r2\nrel #51, r1\n.nops 4\n\
         j #again\n.nops 5\n.align\n",
    );
    programs.push((Tile::new(2, 4), greedy));
    let mut args = [bytes(0..64), vec![0; 1024]];
    insta::assert_snapshot!(diagnose_programs("e_broadcast", &programs, &mut args));
}

#[test]
fn a_transfer_that_is_too_short() {
    insta::assert_snapshot!(diagnose(&loopback(0, 16).cdo(), &both(12, 16)));
}

#[test]
fn locks_that_are_swapped() {
    let mut design = loopback(0, 16);
    for (id, base, next) in [(2, 0x80000, 3), (3, 0x90000, 2)] {
        let bd = array::MemBd {
            base_address: base / 4,
            buffer_length: 16,
            next_bd: next,
            use_next: true,
            valid: true,
            acq_enable: true,
            acq_id: 64,
            acq_value: -1,
            rel_id: 65,
            rel_value: 1,
            ..array::MemBd::default()
        };
        design.mem_bd(Tile::new(0, 1), id, bd);
    }
    insta::assert_snapshot!(diagnose(&design.cdo(), &both(64, 64)));
}

#[test]
fn the_budget_ends_a_run() {
    let mut npu = Npu::new();
    npu.load_cdo(&loopback(0, 16).cdo()).unwrap();
    let mut args = [bytes(0..64), vec![0; 256]];
    let err = npu
        .run(&both(64, 64).stream(), &mut args, Budget { cycles: 50 })
        .unwrap_err();
    assert!(matches!(err, EmuError::Budget { budget: 50, .. }), "{err}");
    assert!(
        err.to_string()
            .contains("waits for a token of DMA S2MM0 of shim tile (0,0)")
    );
}
