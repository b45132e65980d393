//! Cores that run ahead of the array, on any number of threads, and words that move in bursts change
//! nothing.

use arch::{Tile, TileKind};
use emulator::RunReport;

use crate::core::harness::assemble;
use crate::design::bytes;
use crate::goldens::configure;
use crate::worker::{Worker, copy, end, run_programs_on, try_programs_on};
use crate::workers::broadcast;

const OUT: &[u32] = &[0x400, 0x4000];
const IN: &[u32] = &[0x8000, 0xc000];

/// What two runs of a design leave behind: host buffers, reports, and memories and locks once nothing
/// moves any more.
#[derive(Debug, PartialEq)]
struct Outcome {
    args: Vec<Vec<u8>>,
    report: RunReport,
    memories: Vec<Vec<u8>>,
    locks: Vec<Option<u8>>,
}

fn outcome(
    design: &str,
    workers: &[Worker],
    args: &[Vec<u8>],
    lookahead: bool,
    threads: usize,
) -> Outcome {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.unwrap().install(|| {
        let mut npu = configure(design);
        npu.set_lookahead(lookahead);
        let programs: Vec<_> = workers.iter().map(|w| (w.core, w.program())).collect();
        let mut args = args.to_vec();
        let (mut npu, report) = run_programs_on(npu, design, &programs, &mut args);
        for _ in 0..3000 {
            npu.step().unwrap();
        }
        let cores = || Tile::all().filter(|t| t.kind() == TileKind::Core);
        Outcome {
            args,
            report,
            memories: cores()
                .map(|t| npu.data(t, 0, 0x1_0000).unwrap().to_vec())
                .collect(),
            locks: cores()
                .flat_map(|t| (0..16).map(move |id| (t, id)))
                .map(|(t, id)| npu.lock(t, id))
                .collect(),
        }
    })
}

fn check(design: &str, workers: &[Worker], args: &[Vec<u8>]) {
    let expected = outcome(design, workers, args, false, 1);
    assert!(
        expected.report.cores.iter().any(|c| c.busy > 300),
        "{design} has work"
    );
    for threads in [1, 4] {
        let found = outcome(design, workers, args, true, threads);
        assert_eq!(found.report, expected.report, "{design}, {threads} threads");
        assert!(found == expected, "{design}, {threads} threads");
    }
}

#[test]
fn of_independent_cores() {
    let workers: Vec<_> = (2..6)
        .map(|row| copy(end(0, row, 0, IN), end(0, row, 2, OUT), 128))
        .collect();
    check(
        "d_distribute_join",
        &workers,
        &[bytes(3..515), vec![0; 2048]],
    );
}

#[test]
fn of_cores_that_share_memory() {
    let (vertical, horizontal) = (end(1, 2, 2, OUT), end(1, 3, 0, &[0x400, 0x4000, 0x8000]));
    let worker = |core, input, output| Worker {
        core,
        ..copy(input, output, 128)
    };
    let workers = [
        worker(Tile::new(1, 2), end(1, 2, 0, IN), vertical),
        worker(Tile::new(1, 3), vertical, horizontal),
        worker(Tile::new(2, 3), horizontal, end(2, 3, 0, OUT)),
    ];
    check("k_shared_mem", &workers, &[bytes(50..178), vec![0; 512]]);
}

#[test]
fn of_one_core_behind_a_memory_tile() {
    let worker = copy(end(1, 3, 0, IN), end(1, 3, 2, OUT), 128);
    check("c_memtile", &[worker], &[bytes(7..519), vec![0; 2048]]);
}

#[test]
fn of_a_stream_to_cores_of_different_depths() {
    check("e_broadcast", &broadcast(), &[bytes(0..64), vec![0; 1024]]);
}

#[test]
fn of_layouts_in_several_dimensions() {
    let worker = Worker {
        unused: vec![end(0, 2, 4, &[0x800, 0x4400])],
        ..copy(end(0, 2, 0, IN), end(0, 2, 2, OUT), 1024)
    };
    check(
        "f_ndim",
        &[worker],
        &[bytes(0..512), bytes(0..128), vec![0; 2048]],
    );
}

#[test]
fn of_a_program_that_ends() {
    let program = assemble("mova r0, #1\nmova r1, #2\n.nops 20\ndone\n.nops 8\n");
    let report = |lookahead: bool| {
        let mut npu = configure("a_passthrough");
        npu.set_lookahead(lookahead);
        let programs = [(Tile::new(0, 2), program.clone())];
        let mut args = [bytes(0..256), vec![0; 1024]];
        // The output never comes: the run ends in a deadlock, the core in `done`.
        let error = try_programs_on(&mut npu, "a_passthrough", &programs, &mut args).unwrap_err();
        (
            error.to_string(),
            npu.core(Tile::new(0, 2)).unwrap().counts(),
        )
    };
    assert_eq!(report(true), report(false));
}
