//! Shim to memory tile and back, without cores.

use arch::Tile;
use arch::array::{Direction, MemBd, ShimBd};
use emulator::{Budget, Npu};

use crate::design::{Sequence, bytes, loopback};

const BUDGET: Budget = Budget { cycles: 100_000 };
/// Cycles from the start of a shim channel's first task to the first word that it reads.
const FIRST_READ: u64 = 325 + 1330;

fn run(npu: &mut Npu, words: u32) -> (Vec<u8>, emulator::RunReport) {
    let mut seq = Sequence::default();
    seq.transfer(1, Direction::Mm2s, 0, 1, 0, words)
        .transfer(1, Direction::S2mm, 0, 0, 1, words)
        .wait(1, 0);
    let input = bytes((0..words).map(|i| i.wrapping_mul(0x0101_0101).wrapping_add(7)));
    let mut args = [input.clone(), vec![0; input.len()]];
    let report = npu.run(&seq.stream(), &mut args, BUDGET).unwrap();
    let [back, output] = args;
    assert_eq!(back, input, "the input buffer comes back");
    assert_eq!(output, input);
    (output, report)
}

#[test]
fn data_comes_back_at_nearly_a_word_a_cycle() {
    let mut npu = Npu::new();
    npu.load_cdo(&loopback(1, 64).cdo()).unwrap();
    let (_, report) = run(&mut npu, 64 * 100);
    assert_eq!(report.host_read, 64 * 100 * 4);
    assert_eq!(report.host_written, 64 * 100 * 4);
    let mem = Tile::new(1, 1);
    let moved: Vec<_> = report
        .dma
        .iter()
        .filter(|d| d.channel.tile == mem)
        .collect();
    assert_eq!(moved.len(), 2);
    assert!(moved.iter().all(|d| d.words == 6400));
    // One cycle a word and one a descriptor, plus the way there and back; before that, what a channel's
    // first task takes to its first word.
    let rest = report.cycles - FIRST_READ;
    assert!((6400..6400 + 100 + 200).contains(&rest), "{report}");
    assert!(report.unfinished.is_empty());
}

#[test]
fn tasks_of_a_shim_take_their_time_and_the_first_one_more() {
    let mut npu = Npu::new();
    npu.load_cdo(&loopback(1, 64).cdo()).unwrap();
    let mut cycles = || run(&mut npu, 64).1.cycles;
    let (first, second, third) = (cycles(), cycles(), cycles());
    assert_eq!(
        first - second,
        1330,
        "reading; the writing channel is ready by then"
    );
    assert_eq!(second, third);
    assert!((325 + 64..325 + 64 + 100).contains(&second), "{second}");
}

#[test]
fn state_lasts_from_run_to_run_and_runs_are_deterministic() {
    let mut npu = Npu::new();
    npu.load_cdo(&loopback(1, 64).cdo()).unwrap();
    let first = run(&mut npu, 192).1;
    let second = run(&mut npu, 128).1;
    let third = run(&mut npu, 128).1;
    let mut again = Npu::new();
    again.load_cdo(&loopback(1, 64).cdo()).unwrap();
    assert_eq!(run(&mut again, 192).1, first);
    assert_eq!(run(&mut again, 128).1, second);
    assert_eq!(run(&mut again, 128).1, third);
    assert_eq!(
        npu.lock(Tile::new(1, 1), 0),
        Some(1),
        "the channel holds one for what comes next"
    );
    assert_eq!(npu.lock(Tile::new(1, 1), 1), Some(0));
}

#[test]
fn shim_descriptors_walk_in_three_dimensions_and_iterate() {
    let mut npu = Npu::new();
    npu.load_cdo(&loopback(1, 32).cdo()).unwrap();
    // Read a 4x4x2 block out of rows of 16 words and planes of 128.
    let block = ShimBd {
        buffer_length: 32,
        d0_wrap: 4,
        d1_wrap: 4,
        d1_step: 16,
        d2_step: 128,
        valid: true,
        ..ShimBd::default()
    };
    let mut seq = Sequence::default();
    seq.transfer_bd(1, Direction::Mm2s, 0, 1, 0, block)
        .transfer(1, Direction::S2mm, 0, 0, 1, 32)
        .wait(1, 0);
    let mut args = [bytes(0..256), vec![0; 128]];
    npu.run(&seq.stream(), &mut args, BUDGET).unwrap();
    let want =
        (0..2u32).flat_map(|p| (0..4).flat_map(move |r| (0..4).map(move |c| p * 128 + r * 16 + c)));
    assert_eq!(args[1], bytes(want));
}

#[test]
fn memory_tiles_pad_with_zeros() {
    let mem = Tile::new(1, 1);
    let mut design = loopback(1, 8);
    // Rows of 4 words become rows of 6 words, with a row of zeros before them.
    for (id, base, next) in [(2, 0, 3), (3, 0x10000, 2)] {
        design.mem_bd(
            mem,
            id,
            MemBd {
                base_address: (0x80000 + base) / 4,
                buffer_length: 18,
                d0_wrap: 4,
                d0_zero_before: 1,
                d0_zero_after: 1,
                d1_wrap: 2,
                d1_step: 4,
                d1_zero_before: 1,
                next_bd: next,
                use_next: true,
                valid: true,
                acq_enable: true,
                acq_id: 65,
                acq_value: -1,
                rel_id: 64,
                rel_value: 1,
                ..MemBd::default()
            },
        );
    }
    let mut npu = Npu::new();
    npu.load_cdo(&design.cdo()).unwrap();
    let mut seq = Sequence::default();
    seq.transfer(1, Direction::Mm2s, 0, 1, 0, 8)
        .transfer(1, Direction::S2mm, 0, 0, 1, 18)
        .wait(1, 0);
    let mut args = [bytes(1..9), vec![0xff; 72]];
    npu.run(&seq.stream(), &mut args, BUDGET).unwrap();
    let want = [0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 0];
    assert_eq!(args[1], bytes(want));
}

#[test]
fn memory_tiles_use_their_neighbours() {
    // The buffers and locks of column 1's chain lie in the memory tile of column 2.
    let (mem, east) = (Tile::new(1, 1), Tile::new(2, 1));
    let mut design = loopback(1, 16);
    design.lock(east, 0, 2).lock(east, 1, 0);
    let rows = [
        (0, 0, 1, 0, 1),
        (1, 0x100, 0, 0, 1),
        (2, 0, 3, 1, 0),
        (3, 0x100, 2, 1, 0),
    ];
    for (id, base, next, acquire, release) in rows {
        design.mem_bd(
            mem,
            id,
            MemBd {
                base_address: (0x10_0000 + base) / 4,
                buffer_length: 16,
                next_bd: next,
                use_next: true,
                valid: true,
                acq_enable: true,
                acq_id: 128 + acquire,
                acq_value: -1,
                rel_id: 128 + release,
                rel_value: 1,
                ..MemBd::default()
            },
        );
    }
    let mut npu = Npu::new();
    npu.load_cdo(&design.cdo()).unwrap();
    run(&mut npu, 64);
    assert_eq!(
        npu.data(east, 0, 4),
        Some(&bytes([32 * 0x0101_0101 + 7])[..])
    );
    assert_eq!(npu.data(mem, 0, 4), Some(&[0; 4][..]));
}
