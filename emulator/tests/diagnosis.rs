//! Runs that cannot end: who waits for what.

use arch::array::{Direction, Port};
use arch::{Tile, array};
use emulator::{Budget, EmuError, Npu};
use formats::cdo::{Cdo, Command};

use crate::design::{Sequence, bytes, loopback};

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
