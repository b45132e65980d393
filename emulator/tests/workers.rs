//! Golden designs with core programs of our own: each worker copies (or adds) objects from its inputs
//! to its output, as the designs' cores do.

use arch::Tile;
use arch::array::lock::core_lock_id;
use arch::array::memory::core_address;
use emulator::{Budget, Npu, RunReport};

use crate::core::harness::assemble;
use crate::design::bytes;
use crate::goldens::{configure, enable, stream};

/// One end of a FIFO as the toolchain placed it.
#[derive(Clone, Copy)]
struct End {
    tile: Tile,
    /// Locks that count free and full objects.
    prod: u8,
    cons: u8,
    buffers: &'static [u32],
}

const fn end(col: u8, row: u8, prod: u8, buffers: &'static [u32]) -> End {
    End {
        tile: Tile::new(col, row),
        prod,
        cons: prod + 1,
        buffers,
    }
}

/// A core that makes one output object out of one object of every input, word by word.
struct Worker {
    core: Tile,
    inputs: Vec<End>,
    output: End,
    object: u32,
}

impl Worker {
    fn lock(&self, end: End, id: u8) -> u8 {
        core_lock_id(self.core, end.tile, id).expect("lock in reach")
    }

    fn address(&self, end: End, turn: usize) -> u32 {
        let offset = end.buffers[turn % end.buffers.len()];
        core_address(self.core, end.tile, offset).expect("buffer in reach")
    }

    /// The program: an endless loop over as many objects as it takes until all buffers rotate back.
    fn program(&self) -> Vec<u8> {
        let turns = [self.output].iter().chain(&self.inputs).fold(1, |n, e| {
            let depth = e.buffers.len();
            n * depth / gcd(n, depth)
        });
        let mut text = String::from("mova r0, #-1\nmova r1, #1\n.nops 8\nagain:\n");
        for turn in 0..turns {
            for input in &self.inputs {
                text += &format!("acq #{}, r0\n", self.lock(*input, input.cons));
            }
            text += &format!("acq #{}, r0\n", self.lock(self.output, self.output.prod));
            for (i, input) in self.inputs.iter().enumerate() {
                text += &format!("movxm p{i}, #{}\n", self.address(*input, turn));
            }
            text += &format!("movxm p7, #{}\n.nops 8\n", self.address(self.output, turn));
            for _ in 0..self.object / 4 {
                for i in 0..self.inputs.len() {
                    text += &format!("lda r{}, [p{i}], #4\n", 4 + i);
                }
                text += ".nops 8\n";
                let last = 3 + self.inputs.len();
                for i in 4..last {
                    text += &format!("add r{last}, r{last}, r{i}\n.nops 1\n");
                }
                text += &format!("st r{last}, [p7], #4\n");
            }
            text += ".nops 8\n";
            for input in &self.inputs {
                text += &format!("rel #{}, r1\n", self.lock(*input, input.prod));
            }
            text += &format!("rel #{}, r1\n", self.lock(self.output, self.output.cons));
        }
        assemble(&(text + "j #again\n.nops 5\n"))
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn run(design: &str, workers: &[Worker], args: &mut [Vec<u8>]) -> RunReport {
    let mut npu: Npu = configure(design);
    for worker in workers {
        let mut program = worker.program();
        program.resize(program.len().next_multiple_of(4), 0);
        let words: Vec<u32> = program
            .chunks_exact(4)
            .map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]))
            .collect();
        npu.write_block(worker.core.base() + 0x20000, &words)
            .unwrap();
    }
    enable(&mut npu, design);
    let budget = Budget { cycles: 200_000 };
    npu.run(&stream(design), args, budget)
        .unwrap_or_else(|e| panic!("{design}: {e}"))
}

fn copy(input: End, output: End, object: u32) -> Worker {
    Worker {
        core: input.tile,
        inputs: vec![input],
        output,
        object,
    }
}

/// The usual places: outputs first, then inputs, one bank each.
const OUT: &[u32] = &[0x400, 0x4000];
const IN: &[u32] = &[0x8000, 0xc000];

#[test]
fn passthrough() {
    let worker = copy(end(0, 2, 0, IN), end(0, 2, 2, OUT), 256);
    let mut args = [bytes(1000..1256), vec![0; 1024]];
    let report = run("a_passthrough", &[worker], &mut args);
    assert_eq!(args[1], args[0]);
    assert_eq!(report.cores.len(), 1);
    let core = report.cores[0];
    assert!(core.busy > 256 && core.lock_stalls > 0, "{report}");
    assert_eq!(report.cycles, core.busy + core.lock_stalls, "{report}");
}

#[test]
fn two_inputs_are_added() {
    let worker = Worker {
        core: Tile::new(0, 2),
        inputs: vec![
            end(0, 2, 0, &[0x480, 0x4080]),
            end(0, 2, 2, &[0x8000, 0xc000]),
        ],
        output: end(0, 2, 4, OUT),
        object: 128,
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
    let report = run("d_distribute_join", &workers, &mut args);
    assert_eq!(args[1], args[0]);
    assert_eq!(report.cores.len(), 4);
}

#[test]
fn broadcast_with_different_depths() {
    let workers = [
        copy(end(0, 2, 0, IN), end(0, 2, 2, OUT), 64),
        copy(
            end(0, 3, 0, &[0x8000, 0xc000, 0x440]),
            end(0, 3, 2, OUT),
            64,
        ),
        copy(end(1, 2, 0, IN), end(1, 2, 2, OUT), 64),
        copy(end(2, 4, 0, &[0x8000]), end(2, 4, 2, OUT), 64),
    ];
    let mut args = [bytes(0..64), vec![0; 1024]];
    run("e_broadcast", &workers, &mut args);
    let want = (0..4u32)
        .flat_map(|object| (0..4).flat_map(move |_| (0..16).map(move |i| object * 16 + i)));
    assert_eq!(args[1], bytes(want));
}

/// Vertical and horizontal neighbours pass objects through shared memory and locks.
#[test]
fn shared_memory() {
    let vertical = end(1, 2, 2, OUT);
    let horizontal = end(1, 3, 0, &[0x400, 0x4000, 0x8000]);
    let worker = |core, input, output| Worker {
        core,
        inputs: vec![input],
        output,
        object: 128,
    };
    let workers = [
        worker(Tile::new(1, 2), end(1, 2, 0, IN), vertical),
        worker(Tile::new(1, 3), vertical, horizontal),
        worker(Tile::new(2, 3), horizontal, end(2, 3, 0, OUT)),
    ];
    let words = 128;
    let mut args = [bytes(50..50 + words), vec![0; 4 * words as usize]];
    run("k_shared_mem", &workers, &mut args);
    assert_eq!(args[1], args[0]);
}
