//! The sections that are tables of fixed-size entries: memory banks, kernel instances, and which
//! argument lives in which bank.
//!
//! Source: Xilinx/XRT `src/runtime_src/core/include/xrt/detail/xclbin.h`.

use std::fmt;

use super::bytes::{Bytes, fixed};
use super::{SectionKind, XclbinError};

/// [`Memory::kind`] of DRAM.
pub const MEMORY_DRAM: u8 = 2;
/// [`Ip::kind`] of a kernel that firmware runs.
pub const PS_KERNEL: u32 = 7;
/// [`Ip::base_address`] of an instance without registers.
const NO_ADDRESS: u64 = u64::MAX;
/// Subtype "DPU" in [`Ip::properties`].
const SUBTYPE_DPU: u32 = 1;
const FUNCTIONAL_SHIFT: u32 = 4;
const KERNEL_ID_SHIFT: u32 = 16;
/// Kernel ids have 12 bits in [`Ip::properties`].
pub(super) const MAX_KERNEL_ID: u32 = 0xfff;

const MEMORY_BYTES: usize = 40;
const IP_BYTES: usize = 80;
const CONNECTION_BYTES: usize = 12;

/// A memory bank (MEM_TOPOLOGY and GROUP_TOPOLOGY).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Kind of memory, [`MEMORY_DRAM`] on npu1.
    pub kind: u8,
    /// Whether it is used.
    pub used: bool,
    /// Size in KiB.
    pub size_kib: u64,
    /// Base address.
    pub base_address: u64,
    /// Name, at most 16 bytes.
    pub tag: String,
}

/// An instance of a kernel (IP_LAYOUT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ip {
    /// Kind of instance, [`PS_KERNEL`] on npu1.
    pub kind: u32,
    /// Subtype in bits 0-1, function in bits 4-5, kernel id in bits 16-27.
    pub properties: u32,
    /// Address of its registers, all ones = none.
    pub base_address: u64,
    /// `kernel:instance`, at most 64 bytes.
    pub name: String,
}

/// One kernel argument in one bank (CONNECTIVITY and GROUP_CONNECTIVITY).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Index of the argument.
    pub arg: i32,
    /// Index into IP_LAYOUT.
    pub ip: i32,
    /// Index into MEM_TOPOLOGY.
    pub memory: i32,
}

impl Ip {
    /// An instance as the npu loaders want it.
    pub(super) fn npu(name: String, kernel_id: u32, functional: u32) -> Self {
        Ip {
            kind: PS_KERNEL,
            properties: SUBTYPE_DPU | functional << FUNCTIONAL_SHIFT | kernel_id << KERNEL_ID_SHIFT,
            base_address: NO_ADDRESS,
            name,
        }
    }

    /// Kernel id.
    pub fn kernel_id(&self) -> u32 {
        self.properties >> KERNEL_ID_SHIFT & MAX_KERNEL_ID
    }

    /// Function: 0 = compute, 1 = pre- and post-processing.
    pub fn functional(&self) -> u32 {
        self.properties >> FUNCTIONAL_SHIFT & 3
    }
}

pub(super) fn parse_memories(part: Bytes<'_>) -> Result<Vec<Memory>, XclbinError> {
    part.entries(8, MEMORY_BYTES)?
        .map(|e| {
            Ok(Memory {
                kind: e.u8(0)?,
                used: e.u8(1)? != 0,
                size_kib: e.u64(8)?,
                base_address: e.u64(16)?,
                tag: e.text("memory tag", 24, 16)?,
            })
        })
        .collect()
}

pub(super) fn write_memories(memories: &[Memory]) -> Vec<u8> {
    let mut out = table_head(memories.len());
    out.extend([0; 4]);
    for m in memories {
        out.extend([m.kind, u8::from(m.used), 0, 0, 0, 0, 0, 0]);
        out.extend(m.size_kib.to_le_bytes());
        out.extend(m.base_address.to_le_bytes());
        out.extend(fixed::<16>(&m.tag));
    }
    out
}

pub(super) fn parse_ips(part: Bytes<'_>) -> Result<Vec<Ip>, XclbinError> {
    part.entries(8, IP_BYTES)?
        .map(|e| {
            Ok(Ip {
                kind: e.u32(0)?,
                properties: e.u32(4)?,
                base_address: e.u64(8)?,
                name: e.text("instance name", 16, 64)?,
            })
        })
        .collect()
}

pub(super) fn write_ips(ips: &[Ip]) -> Vec<u8> {
    let mut out = table_head(ips.len());
    out.extend([0; 4]);
    for ip in ips {
        out.extend(ip.kind.to_le_bytes());
        out.extend(ip.properties.to_le_bytes());
        out.extend(ip.base_address.to_le_bytes());
        out.extend(fixed::<64>(&ip.name));
    }
    out
}

pub(super) fn parse_connections(part: Bytes<'_>) -> Result<Vec<Connection>, XclbinError> {
    part.entries(4, CONNECTION_BYTES)?
        .map(|e| {
            Ok(Connection {
                arg: e.i32(0)?,
                ip: e.i32(4)?,
                memory: e.i32(8)?,
            })
        })
        .collect()
}

pub(super) fn write_connections(connections: &[Connection]) -> Vec<u8> {
    let mut out = table_head(connections.len());
    for c in connections {
        for field in [c.arg, c.ip, c.memory] {
            out.extend(field.to_le_bytes());
        }
    }
    out
}

fn table_head(count: usize) -> Vec<u8> {
    (count as u32).to_le_bytes().to_vec()
}

/// The names [`Bytes`] reports errors with, by section kind.
pub(super) fn part_name(kind: SectionKind) -> &'static str {
    kind.name().unwrap_or("section")
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kind {} {} KiB at {:#x}{}",
            self.tag,
            self.kind,
            self.size_kib,
            self.base_address,
            if self.used { "" } else { " unused" }
        )
    }
}

impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kind {} kernel id {:#x} functional {}",
            self.name,
            self.kind,
            self.kernel_id(),
            self.functional()
        )
    }
}
