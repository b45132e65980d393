//! The interpreter: what kernel IR means, bit by bit.
//!
//! A run sees [`Memory`], named regions of a core's data space, and its [`Locks`]. Arithmetic is that
//! of [`arch::num`], which the emulator of the chip uses as well. What the chip leaves open is an error
//! here: an access outside every region, a misaligned one, a read of bytes that nothing wrote, memory reached through a noalias parameter and
//! otherwise.

mod alias;
mod lanes;
mod memory;
mod movement;
mod ports;
mod scalar;
mod trap;
mod vector;
mod world;

use std::rc::Rc;

pub use memory::{MapError, Memory, Region};
pub use trap::{Trap, TrapKind};
pub use world::{End, Locks, NoLocks, Ports, World};

use alias::{Aliases, Source};
use arch::num::Negate;
use lanes::{Bits, WIDEST};
use memory::Fault;

use super::data::{Addresses, STACK, addresses};
use super::ir::{Access, Block, Count, Func, Inst, Module, Narrow, Op, Value, WalkDims};
use super::print::{self, Names};
use super::types::Type;
use super::verify::Verified;

/// Calls within calls that a run takes: a frame has at least 32 bytes, and a core's stack 1024.
const MAX_CALLS: usize = 32;

/// An argument of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// Scalar.
    I32(i32),
    /// Address.
    Ptr(u32),
}

/// A finished run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Instructions executed.
    pub steps: u64,
}

/// Runs functions of a module.
#[derive(Debug)]
pub struct Interpreter<'m, L> {
    module: &'m Module,
    /// Where constant data is.
    constants: Rc<Addresses>,
    /// Memory; regions are added before and read after a run.
    pub memory: Memory,
    /// Locks.
    pub locks: L,
    budget: u64,
}

impl<'m, L: Locks> Interpreter<'m, L> {
    /// A run may take `budget` steps, one for each instruction executed.
    pub fn new(module: &'m Verified<Module>, memory: Memory, locks: L, budget: u64) -> Self {
        // The verifier has seen to it that there is room.
        let constants = addresses(module, &[STACK]).unwrap_or_default();
        Interpreter {
            module,
            constants: Rc::new(constants),
            memory,
            locks,
            budget,
        }
    }

    /// Runs the function called `name`.
    ///
    /// # Errors
    /// An unknown function, arguments that do not fit its parameters, and whatever [`TrapKind`]
    /// names.
    pub fn run(&mut self, name: &str, args: &[Arg]) -> Result<Outcome, Trap> {
        let trap = |kind| Trap {
            func: name.into(),
            text: None,
            kind,
        };
        let Some(func) = self.module.func(name) else {
            let names = self.module.funcs.iter().map(|f| f.name.as_str());
            return Err(trap(TrapKind::NoFunc {
                name: name.into(),
                nearest: crate::nearest(name, names),
            }));
        };
        check_args(func, args).map_err(trap)?;
        let constants = self.memory.set_constants(&self.module.data);
        constants.map_err(|e| trap(TrapKind::Map(e)))?;
        let args = args.iter().map(|arg| match *arg {
            Arg::I32(value) => Datum::I32(value),
            Arg::Ptr(addr) => Datum::ptr(addr, Source::OTHER),
        });
        let mut run = Run {
            interp: self,
            steps: 0,
            aliases: Aliases::default(),
        };
        let end = match run.func(func, args.collect()) {
            Ok(_) => End::Returned,
            Err(Stop::Waiting(end)) => end,
            Err(Stop::Trap(trap)) => return Err(trap),
        };
        let steps = run.steps;
        Ok(Outcome { end, steps })
    }
}

fn check_args(func: &Func, args: &[Arg]) -> Result<(), TrapKind> {
    let (found, expected) = (args.len(), func.params.len());
    if found != expected {
        return Err(TrapKind::ArgCount { found, expected });
    }
    for (index, (arg, param)) in args.iter().zip(&func.params).enumerate() {
        let found = match arg {
            Arg::I32(_) => Type::I32,
            Arg::Ptr(_) => Type::Ptr,
        };
        let expected = func.ty(param.value);
        if found != expected {
            return Err(TrapKind::ArgType {
                index,
                found,
                expected,
            });
        }
    }
    Ok(())
}

/// Contents of a value.
#[derive(Clone, Copy, Debug)]
enum Datum {
    I32(i32),
    /// An address of 20 bits, and where it comes from.
    Ptr(u32, Source),
    Wide(Bits),
    /// Lane 0 in the lowest bit; bits beyond the lanes are 0.
    Mask(u64),
    Walk(Walk),
}

/// A walk and how far it is.
#[derive(Clone, Copy, Debug)]
struct Walk {
    dims: WalkDims,
    /// Steps made in the innermost and the middle dimension.
    made: [u32; 2],
}

impl Walk {
    /// Bytes to the next place, and the walk from there.
    fn step(self) -> (i32, Walk) {
        let (dims, [inner, middle]) = (self.dims, self.made);
        let (end_of_inner, end_of_middle) = dims.jumps();
        let (bytes, made) = if inner + 1 < dims.inner.count {
            (dims.inner.step, [inner + 1, middle])
        } else if dims.middle.is_none_or(|m| middle + 1 < m.count) {
            // Of two dimensions, the middle one is the outermost, which has no end.
            (end_of_inner, [0, middle.wrapping_add(1)])
        } else {
            (end_of_middle, [0, 0])
        };
        (bytes, Walk { dims, made })
    }
}

impl Datum {
    fn ptr(addr: u32, source: Source) -> Self {
        Datum::Ptr(addr & 0xf_ffff, source)
    }

    fn source(self) -> Source {
        match self {
            Datum::Ptr(_, source) => source,
            _ => Source::OTHER,
        }
    }
}

/// Why execution does not go on.
enum Stop {
    Trap(Trap),
    /// For ever.
    Waiting(End),
}

struct Run<'r, 'm, L> {
    interp: &'r mut Interpreter<'m, L>,
    steps: u64,
    aliases: Aliases<'m>,
}

/// The values of one call of a function.
struct Frame<'m> {
    func: &'m Func,
    values: Vec<Datum>,
    constants: Rc<Addresses>,
}

impl Frame<'_> {
    fn get(&self, value: Value) -> Datum {
        self.values[value.index()]
    }

    fn set(&mut self, value: Value, datum: Datum) {
        self.values[value.index()] = datum;
    }

    // The verifier has checked types, so that the other variants cannot come.
    fn i32(&self, value: Value) -> i32 {
        match self.get(value) {
            Datum::I32(v) => v,
            _ => 0,
        }
    }

    fn ptr(&self, value: Value) -> u32 {
        match self.get(value) {
            Datum::Ptr(v, _) => v,
            _ => 0,
        }
    }

    /// A pointer with the same origin as `value`.
    fn moved(&self, value: Value, addr: u32) -> Datum {
        Datum::ptr(addr, self.get(value).source())
    }

    fn wide(&self, value: Value) -> Bits {
        match self.get(value) {
            Datum::Wide(v) => v,
            _ => [0; WIDEST],
        }
    }

    fn mask(&self, value: Value) -> u64 {
        match self.get(value) {
            Datum::Mask(v) => v,
            _ => 0,
        }
    }

    /// The value as memory holds it.
    fn bits(&self, value: Value) -> Bits {
        let mut bits = [0; WIDEST];
        match self.get(value) {
            Datum::I32(v) => bits[..4].copy_from_slice(&v.to_le_bytes()),
            Datum::Ptr(v, _) => bits[..4].copy_from_slice(&v.to_le_bytes()),
            Datum::Wide(v) => bits = v,
            Datum::Walk(_) | Datum::Mask(_) => {}
        }
        bits
    }

    fn trap(&self, inst: &Inst, kind: TrapKind) -> Stop {
        let text = print::line(&Names::canonical(self.func), inst);
        Stop::Trap(Trap {
            func: self.func.name.clone(),
            text: Some(text),
            kind,
        })
    }
}

impl<'m, L: Locks> Run<'_, 'm, L> {
    /// Calls a function; what it returns.
    fn func(&mut self, func: &'m Func, args: Vec<Datum>) -> Result<Vec<Datum>, Stop> {
        let mut frame = Frame {
            func,
            values: vec![Datum::I32(0); func.types.len()],
            constants: Rc::clone(&self.interp.constants),
        };
        let arguments: Vec<Source> = args.iter().map(|arg| arg.source()).collect();
        let sources = self.aliases.enter(func, &arguments);
        for ((param, arg), source) in func.params.iter().zip(args).zip(sources) {
            let arg = match arg {
                Datum::Ptr(addr, _) => Datum::ptr(addr, source),
                other => other,
            };
            frame.set(param.value, arg);
        }
        let mut results = self.block(&mut frame, &func.body)?;
        for result in &mut results {
            if let Datum::Ptr(addr, source) = *result {
                *result = Datum::ptr(addr, self.aliases.outside(source));
            }
        }
        self.aliases.leave();
        Ok(results)
    }

    /// Executes a block; what it yields or returns.
    fn block(&mut self, frame: &mut Frame<'m>, block: &'m Block) -> Result<Vec<Datum>, Stop> {
        for inst in &block.insts {
            if self.steps >= self.interp.budget {
                let steps = self.steps;
                return Err(frame.trap(inst, TrapKind::Budget { steps }));
            }
            self.steps += 1;
            if let Op::Yield(values) | Op::Return(values) = &inst.op {
                return Ok(values.iter().map(|v| frame.get(*v)).collect());
            }
            let results = self.inst(frame, inst)?;
            for (value, result) in inst.results.iter().zip(results) {
                frame.set(*value, result);
            }
        }
        Ok(Vec::new())
    }

    fn inst(&mut self, frame: &mut Frame<'m>, inst: &'m Inst) -> Result<Vec<Datum>, Stop> {
        Ok(match &inst.op {
            Op::Load { ty, ptr, access } => {
                let at = locate(frame, *ptr, *access);
                let bits = self.read(frame, inst, &at, (ty.bytes(), ty.align()))?;
                let word = u32::from_le_bytes([bits[0], bits[1], bits[2], bits[3]]);
                at.results(Some(match ty {
                    Type::I32 => Datum::I32(word as i32),
                    Type::Ptr => Datum::ptr(word, Source::OTHER),
                    // Masks and walks are in no memory: the verifier refuses them.
                    _ => Datum::Wide(bits),
                }))
            }
            Op::LoadNarrow {
                narrow,
                ptr,
                access,
            } => {
                let at = locate(frame, *ptr, *access);
                let bytes = narrow.width().bytes();
                let bits = self.read(frame, inst, &at, (bytes, bytes))?;
                let half = u16::from_le_bytes([bits[0], bits[1]]);
                at.results(Some(Datum::I32(match narrow {
                    Narrow::S8 => i32::from(bits[0] as i8),
                    Narrow::U8 => i32::from(bits[0]),
                    Narrow::S16 => i32::from(half as i16),
                    Narrow::U16 => i32::from(half),
                })))
            }
            Op::Store { value, ptr, access } => {
                let ty = frame.func.ty(*value);
                let at = locate(frame, *ptr, *access);
                let bits = frame.bits(*value);
                let from = &bits[..ty.bytes() as usize];
                self.write(frame, inst, &at, from, ty.align())?;
                at.results(None)
            }
            Op::StoreNarrow {
                width,
                value,
                ptr,
                access,
            } => {
                let at = locate(frame, *ptr, *access);
                let bits = frame.bits(*value);
                let bytes = width.bytes();
                self.write(frame, inst, &at, &bits[..bytes as usize], bytes)?;
                at.results(None)
            }
            Op::Loop {
                count,
                params,
                init,
                body,
            } => {
                let mut carried: Vec<Datum> = init.iter().map(|v| frame.get(*v)).collect();
                let mut left: Option<u64> = match count {
                    Count::Const(n) => Some((*n).into()),
                    Count::Value(v) => Some(frame.i32(*v).max(0) as u64),
                    Count::While | Count::Forever => None,
                };
                while left != Some(0) {
                    for (param, datum) in params.iter().zip(carried) {
                        frame.set(*param, datum);
                    }
                    carried = self.block(frame, body)?;
                    left = left.map(|n| n - 1);
                    if *count == Count::While && matches!(carried.remove(0), Datum::I32(0)) {
                        left = Some(0);
                    }
                }
                carried
            }
            Op::If {
                cond,
                then,
                otherwise,
            } => {
                let block = if frame.i32(*cond) != 0 {
                    then
                } else {
                    otherwise
                };
                self.block(frame, block)?
            }
            Op::Call { func, args, .. } => {
                if self.aliases.depth() > MAX_CALLS {
                    let limit = MAX_CALLS;
                    return Err(frame.trap(inst, TrapKind::CallDepth { limit }));
                }
                let args = args.iter().map(|v| frame.get(*v)).collect();
                match self.interp.module.func(func) {
                    Some(callee) => self.func(callee, args)?,
                    None => vec![],
                }
            }
            Op::Acquire { lock, value } => {
                let Interpreter { locks, memory, .. } = &mut *self.interp;
                let (lock, value) = (*lock, *value);
                if !locks.acquire(memory, lock, value) {
                    return Err(Stop::Waiting(End::Waiting { lock, value }));
                }
                vec![]
            }
            Op::Release { lock, value } => {
                let Interpreter { locks, memory, .. } = &mut *self.interp;
                locks.release(memory, *lock, *value);
                vec![]
            }
            Op::Port(op) => self.port(frame, op)?,
            Op::Table(op) => self.table(frame, inst, op)?,
            Op::Vector(op) => vector::vector(frame, op).map_err(|kind| frame.trap(inst, kind))?,
            op => match pure(frame, op) {
                Ok(datum) => datum.into_iter().collect(),
                Err(kind) => return Err(frame.trap(inst, kind)),
            },
        })
    }

    /// What memory holds, with its size and alignment.
    fn read(
        &mut self,
        frame: &Frame<'_>,
        inst: &Inst,
        at: &Place,
        (bytes, align): (u32, u32),
    ) -> Result<Bits, Stop> {
        let mut bits = [0; WIDEST];
        let to = &mut bits[..bytes as usize];
        let loaded = self.interp.memory.load(at.addr, align, to);
        loaded.map_err(|fault| self.fault(frame, inst, fault, at.addr, (bytes, align)))?;
        self.reach(frame, inst, at, bytes, false)?;
        Ok(bits)
    }

    fn write(
        &mut self,
        frame: &Frame<'_>,
        inst: &Inst,
        at: &Place,
        from: &[u8],
        align: u32,
    ) -> Result<(), Stop> {
        let bytes = from.len() as u32;
        let stored = self.interp.memory.store(at.addr, align, from);
        stored.map_err(|fault| self.fault(frame, inst, fault, at.addr, (bytes, align)))?;
        self.reach(frame, inst, at, bytes, true)
    }

    /// Takes an access in that memory allows.
    fn reach(
        &mut self,
        frame: &Frame<'_>,
        inst: &Inst,
        at: &Place,
        bytes: u32,
        written: bool,
    ) -> Result<(), Stop> {
        let (source, addr) = (at.source, at.addr);
        let reached = self.aliases.access(source, addr, bytes, written);
        reached.map_err(|breach| {
            let kind = TrapKind::Alias {
                addr,
                bytes,
                word: breach.addr,
                param: breach.param,
                func: breach.func.name.clone(),
            };
            frame.trap(inst, kind)
        })
    }

    fn fault(
        &self,
        frame: &Frame<'_>,
        inst: &Inst,
        fault: Fault,
        addr: u32,
        (bytes, align): (u32, u32),
    ) -> Stop {
        let kind = match fault {
            Fault::OutOfRange => {
                let regions = self.interp.memory.regions().iter().map(|r| {
                    let last = u64::from(r.base()) + r.bytes().len() as u64 - 1;
                    format!("{} {:#x}..={last:#x}", r.name(), r.base())
                });
                TrapKind::OutOfRange {
                    addr,
                    bytes,
                    regions: regions.collect(),
                }
            }
            Fault::Constant => TrapKind::Constant { addr, bytes },
            Fault::Misaligned => TrapKind::Misaligned { addr, bytes, align },
            Fault::Uninitialised(first) => TrapKind::Uninitialised { addr, bytes, first },
        };
        frame.trap(inst, kind)
    }
}

/// Where an access is.
struct Place {
    addr: u32,
    /// Where its pointer comes from.
    source: Source,
    /// The pointer that it moves, and the walk.
    moved: Vec<Datum>,
}

impl Place {
    /// Results of an access: what a load makes, then the moved pointer and the walk.
    fn results(self, value: Option<Datum>) -> Vec<Datum> {
        value.into_iter().chain(self.moved).collect()
    }
}

fn locate(frame: &Frame<'_>, ptr: Value, access: Access) -> Place {
    let base = frame.ptr(ptr);
    let moved = |by: i32| frame.moved(ptr, base.wrapping_add_signed(by));
    let (offset, moved) = match access {
        Access::Offset(bytes) => (bytes, vec![]),
        Access::OffsetVar(offset) => (frame.i32(offset), vec![]),
        Access::Post(bytes) => (0, vec![moved(bytes)]),
        Access::PostVar(step) => (0, vec![moved(frame.i32(step))]),
        Access::Walk(walk) => match frame.get(walk) {
            Datum::Walk(walk) => {
                let (step, next) = walk.step();
                (0, vec![moved(step), Datum::Walk(next)])
            }
            // The verifier has checked types.
            _ => (0, vec![]),
        },
    };
    Place {
        addr: base.wrapping_add_signed(offset) & 0xf_ffff,
        source: frame.get(ptr).source(),
        moved,
    }
}

/// Operations that only make their result.
fn pure(frame: &Frame<'_>, op: &Op) -> Result<Option<Datum>, TrapKind> {
    let datum = match op {
        Op::Const(value) => Datum::I32(*value),
        Op::Addr(addr) => Datum::ptr(*addr, Source::OTHER),
        Op::Data(name) => {
            let addr = frame.constants.get(name).copied().unwrap_or(0);
            Datum::ptr(addr, Source::OTHER)
        }
        Op::Int { op, a, b } => Datum::I32(scalar::int(*op, frame.i32(*a), frame.i32(*b))),
        Op::Unary { op, a } => Datum::I32(scalar::unary(*op, frame.i32(*a))),
        Op::Select { cond, a, b } => {
            let chosen = if frame.i32(*cond) != 0 { a } else { b };
            Datum::I32(frame.i32(*chosen))
        }
        Op::PtrAdd { ptr, offset } => {
            frame.moved(*ptr, frame.ptr(*ptr).wrapping_add_signed(*offset))
        }
        Op::PtrAddVar { ptr, offset } => {
            let offset = frame.i32(*offset);
            frame.moved(*ptr, frame.ptr(*ptr).wrapping_add_signed(offset))
        }
        Op::Splat { ty, scalar } => match *ty {
            Type::Vec { elem, lanes } => Datum::Wide(lanes::splat(elem, lanes, frame.i32(*scalar))),
            _ => return Ok(None),
        },
        Op::Concat { lo, hi } => {
            let half = frame.func.ty(*lo).bytes() as usize;
            Datum::Wide(lanes::concat(half, &frame.wide(*lo), &frame.wide(*hi)))
        }
        Op::Half { value, high } => {
            let half = frame.func.ty(*value).bytes() as usize / 2;
            Datum::Wide(lanes::half(half, &frame.wide(*value), *high))
        }
        Op::Walk(dims) => Datum::Walk(Walk {
            dims: *dims,
            made: [0; 2],
        }),
        Op::AccZero(_) => Datum::Wide([0; WIDEST]),
        Op::Mac {
            mode,
            a_signed,
            b_signed,
            negate,
            acc,
            a,
            b,
        } => {
            let negate = Negate {
                product: *negate,
                acc1: acc.is_some_and(|addend| addend.negate),
                acc2: false,
            };
            let acc = acc.map(|addend| frame.wide(addend.acc));
            let (a, b) = (frame.wide(*a), frame.wide(*b));
            let signs = (*a_signed, *b_signed);
            Datum::Wide(lanes::mac(*mode, signs, negate, acc.as_ref(), (&a, &b)))
        }
        Op::Srs {
            ty,
            acc,
            shift,
            mode,
        } => {
            let shift = shift_amount(frame.i32(*shift))?;
            match (frame.func.ty(*acc), *ty) {
                (Type::Acc { lane, .. }, Type::Vec { elem, lanes }) => {
                    let acc = frame.wide(*acc);
                    Datum::Wide(lanes::srs((lane, elem), lanes, &acc, shift, *mode))
                }
                _ => return Ok(None),
            }
        }
        Op::Ups {
            ty,
            value,
            shift,
            signed,
        } => {
            let shift = shift_amount(frame.i32(*shift))?;
            match (frame.func.ty(*value), *ty) {
                (Type::Vec { elem, .. }, Type::Acc { lane, lanes }) => {
                    let value = frame.wide(*value);
                    Datum::Wide(lanes::ups((elem, lane), lanes, &value, shift, *signed))
                }
                _ => return Ok(None),
            }
        }
        Op::Load { .. }
        | Op::LoadNarrow { .. }
        | Op::Store { .. }
        | Op::StoreNarrow { .. }
        | Op::Vector(_)
        | Op::Table(_)
        | Op::Port(_)
        | Op::Loop { .. }
        | Op::If { .. }
        | Op::Yield(_)
        | Op::Return(_)
        | Op::Call { .. }
        | Op::Acquire { .. }
        | Op::Release { .. } => return Ok(None),
    };
    Ok(Some(datum))
}

fn shift_amount(shift: i32) -> Result<u32, TrapKind> {
    match shift {
        0..=63 => Ok(shift as u32),
        _ => Err(TrapKind::Shift {
            shift,
            min: 0,
            max: 63,
        }),
    }
}
