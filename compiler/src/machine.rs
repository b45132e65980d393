//! A function of kernel IR on one emulated core: compiled, called, and its cycles counted.
//!
//! Tests compare what it leaves in memory with what the interpreter leaves; the benchmark of the
//! kernels counts the cycles from the call to the return.

use std::ops::Range;

use arch::Tile;
use arch::limits::PROGRAM_BYTES;
use emulator::core::{BusError, Core, CoreBus, Fault, Step, Wait};
use thiserror::Error;

use aie2::checker::{self, BankCost, CheckError, CheckReport};
use aie2::emit::{EmitError, Image, emit};
use aie2::layout::{LayoutError, LayoutMap, layout};
use aie2::mir::Program;
use aie2::{CompileError, LoopReport, Options, compile_reported};
use kernel::builder::FuncBuilder;
use kernel::data;
use kernel::interp::{Arg, End, Memory, World};
use kernel::ir::{CoreLock, Module, Port};
use kernel::types::DATA_SPACE;
use kernel::verify::{VerifyErrors, verify};

/// Where the stack begins and what it may take; no region of a run's memory may lie in it.
pub const STACK: Range<u32> = data::STACK;
/// Cycles after which a program is taken to run for ever.
const LIMIT: u64 = 5_000_000;
/// Name of the program that calls the function.
const ENTRY: &str = "machine.entry";

/// Why a function cannot be compiled or run.
#[derive(Debug, Error)]
pub enum Failure {
    /// The program that calls it breaks a rule: the arguments are not those of the function.
    #[error("{0}")]
    Verify(VerifyErrors),
    /// It does not compile.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It does not fit program memory.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// It has no encoding.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The checker refuses it.
    #[error(
        "the checker refuses the program, {} errors; the first: {}\nhelp: this is a fault of the compiler, please report it",
        .0.len(),
        .0[0]
    )]
    Checker(Vec<CheckError>),
    /// A region of memory lies in the stack.
    #[error("region {region} lies in the stack, {:#x}..{:#x}\nhelp: map it elsewhere", STACK.start, STACK.end)]
    Stack {
        /// Region.
        region: String,
    },
    /// A region of memory lies where constant data of the program does.
    #[error(
        "region {region} lies where constant data @{data} does, {:#x}..{:#x}\nhelp: map it elsewhere",
        .place.start,
        .place.end
    )]
    Constant {
        /// Region.
        region: String,
        /// Name of the data.
        data: String,
        /// Its place.
        place: Range<u32>,
    },
    /// The core does something without meaning.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It does not end.
    #[error(
        "{step:?} after {cycles} cycles, the limit is {LIMIT}\nhelp: look for a loop without end"
    )]
    Endless {
        /// What the core did last.
        step: Step,
        /// Cycles so far.
        cycles: u64,
    },
}

/// A compiled program that calls one function of a module.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Scheduled program; the function and the others of the module follow the start-up code.
    pub program: Program,
    /// Where it stands in program memory.
    pub map: LayoutMap,
    /// Its hardware loops.
    pub loops: Vec<LoopReport>,
    image: Image,
}

/// What a program did.
#[derive(Clone, Debug)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// Contents of the memory's regions, in their order.
    pub regions: Vec<Vec<u8>>,
    /// What locks hold and what is at the ports.
    pub world: World,
    /// Cycles of the whole program, start-up code included.
    pub cycles: u64,
    /// Cycles that the core waited for memory banks beside them.
    pub bank_stalls: u64,
    /// Cycles spent per bundle, those lost to bank conflicts included, by half its address: bundles
    /// begin at even addresses.
    spent: Vec<u32>,
}

impl Ran {
    /// Cycles spent in a range of program addresses.
    pub fn spent(&self, addresses: Range<u32>) -> u64 {
        let range = addresses.start as usize / 2..addresses.end as usize / 2;
        self.spent[range].iter().map(|n| u64::from(*n)).sum()
    }
}

impl Machine {
    /// Compiles the module with a program that calls one of its functions; a function without
    /// arguments is the program.
    ///
    /// # Errors
    /// Whatever keeps the program from being written and proved.
    pub fn new(module: &Module, func: &str, args: &[Arg]) -> Result<Self, Failure> {
        let mut module = module.clone();
        let mut entry = func;
        if !args.is_empty() {
            entry = ENTRY;
            let mut b = FuncBuilder::new(ENTRY);
            let args: Vec<_> = args
                .iter()
                .map(|arg| match *arg {
                    Arg::I32(value) => b.iconst(value),
                    Arg::Ptr(addr) => b.addr(addr),
                })
                .collect();
            let results = module.func(func).map_or(&[][..], |f| &f.results).to_vec();
            b.call_for(func, &args, &results);
            module.funcs.push(b.finish());
        }
        let module = verify(module).map_err(Failure::Verify)?;
        let entry = entry.to_owned();
        let compiled = compile_reported(
            &module,
            &Options {
                entry,
                ..Options::default()
            },
        )?;
        let map = layout(&compiled.program)?;
        let image = emit(&compiled.program, &map)?;
        Ok(Machine {
            program: compiled.program,
            map,
            loops: compiled.loops,
            image,
        })
    }

    /// Lets the checker prove the bytes.
    ///
    /// # Errors
    /// What it finds.
    pub fn prove(&self) -> Result<CheckReport, Failure> {
        checker::check(&self.image.text, &self.program, &self.map).map_err(Failure::Checker)
    }

    /// What accesses that meet in a memory bank cost the program.
    ///
    /// # Errors
    /// Where the bytes are not the program.
    pub fn bank_cost(&self) -> Result<BankCost, Failure> {
        checker::bank_cost(&self.image.text, &self.program, &self.map).map_err(Failure::Checker)
    }

    /// Runs the program on memory that begins as given; bytes without a value begin as zero.
    ///
    /// # Errors
    /// A region in the stack, a fault of the core, a program that does not end.
    pub fn run(&self, memory: &Memory, world: impl Into<World>) -> Result<Ran, Failure> {
        let mut core = Core::new(Tile::new(0, 2));
        // Layout has refused what is larger than program memory.
        let loaded = core.write_program(0, &self.image.text);
        debug_assert!(loaded, "the program fits");
        core.set_enabled(true);
        let mut bus = Bus {
            space: vec![0; (DATA_SPACE.end() - DATA_SPACE.start() + 1) as usize],
            mapped: vec![STACK],
            constants: Vec::new(),
            world: world.into(),
        };
        for data in &self.image.data {
            let range = data.address..data.address + data.bytes.len() as u32;
            bus.slice(&range).copy_from_slice(&data.bytes);
            bus.constants.push(range);
        }
        for region in memory.regions() {
            let (base, bytes) = (region.base(), region.bytes());
            let range = base..base + bytes.len() as u32;
            if range.start < STACK.end && STACK.start < range.end {
                return Err(Failure::Stack {
                    region: region.name().to_owned(),
                });
            }
            let mut constants = bus.constants.iter().zip(&self.image.data);
            let meets = |c: &Range<u32>| range.start < c.end && c.start < range.end;
            if let Some((place, data)) = constants.find(|(place, _)| meets(place)) {
                return Err(Failure::Constant {
                    region: region.name().to_owned(),
                    data: data.name.clone(),
                    place: place.clone(),
                });
            }
            bus.slice(&range).copy_from_slice(bytes);
            bus.mapped.push(range);
        }
        let mut spent = vec![0; PROGRAM_BYTES as usize / 2];
        let end = loop {
            let pc = core.pc();
            match core.step(&mut bus)? {
                Step::Ran | Step::Stalled(Wait::Memory) if core.cycle() < LIMIT => {
                    if let Some(spent) = spent.get_mut(pc as usize / 2) {
                        *spent += 1;
                    }
                }
                Step::Done => break End::Returned,
                Step::Stalled(Wait::Lock { lock, value }) => {
                    let (lock, value) = (CoreLock(lock), value.unsigned_abs() as u8);
                    break End::Waiting { lock, value };
                }
                Step::Stalled(Wait::CascadeInput) => {
                    break End::Blocked {
                        port: Port::CascadeInput,
                    };
                }
                Step::Stalled(Wait::StreamInput) => {
                    break End::Blocked {
                        port: Port::StreamInput,
                    };
                }
                step => {
                    let cycles = core.cycle();
                    return Err(Failure::Endless { step, cycles });
                }
            }
        };
        let ranges = bus.mapped[1..].to_vec();
        Ok(Ran {
            end,
            regions: ranges
                .iter()
                .map(|range| bus.slice(range).to_vec())
                .collect(),
            world: bus.world,
            cycles: core.cycle(),
            bank_stalls: core.counts().memory_stalls,
            spent,
        })
    }
}

/// Compiles the module, lets the checker prove it and runs one of its functions; see [`Machine`].
///
/// # Errors
/// As [`Machine::new`], [`Machine::prove`] and [`Machine::run`].
pub fn run(
    module: &Module,
    func: &str,
    args: &[Arg],
    memory: &Memory,
    world: impl Into<World>,
) -> Result<Ran, Failure> {
    let machine = Machine::new(module, func, args)?;
    machine.prove()?;
    machine.run(memory, world)
}

struct Bus {
    /// The whole data space.
    space: Vec<u8>,
    /// What of it may be touched.
    mapped: Vec<Range<u32>>,
    /// What of it may be read.
    constants: Vec<Range<u32>>,
    world: World,
}

impl Bus {
    fn slice(&mut self, range: &Range<u32>) -> &mut [u8] {
        let at = |addr: u32| (addr - DATA_SPACE.start()) as usize;
        &mut self.space[at(range.start)..at(range.end)]
    }

    fn access(&mut self, addr: u32, bytes: usize, write: bool) -> Result<&mut [u8], BusError> {
        let range = addr..addr + bytes as u32;
        let inside = |r: &Range<u32>| r.start <= range.start && range.end <= r.end;
        let constant = self.constants.iter().any(inside);
        match self.mapped.iter().any(inside) || (constant && !write) {
            true => Ok(self.slice(&range)),
            false if constant => Err(BusError::new("constant data is there")),
            false => Err(BusError::new("no region is there")),
        }
    }
}

impl CoreBus for Bus {
    fn load(&mut self, addr: u32, out: &mut [u8]) -> Result<(), BusError> {
        out.copy_from_slice(self.access(addr, out.len(), false)?);
        Ok(())
    }

    fn store(&mut self, addr: u32, data: &[u8]) -> Result<(), BusError> {
        self.access(addr, data.len(), true)?.copy_from_slice(data);
        Ok(())
    }

    fn acquire(&mut self, lock: u8, value: i32) -> Result<bool, BusError> {
        let held = self.world.locks.entry(lock).or_default();
        let rest = i32::from(*held) + value;
        if value >= 0 || rest < 0 {
            return Ok(false);
        }
        *held = rest as u8;
        Ok(true)
    }

    fn release(&mut self, lock: u8, value: i32) -> Result<(), BusError> {
        let held = self.world.locks.entry(lock).or_default();
        *held = (i32::from(*held) + value) as u8;
        Ok(())
    }

    fn cascade_read(&mut self) -> Result<Option<[u8; 64]>, BusError> {
        Ok(self.world.ports.cascade_in.pop_front())
    }

    fn cascade_write(&mut self, word: &[u8; 64]) -> Result<bool, BusError> {
        self.world.ports.cascade_out.push(*word);
        Ok(true)
    }

    fn stream_read(&mut self) -> Result<Option<(u32, bool)>, BusError> {
        Ok(self
            .world
            .ports
            .stream_in
            .pop_front()
            .map(|word| (word, false)))
    }

    fn stream_write(&mut self, word: u32, last: bool) -> Result<bool, BusError> {
        self.world.ports.stream_out.push((word, last));
        Ok(true)
    }
}
