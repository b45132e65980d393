//! One core on a flat memory, and an assembler of programs with labels.

use arch::Tile;
use arch::aie2::{Bundle, Reg, parse_bundle};
use emulator::core::{BusError, Core, CoreBus, Fault, Step, Wait};
use std::collections::{BTreeMap, VecDeque};

/// First address of the data window.
const WINDOW: u32 = 0x4_0000;
/// First address of the core's own memory.
pub(super) const OWN: u32 = 0x7_0000;

/// Memory behind the whole data window, 64 locks, queues for streams and cascades.
pub(super) struct FlatBus {
    pub(super) memory: Vec<u8>,
    pub(super) locks: [i32; 64],
    pub(super) cascade_in: VecDeque<[u8; 64]>,
    pub(super) cascade_out: Vec<[u8; 64]>,
    pub(super) stream_in: VecDeque<(u32, bool)>,
    pub(super) stream_out: Vec<(u32, bool)>,
    pub(super) events: Vec<u8>,
}

impl FlatBus {
    pub(super) fn new() -> Self {
        Self {
            memory: vec![0; 0x4_0000],
            locks: [0; 64],
            cascade_in: VecDeque::new(),
            cascade_out: Vec::new(),
            stream_in: VecDeque::new(),
            stream_out: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(super) fn at(&self, addr: u32, bytes: usize) -> &[u8] {
        let at = (addr - WINDOW) as usize;
        &self.memory[at..at + bytes]
    }

    pub(super) fn put(&mut self, addr: u32, data: &[u8]) {
        let at = (addr - WINDOW) as usize;
        self.memory[at..at + data.len()].copy_from_slice(data);
    }
}

impl CoreBus for FlatBus {
    fn load(&mut self, addr: u32, out: &mut [u8]) -> Result<(), BusError> {
        out.copy_from_slice(self.at(addr, out.len()));
        Ok(())
    }

    fn store(&mut self, addr: u32, data: &[u8]) -> Result<(), BusError> {
        self.put(addr, data);
        Ok(())
    }

    fn acquire(&mut self, lock: u8, value: i32) -> Result<bool, BusError> {
        let lock = &mut self.locks[usize::from(lock)];
        if value >= 0 {
            return Ok(*lock == value);
        }
        let free = *lock >= -value;
        if free {
            *lock += value;
        }
        Ok(free)
    }

    fn release(&mut self, lock: u8, value: i32) -> Result<(), BusError> {
        self.locks[usize::from(lock)] += value;
        Ok(())
    }

    fn cascade_read(&mut self) -> Result<Option<[u8; 64]>, BusError> {
        Ok(self.cascade_in.pop_front())
    }

    fn cascade_write(&mut self, word: &[u8; 64]) -> Result<bool, BusError> {
        self.cascade_out.push(*word);
        Ok(true)
    }

    fn stream_read(&mut self) -> Result<Option<(u32, bool)>, BusError> {
        Ok(self.stream_in.pop_front())
    }

    fn stream_write(&mut self, word: u32, last: bool) -> Result<bool, BusError> {
        self.stream_out.push((word, last));
        Ok(true)
    }

    fn event(&mut self, number: u8) {
        self.events.push(number);
    }
}

/// Assembles a program, one bundle a line. `name:` is a label and `#name` its address, `.align` pads
/// with `nop` to 16 bytes, `.nops N` repeats `nop`, a line that ends in `|16` gets a bundle of 16
/// bytes.
pub(crate) fn assemble(text: &str) -> Vec<u8> {
    let mut labels = BTreeMap::new();
    for _ in 0..2 {
        pass(text, &mut labels);
    }
    pass(text, &mut labels)
}

fn pass(text: &str, labels: &mut BTreeMap<String, usize>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let nop = bundle("nop").encode();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with("//"))
    {
        if let Some(label) = line.strip_suffix(':') {
            labels.insert(label.to_string(), bytes.len());
        } else if line == ".align" {
            while bytes.len() % 16 != 0 {
                bytes.extend_from_slice(&nop);
            }
        } else if let Some(count) = line.strip_prefix(".nops ") {
            (0..count.parse().unwrap()).for_each(|_| bytes.extend_from_slice(&nop));
        } else {
            let (line, wide) = match line.strip_suffix("|16") {
                Some(line) => (line, true),
                None => (line, false),
            };
            let mut line = line.to_string();
            while let Some(at) = line.find("#").and_then(|_| find_label(&line)) {
                let name: String = line[at + 1..].chars().take_while(|c| is_name(*c)).collect();
                let address = labels.get(&name).copied().unwrap_or(0);
                line.replace_range(at..at + 1 + name.len(), &format!("#{address}"));
            }
            let parsed = bundle(&line);
            let parsed = if wide {
                parsed.with_size(16).unwrap()
            } else {
                parsed
            };
            bytes.extend_from_slice(&parsed.encode());
        }
    }
    bytes
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn find_label(line: &str) -> Option<usize> {
    let starts = line.match_indices('#').map(|(at, _)| at);
    starts
        .into_iter()
        .find(|at| line[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic()))
}

fn bundle(text: &str) -> Bundle {
    parse_bundle(text, None).unwrap_or_else(|e| panic!("`{text}`: {e}"))
}

/// A core with a program and its surroundings.
pub(super) struct Machine {
    pub(super) core: Core,
    pub(super) bus: FlatBus,
}

impl Machine {
    /// A machine with this program, enabled.
    pub(super) fn new(text: &str) -> Self {
        let mut core = Core::new(Tile { col: 1, row: 2 });
        assert!(core.write_program(0, &assemble(text)));
        core.set_enabled(true);
        Self {
            core,
            bus: FlatBus::new(),
        }
    }

    /// Steps until `done` (which the program needs not contain: some nops and one are appended by
    /// [`run`]) or a fault.
    pub(super) fn finish(&mut self) -> Result<(), Fault> {
        for _ in 0..100_000 {
            match self.core.step(&mut self.bus)? {
                Step::Ran | Step::Stalled(Wait::Memory) => {}
                Step::Done => return Ok(()),
                other => panic!("the program is {other:?} at {:#x}", self.core.pc()),
            }
        }
        panic!("the program does not end");
    }

    pub(super) fn r(&self, reg: Reg) -> u32 {
        let bytes = self
            .core
            .reg(reg)
            .unwrap_or_else(|| panic!("{reg} is undefined"));
        u32::from_le_bytes(bytes[..4].try_into().unwrap())
    }

    pub(super) fn bytes(&self, reg: Reg) -> Vec<u8> {
        self.core
            .reg(reg)
            .unwrap_or_else(|| panic!("{reg} is undefined"))
    }

    /// The lanes of a register as i32.
    pub(super) fn words(&self, reg: Reg) -> Vec<i32> {
        let bytes = self.bytes(reg);
        bytes
            .chunks(4)
            .map(|b| i32::from_le_bytes(b.try_into().unwrap()))
            .collect()
    }
}

/// The program followed by nops enough for every result, and `done`.
pub(super) fn ended(text: &str) -> String {
    format!("{text}\n.nops 12\ndone\n.nops 8\n")
}

/// Runs a program to its end on a memory prepared by `prepare`.
pub(super) fn run_with(text: &str, prepare: impl FnOnce(&mut FlatBus)) -> Machine {
    let mut machine = Machine::new(&ended(text));
    prepare(&mut machine.bus);
    machine.finish().unwrap_or_else(|fault| panic!("{fault}"));
    machine
}

/// Runs a program to its end.
pub(super) fn run(text: &str) -> Machine {
    run_with(text, |_| {})
}

/// Runs a program into its fault.
pub(super) fn fault(text: &str) -> Fault {
    Machine::new(&ended(text))
        .finish()
        .expect_err("the program has a fault")
}
