//! What a program knows of its pointers and counts without its data: numbers that instructions load,
//! move, add and compare. All else is unknown.

use std::collections::{BTreeMap, HashMap};

use arch::aie2::{Dir, OperandDesc, Part, Reg, RegFile, reg};

use crate::mir::{Edge, MInst, MOperand, ValueId};

/// Pointers have 20 bits and wrap.
const ADDRESS_MASK: u32 = 0xf_ffff;

/// Known numbers of one call of a function.
#[derive(Clone, Default)]
pub(super) struct Known {
    /// By value and unit of it.
    values: HashMap<(ValueId, u8), u32>,
    /// Registers that no value names: loop count, walks, the stack pointer.
    regs: HashMap<Reg, u32>,
    /// Words on the stack.
    stack: BTreeMap<u32, u32>,
}

/// An access to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Touch {
    /// First byte; `None` where the data say it.
    pub(super) at: Option<u32>,
    /// Bytes.
    pub(super) bytes: u32,
}

impl Known {
    /// What a called function begins with.
    pub(super) fn called(&self, args: &BTreeMap<Reg, u32>, params: &[(Reg, ValueId)]) -> Known {
        let passed = params.iter();
        let passed = passed.filter_map(|(reg, value)| Some(((*value, 0), *args.get(reg)?)));
        Known {
            values: passed.collect(),
            regs: self
                .stack_pointer()
                .map(|sp| (reg::SP, sp))
                .into_iter()
                .collect(),
            stack: self.stack.clone(),
        }
    }

    /// Where the stack ends.
    pub(super) fn stack_pointer(&self) -> Option<u32> {
        self.regs.get(&reg::SP).copied()
    }

    /// What is known of registers that an instruction reads or writes beside its operands.
    pub(super) fn passed(&self, inst: &MInst, written: bool) -> BTreeMap<Reg, u32> {
        let passed = inst.implicit.iter().filter(|i| i.2 == written);
        let known = passed.filter_map(|(reg, value, _)| Some((*reg, self.value(*value)?)));
        known.collect()
    }

    /// Takes what a call returns.
    pub(super) fn returned(&mut self, inst: &MInst, results: &BTreeMap<Reg, u32>) {
        for (reg, value, _) in inst.implicit.iter().filter(|i| i.2) {
            self.set_value(*value, 0, results.get(reg).copied());
        }
    }

    fn value(&self, value: ValueId) -> Option<u32> {
        self.values.get(&(value, 0)).copied()
    }

    /// The number that an operand is.
    pub(super) fn number(&self, operand: &MOperand) -> Option<u32> {
        match operand {
            MOperand::Imm(imm) => Some(*imm as u32),
            MOperand::Reg {
                reg, value: None, ..
            } => self.reg(*reg),
            MOperand::Reg {
                value: Some(value),
                part,
                ..
            } => self.values.get(&(*value, *part)).copied(),
            MOperand::Label(_) => None,
        }
    }

    /// The number in a register that no value names.
    pub(super) fn reg(&self, reg: Reg) -> Option<u32> {
        self.regs.get(&reg).copied()
    }

    /// Sets such a register.
    pub(super) fn set_reg(&mut self, reg: Reg, number: Option<u32>) {
        match number {
            Some(number) => self.regs.insert(reg, number),
            None => self.regs.remove(&reg),
        };
    }

    fn set_value(&mut self, value: ValueId, part: u8, number: Option<u32>) {
        match number {
            Some(number) => self.values.insert((value, part), number),
            None => self.values.remove(&(value, part)),
        };
    }

    fn set(&mut self, operand: &MOperand, number: Option<u32>) {
        match operand {
            MOperand::Reg {
                reg, value: None, ..
            } => self.set_reg(*reg, number),
            MOperand::Reg {
                value: Some(value),
                part,
                ..
            } => {
                self.set_value(*value, *part, number);
            }
            MOperand::Imm(_) | MOperand::Label(_) => {}
        }
    }

    /// Gives values the names that they have behind an edge.
    pub(super) fn cross(&mut self, edge: &Edge) {
        // No scalar or pointer has more units than a pair.
        let units = |(here, there): &(ValueId, ValueId)| [0, 1].map(|part| (*here, *there, part));
        let renamed = edge.renames.iter().flat_map(units);
        let renamed: Vec<_> = renamed
            .map(|(here, there, part)| (there, part, self.values.get(&(here, part)).copied()))
            .collect();
        for (there, part, number) in renamed {
            self.set_value(there, part, number);
        }
    }

    /// Executes an instruction; what it touches in memory.
    pub(super) fn execute(&mut self, inst: &MInst) -> Option<Touch> {
        let memory = inst.op.is_memory();
        let address = self.address(inst);
        let loaded = match (address, inst.op.is_load()) {
            (
                Some(Address {
                    at: Some(at),
                    on_stack: true,
                    ..
                }),
                true,
            ) => self.stack.get(&at).copied(),
            _ => None,
        };
        let result = match memory {
            true => loaded,
            false => self.result(inst),
        };
        let touch = memory.then(|| Touch {
            at: address.and_then(|a| a.at),
            bytes: bytes(inst),
        });
        if let (
            Some(Address {
                at: Some(at),
                on_stack: true,
                ..
            }),
            Some(touch),
            true,
        ) = (address, touch, inst.op.is_store())
        {
            self.store(inst, at, touch.bytes);
        }
        for (operand, desc) in operands(inst).filter(|(_, d)| d.dir == Dir::Out) {
            let number = match (desc.name, address) {
                ("ptr_out", Some(address)) => address.next,
                ("count_out" | "count_lo_out" | "count_hi_out", _) => continue,
                _ => result,
            };
            self.set(operand, number);
        }
        if let Some(Address {
            next,
            on_stack: true,
            ..
        }) = address.filter(|_| !memory)
        {
            self.set_reg(reg::SP, next);
        }
        touch
    }

    /// Keeps a word that is stored on the stack.
    fn store(&mut self, inst: &MInst, at: u32, bytes: u32) {
        self.stack
            .retain(|word, _| *word + 4 <= at || at + bytes <= *word);
        let mut read = operands(inst).filter(|(_, d)| d.dir == Dir::In && d.name != "imm");
        if bytes == 4
            && let Some(number) = read.next().and_then(|(o, _)| self.number(o))
        {
            self.stack.insert(at, number);
        }
    }

    /// Where an instruction that takes a pointer, or moves one, has it, and moves it to. Counters of walks
    /// are counted on.
    fn address(&mut self, inst: &MInst) -> Option<Address> {
        let desc = inst.op.desc();
        let named = |name: &str| desc.operand(name).and_then(|k| inst.operands.get(k));
        let (base, on_stack) = match named("ptr") {
            Some(ptr) => (self.number(ptr), false),
            None if desc.implicit_uses.iter().any(|u| u.reg == reg::SP) => {
                (self.stack_pointer(), true)
            }
            None => return None,
        };
        let add = |by: Option<u32>| Some(base?.wrapping_add(by?) & ADDRESS_MASK);
        let moves = named("ptr_out").is_some() || !inst.op.is_memory();
        let by = match (named("mod"), named("dj").or(named("imm"))) {
            (Some(MOperand::Reg { reg, .. }), _)
                if matches!(reg.file(), RegFile::D | RegFile::D3) =>
            {
                self.walk(*reg)
            }
            (Some(by), _) | (None, Some(by)) => self.number(by),
            (None, None) => Some(0),
        };
        Some(match moves {
            true => Address {
                at: base,
                next: add(by),
                on_stack,
            },
            false => Address {
                at: add(by),
                next: None,
                on_stack,
            },
        })
    }

    /// Counts a walk on; the bytes by which it moves the pointer.
    fn walk(&mut self, tuple: Reg) -> Option<u32> {
        let (low, high) = match tuple.file() {
            RegFile::D3 => (tuple.part(Part::Lo)?, tuple.part(Part::Hi)),
            _ => (tuple, None),
        };
        let get = |known: &Known, half: Reg, part| half.part(part).and_then(|r| known.reg(r));
        for half in [Some(low), high].into_iter().flatten() {
            let (count, size) = (get(self, half, Part::Count)?, get(self, half, Part::Size)?);
            let counter = half.part(Part::Count)?;
            if count < size {
                self.set_reg(counter, Some(count + 1));
                return get(self, half, Part::Stride);
            }
            self.set_reg(counter, Some(0));
        }
        get(self, low, Part::Mod)
    }

    /// What an instruction without an access computes.
    fn result(&self, inst: &MInst) -> Option<u32> {
        let mut read = operands(inst).filter(|(_, d)| d.dir == Dir::In);
        let mut next = || self.number(read.next()?.0);
        let mnemonic = inst.op.desc().mnemonic;
        let x = next();
        if let "sel.eqz" | "sel.nez" = mnemonic {
            let (y, by) = (next(), next()?);
            return if (by == 0) == (mnemonic == "sel.eqz") {
                x
            } else {
                y
            };
        }
        let x = x?;
        let (sx, flag) = (x as i32, |holds: bool| Some(u32::from(holds)));
        match mnemonic {
            "mov" | "mova" | "movx" | "movxm" => return Some(x),
            "eqz" => return flag(x == 0),
            "nez" => return flag(x != 0),
            "abs" => return Some(sx.wrapping_abs() as u32),
            "extend.s8" => return Some(x as i8 as u32),
            "extend.s16" => return Some(x as i16 as u32),
            "extend.u8" => return Some(x & 0xff),
            "extend.u16" => return Some(x & 0xffff),
            _ => {}
        }
        let y = next()?;
        let sy = y as i32;
        match mnemonic {
            "add" | "add.nc" => Some(x.wrapping_add(y)),
            "sub" => Some(x.wrapping_sub(y)),
            "mul" => Some(x.wrapping_mul(y)),
            "and" => Some(x & y),
            "or" => Some(x | y),
            "xor" => Some(x ^ y),
            "lshl" if (0..32).contains(&sy) => Some(x << sy),
            "lshl" if (-31..0).contains(&sy) => Some(x >> -sy),
            "ashl" if (0..32).contains(&sy) => Some(x << sy),
            "ashl" if (-31..0).contains(&sy) => Some((sx >> -sy) as u32),
            "eq" => flag(x == y),
            "ne" => flag(x != y),
            "lt" => flag(sx < sy),
            "ltu" => flag(x < y),
            "ge" => flag(sx >= sy),
            "geu" => flag(x >= y),
            _ => None,
        }
    }
}

/// A pointer of an instruction.
#[derive(Clone, Copy)]
struct Address {
    /// Where the instruction has it.
    at: Option<u32>,
    /// Where it moves it to.
    next: Option<u32>,
    /// Whether it is the stack pointer.
    on_stack: bool,
}

/// Bytes that an access moves. Source: the widths in the names of the forms, AMD AM020 (256-bit ports).
fn bytes(inst: &MInst) -> u32 {
    let parts: Vec<&str> = inst.op.desc().mnemonic.split('.').collect();
    let wide = |(operand, desc): (&MOperand, &OperandDesc)| match operand {
        MOperand::Reg { reg, .. } => desc.name != "mod" && reg.bits() >= 128,
        _ => false,
    };
    match parts[..] {
        [name, ..] if name.starts_with('v') => match parts.contains(&"128") {
            true => 16,
            false => 32,
        },
        _ if parts.iter().any(|p| matches!(*p, "s8" | "u8")) => 1,
        _ if parts.iter().any(|p| matches!(*p, "s16" | "u16")) => 2,
        _ if operands(inst).any(wide) => 16,
        _ => 4,
    }
}

fn operands(inst: &MInst) -> impl Iterator<Item = (&MOperand, &'static OperandDesc)> {
    inst.operands.iter().zip(inst.op.desc().operands)
}
