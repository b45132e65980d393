//! AIE_PARTITION: the columns a design takes and the PDIs that configure them.
//!
//! A fixed header of 184 bytes is followed by a heap of items, each at a multiple of 8, that the
//! header and the structures in the heap point into.
//!
//! Source: Xilinx/XRT `src/runtime_src/core/include/xrt/detail/xclbin.h`, xclbinutil
//! `SectionAIEPartition.cxx`.

use std::cell::Cell;

use super::XclbinError;
use super::bytes::{Bytes, check_name};

const PART: &str = "AIE_PARTITION";
const HEADER_BYTES: usize = 184;
const PDI_BYTES: usize = 96;
const GROUP_BYTES: usize = 96;
const ALIGN: usize = 8;
/// Most bytes an image may have.
pub(super) const MAX_IMAGE: usize = 128 << 20;
/// Most bytes all images together may have, so that every offset fits 32 bits.
const MAX_IMAGES: u64 = 2 << 30;
/// Bytes a name may have; the format sets no limit.
const MAX_TEXT: usize = 4096;
/// [`CdoGroup::kind`] of the group that is loaded first.
pub const PRIMARY_GROUP: u8 = 1;

/// What AIE_PARTITION says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AiePartition {
    /// Name, empty in files of xclbinutil.
    pub name: String,
    /// Operations the design does in a cycle; drivers hand it to the firmware's scheduler.
    pub operations_per_cycle: u32,
    /// Fingerprint that firmware compares.
    pub inference_fingerprint: u64,
    /// Fingerprint of pre- and post-processing.
    pub pre_post_fingerprint: u64,
    /// Columns the design takes.
    pub columns: u16,
    /// Columns it may start at.
    pub start_columns: Vec<u16>,
    /// Commit the kernels were built from, may be empty.
    pub kernel_commit_id: String,
    /// Configurations.
    pub pdis: Vec<PdiImage>,
}

/// A PDI in the partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PdiImage {
    /// Uuid; loaders do not check it.
    pub uuid: [u8; 16],
    /// The PDI file.
    pub image: Vec<u8>,
    /// Which kernels it is for.
    pub groups: Vec<CdoGroup>,
}

/// The kernels that a PDI serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdoGroup {
    /// Name, "DPU".
    pub name: String,
    /// Kind, [`PRIMARY_GROUP`].
    pub kind: u8,
    /// Id of the PDI.
    pub pdi_id: u64,
    /// Ids of the kernels (`dpu_kernel_id` in EMBEDDED_METADATA).
    pub kernel_ids: Vec<u64>,
    /// Ids of groups to load before.
    pub pre_groups: Vec<u32>,
}

impl AiePartition {
    /// The first PDI with a group that lists the kernel: the rule of the xdna driver's shim.
    pub fn pdi_for(&self, kernel_id: u64) -> Option<&PdiImage> {
        self.pdis
            .iter()
            .find(|pdi| pdi.groups.iter().any(|g| g.kernel_ids.contains(&kernel_id)))
    }

    pub(super) fn parse(data: &[u8]) -> Result<Self, XclbinError> {
        let heap = Heap {
            bytes: Bytes::new(PART, data),
            left: Cell::new(data.len()),
        };
        let b = heap.bytes;
        heap.take("header", 0, HEADER_BYTES)?;
        let pdis = heap
            .structs("PDI structures", 120, PDI_BYTES, 0)?
            .into_iter()
            .map(|at| {
                Ok(PdiImage {
                    uuid: b.array(at)?,
                    image: heap
                        .take("PDI image", b.u32(at + 20)?, b.u32(at + 16)? as usize)?
                        .to_vec(),
                    groups: heap
                        .structs("group structures", 24, GROUP_BYTES, at)?
                        .into_iter()
                        .map(|at| group(&heap, at))
                        .collect::<Result<_, _>>()?,
                })
            })
            .collect::<Result<_, XclbinError>>()?;
        Ok(AiePartition {
            name: heap.string("name", b.u32(4)?)?,
            operations_per_cycle: b.u32(8)?,
            inference_fingerprint: b.u64(16)?,
            pre_post_fingerprint: b.u64(24)?,
            columns: b.u16(32)?,
            start_columns: heap.array("start columns", 40, u16::from_le_bytes)?,
            kernel_commit_id: heap.string("kernel commit id", b.u32(128)?)?,
            pdis,
        })
    }

    /// Refuses names that would not come back and images too large for the 32-bit offsets.
    pub(super) fn check(&self) -> Result<(), XclbinError> {
        let groups = self.pdis.iter().flat_map(|p| &p.groups).map(|g| &g.name);
        for name in groups.chain([&self.name, &self.kernel_commit_id]) {
            check_name("AIE_PARTITION", name, MAX_TEXT)?;
        }
        let total: u64 = self.pdis.iter().map(|p| p.image.len() as u64).sum();
        let largest = self.pdis.iter().map(|p| p.image.len()).max();
        if largest > Some(MAX_IMAGE) || total > MAX_IMAGES {
            return Err(XclbinError::Number {
                what: "the size of all PDIs in bytes",
                value: total,
                expected: "at most 0x8000000 (128 MiB) each and 0x80000000 (2 GiB) together",
            });
        }
        Ok(())
    }

    /// The section's bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![0; HEADER_BYTES];
        let name = push_string(&mut out, &self.name);
        let commit = push_string(&mut out, &self.kernel_commit_id);
        let starts: Vec<u8> = self
            .start_columns
            .iter()
            .flat_map(|c| c.to_le_bytes())
            .collect();
        let starts = push(&mut out, &starts);

        let mut structs = Vec::new();
        for pdi in &self.pdis {
            let image = push(&mut out, &pdi.image);
            let mut groups = Vec::new();
            for group in &pdi.groups {
                groups.extend(group.encode(&mut out));
            }
            let groups_at = push(&mut out, &groups);
            structs.extend(pdi.uuid);
            for word in [
                pdi.image.len() as u32,
                image,
                pdi.groups.len() as u32,
                groups_at,
            ] {
                structs.extend(word.to_le_bytes());
            }
            structs.extend([0; PDI_BYTES - 32]);
        }
        let pdis = push(&mut out, &structs);

        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        put(4, &name.to_le_bytes());
        put(8, &self.operations_per_cycle.to_le_bytes());
        put(16, &self.inference_fingerprint.to_le_bytes());
        put(24, &self.pre_post_fingerprint.to_le_bytes());
        put(32, &self.columns.to_le_bytes());
        put(40, &(self.start_columns.len() as u32).to_le_bytes());
        put(44, &starts.to_le_bytes());
        put(120, &(self.pdis.len() as u32).to_le_bytes());
        put(124, &pdis.to_le_bytes());
        put(128, &commit.to_le_bytes());
        out
    }
}

impl CdoGroup {
    /// Puts the group's lists into the heap and returns its structure.
    fn encode(&self, heap: &mut Vec<u8>) -> [u8; GROUP_BYTES] {
        let name = push_string(heap, &self.name);
        let ids: Vec<u8> = self
            .kernel_ids
            .iter()
            .flat_map(|id| id.to_le_bytes())
            .collect();
        let ids = push(heap, &ids);
        let pre: Vec<u8> = self
            .pre_groups
            .iter()
            .flat_map(|id| id.to_le_bytes())
            .collect();
        let pre = push(heap, &pre);

        let mut out = [0; GROUP_BYTES];
        out[..4].copy_from_slice(&name.to_le_bytes());
        out[4] = self.kind;
        out[8..16].copy_from_slice(&self.pdi_id.to_le_bytes());
        for (at, word) in [
            (16, self.kernel_ids.len() as u32),
            (20, ids),
            (24, self.pre_groups.len() as u32),
            (28, pre),
        ] {
            out[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        out
    }
}

fn group(heap: &Heap<'_>, at: usize) -> Result<CdoGroup, XclbinError> {
    let b = heap.bytes;
    Ok(CdoGroup {
        name: heap.string("group name", b.u32(at)?)?,
        kind: b.u8(at + 4)?,
        pdi_id: b.u64(at + 8)?,
        kernel_ids: heap.array("kernel ids", at + 16, u64::from_le_bytes)?,
        pre_groups: heap.array("pre-group ids", at + 24, u32::from_le_bytes)?,
    })
}

/// Appends an item at the next multiple of 8, padded to a multiple of 8, and returns its offset.
fn push(out: &mut Vec<u8>, item: &[u8]) -> u32 {
    let at = out.len();
    out.extend_from_slice(item);
    out.resize(out.len().next_multiple_of(ALIGN), 0);
    at as u32
}

fn push_string(out: &mut Vec<u8>, text: &str) -> u32 {
    let mut item = text.as_bytes().to_vec();
    item.push(0);
    push(out, &item)
}

/// Reads items and counts their bytes: items that add up to more than the section must overlap,
/// and copying them would let a small file ask for much memory.
struct Heap<'a> {
    bytes: Bytes<'a>,
    left: Cell<usize>,
}

impl<'a> Heap<'a> {
    fn take(
        &self,
        what: &'static str,
        offset: impl TryInto<usize>,
        len: usize,
    ) -> Result<&'a [u8], XclbinError> {
        let offset = offset.try_into().unwrap_or(usize::MAX);
        let item = self.bytes.slice(what, offset, len)?;
        self.spend(item.len())?;
        Ok(item)
    }

    fn spend(&self, len: usize) -> Result<(), XclbinError> {
        let left = self.left.get().checked_sub(len);
        self.left.set(left.ok_or(XclbinError::Overlap {
            part: self.bytes.part(),
            size: self.bytes.len(),
        })?);
        Ok(())
    }

    /// The places of the structures that a count and an offset at `at + field` point to.
    fn structs(
        &self,
        what: &'static str,
        field: usize,
        size: usize,
        at: usize,
    ) -> Result<Vec<usize>, XclbinError> {
        let count = self.bytes.u32(at + field)? as usize;
        let first = self.bytes.u32(at + field + 4)? as usize;
        self.take(what, first, count.saturating_mul(size))?;
        Ok((0..count).map(|i| first + i * size).collect())
    }

    /// The array that a count and an offset at `at` point to.
    fn array<const N: usize, T>(
        &self,
        what: &'static str,
        at: usize,
        read: fn([u8; N]) -> T,
    ) -> Result<Vec<T>, XclbinError> {
        let count = self.bytes.u32(at)? as usize;
        let data = self.take(what, self.bytes.u32(at + 4)?, count.saturating_mul(N))?;
        Ok(data.as_chunks::<N>().0.iter().map(|c| read(*c)).collect())
    }

    /// A zero-terminated text.
    fn string(&self, what: &'static str, offset: u32) -> Result<String, XclbinError> {
        let offset = offset as usize;
        let rest = self.bytes.len().saturating_sub(offset);
        let text = self.bytes.text(what, offset, rest)?;
        self.spend(text.len())?;
        Ok(text)
    }
}
