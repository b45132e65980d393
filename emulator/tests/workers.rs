//! Golden designs with core programs of our own: each worker makes its output objects out of its
//! inputs as the designs' cores do.

use arch::Tile;

use crate::core::harness::assemble;
use crate::design::bytes;
use crate::worker::{Combine, End, Worker, combine, copy, end, run, run_programs};

/// The usual places: outputs first, then inputs, one bank each.
const OUT: &[u32] = &[0x400, 0x4000];
const IN: &[u32] = &[0x8000, 0xc000];

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes
        .chunks_exact(4)
        .map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]))
        .collect()
}

#[test]
fn passthrough() {
    for design in ["a_passthrough", "p_1col", "n_elf_load"] {
        let worker = copy(end(0, 2, 0, IN), end(0, 2, 2, OUT), 256);
        let mut args = [bytes(1000..1256), vec![0; 1024]];
        let (_, report) = run(design, &[worker], &mut args);
        assert_eq!(args[1], args[0], "{design}");
        let core = report.cores[0];
        assert!(core.busy > 256 && core.lock_stalls > 0, "{report}");
        assert_eq!(report.cycles, core.busy + core.lock_stalls, "{report}");
    }
}

#[test]
fn two_inputs_are_added() {
    let worker = Worker {
        inputs: vec![
            end(0, 2, 0, &[0x480, 0x4080]),
            end(0, 2, 2, &[0x8000, 0xc000]),
        ],
        ..copy(end(0, 2, 0, IN), end(0, 2, 4, OUT), 128)
    };
    let mut args = [
        bytes(0..128),
        bytes((0..128).map(|i| i * 1000)),
        vec![0; 512],
    ];
    run("b_add2", &[worker], &mut args);
    assert_eq!(args[2], bytes((0..128).map(|i| i * 1001)));
}

#[test]
fn memory_tile_links() {
    let worker = copy(end(1, 3, 0, IN), end(1, 3, 2, OUT), 128);
    let mut args = [bytes(7..519), vec![0; 2048]];
    run("c_memtile", &[worker], &mut args);
    assert_eq!(args[1], args[0]);
}

#[test]
fn distribute_and_join() {
    let workers: Vec<_> = (2..6)
        .map(|row| copy(end(0, row, 0, IN), end(0, row, 2, OUT), 128))
        .collect();
    let mut args = [bytes(3..515), vec![0; 2048]];
    let (_, report) = run("d_distribute_join", &workers, &mut args);
    assert_eq!(args[1], args[0]);
    assert_eq!(report.cores.len(), 4);
}

/// The receivers of one fifo, of different depths.
pub(crate) fn broadcast() -> [Worker; 4] {
    [
        copy(end(0, 2, 0, IN), end(0, 2, 2, OUT), 64),
        copy(
            end(0, 3, 0, &[0x8000, 0xc000, 0x440]),
            end(0, 3, 2, OUT),
            64,
        ),
        copy(end(1, 2, 0, IN), end(1, 2, 2, OUT), 64),
        copy(end(2, 4, 0, &[0x8000]), end(2, 4, 2, OUT), 64),
    ]
}

#[test]
fn broadcast_with_different_depths() {
    let mut args = [bytes(0..64), vec![0; 1024]];
    run("e_broadcast", &broadcast(), &mut args);
    let want = (0..4u32)
        .flat_map(|object| (0..4).flat_map(move |_| (0..16).map(move |i| object * 16 + i)));
    assert_eq!(args[1], bytes(want));
}

/// Element offsets of nested loops, outermost first, as the design writes its dimensions.
fn order(dims: &[(usize, usize)]) -> Vec<usize> {
    dims.iter().fold(vec![0], |outer, (size, stride)| {
        outer
            .iter()
            .flat_map(|base| (0..*size).map(move |i| base + i * stride))
            .collect()
    })
}

/// Layout changes on the way into and out of memory tile and core.
#[test]
fn layouts_in_n_dimensions() {
    let small = end(0, 2, 4, &[0x800, 0x4400]);
    let worker = Worker {
        unused: vec![small],
        ..copy(end(0, 2, 0, IN), end(0, 2, 2, OUT), 1024)
    };
    let elements: Vec<u16> = (0..1024).map(|i| i * 7 + 1).collect();
    let input: Vec<u8> = elements.iter().flat_map(|e| e.to_le_bytes()).collect();
    let mut args = [input, bytes(0..128), vec![0; 2048]];
    let (npu, _) = run("f_ndim", &[worker], &mut args);

    let tiles = order(&[(8, 64), (2, 8), (4, 16), (8, 1)]);
    let halves = order(&[(32, 8), (2, 256), (8, 1)]);
    let mut want = vec![0u16; 1024];
    for object in [0, 512] {
        for k in 0..512 {
            want[object + tiles[k]] = elements[object + tiles[halves[k]]];
        }
    }
    let want: Vec<u8> = want.iter().flat_map(|e| e.to_le_bytes()).collect();
    assert_eq!(args[2], want);

    let transposed = order(&[(8, 1), (8, 8)]);
    let blocks = order(&[(8, 4), (2, 32), (4, 1)]);
    for (object, buffer) in [(0, 0x800), (64, 0x4400)] {
        let mut want = vec![0; 64];
        for k in 0..64 {
            want[blocks[k]] = object + transposed[k] as u32;
        }
        let got = npu.data(Tile::new(0, 2), buffer, 256).unwrap();
        assert_eq!(words(got), want, "object at {buffer:#x}");
    }
}

/// A window of three objects slides by one; a skip connection waits in the memory tile.
#[test]
fn sliding_windows_and_depths() {
    let first = copy(end(2, 2, 0, &[0x4000, 0x8000]), end(2, 2, 2, &[0x400]), 128);
    let last = Worker {
        inputs: vec![
            end(3, 5, 2, &[0x4000, 0x8000]),
            end(3, 5, 0, &[0xc000, 0x480]),
        ],
        ..copy(end(3, 5, 0, IN), end(3, 5, 4, &[0x400]), 128)
    };
    let core = Tile::new(2, 4);
    let (rows, sums) = (
        end(2, 4, 0, &[0x8000, 0xc000, 0x480, 0x4080]),
        end(2, 4, 2, OUT),
    );
    let mut text = String::from("mova r0, #-1\nmova r1, #1\nmova r2, #-3\n.nops 8\n");
    for turn in 0..6 {
        let need = if turn == 0 { "r2" } else { "r0" };
        text += &format!("acq #{}, {need}\n", rows.lock(core, rows.cons));
        text += &format!("acq #{}, r0\n", sums.lock(core, sums.prod));
        let window: Vec<_> = (0..3).map(|i| rows.address(core, turn + i)).collect();
        text += &combine(Combine::Add, &window, sums.address(core, turn), 32);
        text += &format!("rel #{}, r1\n", rows.lock(core, rows.prod));
        text += &format!("rel #{}, r1\n", sums.lock(core, sums.cons));
    }
    let middle = assemble(&(text + "done\n.nops 8\n"));
    let programs = [
        (first.core, first.program()),
        (core, middle),
        (last.core, last.program()),
    ];
    let mut args = [bytes((0..256).map(|i| i * i)), vec![0; 768]];
    let (_, report) = run_programs("j_depth_skip", &programs, &mut args);
    let input = words(&args[0]);
    let want: Vec<u32> = (0..192)
        .map(|i| input[i] + input[i + 32] + input[i + 64] + input[i])
        .collect();
    assert_eq!(words(&args[1]), want);
    assert!(report.cores.iter().any(|c| c.tile == core && c.done));
}

/// Vertical and horizontal neighbours pass objects through shared memory and locks.
#[test]
fn shared_memory() {
    let vertical = end(1, 2, 2, OUT);
    let horizontal = end(1, 3, 0, &[0x400, 0x4000, 0x8000]);
    let worker = |core, input, output: End| Worker {
        core,
        ..copy(input, output, 128)
    };
    let workers = [
        worker(Tile::new(1, 2), end(1, 2, 0, IN), vertical),
        worker(Tile::new(1, 3), vertical, horizontal),
        worker(Tile::new(2, 3), horizontal, end(2, 3, 0, OUT)),
    ];
    let mut args = [bytes(50..178), vec![0; 512]];
    run("k_shared_mem", &workers, &mut args);
    assert_eq!(args[1], args[0]);
}

/// A weight that waits in the memory tile is sent four times, every input twice.
#[test]
fn initial_values_and_repeats() {
    let (weights, inputs) = (end(1, 3, 0, &[0x420]), end(1, 3, 2, IN));
    let (down, west) = (end(1, 3, 4, OUT), end(1, 2, 0, OUT));
    let workers = [
        Worker {
            inputs: vec![weights, inputs],
            how: Combine::Mul,
            ..copy(inputs, down, 32)
        },
        Worker {
            core: Tile::new(1, 2),
            ..copy(down, west, 32)
        },
        copy(end(0, 2, 0, IN), end(0, 2, 2, OUT), 32),
    ];
    let mut args = [bytes(100..116), vec![0; 128]];
    run("l_init_repeat", &workers, &mut args);
    let want = (0..4u32).flat_map(|it| (0..8).map(move |k| (k + 1) * (100 + 8 * (it / 2) + k)));
    assert_eq!(args[1], bytes(want));
}

/// Padded planes arrive, a chain runs three times, a cascade crosses three cores.
#[test]
fn padding_iteration_and_cascade() {
    let (from, over, to) = (Tile::new(0, 3), Tile::new(1, 3), Tile::new(1, 2));
    let (planes, weights) = (end(0, 3, 0, OUT), end(0, 3, 2, &[0x8000, 0xc000, 0x5e0]));
    let out = end(1, 2, 0, OUT);
    let sender = format!(
        "mova r0, #-1\nmova r1, #1\nmova r2, #-2\nmova r3, #2\nmovxm p0, #{}\n.nops 8\n\
         acq #{}, r0\nacq #{}, r2\nvlda wl0, [p0, #0]\nvlda wh0, [p0, #32]\n.nops 8\nvmov MCD, x0\n\
         rel #{}, r3\nacq #{}, r2\nrel #{}, r1\nrel #{}, r3\nacq #{}, r0\ndone\n.nops 8\n",
        planes.address(from, 0) + 16 * 4,
        planes.lock(from, planes.cons),
        weights.lock(from, weights.cons),
        weights.lock(from, weights.prod),
        weights.lock(from, weights.cons),
        planes.lock(from, planes.prod),
        weights.lock(from, weights.prod),
        planes.lock(from, planes.cons),
    );
    let relay = "vmov x0, SCD\n.nops 8\nvmov MCD, x0\n.nops 8\ndone\n.nops 8\n";
    let receiver = format!(
        "mova r0, #-1\nmova r1, #1\nmovxm p0, #{}\n.nops 8\nacq #{}, r0\nvmov x0, SCD\n.nops 8\n\
         vst wl0, [p0, #0]\nvst wh0, [p0, #32]\n.nops 8\nrel #{}, r1\ndone\n.nops 8\n",
        out.address(to, 0),
        out.lock(to, out.prod),
        out.lock(to, out.cons),
    );
    let programs = [
        (from, assemble(&sender)),
        (over, assemble(relay)),
        (to, assemble(&receiver)),
    ];
    let mut args = [bytes(1..113), vec![0; 64]];
    let (mut npu, _) = run_programs("o_pad_cascade", &programs, &mut args);
    let plane = words(npu.data(from, 0x400, 480).unwrap());
    for (i, word) in plane.iter().enumerate() {
        let (row, col) = (i / 12, i % 12);
        let inside = (1..8).contains(&row) && (3..11).contains(&col);
        let want = if inside {
            1 + (row - 1) * 8 + col - 3
        } else {
            0
        };
        assert_eq!(*word as usize, want, "word {i}");
    }
    assert_eq!(words(&args[1]), plane[16..32]);
    // The weights 1, 2, 1, 2, 1, 2 go through three buffers; let the rest of them arrive.
    for _ in 0..200 {
        npu.step().unwrap();
    }
    let weight = |at| words(npu.data(from, at, 64).unwrap());
    for (at, want) in [(0x8000, 2), (0xc000, 1), (0x5e0, 2)] {
        assert_eq!(weight(at), [want; 16], "buffer at {at:#x}");
    }
    assert_eq!(npu.lock(from, 3), Some(2), "four of six objects were taken");
}
