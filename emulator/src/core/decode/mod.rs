//! From instructions to operations: which form means what, by mnemonic.
//!
//! Stages and forwarding paths come from the timing tables, so an operation executes as its
//! itinerary says. A form without a row here becomes [`Op::NotModelled`] and is refused when it
//! would execute.

mod memory;
mod vector;

use super::op::{AluFn, Jump, Last, Op, PacketHeader, ScalarDst, Src, VectorDst};
use super::regs::{Scalar, Source, Span};
use arch::aie2::{Dir, Inst, Itinerary, Operand, Reg, itinerary_of};

/// The operation of an instruction.
pub(crate) fn decode(inst: &Inst) -> Op {
    let view = View {
        inst,
        timing: itinerary_of(inst),
    };
    let mnemonic = inst.desc().mnemonic;
    let parts: Vec<&str> = mnemonic
        .split('.')
        .filter(|p| *p != "2d" && *p != "3d")
        .collect();
    scalar(&view, &parts)
        .or_else(|| control(&view, &parts))
        .or_else(|| memory::decode(&view, &parts))
        .or_else(|| vector::decode(&view, &parts))
        .unwrap_or(Op::NotModelled(inst.op()))
}

/// An instruction's operands with their timing.
pub(super) struct View<'a> {
    inst: &'a Inst,
    timing: &'static Itinerary,
}

impl View<'_> {
    /// Position of the `n`-th operand of a direction.
    fn nth(&self, dir: Dir, n: usize) -> Option<usize> {
        let operands = self.inst.desc().operands.iter().enumerate();
        operands
            .filter(|(_, o)| o.dir == dir)
            .map(|(k, _)| k)
            .nth(n)
    }

    fn named(&self, name: &str) -> Option<usize> {
        self.inst.desc().operand(name)
    }

    fn has(&self, name: &str) -> bool {
        self.named(name).is_some()
    }

    fn output(&self, n: usize) -> Option<usize> {
        self.nth(Dir::Out, n)
    }

    fn input(&self, n: usize) -> Option<usize> {
        self.nth(Dir::In, n)
    }

    fn reg(&self, k: usize) -> Option<Reg> {
        self.inst.reg(k)
    }

    fn stage(&self, k: usize) -> Option<u8> {
        Some(self.timing.access(k)?.stage)
    }

    fn memory_stage(&self, n: usize) -> Option<u8> {
        self.timing.memory_cycles.get(n).copied()
    }

    fn scalar(&self, k: usize) -> Option<Scalar> {
        Scalar::of(self.reg(k)?)
    }

    fn src(&self, k: usize) -> Option<Src> {
        Some(match self.inst.operands().get(k)? {
            Operand::Reg(reg) => Src::Reg(Scalar::of(*reg)?),
            Operand::Imm(value) => Src::Imm(*value as u32),
        })
    }

    fn scalar_dst(&self, k: usize) -> Option<ScalarDst> {
        Some(ScalarDst {
            to: self.scalar(k)?,
            stage: self.stage(k)?,
        })
    }

    fn vector_dst(&self, k: usize) -> Option<VectorDst> {
        let access = self.timing.access(k)?;
        Some(VectorDst {
            to: Span::of(self.reg(k)?)?,
            stage: access.stage,
            path: access.bypass,
        })
    }

    fn source(&self, k: usize) -> Option<Source> {
        let path = self.timing.access(k)?.bypass;
        Some(Source {
            span: Span::of(self.reg(k)?)?,
            path,
        })
    }
}

/// Scalar arithmetic and moves.
fn scalar(view: &View, parts: &[&str]) -> Option<Op> {
    use AluFn as F;
    let f = match parts {
        ["mova" | "movx" | "movxm"] => F::Move,
        ["mov"] if !view.inst.op().has_side_effects() && view.has("i") => F::Move,
        ["mov"] if !view.inst.op().has_side_effects() && view.input(0).is_some() => F::Move,
        ["mov", "d1" | "d2" | "d3" | "d4" | "d5" | "d6"] => F::Move,
        ["mov"] if view.inst.desc().asm.ends_with("cntr") => {
            return Some(Op::Counter {
                to: view.scalar_dst(view.output(0)?)?,
            });
        }
        ["add"] => F::Add,
        ["add", "nc"] => F::AddNoCarry,
        ["sub"] => F::Sub,
        ["adc"] => F::AddCarry,
        ["sbc"] => F::SubCarry,
        ["and"] => F::And,
        ["or"] => F::Or,
        ["xor"] => F::Xor,
        ["mul"] => F::Mul,
        ["lshl"] => F::ShiftLogical,
        ["ashl"] => F::ShiftArithmetic,
        ["eq" | "eqz"] => F::Eq,
        ["ne" | "nez"] => F::Ne,
        ["lt"] => F::Lt,
        ["ltu"] => F::LtUnsigned,
        ["ge"] => F::Ge,
        ["geu"] => F::GeUnsigned,
        ["abs"] => F::Abs,
        ["extend", "s8"] => F::ExtendS8,
        ["extend", "s16"] => F::ExtendS16,
        ["extend", "u8"] => F::ExtendU8,
        ["extend", "u16"] => F::ExtendU16,
        ["clz"] => F::LeadingZeros,
        ["clb"] => F::LeadingSigns,
        ["sel", which] => {
            return Some(Op::Choose {
                to: view.scalar_dst(view.output(0)?)?,
                a: view.scalar(view.input(0)?)?,
                b: view.scalar(view.input(1)?)?,
                by: view.scalar(view.input(2)?)?,
                if_zero: *which == "eqz",
            });
        }
        ["divs"] => {
            return Some(Op::Divide {
                to: view.scalar_dst(view.output(0)?)?,
                remainder: view.scalar_dst(view.output(1)?)?,
                dividend: view.scalar(view.input(1)?)?,
                divisor: view.scalar(view.input(2)?)?,
            });
        }
        _ => return None,
    };
    Some(Op::Alu {
        f,
        to: view.scalar_dst(view.output(0)?)?,
        a: view.src(view.input(0)?)?,
        b: view.input(1).map_or(Some(Src::Imm(0)), |k| view.src(k))?,
    })
}

/// Branches, locks, events, streams and cascades.
fn control(view: &View, parts: &[&str]) -> Option<Op> {
    let jump = |kind, target| Some(Op::Jump { kind, target });
    let link_stage = || view.inst.desc().implicit_defs.first().map(|d| d.stage);
    match parts {
        ["j"] => jump(Jump::Always, view.src(view.input(0)?)?),
        ["jl"] => jump(Jump::Call(link_stage()?), view.src(view.input(0)?)?),
        ["ret"] => jump(Jump::Always, Src::Reg(Scalar::LR)),
        ["jz"] => jump(
            Jump::IfZero(view.scalar(view.input(0)?)?),
            view.src(view.input(1)?)?,
        ),
        ["jnz"] => jump(
            Jump::IfNotZero(view.scalar(view.input(0)?)?),
            view.src(view.input(1)?)?,
        ),
        ["jnzd"] => {
            let (from, to) = (
                view.scalar(view.input(0)?)?,
                view.scalar_dst(view.output(0)?)?,
            );
            jump(Jump::Decrement { from, to }, view.src(view.input(1)?)?)
        }
        ["acq" | "rel"] | ["acq" | "rel", "cond"] => Some(Op::Lock {
            acquire: parts[0] == "acq",
            lock: view.src(view.input(0)?)?,
            value: view.scalar(view.input(1)?)?,
            condition: view.input(2).and_then(|k| view.scalar(k)),
        }),
        ["event"] => Some(Op::Event(view.inst.imm(view.input(0)?)? as u8)),
        ["done"] => Some(Op::Done),
        ["mov", ..] => stream(view, parts),
        ["vmov"] if view.inst.desc().asm.ends_with("SCD") => Some(Op::CascadeRead {
            to: view.vector_dst(view.output(0)?)?,
        }),
        ["vmov"] if view.output(0).is_none() => Some(Op::CascadeWrite {
            from: view.source(view.input(0)?)?,
        }),
        _ => None,
    }
}

fn stream(view: &View, parts: &[&str]) -> Option<Op> {
    let (header, parts) = match parts {
        ["mov", "ph" | "cph", rest @ ..] => (Some(header(view)?), rest),
        ["mov", rest @ ..] => (None, rest),
        _ => return None,
    };
    let blocking = match parts {
        [] | ["tlast"] => true,
        ["nb"] | ["nb", "tlast"] => false,
        _ => return None,
    };
    if let Some(k) = view.output(0) {
        return Some(Op::StreamRead {
            to: view.scalar_dst(k)?,
            blocking,
        });
    }
    let last = match (parts.last(), view.named("tlast")) {
        (_, Some(k)) => Last::By(view.scalar(k)?),
        (Some(&"tlast"), None) => Last::Yes,
        _ => Last::No,
    };
    if let Some(header) = header {
        return Some(Op::HeaderWrite {
            header,
            last,
            blocking,
        });
    }
    Some(Op::StreamWrite {
        from: view.scalar(view.input(0)?)?,
        last,
        blocking,
    })
}

/// The operands of a packet header.
fn header(view: &View) -> Option<PacketHeader> {
    let imm = |name: &str| Some(view.inst.imm(view.named(name)?)? as u32);
    let id = view.scalar(view.named("id")?)?;
    if let Some(addr) = view.named("addr") {
        return Some(PacketHeader::Control {
            addr: view.scalar(addr)?,
            beats: imm("nw")?,
            operation: imm("op")?,
            id,
        });
    }
    let kind = imm("pcktType")?;
    Some(PacketHeader::Stream { id, kind })
}
