//! XCLBIN files (axlf): what XRT and the drivers load.
//!
//! An xclbin is a header and a list of sections. [`Xclbin`] is that container with the sections as
//! bytes; [`Contents`] is what the sections say, typed; [`Spec`] is what a compiler knows and
//! becomes `Contents`. Writing is deterministic: ids that other tools draw at random or from the
//! clock are derived from the content by SHA-256, and the time stamp is 0.
//!
//! ```text
//! Spec --contents()--> Contents --to_xclbin()--> Xclbin --to_bytes()--> file
//!                      Contents <-Contents::of-- Xclbin <-Xclbin::parse-
//! ```
//!
//! Sources: Xilinx/XRT `src/runtime_src/core/include/xrt/detail/xclbin.h`,
//! `core/common/xclbin_parser.cpp`, `core/common/api/xrt_xclbin.cpp`, xclbinutil;
//! amd/xdna-driver `src/shim/hwctx.cpp`.

use std::fmt;

use sha2::{Digest, Sha256};

mod bytes;
mod contents;
mod error;
mod lint;
mod metadata;
mod partition;
mod spec;
mod tables;

use bytes::Bytes;

pub use contents::{Contents, Unit};
pub use error::XclbinError;
pub use lint::{Finding, Rule, lint};
pub use metadata::{Arg, DpuInfo, Kernel, Qualifier};
pub use partition::{AiePartition, CdoGroup, PRIMARY_GROUP, PdiImage};
pub use spec::{ArgSpec, HOST_MEMORY, KernelSpec, SRAM_MEMORY, Spec};
pub use tables::{Connection, Ip, MEMORY_DRAM, Memory, PS_KERNEL};

const MAGIC: [u8; 8] = *b"xclbin2\0";
/// Bytes of the header in front of the section headers.
const HEADER_BYTES: usize = 456;
const SECTION_HEADER_BYTES: usize = 40;
/// Offset of the file's uuid.
const UUID_AT: usize = 416;
const UNIQUE_ID_AT: usize = 296;
/// Sections begin at multiples of this.
const ALIGN: usize = 8;
/// Value of the signature length that says there is none.
const UNSIGNED: i32 = -1;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SectionKind(pub u32);

impl SectionKind {
    /// XML that describes the kernels and their arguments.
    pub const EMBEDDED_METADATA: Self = SectionKind(2);
    /// Memory banks.
    pub const MEM_TOPOLOGY: Self = SectionKind(6);
    /// Which kernel argument lives in which bank.
    pub const CONNECTIVITY: Self = SectionKind(7);
    /// Instances of kernels.
    pub const IP_LAYOUT: Self = SectionKind(8);
    /// Memory banks, grouped.
    pub const GROUP_TOPOLOGY: Self = SectionKind(26);
    /// Connectivity for the grouped banks.
    pub const GROUP_CONNECTIVITY: Self = SectionKind(27);
    /// The array's configuration: columns and PDIs.
    pub const AIE_PARTITION: Self = SectionKind(32);

    /// The name in the format's definition, for the kinds used by npu1 files.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::EMBEDDED_METADATA => "EMBEDDED_METADATA",
            Self::MEM_TOPOLOGY => "MEM_TOPOLOGY",
            Self::CONNECTIVITY => "CONNECTIVITY",
            Self::IP_LAYOUT => "IP_LAYOUT",
            Self::GROUP_TOPOLOGY => "GROUP_TOPOLOGY",
            Self::GROUP_CONNECTIVITY => "GROUP_CONNECTIVITY",
            Self::AIE_PARTITION => "AIE_PARTITION",
            _ => return None,
        })
    }
}

impl fmt::Display for SectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "kind {}", self.0),
        }
    }
}

/// Header fields of an xclbin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// A number that tells files apart; xclbinutil writes the creation time.
    pub unique_id: u64,
    /// Creation time, seconds since the epoch; 0 in files written here.
    pub timestamp: u64,
    /// Time stamp of a platform's feature ROM, 0 on npu1.
    pub feature_rom_timestamp: u64,
    /// Version of the format: patch, major, minor.
    pub version: (u16, u8, u8),
    /// Mode, 0 = flat.
    pub mode: u16,
    /// Actions the loader is to take, 0 = none.
    pub action_mask: u16,
    /// Uuid of the platform interface, zero on npu1.
    pub interface_uuid: [u8; 16],
    /// Platform name, empty on npu1.
    pub platform: String,
    /// Uuid of this file; it has to be unique among the files loaded to a device.
    pub uuid: [u8; 16],
    /// Name of a debug file, empty on npu1.
    pub debug_bin: String,
}

impl Default for Header {
    /// Format version 2.26, everything else zero or empty.
    fn default() -> Self {
        Header {
            unique_id: 0,
            timestamp: 0,
            feature_rom_timestamp: 0,
            version: (0, 2, 26),
            mode: 0,
            action_mask: 0,
            interface_uuid: [0; 16],
            platform: String::new(),
            uuid: [0; 16],
            debug_bin: String::new(),
        }
    }
}

/// One section as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it holds.
    pub kind: SectionKind,
    /// Label of at most 16 bytes; loaders ignore it.
    pub name: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// An xclbin as a container of sections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Xclbin {
    /// Header fields.
    pub header: Header,
    /// Sections, in the order of the file.
    pub sections: Vec<Section>,
    /// Bytes behind the last section: xclbinutil repeats the file's structure as JSON there, which
    /// loaders do not read.
    pub tail: Vec<u8>,
}

impl Xclbin {
    /// An xclbin of these sections whose uuid and unique id are derived from their content.
    ///
    /// # Errors
    /// [`XclbinError::LongName`] for a section name above 16 bytes.
    pub fn from_sections(sections: Vec<Section>) -> Result<Self, XclbinError> {
        for section in &sections {
            bytes::check_name("section", &section.name, 16)?;
        }
        let mut file = Xclbin {
            sections,
            ..Xclbin::default()
        };
        let digest: [u8; 32] = Sha256::digest(file.to_bytes()).into();
        file.header.uuid = content_uuid(&digest);
        let (_, rest) = digest.split_at(16);
        file.header.unique_id = rest
            .iter()
            .take(8)
            .fold(0, |id, byte| id << 8 | u64::from(*byte));
        Ok(file)
    }

    /// Reads the container: header, section table, ranges.
    ///
    /// # Errors
    /// [`XclbinError`] for a wrong magic, a length that is not the input's, a signed file, and
    /// sections that leave the file or overlap.
    pub fn parse(file: &[u8]) -> Result<Self, XclbinError> {
        let Some((head, _)) = file.split_first_chunk::<HEADER_BYTES>() else {
            return Err(XclbinError::NoHeader { bytes: file.len() });
        };
        let head = Bytes::new("file header", head);
        if let Some(magic) = file.first_chunk::<8>()
            && *magic != MAGIC
        {
            return Err(XclbinError::Magic { found: *magic });
        }
        let signature = head.i32(8)?;
        if signature != UNSIGNED {
            return Err(XclbinError::Signed { length: signature });
        }
        let declared = head.u64(304)?;
        if declared != file.len() as u64 {
            return Err(XclbinError::Length {
                declared,
                actual: file.len(),
            });
        }
        let count = head.u32(448)?;
        let room = (file.len() - HEADER_BYTES) / SECTION_HEADER_BYTES;
        if count as usize > room {
            return Err(XclbinError::SectionCount { count, room });
        }
        let table_end = HEADER_BYTES + count as usize * SECTION_HEADER_BYTES;
        let ranges = section_ranges(file, count as usize, table_end)?;

        let mut sections = Vec::with_capacity(ranges.len());
        let mut end = table_end;
        for range in &ranges {
            end = end.max(range.end);
            sections.push(Section {
                kind: range.kind,
                name: range.name.clone(),
                data: file[range.start..range.end].to_vec(),
            });
        }
        Ok(Xclbin {
            header: Header {
                unique_id: head.u64(UNIQUE_ID_AT)?,
                timestamp: head.u64(312)?,
                feature_rom_timestamp: head.u64(320)?,
                version: (head.u16(328)?, head.u8(330)?, head.u8(331)?),
                mode: head.u16(332)?,
                action_mask: head.u16(334)?,
                interface_uuid: head.array(336)?,
                platform: head.text("platform name", 352, 64)?,
                uuid: head.array(UUID_AT)?,
                debug_bin: head.text("debug file name", 432, 16)?,
            },
            sections,
            tail: file[end..].to_vec(),
        })
    }

    /// The bytes of the file: sections in order, each at a multiple of 8, then the tail.
    ///
    /// Names longer than their fields are cut; [`Xclbin::from_sections`] refuses them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut at = HEADER_BYTES + self.sections.len() * SECTION_HEADER_BYTES;
        let mut table = Vec::new();
        let mut data = Vec::new();
        let data_at = at;
        for section in &self.sections {
            at = at.next_multiple_of(ALIGN);
            data.resize(at - data_at, 0);
            table.extend(section.kind.0.to_le_bytes());
            table.extend(bytes::fixed::<16>(&section.name));
            table.extend([0; 4]);
            table.extend((at as u64).to_le_bytes());
            table.extend((section.data.len() as u64).to_le_bytes());
            data.extend_from_slice(&section.data);
            at += section.data.len();
        }
        data.extend_from_slice(&self.tail);
        let total = HEADER_BYTES + table.len() + data.len();

        let h = &self.header;
        let mut out = Vec::with_capacity(total);
        out.extend(MAGIC);
        out.extend(UNSIGNED.to_le_bytes());
        out.resize(UNIQUE_ID_AT, 0xff);
        for word in [
            h.unique_id,
            total as u64,
            h.timestamp,
            h.feature_rom_timestamp,
        ] {
            out.extend(word.to_le_bytes());
        }
        let (patch, major, minor) = h.version;
        out.extend(patch.to_le_bytes());
        out.extend([major, minor]);
        out.extend(h.mode.to_le_bytes());
        out.extend(h.action_mask.to_le_bytes());
        out.extend(h.interface_uuid);
        out.extend(bytes::fixed::<64>(&h.platform));
        out.extend(h.uuid);
        out.extend(bytes::fixed::<16>(&h.debug_bin));
        out.extend((self.sections.len() as u32).to_le_bytes());
        out.extend([0; 4]);
        out.extend(table);
        out.extend(data);
        out
    }

    /// The only section of a kind, if there is one.
    ///
    /// # Errors
    /// [`XclbinError::SeveralSections`] if there are more.
    pub fn section(&self, kind: SectionKind) -> Result<Option<&Section>, XclbinError> {
        let mut found = self.sections.iter().filter(|s| s.kind == kind);
        let first = found.next();
        match found.count() {
            0 => Ok(first),
            more => Err(XclbinError::SeveralSections {
                kind,
                count: more + 1,
            }),
        }
    }

    /// A readable listing: header, section table, and what the sections say.
    ///
    /// # Errors
    /// As [`Contents::of`].
    pub fn dump(&self) -> Result<String, XclbinError> {
        let h = &self.header;
        let mut out = format!(
            "xclbin uuid {} unique id {:#018x} version {}.{}.{} timestamp {}\n",
            hex(&h.uuid),
            h.unique_id,
            h.version.1,
            h.version.2,
            h.version.0,
            h.timestamp
        );
        for section in &self.sections {
            out.push_str(&format!(
                "section {:<18} {:8} bytes {:?}\n",
                section.kind.to_string(),
                section.data.len(),
                section.name
            ));
        }
        if !self.tail.is_empty() {
            out.push_str(&format!("tail {} bytes\n", self.tail.len()));
        }
        out.push_str(&Contents::of(self)?.dump());
        Ok(out)
    }
}

/// Bytes in hexadecimal without separators.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A uuid from the first 16 bytes of a digest, marked as version 8 ("custom", RFC 9562).
pub(crate) fn content_uuid(digest: &[u8; 32]) -> [u8; 16] {
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&digest[..16]);
    uuid[6] = uuid[6] & 0x0f | 0x80;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    uuid
}

/// Where a section lies in the file.
struct Range {
    kind: SectionKind,
    name: String,
    start: usize,
    end: usize,
}

/// Reads the section table and checks that every section is inside the file, behind the table, and
/// clear of the others.
fn section_ranges(file: &[u8], count: usize, table_end: usize) -> Result<Vec<Range>, XclbinError> {
    let table = Bytes::new("section table", &file[HEADER_BYTES..table_end]);
    let mut ranges = Vec::with_capacity(count);
    for index in 0..count {
        let at = index * SECTION_HEADER_BYTES;
        let kind = SectionKind(table.u32(at)?);
        let (offset, size) = (table.u64(at + 24)?, table.u64(at + 32)?);
        let end = offset.checked_add(size).filter(|e| *e <= file.len() as u64);
        let Some(end) = end.filter(|_| offset >= table_end as u64) else {
            return Err(XclbinError::SectionRange {
                index,
                kind,
                offset,
                size,
                first: table_end,
                total: file.len(),
            });
        };
        ranges.push(Range {
            kind,
            name: table.text("section name", at + 4, 16)?,
            start: offset as usize,
            end: end as usize,
        });
    }
    let mut order: Vec<&Range> = ranges.iter().filter(|r| r.start < r.end).collect();
    order.sort_by_key(|r| r.start);
    for pair in order.windows(2) {
        if pair[1].start < pair[0].end {
            return Err(XclbinError::SectionOverlap {
                first: pair[0].kind,
                second: pair[1].kind,
                offset: pair[1].start,
                end: pair[0].end,
            });
        }
    }
    Ok(ranges)
}
