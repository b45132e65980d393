//! Text to the programs of the host.

use arch::array::Direction;

use super::{Read, Reader};
use crate::design::{HostArg, RegisterWrite, SeqOp, Sequence, Task, TaskPart, TokenWait, Transfer};

impl Reader<'_> {
    pub(super) fn sequence(&mut self) -> Read<Sequence> {
        let name = self.name()?;
        let args = self.enclosed(["(", ")"], |r| {
            let name = r.name()?;
            r.need(":")?;
            let object = r.object()?;
            Ok(HostArg { name, object })
        })?;
        self.need("{")?;
        let mut ops = Vec::new();
        while !self.take("}") {
            let op = match self.word(&[
                "transfer",
                "wait",
                "parameter",
                "task",
                "start",
                "await",
                "free",
                "register",
                "token",
            ])? {
                "task" => self.task()?.into(),
                "start" => SeqOp::start(self.name()?),
                "await" => SeqOp::finish(self.name()?),
                "free" => SeqOp::Free { task: self.name()? },
                "transfer" => self.transfer()?.into(),
                "wait" => SeqOp::wait(self.name()?),
                "register" => SeqOp::Register(self.register()?),
                "token" => SeqOp::Token(self.token()?),
                _ => {
                    let buffer = self.name()?;
                    let index = self.index()?;
                    self.need("=")?;
                    SeqOp::WriteParameter {
                        buffer,
                        index,
                        value: self.signed()?,
                    }
                }
            };
            ops.push(op);
        }
        Ok(Sequence { name, args, ops })
    }

    fn task(&mut self) -> Read<Task> {
        let (name, fifo) = (self.name()?, self.name()?);
        let mut task = Task::new(name, fifo, []);
        if self.take("repeat") {
            task.repeat = self.number()?;
        }
        task.token = self.take("token");
        task.parts = self.list(|r| {
            let arg = r.name()?;
            let (offset, sizes, strides) = r.walk()?;
            let bd = r.descriptor()?;
            Ok(TaskPart {
                arg,
                offset,
                sizes,
                strides,
                bd,
            })
        })?;
        Ok(task)
    }

    /// Where a move begins, its sizes and its strides.
    fn walk(&mut self) -> Read<(u64, [u32; 4], [u32; 4])> {
        self.need("offset")?;
        let offset = self.number()?;
        self.need("sizes")?;
        let sizes = self.four()?;
        self.need("strides")?;
        Ok((offset, sizes, self.four()?))
    }

    fn descriptor(&mut self) -> Read<Option<u8>> {
        match self.take("bd") {
            true => self.number().map(Some),
            false => Ok(None),
        }
    }

    /// `0x1d210`.
    fn hex(&mut self) -> Read<u32> {
        let digits = self.peek().text.strip_prefix("0x");
        let Some(value) = digits.and_then(|d| u32::from_str_radix(d, 16).ok()) else {
            return Err(self.expected("a number of 32 bits such as `0x1d210`", &[]));
        };
        self.at += 1;
        Ok(value)
    }

    fn register(&mut self) -> Read<RegisterWrite> {
        let (tile, offset) = (self.tile()?, self.hex()?);
        let mask = if self.take("mask") {
            Some(self.hex()?)
        } else {
            None
        };
        self.need("=")?;
        Ok(RegisterWrite {
            tile,
            offset,
            mask,
            value: self.hex()?,
        })
    }

    fn token(&mut self) -> Read<TokenWait> {
        let tile = self.tile()?;
        let direction = match self.word(&["S2MM", "MM2S"])? {
            "S2MM" => Direction::S2mm,
            _ => Direction::Mm2s,
        };
        let channel = self.number()?;
        let (mut columns, mut rows) = (1, 1);
        if self.take("columns") {
            columns = self.number()?;
            self.need("rows")?;
            rows = self.number()?;
        }
        Ok(TokenWait {
            tile,
            direction,
            channel,
            columns,
            rows,
        })
    }

    /// `[3]` behind a name.
    pub(super) fn index(&mut self) -> Read<u32> {
        self.need("[")?;
        let index = self.number()?;
        self.need("]")?;
        Ok(index)
    }

    fn transfer(&mut self) -> Read<Transfer> {
        let (fifo, arg) = (self.name()?, self.name()?);
        let (offset, sizes, strides) = self.walk()?;
        let mut transfer = Transfer::tiled(fifo, arg, offset, sizes, strides);
        transfer.bd = self.descriptor()?;
        transfer.token = self.take("token");
        Ok(transfer)
    }
}
