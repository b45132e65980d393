//! Text form of a design.

use std::fmt::{self, Display, Formatter, Write};

use super::design::{
    Allocation, Arg, Buffer, Cascade, Depth, Design, Dim, Link, Meets, ObjectFifo, ObjectType,
    Other, Packet, Pad, Param, Port, RegisterWrite, SeqOp, Sequence, Step, Task, TaskPart,
    TokenWait, Transfer, Worker,
};

const INDENT: &str = "  ";

/// Items with a comma and a space between them.
pub(crate) fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut out = String::new();
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        let _ = write!(out, "{item}");
    }
    out
}

impl Display for ObjectType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}[", self.elem)?;
        for (i, n) in self.shape.iter().enumerate() {
            let sep = if i == 0 { "" } else { "x" };
            write!(f, "{sep}{n}")?;
        }
        f.write_char(']')
    }
}

impl Display for Dim {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.size, self.stride)
    }
}

impl Display for Pad {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.before, self.after)
    }
}

/// Bytes in memory order.
struct Hex<'a>(&'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Display for Port {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Port::Produce => "produce",
            Port::Consume => "consume",
        })
    }
}

impl Display for Depth {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Depth::Same(d) => write!(f, "{d}"),
            Depth::PerEnd(d) => write!(f, "[{}]", list(d)),
        }
    }
}

impl<P: Display> Display for ObjectFifo<P> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "fifo {}: {} depth {} {}",
            self.name, self.object, self.depth, self.producer
        )?;
        if !self.dims_to_stream.is_empty() {
            write!(f, " to_stream [{}]", list(&self.dims_to_stream))?;
        }
        if !self.pad.is_empty() {
            write!(f, " pad [{}]", list(&self.pad))?;
        }
        f.write_str(" ->")?;
        for (i, consumer) in self.consumers.iter().enumerate() {
            let sep = if i == 0 { " " } else { ", " };
            write!(f, "{sep}{}", consumer.tile)?;
            if !consumer.dims_from_stream.is_empty() {
                write!(f, " from_stream [{}]", list(&consumer.dims_from_stream))?;
            }
        }
        if self.repeat != 1 {
            write!(f, " repeat {}", self.repeat)?;
        }
        if let Some(rounds) = self.rounds {
            write!(f, " rounds {rounds}")?;
        }
        if self.via_dma {
            f.write_str(" via_dma")?;
        }
        if let Some(packet) = self.packet {
            write!(f, " packet {packet}")?;
        }
        if !self.init.is_empty() {
            write!(f, " = {}", list(self.init.iter().map(|bytes| Hex(bytes))))?;
        }
        Ok(())
    }
}

impl Display for Packet {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let header = if self.keep_header { " with header" } else { "" };
        write!(f, "{}{header}", self.id)
    }
}

impl Display for Link {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "link {} -> {}", list(&self.inputs), list(&self.outputs))?;
        if !self.offsets.is_empty() {
            write!(f, " offsets [{}]", list(&self.offsets))?;
        }
        Ok(())
    }
}

impl<P: Display> Display for Buffer<P> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "buffer {} {}: {}", self.tile, self.name, self.object)?;
        if let Some(address) = self.address {
            write!(f, " at {address}")?;
        }
        match &self.init {
            Some(init) => write!(f, " = {}", Hex(init)),
            None => Ok(()),
        }
    }
}

impl<P: Display> Display for Cascade<P> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "cascade {} -> {}", self.from, self.to)
    }
}

impl Display for Param {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Param::Memory(object) => write!(f, "{object}"),
            Param::I32 => f.write_str("i32"),
        }
    }
}

impl Display for Meets {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Meets { param, cycles, .. } = self;
        match self.other {
            Other::Param(other) => write!(f, "{param} {other} {cycles}"),
            Other::Bank(bank) => write!(f, "{param} bank {bank} {cycles}"),
        }
    }
}

impl Display for Arg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Arg::Object { fifo, index } => write!(f, "{fifo}[{index}]"),
            Arg::Buffer(name) => f.write_str(name),
            Arg::I32(value) => write!(f, "{value}"),
        }
    }
}

fn write_steps(f: &mut Formatter<'_>, steps: &[Step], depth: usize) -> fmt::Result {
    let indent = INDENT.repeat(depth);
    for step in steps {
        match step {
            Step::Acquire { fifo, port, count } => {
                writeln!(f, "{indent}acquire {fifo} {port} {count}")?;
            }
            Step::Release { fifo, port, count } => {
                writeln!(f, "{indent}release {fifo} {port} {count}")?;
            }
            Step::Call { kernel, args } => {
                writeln!(f, "{indent}call {kernel}({})", list(args))?;
            }
            Step::RepeatBy {
                buffer,
                index,
                body,
            } => {
                writeln!(f, "{indent}repeat by {buffer}[{index}] {{")?;
                write_steps(f, body, depth + 1)?;
                writeln!(f, "{indent}}}")?;
            }
            Step::Repeat { times, body } => {
                match times {
                    Some(n) => writeln!(f, "{indent}repeat {n} {{")?,
                    None => writeln!(f, "{indent}forever {{")?,
                }
                write_steps(f, body, depth + 1)?;
                writeln!(f, "{indent}}}")?;
            }
        }
    }
    Ok(())
}

fn write_worker<P: Display>(f: &mut Formatter<'_>, worker: &Worker<P>) -> fmt::Result {
    let Worker {
        tile, stack_bytes, ..
    } = worker;
    writeln!(f, "{INDENT}worker {tile} stack {stack_bytes} {{")?;
    write_steps(f, &worker.body, 2)?;
    writeln!(f, "{INDENT}}}")
}

impl Display for Transfer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "transfer {} {} offset {} sizes [{}] strides [{}]",
            self.fifo,
            self.arg,
            self.offset,
            list(self.sizes),
            list(self.strides)
        )?;
        if let Some(bd) = self.bd {
            write!(f, " bd {bd}")?;
        }
        if self.token {
            f.write_str(" token")?;
        }
        Ok(())
    }
}

impl Display for TaskPart {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} offset {} sizes [{}] strides [{}]",
            self.arg,
            self.offset,
            list(self.sizes),
            list(self.strides)
        )?;
        match self.bd {
            Some(bd) => write!(f, " bd {bd}"),
            None => Ok(()),
        }
    }
}

impl Display for Task {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "task {} {}", self.name, self.fifo)?;
        if self.repeat != 1 {
            write!(f, " repeat {}", self.repeat)?;
        }
        if self.token {
            f.write_str(" token")?;
        }
        write!(f, " [{}]", list(&self.parts))
    }
}

impl Display for RegisterWrite {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "register {} {:#x}", self.tile, self.offset)?;
        if let Some(mask) = self.mask {
            write!(f, " mask {mask:#x}")?;
        }
        write!(f, " = {:#x}", self.value)
    }
}

impl Display for TokenWait {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let TokenWait {
            tile,
            direction,
            channel,
            columns,
            rows,
        } = self;
        write!(f, "token {tile} {direction} {channel}")?;
        if (*columns, *rows) != (1, 1) {
            write!(f, " columns {columns} rows {rows}")?;
        }
        Ok(())
    }
}

impl Display for SeqOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            SeqOp::Transfer(transfer) => write!(f, "{transfer}"),
            SeqOp::Wait { fifo } => write!(f, "wait {fifo}"),
            SeqOp::WriteParameter {
                buffer,
                index,
                value,
            } => write!(f, "parameter {buffer}[{index}] = {value}"),
            SeqOp::Task(task) => write!(f, "{task}"),
            SeqOp::Start { task } => write!(f, "start {task}"),
            SeqOp::Await { task } => write!(f, "await {task}"),
            SeqOp::Free { task } => write!(f, "free {task}"),
            SeqOp::Register(write) => write!(f, "{write}"),
            SeqOp::Token(wait) => write!(f, "{wait}"),
        }
    }
}

fn write_sequence(f: &mut Formatter<'_>, sequence: &Sequence) -> fmt::Result {
    let args = sequence
        .args
        .iter()
        .map(|a| format!("{}: {}", a.name, a.object));
    writeln!(f, "{INDENT}sequence {}({}) {{", sequence.name, list(args))?;
    for op in &sequence.ops {
        writeln!(f, "{INDENT}{INDENT}{op}")?;
    }
    writeln!(f, "{INDENT}}}")
}

impl<P: Display> Display for Design<P> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let memory = match self.memory {
            Allocation::InTurns => "",
            Allocation::Apart => " apart",
        };
        writeln!(
            f,
            "design {} on npu1 columns {}{memory} {{",
            self.name, self.columns
        )?;
        for fifo in &self.fifos {
            writeln!(f, "{INDENT}{fifo}")?;
        }
        for link in &self.links {
            writeln!(f, "{INDENT}{link}")?;
        }
        for buffer in &self.buffers {
            writeln!(f, "{INDENT}{buffer}")?;
        }
        for kernel in &self.kernels {
            write!(
                f,
                "{INDENT}kernel {}({})",
                kernel.name,
                list(&kernel.params)
            )?;
            if let Some(file) = &kernel.file {
                write!(f, " from \"{file}\"")?;
            }
            if !kernel.meets.is_empty() {
                write!(f, " meets [{}]", list(&kernel.meets))?;
            }
            writeln!(f)?;
        }
        for worker in &self.workers {
            write_worker(f, worker)?;
        }
        for cascade in &self.cascades {
            writeln!(f, "{INDENT}{cascade}")?;
        }
        for sequence in &self.sequences {
            write_sequence(f, sequence)?;
        }
        writeln!(f, "}}")
    }
}
