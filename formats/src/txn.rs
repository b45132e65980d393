//! Instruction streams: the transaction binary that firmware executes for one dispatch.
//!
//! A stream is a header of 4 words and a list of operations, mostly register writes, that program
//! the shim DMAs, start them and wait for their tokens. Host buffers are named by argument index;
//! [`Op::DdrPatch`] makes firmware add a buffer's address to a buffer descriptor.
//!
//! Sources: mlir-aie `include/aie/Runtime/TxnEncoding.h`, `lib/Targets/AIETargetNPU.cpp`.

use std::fmt::Write as _;

use crate::words;

mod error;
mod op;

pub use arch::array::Direction;
pub use error::TxnError;
pub use op::Op;

/// Words of the header.
pub const HEADER_WORDS: usize = 4;

/// What the stream says of itself and of the device it was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Major version of the format.
    pub major: u8,
    /// Minor version of the format.
    pub minor: u8,
    /// Generation of the device, 3 = npu1.
    pub device_generation: u8,
    /// Rows of the device, all kinds of tiles.
    pub rows: u8,
    /// Columns of the device.
    pub columns: u8,
    /// Rows of memory tiles.
    pub mem_rows: u8,
}

impl Default for Header {
    /// The header of streams for npu1's whole partition.
    fn default() -> Self {
        Header {
            major: 0,
            minor: 1,
            device_generation: 3,
            rows: arch::geometry::ROWS,
            columns: arch::geometry::COLUMNS,
            mem_rows: arch::geometry::FIRST_CORE_ROW - arch::geometry::MEM_ROW,
        }
    }
}

/// An instruction stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// Version and device.
    pub header: Header,
    /// Operations, in order.
    pub ops: Vec<Op>,
}

impl Stream {
    /// A stream for npu1 with these operations.
    pub fn new(ops: Vec<Op>) -> Self {
        Stream {
            header: Header::default(),
            ops,
        }
    }

    /// Length in 32-bit words: the `ninstr` argument of the kernel.
    pub fn word_count(&self) -> usize {
        HEADER_WORDS + self.ops.iter().map(Op::word_count).sum::<usize>()
    }

    /// The bytes of the stream.
    pub fn to_bytes(&self) -> Vec<u8> {
        let h = &self.header;
        let size = self.word_count();
        let mut out = Vec::with_capacity(size);
        out.push(u32::from_le_bytes([
            h.major,
            h.minor,
            h.device_generation,
            h.rows,
        ]));
        out.push(u32::from_le_bytes([h.columns, h.mem_rows, 0, 0]));
        out.extend([self.ops.len() as u32, size as u32 * 4]);
        for op in &self.ops {
            op.encode(&mut out);
        }
        words::to_bytes(&out)
    }

    /// Reads a stream; the header's operation count and size must fit.
    ///
    /// # Errors
    /// [`TxnError`] names the word where the input is no stream of known operations.
    pub fn parse(bytes: &[u8]) -> Result<Self, TxnError> {
        let words = words::from_bytes(bytes).ok_or(TxnError::PartWord { bytes: bytes.len() })?;
        let Some(([version, shape, count, size], mut rest)) =
            words.split_first_chunk::<HEADER_WORDS>()
        else {
            return Err(TxnError::NoHeader { words: words.len() });
        };
        if usize::try_from(*size) != Ok(bytes.len()) {
            return Err(TxnError::Size {
                declared: *size,
                actual: bytes.len(),
            });
        }
        let [major, minor, device_generation, rows] = version.to_le_bytes();
        if (major, minor) != (0, 1) {
            return Err(TxnError::Version { major, minor });
        }
        let [columns, mem_rows, 0, 0] = shape.to_le_bytes() else {
            return Err(TxnError::Reserved {
                word: 1,
                name: "header",
                found: *shape,
            });
        };
        let mut ops = Vec::new();
        while !rest.is_empty() {
            let word = words.len() - rest.len();
            let (op, used) = Op::decode(rest, word)?;
            ops.push(op);
            rest = &rest[used..];
        }
        if usize::try_from(*count) != Ok(ops.len()) {
            return Err(TxnError::Count {
                declared: *count,
                actual: ops.len(),
            });
        }
        Ok(Stream {
            header: Header {
                major,
                minor,
                device_generation,
                rows,
                columns,
                mem_rows,
            },
            ops,
        })
    }

    /// A readable listing: the header, then one operation a line with its word offset.
    pub fn dump(&self) -> String {
        let h = &self.header;
        let mut out = String::new();
        let _ = writeln!(
            out,
            "stream {}.{} device generation {} {}x{} ({} memory rows), {} ops, {} words",
            h.major,
            h.minor,
            h.device_generation,
            h.columns,
            h.rows,
            h.mem_rows,
            self.ops.len(),
            self.word_count()
        );
        let mut word = HEADER_WORDS;
        for op in &self.ops {
            let _ = writeln!(out, "{word:5}  {op}");
            word += op.word_count();
        }
        out
    }
}
