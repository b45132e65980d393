//! Workers.

use super::{Read, Reader, lex};
use crate::design::{Arg, Port, Spot, Step, Worker};

/// Deepest loops.
const MAX_DEPTH: usize = 64;

impl Reader<'_> {
    pub(super) fn worker(&mut self) -> Read<Worker<Spot>> {
        let tile = self.spot()?;
        self.need("stack")?;
        let stack_bytes = self.number()?;
        let body = self.steps(0)?;
        Ok(Worker {
            tile,
            stack_bytes,
            body,
        })
    }

    fn steps(&mut self, depth: usize) -> Read<Vec<Step>> {
        if depth > MAX_DEPTH {
            return Err(self.expected(&format!("at most {MAX_DEPTH} loops in each other"), &[]));
        }
        self.need("{")?;
        let mut steps = Vec::new();
        while !self.take("}") {
            steps.push(self.step(depth)?);
        }
        Ok(steps)
    }

    fn step(&mut self, depth: usize) -> Read<Step> {
        match self.word(&["acquire", "release", "call", "repeat", "forever"])? {
            "acquire" => {
                let (fifo, port, count) = self.end()?;
                Ok(Step::Acquire { fifo, port, count })
            }
            "release" => {
                let (fifo, port, count) = self.end()?;
                Ok(Step::Release { fifo, port, count })
            }
            "call" => {
                let kernel = self.name()?;
                let args = self.enclosed(["(", ")"], Self::arg)?;
                Ok(Step::Call { kernel, args })
            }
            "repeat" if self.take("by") => {
                let (buffer, index) = (self.name()?, self.index()?);
                let body = self.steps(depth + 1)?;
                Ok(Step::RepeatBy {
                    buffer,
                    index,
                    body,
                })
            }
            "repeat" => {
                let times = Some(self.number()?);
                let body = self.steps(depth + 1)?;
                Ok(Step::Repeat { times, body })
            }
            _ => Ok(Step::forever(self.steps(depth + 1)?)),
        }
    }

    /// `in consume 1`.
    fn end(&mut self) -> Read<(String, Port, u32)> {
        let fifo = self.name()?;
        let port = match self.word(&["produce", "consume"])? {
            "produce" => Port::Produce,
            _ => Port::Consume,
        };
        Ok((fifo, port, self.number()?))
    }

    fn arg(&mut self) -> Read<Arg> {
        let token = self.peek();
        let number = token.text == "-" || token.text.starts_with(|c: char| c.is_ascii_digit());
        if token.kind != lex::Kind::End && number {
            return Ok(Arg::I32(self.signed()?));
        }
        let name = self.name()?;
        if self.peek().text != "[" {
            return Ok(Arg::Buffer(name));
        }
        let index = self.index()?;
        Ok(Arg::Object { fifo: name, index })
    }
}
