//! Core programs for the golden designs, written from where the toolchain placed buffers and locks.

use arch::Tile;
use arch::array::lock::core_lock_id;
use arch::array::memory::core_address;
use emulator::{Budget, EmuError, Npu, RunReport};

use crate::core::harness::assemble;
use crate::goldens::{configure, enable, stream};

/// One end of a FIFO as the toolchain placed it.
#[derive(Clone, Copy)]
pub(crate) struct End {
    pub(crate) tile: Tile,
    /// Locks that count free and full objects.
    pub(crate) prod: u8,
    pub(crate) cons: u8,
    pub(crate) buffers: &'static [u32],
}

/// An end whose locks are `prod` and the next.
pub(crate) const fn end(col: u8, row: u8, prod: u8, buffers: &'static [u32]) -> End {
    End {
        tile: Tile::new(col, row),
        prod,
        cons: prod + 1,
        buffers,
    }
}

impl End {
    /// Operand by which a core names a lock of this end.
    pub(crate) fn lock(&self, core: Tile, id: u8) -> u8 {
        core_lock_id(core, self.tile, id).expect("lock in reach")
    }

    /// Address of the buffer of a turn, as a core sees it.
    pub(crate) fn address(&self, core: Tile, turn: usize) -> u32 {
        let offset = self.buffers[turn % self.buffers.len()];
        core_address(core, self.tile, offset).expect("buffer in reach")
    }
}

/// How words of several inputs become one.
#[derive(Clone, Copy)]
pub(crate) enum Combine {
    Add,
    Mul,
}

/// Text that combines words of several buffers into one, `words` times. Takes the buffers' addresses.
pub(crate) fn combine(how: Combine, inputs: &[u32], output: u32, words: u32) -> String {
    let mut text = String::new();
    for (i, address) in inputs.iter().enumerate() {
        text += &format!("movxm p{i}, #{address}\n");
    }
    text += &format!("movxm p7, #{output}\n.nops 8\n");
    for group in 0..words.div_ceil(4) {
        let count = 4.min(words - 4 * group);
        for i in 0..inputs.len() {
            for j in 0..count {
                text += &format!("lda r{}, [p{i}], #4\n", 4 + 4 * i as u32 + j);
            }
        }
        text += ".nops 8\n";
        for i in 1..inputs.len() {
            let op = match how {
                Combine::Add => "add",
                Combine::Mul => "mul",
            };
            for j in 0..count {
                let (a, b) = (4 + j, 4 + 4 * i as u32 + j);
                text += &format!("{op} r{a}, r{a}, r{b}\n");
            }
            text += ".nops 2\n";
        }
        for j in 0..count {
            text += &format!("st r{}, [p7], #4\n", 4 + j);
        }
    }
    text + ".nops 8\n"
}

/// A core that makes one output object out of one object of every input, word by word.
pub(crate) struct Worker {
    pub(crate) core: Tile,
    pub(crate) inputs: Vec<End>,
    /// Inputs that are taken but not looked at.
    pub(crate) unused: Vec<End>,
    pub(crate) output: End,
    /// Bytes of an object.
    pub(crate) object: u32,
    pub(crate) how: Combine,
}

impl Worker {
    /// The program: an endless loop over as many objects as it takes until all buffers rotate back.
    pub(crate) fn program(&self) -> Vec<u8> {
        let core = self.core;
        let taken = || self.inputs.iter().chain(&self.unused);
        let turns = taken().chain([&self.output]).fold(1, |n, e| {
            let depth = e.buffers.len();
            n * depth / gcd(n, depth)
        });
        let mut text = String::from("mova r0, #-1\nmova r1, #1\n.nops 8\nagain:\n");
        for turn in 0..turns {
            for input in taken() {
                text += &format!("acq #{}, r0\n", input.lock(core, input.cons));
            }
            let output = &self.output;
            text += &format!("acq #{}, r0\n", output.lock(core, output.prod));
            let addresses: Vec<_> = self.inputs.iter().map(|e| e.address(core, turn)).collect();
            let to = output.address(core, turn);
            text += &combine(self.how, &addresses, to, self.object / 4);
            for input in taken() {
                text += &format!("rel #{}, r1\n", input.lock(core, input.prod));
            }
            text += &format!("rel #{}, r1\n", output.lock(core, output.cons));
        }
        assemble(&(text + "j #again\n.nops 5\n"))
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A worker that copies objects.
pub(crate) fn copy(input: End, output: End, object: u32) -> Worker {
    Worker {
        core: input.tile,
        inputs: vec![input],
        unused: Vec::new(),
        output,
        object,
        how: Combine::Add,
    }
}

/// Configures a design, puts programs into its cores, runs its instruction stream.
pub(crate) fn run_programs(
    design: &str,
    programs: &[(Tile, Vec<u8>)],
    args: &mut [Vec<u8>],
) -> (Npu, RunReport) {
    run_programs_on(configure(design), design, programs, args)
}

/// As [`run_programs`], on an array that is configured.
pub(crate) fn run_programs_on(
    mut npu: Npu,
    design: &str,
    programs: &[(Tile, Vec<u8>)],
    args: &mut [Vec<u8>],
) -> (Npu, RunReport) {
    let report = try_programs_on(&mut npu, design, programs, args);
    (npu, report.unwrap_or_else(|e| panic!("{design}: {e}")))
}

/// As [`run_programs_on`], for runs that may fail.
pub(crate) fn try_programs_on(
    npu: &mut Npu,
    design: &str,
    programs: &[(Tile, Vec<u8>)],
    args: &mut [Vec<u8>],
) -> Result<RunReport, EmuError> {
    for (core, program) in programs {
        let mut program = program.clone();
        program.resize(program.len().next_multiple_of(4), 0);
        let words: Vec<u32> = program
            .chunks_exact(4)
            .map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]))
            .collect();
        npu.write_block(core.base() + 0x20000, &words)?;
    }
    enable(npu, design);
    npu.run(&stream(design), args, Budget { cycles: 200_000 })
}

/// Runs a design with these workers.
pub(crate) fn run(design: &str, workers: &[Worker], args: &mut [Vec<u8>]) -> (Npu, RunReport) {
    let programs: Vec<_> = workers.iter().map(|w| (w.core, w.program())).collect();
    run_programs(design, &programs, args)
}
