//! The operations of an instruction stream and their encodings.
//!
//! Source: mlir-aie `include/aie/Runtime/TxnEncoding.h`.

use std::fmt;

use arch::Tile;
use arch::array::Direction;

use super::TxnError;
use crate::words::{At, Block};

const WRITE32: u8 = 0x00;
const BLOCKWRITE: u8 = 0x01;
const MASKWRITE32: u8 = 0x03;
const PREEMPT: u8 = 0x06;
const LOAD_PDI: u8 = 0x08;
const CREATE_SCRATCHPAD: u8 = 0x0a;
const UPDATE_REG: u8 = 0x0c;
const TCT_WAIT: u8 = 0x80;
const DDR_PATCH: u8 = 0x81;

/// Words in front of the data of a block write.
const BLOCK_HEADER: usize = 4;

/// One operation. Addresses are partition relative: `col << 25 | row << 20 | offset`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Writes one register.
    Write32 {
        /// Register address.
        addr: u32,
        /// New value.
        value: u32,
    },
    /// Writes consecutive words.
    BlockWrite {
        /// Address of the first word.
        addr: u32,
        /// The words.
        data: Vec<u32>,
    },
    /// `new = (old & !mask) | (value & mask)`.
    MaskWrite32 {
        /// Register address.
        addr: u32,
        /// New values of the bits.
        value: u32,
        /// Bits that change.
        mask: u32,
    },
    /// Waits for one task-complete token of a DMA channel on each of the tiles.
    TctWait {
        /// First tile.
        tile: Tile,
        /// Direction of the channel.
        direction: Direction,
        /// Number of the channel.
        channel: u8,
        /// Tiles to wait for along the row.
        columns: u8,
        /// Tiles to wait for along the column.
        rows: u8,
    },
    /// Adds the address of a host buffer, plus an offset, to a shim buffer descriptor.
    DdrPatch {
        /// Address of the descriptor's word 1, the low half of its base address.
        addr: u32,
        /// Which buffer, counted from the first of the runtime sequence.
        arg: u32,
        /// Offset into the buffer in bytes.
        offset: u64,
    },
    /// Loads another configuration.
    LoadPdi {
        /// Id of the PDI.
        id: u16,
        /// Size in bytes.
        size: u32,
        /// Device address.
        addr: u64,
    },
    /// A point at which the firmware may switch to another context.
    Preempt {
        /// How much state is saved.
        level: u8,
    },
    /// Reserves scratch memory; the host fills in its address.
    CreateScratchpad {
        /// What it is for.
        usage: u8,
        /// Size in bytes.
        size: u32,
    },
    /// Changes a register by a value of the state table.
    UpdateReg {
        /// Index into the state table.
        table: u8,
        /// Which function to apply.
        function: u8,
        /// Argument of the function.
        argument: u32,
        /// Register address.
        addr: u32,
    },
}

/// Names of opcodes that this reader knows but does not read.
fn unsupported_name(opcode: u8) -> Option<&'static str> {
    Some(match opcode {
        0x02 => "BLOCKSET",
        0x04 => "MASKPOLL",
        0x05 => "NOOP",
        0x07 => "MASKPOLL_BUSY",
        0x09 => "LOAD_PM_START",
        0x0b => "UPDATE_STATE_TABLE",
        0x0d => "UPDATE_SCRATCH",
        0x0e => "CONFIG_SHIMDMA_BD",
        0x0f => "CONFIG_SHIMDMA_DMABUF_BD",
        0x82 => "READ_REGS",
        0x83 => "RECORD_TIMER",
        0x84 => "MERGE_SYNC",
        _ => return None,
    })
}

impl Op {
    /// The operation's name in the format.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Write32 { .. } => "WRITE32",
            Op::BlockWrite { .. } => "BLOCKWRITE",
            Op::MaskWrite32 { .. } => "MASKWRITE32",
            Op::TctWait { .. } => "TCT_WAIT",
            Op::DdrPatch { .. } => "DDR_PATCH",
            Op::LoadPdi { .. } => "LOAD_PDI",
            Op::Preempt { .. } => "PREEMPT",
            Op::CreateScratchpad { .. } => "CREATE_SCRATCHPAD",
            Op::UpdateReg { .. } => "UPDATE_REG",
        }
    }

    /// Words the operation takes in the stream.
    pub fn word_count(&self) -> usize {
        match self {
            Op::Write32 { .. } => 6,
            Op::BlockWrite { data, .. } => BLOCK_HEADER + data.len(),
            Op::MaskWrite32 { .. } => 7,
            Op::TctWait { .. } | Op::LoadPdi { .. } | Op::CreateScratchpad { .. } => 4,
            Op::DdrPatch { .. } => 12,
            Op::Preempt { .. } => 1,
            Op::UpdateReg { .. } => 3,
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u32>) {
        let size = self.word_count() as u32 * 4;
        match self {
            Op::Write32 { addr, value } => {
                out.extend([u32::from(WRITE32), 0, *addr, 0, *value, size]);
            }
            Op::BlockWrite { addr, data } => {
                out.extend([u32::from(BLOCKWRITE), 0, *addr, size]);
                out.extend_from_slice(data);
            }
            Op::MaskWrite32 { addr, value, mask } => {
                out.extend([u32::from(MASKWRITE32), 0, *addr, 0, *value, *mask, size]);
            }
            Op::TctWait {
                tile,
                direction,
                channel,
                columns,
                rows,
            } => {
                let direction = match direction {
                    Direction::S2mm => 0,
                    Direction::Mm2s => 1,
                };
                out.extend([
                    u32::from(TCT_WAIT),
                    size,
                    u32::from_le_bytes([direction, tile.row, tile.col, 0]),
                    u32::from_le_bytes([0, *rows, *columns, *channel]),
                ]);
            }
            Op::DdrPatch { addr, arg, offset } => {
                out.extend([u32::from(DDR_PATCH), size, 0, 0, 0, 0, *addr, 0, *arg, 0]);
                out.extend([*offset as u32, (*offset >> 32) as u32]);
            }
            Op::LoadPdi { id, size, addr } => out.extend([
                u32::from(LOAD_PDI) | u32::from(*id) << 16,
                *size,
                *addr as u32,
                (*addr >> 32) as u32,
            ]),
            Op::Preempt { level } => out.push(u32::from(PREEMPT) | u32::from(*level) << 8),
            Op::CreateScratchpad { usage, size } => out.extend([
                u32::from(CREATE_SCRATCHPAD) | u32::from(*usage) << 8,
                *size,
                0,
                0,
            ]),
            Op::UpdateReg {
                table,
                function,
                argument,
                addr,
            } => out.extend([
                u32::from_le_bytes([UPDATE_REG, *table, *function, 0]),
                *argument,
                *addr,
            ]),
        }
    }

    /// Reads the operation at the start of `words`, which is word `at` of the stream; returns it
    /// and how many words it takes.
    pub(super) fn decode(words: &[u32], at: usize) -> Result<(Op, usize), TxnError> {
        let reader = Reader { words, at };
        let [opcode, byte1, byte2, byte3] = words[0].to_le_bytes();
        let (op, used) = match opcode {
            WRITE32 => {
                let w = reader.take::<6>("WRITE32")?;
                reader.zero("WRITE32", &[1, 3])?;
                reader.size("WRITE32", 5, 24, "24")?;
                let op = Op::Write32 {
                    addr: w[2],
                    value: w[4],
                };
                (op, w.len())
            }
            BLOCKWRITE => {
                let w = reader.take::<BLOCK_HEADER>("BLOCKWRITE")?;
                reader.zero("BLOCKWRITE", &[1])?;
                let size = w[3] as usize;
                if !size.is_multiple_of(4) || size < BLOCK_HEADER * 4 {
                    return Err(reader.bad_size(
                        "BLOCKWRITE",
                        w[3],
                        "16 + 4 for each word of data",
                    ));
                }
                let all = reader.slice("BLOCKWRITE", size / 4)?;
                let op = Op::BlockWrite {
                    addr: w[2],
                    data: all[BLOCK_HEADER..].to_vec(),
                };
                (op, all.len())
            }
            MASKWRITE32 => {
                let w = reader.take::<7>("MASKWRITE32")?;
                reader.zero("MASKWRITE32", &[1, 3])?;
                reader.size("MASKWRITE32", 6, 28, "28")?;
                let op = Op::MaskWrite32 {
                    addr: w[2],
                    value: w[4],
                    mask: w[5],
                };
                (op, w.len())
            }
            TCT_WAIT => {
                let w = reader.take::<4>("TCT_WAIT")?;
                reader.size("TCT_WAIT", 1, 16, "16")?;
                let [direction, row, col, high] = w[2].to_le_bytes();
                let [low, rows, columns, channel] = w[3].to_le_bytes();
                let direction = match (direction, high) {
                    (0, 0) => Direction::S2mm,
                    (1, 0) => Direction::Mm2s,
                    _ => return Err(reader.reserved("TCT_WAIT", 2)),
                };
                if low != 0 {
                    return Err(reader.reserved("TCT_WAIT", 3));
                }
                let op = Op::TctWait {
                    tile: Tile::new(col, row),
                    direction,
                    channel,
                    columns,
                    rows,
                };
                (op, w.len())
            }
            DDR_PATCH => {
                let w = reader.take::<12>("DDR_PATCH")?;
                reader.size("DDR_PATCH", 1, 48, "48")?;
                reader.zero("DDR_PATCH", &[2, 3, 4, 5, 7, 9])?;
                let op = Op::DdrPatch {
                    addr: w[6],
                    arg: w[8],
                    offset: u64::from(w[11]) << 32 | u64::from(w[10]),
                };
                (op, w.len())
            }
            LOAD_PDI => {
                let w = reader.take::<4>("LOAD_PDI")?;
                let op = Op::LoadPdi {
                    id: (w[0] >> 16) as u16,
                    size: w[1],
                    addr: u64::from(w[3]) << 32 | u64::from(w[2]),
                };
                (op, w.len())
            }
            PREEMPT => (Op::Preempt { level: byte1 }, 1),
            CREATE_SCRATCHPAD => {
                let w = reader.take::<4>("CREATE_SCRATCHPAD")?;
                reader.zero("CREATE_SCRATCHPAD", &[2, 3])?;
                let op = Op::CreateScratchpad {
                    usage: byte1,
                    size: w[1],
                };
                (op, w.len())
            }
            UPDATE_REG => {
                let w = reader.take::<3>("UPDATE_REG")?;
                let op = Op::UpdateReg {
                    table: byte1,
                    function: byte2,
                    argument: w[1],
                    addr: w[2],
                };
                (op, w.len())
            }
            _ => {
                return Err(match unsupported_name(opcode) {
                    Some(name) => TxnError::Unsupported {
                        word: at,
                        opcode,
                        name,
                    },
                    None => TxnError::UnknownOpcode { word: at, opcode },
                });
            }
        };
        let first_word_clean = match op {
            Op::LoadPdi { .. } => byte1 == 0,
            Op::Preempt { .. } | Op::CreateScratchpad { .. } => byte2 == 0 && byte3 == 0,
            Op::UpdateReg { .. } => byte3 == 0,
            _ => words[0] == u32::from(opcode),
        };
        if !first_word_clean {
            return Err(reader.reserved(op.name(), 0));
        }
        Ok((op, used))
    }
}

/// The rest of a stream from one operation on.
struct Reader<'a> {
    words: &'a [u32],
    at: usize,
}

impl<'a> Reader<'a> {
    fn slice(&self, name: &'static str, count: usize) -> Result<&'a [u32], TxnError> {
        self.words.get(..count).ok_or(TxnError::Overrun {
            word: self.at,
            name,
            need: count,
            left: self.words.len(),
        })
    }

    fn take<const N: usize>(&self, name: &'static str) -> Result<&'a [u32; N], TxnError> {
        self.words.first_chunk::<N>().ok_or(TxnError::Overrun {
            word: self.at,
            name,
            need: N,
            left: self.words.len(),
        })
    }

    fn zero(&self, name: &'static str, words: &[usize]) -> Result<(), TxnError> {
        match words.iter().find(|&&word| self.words[word] != 0) {
            Some(&word) => Err(self.reserved(name, word)),
            None => Ok(()),
        }
    }

    fn reserved(&self, name: &'static str, word: usize) -> TxnError {
        TxnError::Reserved {
            word: self.at + word,
            name,
            found: self.words[word],
        }
    }

    fn size(
        &self,
        name: &'static str,
        word: usize,
        size: u32,
        expected: &'static str,
    ) -> Result<(), TxnError> {
        if self.words[word] == size {
            Ok(())
        } else {
            Err(self.bad_size(name, self.words[word], expected))
        }
    }

    fn bad_size(&self, name: &'static str, found: u32, expected: &'static str) -> TxnError {
        TxnError::OpSize {
            word: self.at,
            name,
            found,
            expected,
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Write32 { addr, value } => write!(f, "write32 {} = {value:#010x}", At(*addr)),
            Op::BlockWrite { addr, data } => {
                write!(f, "blockwrite {} = {}", At(*addr), Block(data))
            }
            Op::MaskWrite32 { addr, value, mask } => write!(
                f,
                "maskwrite32 {} = {value:#010x} mask {mask:#010x}",
                At(*addr)
            ),
            Op::TctWait {
                tile,
                direction,
                channel,
                columns,
                rows,
            } => write!(
                f,
                "tct_wait {tile} {direction} channel {channel} over {columns}x{rows} tiles"
            ),
            Op::DdrPatch { addr, arg, offset } => {
                write!(f, "ddr_patch {} += arg {arg} + {offset}", At(*addr))
            }
            Op::LoadPdi { id, size, addr } => {
                write!(f, "load_pdi {id} {size} bytes at {addr:#x}")
            }
            Op::Preempt { level } => write!(f, "preempt level {level}"),
            Op::CreateScratchpad { usage, size } => {
                write!(f, "create_scratchpad usage {usage} {size} bytes")
            }
            Op::UpdateReg {
                table,
                function,
                argument,
                addr,
            } => write!(
                f,
                "update_reg {} by state {table} function {function} argument {argument}",
                At(*addr)
            ),
        }
    }
}
