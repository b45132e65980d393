//! Kernel IR through the back end onto the emulated core: what the interpreter says is compared with what
//! the compiled bytes do.

use std::collections::BTreeMap;

use arch::Tile;
use emulator::core::{BusError, Core, CoreBus, Step, Wait};
use npuc::aie2::emit::emit;
use npuc::aie2::layout::layout;
use npuc::aie2::{CompileError, Options, compile};
use npuc::kernel::builder::FuncBuilder;
use npuc::kernel::interp::{Arg, End, Memory};
use npuc::kernel::ir::{CoreLock, Module};
use npuc::kernel::types::DATA_SPACE;
use npuc::kernel::verify::verify;

/// Where the stack begins and what it may take.
const STACK: std::ops::Range<u32> = 0x70000..0x70400;
/// Cycles after which a program is taken to run for ever.
const LIMIT: u64 = 5_000_000;
/// Name of the program that calls the function; no test uses it.
const ENTRY: &str = "test.entry";

/// Why there is nothing to compare.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The function needs more registers than there are.
    Pressure(String),
    /// Anything else.
    Other(String),
}

impl Failure {
    fn other(error: impl ToString) -> Self {
        Failure::Other(error.to_string())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Pressure(text) | Failure::Other(text) => f.write_str(text),
        }
    }
}

/// What the compiled program did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) end: End,
    /// Contents of the memory's regions, in their order.
    pub(crate) regions: Vec<Vec<u8>>,
    pub(crate) cycles: u64,
}

/// Compiles the module and runs one of its functions on memory that begins as given; bytes without a
/// value begin as zero. No region may lie in the stack, the first kilobyte of the core's own memory.
pub(crate) fn run(
    module: &Module,
    func: &str,
    args: &[Arg],
    memory: &Memory,
    locks: BTreeMap<u8, u8>,
) -> Result<Ran, Failure> {
    let mut core = Core::new(Tile::new(0, 2));
    let program = program(module, func, args)?;
    if !core.write_program(0, &program) {
        return Err(Failure::other(format!(
            "{} bytes do not fit the program memory",
            program.len()
        )));
    }
    core.set_enabled(true);
    let mut bus = Bus {
        space: vec![0; (DATA_SPACE.end() - DATA_SPACE.start() + 1) as usize],
        mapped: vec![STACK],
        locks,
    };
    for region in memory.regions() {
        let (base, bytes) = (region.base(), region.bytes());
        let range = base..base + bytes.len() as u32;
        if range.start < STACK.end && STACK.start < range.end {
            return Err(Failure::other(format!(
                "region {} lies in the stack",
                region.name()
            )));
        }
        bus.slice(&range).copy_from_slice(bytes);
        bus.mapped.push(range);
    }
    let end = loop {
        match core.step(&mut bus).map_err(Failure::other)? {
            Step::Ran if core.cycle() < LIMIT => {}
            Step::Done => break End::Returned,
            Step::Stalled(Wait::Lock { lock, value }) => {
                let (lock, value) = (CoreLock(lock), value.unsigned_abs() as u8);
                break End::Waiting { lock, value };
            }
            other => {
                return Err(Failure::other(format!(
                    "{other:?} after {} cycles",
                    core.cycle()
                )));
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
        cycles: core.cycle(),
    })
}

/// Bytes of a program that calls the function with the arguments; one without parameters is the program.
fn program(module: &Module, func: &str, args: &[Arg]) -> Result<Vec<u8>, Failure> {
    if args.is_empty() {
        return image(module.clone(), func);
    }
    let mut b = FuncBuilder::new(ENTRY);
    let args: Vec<_> = args
        .iter()
        .map(|arg| match *arg {
            Arg::I32(value) => b.iconst(value),
            Arg::Ptr(addr) => b.addr(addr),
        })
        .collect();
    b.call(func, &args);
    let mut module = module.clone();
    module.funcs.push(b.finish());
    image(module, ENTRY)
}

fn image(module: Module, entry: &str) -> Result<Vec<u8>, Failure> {
    let module = verify(module).map_err(Failure::other)?;
    let entry = entry.to_string();
    let program = compile(&module, &Options { entry }).map_err(|error| match error {
        CompileError::Pressure { .. } => Failure::Pressure(error.to_string()),
        _ => Failure::other(error),
    })?;
    let map = layout(&program).map_err(Failure::other)?;
    let image = emit(&program, &map).map_err(Failure::other)?;
    Ok(image.text)
}

struct Bus {
    /// The whole data space.
    space: Vec<u8>,
    /// What of it may be touched.
    mapped: Vec<std::ops::Range<u32>>,
    locks: BTreeMap<u8, u8>,
}

impl Bus {
    fn slice(&mut self, range: &std::ops::Range<u32>) -> &mut [u8] {
        let at = |addr: u32| (addr - DATA_SPACE.start()) as usize;
        &mut self.space[at(range.start)..at(range.end)]
    }

    fn access(&mut self, addr: u32, bytes: usize) -> Result<&mut [u8], BusError> {
        let range = addr..addr + bytes as u32;
        let inside = |r: &std::ops::Range<u32>| r.start <= range.start && range.end <= r.end;
        match self.mapped.iter().any(inside) {
            true => Ok(self.slice(&range)),
            false => Err(BusError::new("no region is there")),
        }
    }
}

impl CoreBus for Bus {
    fn load(&mut self, addr: u32, out: &mut [u8]) -> Result<(), BusError> {
        out.copy_from_slice(self.access(addr, out.len())?);
        Ok(())
    }

    fn store(&mut self, addr: u32, data: &[u8]) -> Result<(), BusError> {
        self.access(addr, data.len())?.copy_from_slice(data);
        Ok(())
    }

    fn acquire(&mut self, lock: u8, value: i32) -> Result<bool, BusError> {
        let held = self.locks.entry(lock).or_default();
        let rest = i32::from(*held) + value;
        if value >= 0 || rest < 0 {
            return Ok(false);
        }
        *held = rest as u8;
        Ok(true)
    }

    fn release(&mut self, lock: u8, value: i32) -> Result<(), BusError> {
        let held = self.locks.entry(lock).or_default();
        *held = (i32::from(*held) + value) as u8;
        Ok(())
    }
}
