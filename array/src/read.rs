//! Text to a design: what [`text`](super::text) writes, with blanks and line breaks as one likes, `#`
//! comments to the end of a line, and the parts in any order.
//!
//! ```text
//! design copy on npu1 columns 1 {
//!   fifo in: i32[64] depth 2 (0,0) -> (0,2)
//!   fifo out: i32[64] depth 2 (0,2) -> (0,0)
//!   kernel copy(i32[64], i32[64]) from "copy.kir"
//!   worker (0,2) stack 1024 {
//!     forever {
//!       acquire in consume 1
//!       acquire out produce 1
//!       call copy(in[0], out[0])
//!       release in consume 1
//!       release out produce 1
//!     }
//!   }
//!   sequence main(a: i32[256], b: i32[256]) {
//!     transfer in a offset 0 sizes [1, 1, 1, 256] strides [0, 0, 0, 1]
//!     transfer out b offset 0 sizes [1, 1, 1, 256] strides [0, 0, 0, 1]
//!     wait out
//!   }
//! }
//! ```
//!
//! In place of a tile, `core:NAME`, `mem:NAME` and `shim:NAME` leave the choice to
//! [`place`](super::place::place).

mod lex;
mod sequence;
mod worker;

use std::str::FromStr;

use arch::{Tile, TileKind};
use thiserror::Error;

use self::lex::{Token, tokens};
use super::design::{
    Allocation, Buffer, Cascade, Consumer, Depth, Design, Dim, Kernel, Link, Meets, ObjectFifo,
    ObjectType, OpenTile, Other, Packet, Pad, Param, Spot,
};
use kernel::types::Elem;

/// Why a text is not a design.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{line}:{column}: found {found}, expected {expected}\nhelp: {}", help(.nearest))]
pub struct ReadError {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
    /// What stands there, quoted.
    pub found: String,
    /// What should.
    pub expected: String,
    /// A word that may be meant.
    pub nearest: Option<String>,
}

fn help(nearest: &Option<String>) -> String {
    match nearest {
        Some(word) => format!("did you mean `{word}`?"),
        None => "`npuc build` writes every overlay's design as text, to look at".to_string(),
    }
}

impl FromStr for Design<Spot> {
    type Err = ReadError;

    /// Reads a design, which may leave tiles open. Whether it keeps the limits is left to the verifier.
    fn from_str(text: &str) -> Result<Self, ReadError> {
        Reader::new(text).whole()
    }
}

impl FromStr for Design {
    type Err = ReadError;

    /// Reads a design of tiles. Whether it keeps the limits is left to the verifier.
    fn from_str(text: &str) -> Result<Self, ReadError> {
        let mut reader = Reader::new(text);
        let design = reader.whole()?;
        design.moved(|spot| spot.tile()).ok_or_else(|| {
            reader.at = reader.first_open;
            reader.expected("a tile such as `(0,2)`", &[])
        })
    }
}

struct Reader<'a> {
    /// At least one, the last is the end.
    tokens: Vec<Token<'a>>,
    at: usize,
    /// Where the first open tile is, if there is one.
    first_open: usize,
}

type Read<T> = Result<T, ReadError>;

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Reader {
            tokens: tokens(text),
            at: 0,
            first_open: usize::MAX,
        }
    }

    fn whole(&mut self) -> Read<Design<Spot>> {
        let design = self.design()?;
        match self.peek().kind {
            lex::Kind::End => Ok(design),
            _ => Err(self.expected("the end", &[])),
        }
    }

    fn peek(&self) -> Token<'a> {
        self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn expected(&self, what: &str, words: &[&str]) -> ReadError {
        let token = self.peek();
        ReadError {
            line: token.line,
            column: token.column,
            found: match token.kind {
                lex::Kind::End => "the end".to_string(),
                _ => format!("`{}`", token.text),
            },
            expected: what.to_string(),
            nearest: kernel::nearest(token.text, words.iter().copied()),
        }
    }

    /// Takes `text` if it stands here.
    fn take(&mut self, text: &str) -> bool {
        let here = self.peek();
        let found = here.kind != lex::Kind::End && here.text == text;
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, text: &str) -> Read<()> {
        if self.take(text) {
            return Ok(());
        }
        Err(self.expected(&format!("`{text}`"), &[text]))
    }

    /// One of several words.
    fn word(&mut self, words: &[&'static str]) -> Read<&'static str> {
        let found = words.iter().find(|word| self.take(word));
        found.copied().ok_or_else(|| {
            let all: Vec<String> = words.iter().map(|w| format!("`{w}`")).collect();
            self.expected(&all.join(" or "), words)
        })
    }

    fn name(&mut self) -> Read<String> {
        let token = self.peek();
        let named = token.kind == lex::Kind::Word
            && token.text.starts_with(|c: char| c.is_ascii_alphabetic());
        if !named {
            return Err(self.expected("a name", &[]));
        }
        self.at += 1;
        Ok(token.text.to_string())
    }

    fn number<T: FromStr>(&mut self) -> Read<T> {
        let token = self.peek();
        match token.text.parse() {
            Ok(value) if token.kind == lex::Kind::Word => {
                self.at += 1;
                Ok(value)
            }
            _ => Err(self.expected(&format!("a number ({})", std::any::type_name::<T>()), &[])),
        }
    }

    fn signed(&mut self) -> Read<i32> {
        let start = self.at;
        let sign = if self.take("-") { -1 } else { 1 };
        let value: i64 = self.number()?;
        i32::try_from(sign * value.min(i64::from(u32::MAX))).map_err(|_| {
            self.at = start;
            self.expected("a number of 32 bits", &[])
        })
    }

    /// Items with commas between them, at least one.
    fn several<T>(&mut self, mut item: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.take(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Items in brackets, perhaps none.
    fn enclosed<T>(
        &mut self,
        [open, close]: [&str; 2],
        item: impl FnMut(&mut Self) -> Read<T>,
    ) -> Read<Vec<T>> {
        self.need(open)?;
        if self.take(close) {
            return Ok(Vec::new());
        }
        let items = self.several(item)?;
        self.need(close)?;
        Ok(items)
    }

    fn list<T>(&mut self, item: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        self.enclosed(["[", "]"], item)
    }

    fn four(&mut self) -> Read<[u32; 4]> {
        let start = self.at;
        let items = self.list(Self::number)?;
        items.try_into().map_err(|_| {
            self.at = start;
            self.expected("four numbers in brackets", &[])
        })
    }

    fn tile(&mut self) -> Read<Tile> {
        self.need("(")?;
        let col = self.number()?;
        self.need(",")?;
        let row = self.number()?;
        self.need(")")?;
        Ok(Tile::new(col, row))
    }

    /// Whether a tile stands here: `(`, or a word with `:` behind that no fifo's name is.
    fn at_spot(&self) -> bool {
        let kinds = [TileKind::Core, TileKind::Mem, TileKind::Shim];
        let here = self.peek().text;
        here == "(" || kinds.into_iter().any(|k| OpenTile::word(k) == here)
    }

    /// `(0,2)`, or `core:a`.
    fn spot(&mut self) -> Read<Spot> {
        let kinds = [TileKind::Core, TileKind::Mem, TileKind::Shim];
        let start = self.at;
        let Some(kind) = kinds.into_iter().find(|k| self.take(OpenTile::word(*k))) else {
            return self.tile().map(Spot::At);
        };
        self.first_open = self.first_open.min(start);
        self.need(":")?;
        let name = self.name()?;
        Ok(Spot::Open(OpenTile { kind, name }))
    }

    fn elem(&mut self) -> Read<Elem> {
        const ALL: [Elem; 5] = [Elem::I8, Elem::I16, Elem::I32, Elem::Bf16, Elem::F32];
        let found = ALL.into_iter().find(|elem| self.take(&elem.to_string()));
        found.ok_or_else(|| self.expected("an element type", &["i8", "i16", "i32", "bf16", "f32"]))
    }

    fn object(&mut self) -> Read<ObjectType> {
        let elem = self.elem()?;
        self.shape(elem)
    }

    /// `[4x64]` behind an element type.
    fn shape(&mut self, elem: Elem) -> Read<ObjectType> {
        self.need("[")?;
        if self.take("]") {
            return Ok(ObjectType::new(elem, []));
        }
        let sizes = self.peek().text.split('x').map(str::parse);
        let Ok(shape) = sizes.collect::<Result<Vec<u32>, _>>() else {
            return Err(self.expected("sizes such as `4x64`", &[]));
        };
        self.at += 1;
        self.need("]")?;
        Ok(ObjectType::new(elem, shape))
    }

    fn dim(&mut self) -> Read<Dim> {
        let size = self.number()?;
        self.need(":")?;
        Ok(Dim::new(size, self.number()?))
    }

    fn pad(&mut self) -> Read<Pad> {
        let before = self.number()?;
        self.need("+")?;
        Ok(Pad::new(before, self.number()?))
    }

    /// `0x01ff`: bytes in memory order.
    fn bytes(&mut self) -> Read<Vec<u8>> {
        let digits = self.peek().text.strip_prefix("0x");
        let nibble = |c: u8| (c as char).to_digit(16).map(|n| n as u8);
        let bytes = digits
            .filter(|d| d.len().is_multiple_of(2))
            .and_then(|digits| {
                let pairs = digits.as_bytes().chunks_exact(2);
                pairs
                    .map(|p| Some(nibble(p[0])? << 4 | nibble(p[1])?))
                    .collect()
            });
        let Some(bytes) = bytes else {
            return Err(self.expected("bytes such as `0x01ff`", &[]));
        };
        self.at += 1;
        Ok(bytes)
    }

    fn design(&mut self) -> Read<Design<Spot>> {
        self.need("design")?;
        let mut design = Design::new(self.name()?);
        for word in ["on", "npu1", "columns"] {
            self.need(word)?;
        }
        design.columns = self.number()?;
        if self.take("apart") {
            design.memory = Allocation::Apart;
        }
        self.need("{")?;
        while !self.take("}") {
            match self.word(&[
                "fifo", "link", "buffer", "kernel", "worker", "cascade", "sequence",
            ])? {
                "fifo" => {
                    let fifo = self.fifo()?;
                    design.fifos.push(fifo);
                }
                "link" => {
                    let link = self.link()?;
                    design.links.push(link);
                }
                "buffer" => {
                    let buffer = self.buffer()?;
                    design.buffers.push(buffer);
                }
                "kernel" => {
                    let name = self.name()?;
                    let params = self.enclosed(["(", ")"], Self::param)?;
                    let mut kernel = Kernel::new(name, params);
                    if self.take("from") {
                        kernel.file = Some(self.file()?);
                    }
                    if self.take("meets") {
                        kernel.meets = self.list(Self::meets)?;
                    }
                    design.kernels.push(kernel);
                }
                "worker" => {
                    let worker = self.worker()?;
                    design.workers.push(worker);
                }
                "cascade" => {
                    let from = self.spot()?;
                    self.need("->")?;
                    let to = self.spot()?;
                    design.cascades.push(Cascade { from, to });
                }
                _ => {
                    let sequence = self.sequence()?;
                    design.sequences.push(sequence);
                }
            }
        }
        Ok(design)
    }

    fn fifo(&mut self) -> Read<ObjectFifo<Spot>> {
        let name = self.name()?;
        self.need(":")?;
        let object = self.object()?;
        self.need("depth")?;
        let depth = if self.peek().text == "[" {
            Depth::PerEnd(self.list(Self::number)?)
        } else {
            Depth::Same(self.number()?)
        };
        let mut fifo = ObjectFifo::new(name, self.spot()?, &[], 0, object);
        fifo.depth = depth;
        if self.take("to_stream") {
            fifo.dims_to_stream = self.list(Self::dim)?;
        }
        if self.take("pad") {
            fifo.pad = self.list(Self::pad)?;
        }
        self.need("->")?;
        if self.at_spot() {
            fifo.consumers = self.several(|r| {
                let mut consumer = Consumer::new(r.spot()?);
                if r.take("from_stream") {
                    consumer.dims_from_stream = r.list(Self::dim)?;
                }
                Ok(consumer)
            })?;
        }
        if self.take("repeat") {
            fifo.repeat = self.number()?;
        }
        if self.take("rounds") {
            fifo.rounds = Some(self.number()?);
        }
        fifo.via_dma = self.take("via_dma");
        if self.take("packet") {
            let id = self.number()?;
            let keep_header = self.take("with");
            if keep_header {
                self.need("header")?;
            }
            fifo.packet = Some(Packet { id, keep_header });
        }
        if self.take("=") {
            fifo.init = self.several(Self::bytes)?;
        }
        Ok(fifo)
    }

    fn link(&mut self) -> Read<Link> {
        let inputs = self.several(Self::name)?;
        self.need("->")?;
        let outputs = self.several(Self::name)?;
        let offsets = if self.take("offsets") {
            self.list(Self::number)?
        } else {
            Vec::new()
        };
        Ok(Link {
            inputs,
            outputs,
            offsets,
        })
    }

    fn buffer(&mut self) -> Read<Buffer<Spot>> {
        let tile = self.spot()?;
        let name = self.name()?;
        self.need(":")?;
        let mut buffer = Buffer::new(name, tile, self.object()?);
        if self.take("at") {
            buffer.address = Some(self.number()?);
        }
        if self.take("=") {
            buffer.init = Some(self.bytes()?);
        }
        Ok(buffer)
    }

    /// `"blend.kir"`: a file beside the design's.
    fn file(&mut self) -> Read<String> {
        self.need("\"")?;
        let mut name = String::new();
        while matches!(self.peek().kind, lex::Kind::Word) || ["-", "."].contains(&self.peek().text)
        {
            name += self.peek().text;
            self.at += 1;
        }
        if name.is_empty() || name.starts_with('.') || self.peek().text != "\"" {
            return Err(self.expected(
                "the name of a file beside this one, such as `blend.kir`",
                &[],
            ));
        }
        self.need("\"")?;
        Ok(name)
    }

    /// `0 1 64`: two parameters and the cycles in which they meet; `0 bank 2 64`: one and constant data.
    fn meets(&mut self) -> Read<Meets> {
        let param = self.number()?;
        let other = match self.take("bank") {
            true => Other::Bank(self.number()?),
            false => Other::Param(self.number()?),
        };
        let cycles = self.number()?;
        Ok(Meets {
            param,
            other,
            cycles,
        })
    }

    fn param(&mut self) -> Read<Param> {
        let elem = self.elem()?;
        if elem == Elem::I32 && self.peek().text != "[" {
            return Ok(Param::I32);
        }
        Ok(Param::Memory(self.shape(elem)?))
    }
}
