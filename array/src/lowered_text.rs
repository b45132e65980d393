//! Text form of a lowered design.

use std::fmt::{self, Display, Formatter};

use super::lowered::{
    Bd, CascadeSettings, Chain, Circuit, Endpoint, Flow, FlowKind, Lock, LockUse, Lowered,
    LoweredSequence, PacketMaster, PacketRule, PlacedBuffer, ShimChannel, SwitchSettings, WordDim,
    WordPad,
};
use super::text::list;
use super::worker::{CorePlan, PlanArg, PlanStep};

const INDENT: &str = "  ";

impl Display for PlacedBuffer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            tile,
            address,
            bytes,
            init,
        } = self;
        write!(f, "buffer {tile} {address:#07x} {name}: {bytes} bytes")?;
        match init {
            Some(words) => write!(f, ", {} initial words", words.len()),
            None => Ok(()),
        }
    }
}

impl Display for Lock {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            tile,
            id,
            init,
        } = self;
        write!(f, "lock {tile} {id} {name} = {init}")
    }
}

impl Display for LockUse {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.id, self.count)
    }
}

impl Display for WordDim {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.size, self.step)
    }
}

impl Display for WordPad {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.before, self.after)
    }
}

impl Display for Bd {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            buffer,
            address,
            bytes,
            ..
        } = self;
        write!(f, "bd {id}: {buffer} at {address:#07x}, {bytes} bytes")?;
        if !self.dims.is_empty() {
            write!(f, ", words [{}]", list(&self.dims))?;
        }
        if !self.pad.is_empty() {
            write!(f, ", zeros [{}]", list(&self.pad))?;
        }
        if let Some(acquire) = self.acquire {
            write!(f, ", acquire {acquire}")?;
        }
        if let Some(release) = self.release {
            write!(f, ", release {release}")?;
        }
        match self.next {
            Some(next) => write!(f, ", next {next}"),
            None => Ok(()),
        }
    }
}

impl Display for Chain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.direction, self.channel, self.fifo)?;
        match self.repeat {
            1 => Ok(()),
            times => write!(f, " {times} times"),
        }
    }
}

impl Display for ShimChannel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            fifo,
            tile,
            direction,
            channel,
        } = self;
        write!(f, "shim {tile} {direction} {channel} ({fifo})")
    }
}

impl Display for Endpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.tile, self.port)
    }
}

impl Display for Flow {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.kind {
            FlowKind::Circuit => f.write_str("flow ")?,
            FlowKind::Packet(packet) => write!(f, "packet flow {packet} ")?,
            FlowKind::Control { id } => write!(f, "control flow {id} ")?,
        }
        write!(f, "{} -> {}", self.source, list(&self.dests))
    }
}

impl Display for Circuit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.slave, self.master)
    }
}

impl Display for PacketRule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            slave,
            slot,
            id,
            mask,
            arbiter,
            msel,
        } = self;
        write!(
            f,
            "{slave} slot {slot}: packet {id} mask {mask} -> arbiter {arbiter} msel {msel}"
        )
    }
}

impl Display for PacketMaster {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            master,
            arbiter,
            msels,
            drop_header,
        } = self;
        let header = if *drop_header { " without header" } else { "" };
        write!(f, "arbiter {arbiter} msels {msels:04b} -> {master}{header}")
    }
}

impl Display for CascadeSettings {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let from = if self.in_west { "west" } else { "north" };
        let to = if self.out_east { "east" } else { "south" };
        write!(f, "cascade {} from {from} to {to}", self.tile)
    }
}

fn write_switch(f: &mut Formatter<'_>, switch: &SwitchSettings) -> fmt::Result {
    writeln!(f, "{INDENT}switch {} {{", switch.tile)?;
    for circuit in &switch.circuits {
        writeln!(f, "{INDENT}{INDENT}{circuit}")?;
    }
    for master in &switch.packet_masters {
        writeln!(f, "{INDENT}{INDENT}{master}")?;
    }
    for rule in &switch.packet_rules {
        writeln!(f, "{INDENT}{INDENT}{rule}")?;
    }
    for (direction, channel) in &switch.shim_dmas {
        writeln!(f, "{INDENT}{INDENT}shim DMA {direction} {channel}")?;
    }
    writeln!(f, "{INDENT}}}")
}

impl Display for PlanArg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            PlanArg::Address(address) => write!(f, "@{address:#x}"),
            PlanArg::I32(value) => write!(f, "{value}"),
        }
    }
}

fn write_steps(f: &mut Formatter<'_>, steps: &[PlanStep], depth: usize) -> fmt::Result {
    let indent = INDENT.repeat(depth);
    for step in steps {
        let body = match step {
            PlanStep::Acquire { lock, count } => {
                writeln!(f, "{indent}acquire lock {lock} by {count}")?;
                continue;
            }
            PlanStep::Release { lock, count } => {
                writeln!(f, "{indent}release lock {lock} by {count}")?;
                continue;
            }
            PlanStep::Call { kernel, args } => {
                writeln!(f, "{indent}call {kernel}({})", list(args))?;
                continue;
            }
            PlanStep::Loop { times, body } => {
                writeln!(f, "{indent}repeat {times} {{")?;
                body
            }
            PlanStep::LoopBy { address, body } => {
                writeln!(f, "{indent}repeat by @{address:#x} {{")?;
                body
            }
            PlanStep::Forever { body } => {
                writeln!(f, "{indent}forever {{")?;
                body
            }
        };
        write_steps(f, body, depth + 1)?;
        writeln!(f, "{indent}}}")?;
    }
    Ok(())
}

impl Display for CorePlan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            tile,
            stack_bytes,
            data_base,
            body,
        } = self;
        writeln!(
            f,
            "{INDENT}core {tile} stack {stack_bytes} data {data_base:#07x} {{"
        )?;
        write_steps(f, body, 2)?;
        writeln!(f, "{INDENT}}}")
    }
}

fn write_sequence(f: &mut Formatter<'_>, sequence: &LoweredSequence) -> fmt::Result {
    let args = sequence
        .args
        .iter()
        .map(|(name, bytes)| format!("{name}: {bytes} bytes"));
    writeln!(f, "{INDENT}sequence {}({}) {{", sequence.name, list(args))?;
    for op in &sequence.ops {
        writeln!(f, "{INDENT}{INDENT}{op}")?;
    }
    writeln!(f, "{INDENT}}}")
}

impl Display for Lowered {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, columns, .. } = self;
        writeln!(f, "lowered {name} on npu1 columns {columns} {{")?;
        for buffer in &self.buffers {
            writeln!(f, "{INDENT}{buffer}")?;
        }
        for lock in &self.locks {
            writeln!(f, "{INDENT}{lock}")?;
        }
        for program in &self.dmas {
            writeln!(f, "{INDENT}dma {} {{", program.tile)?;
            for chain in &program.chains {
                writeln!(f, "{INDENT}{INDENT}{chain}")?;
                for bd in &chain.bds {
                    writeln!(f, "{INDENT}{INDENT}{INDENT}{bd}")?;
                }
            }
            writeln!(f, "{INDENT}}}")?;
        }
        for channel in &self.shim_channels {
            writeln!(f, "{INDENT}{channel}")?;
        }
        for flow in &self.flows {
            writeln!(f, "{INDENT}{flow}")?;
        }
        for switch in &self.switches {
            write_switch(f, switch)?;
        }
        for cascade in &self.cascades {
            writeln!(f, "{INDENT}{cascade}")?;
        }
        for core in &self.cores {
            write!(f, "{core}")?;
        }
        for sequence in &self.sequences {
            write_sequence(f, sequence)?;
        }
        writeln!(f, "}}")
    }
}
