//! What the sections of an xclbin say, as typed values.

use std::fmt::Write as _;

use super::bytes::{Bytes, check_name};
use super::tables::{
    parse_connections, parse_ips, parse_memories, part_name, write_connections, write_ips,
    write_memories,
};
use super::{
    AiePartition, Connection, DpuInfo, Ip, Kernel, Memory, PdiImage, Section, SectionKind, Xclbin,
    XclbinError, hex, metadata,
};

/// Bytes a text of the metadata may have; the format sets no limit.
const MAX_TEXT: usize = 4096;

/// The sections a loader for npu1 reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// MEM_TOPOLOGY.
    pub memories: Vec<Memory>,
    /// AIE_PARTITION.
    pub partition: Option<AiePartition>,
    /// EMBEDDED_METADATA.
    pub kernels: Vec<Kernel>,
    /// IP_LAYOUT.
    pub ips: Vec<Ip>,
    /// CONNECTIVITY.
    pub connections: Vec<Connection>,
    /// GROUP_CONNECTIVITY.
    pub group_connections: Vec<Connection>,
    /// GROUP_TOPOLOGY.
    pub group_memories: Vec<Memory>,
}

/// A kernel instance that a loader can open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit<'a> {
    /// The kernel.
    pub kernel: &'a Kernel,
    /// Its instance.
    pub ip: &'a Ip,
    /// Its ids.
    pub dpu: DpuInfo,
    /// The PDI that configures the array for it.
    pub pdi: &'a PdiImage,
}

impl Contents {
    /// Reads the sections of a file. Sections that are not there are empty.
    ///
    /// # Errors
    /// [`XclbinError`] for a section that is damaged or there twice.
    pub fn of(file: &Xclbin) -> Result<Self, XclbinError> {
        let section = |kind| {
            let data = file.section(kind)?.map(|s| s.data.as_slice());
            Ok::<_, XclbinError>(data.map(|data| Bytes::new(part_name(kind), data)))
        };
        fn table<'a, T>(
            part: Option<Bytes<'a>>,
            parse: fn(Bytes<'a>) -> Result<Vec<T>, XclbinError>,
        ) -> Result<Vec<T>, XclbinError> {
            part.map_or(Ok(Vec::new()), parse)
        }
        let data = |kind| Ok::<_, XclbinError>(file.section(kind)?.map(|s| s.data.as_slice()));
        Ok(Contents {
            memories: table(section(SectionKind::MEM_TOPOLOGY)?, parse_memories)?,
            partition: data(SectionKind::AIE_PARTITION)?
                .map(AiePartition::parse)
                .transpose()?,
            kernels: data(SectionKind::EMBEDDED_METADATA)?
                .map_or(Ok(Vec::new()), metadata::parse)?,
            ips: table(section(SectionKind::IP_LAYOUT)?, parse_ips)?,
            connections: table(section(SectionKind::CONNECTIVITY)?, parse_connections)?,
            group_connections: table(section(SectionKind::GROUP_CONNECTIVITY)?, parse_connections)?,
            group_memories: table(section(SectionKind::GROUP_TOPOLOGY)?, parse_memories)?,
        })
    }

    /// The sections, in the order xclbinutil writes them.
    pub fn sections(&self) -> Vec<Section> {
        let mut data = vec![(SectionKind::MEM_TOPOLOGY, write_memories(&self.memories))];
        if let Some(partition) = &self.partition {
            data.push((SectionKind::AIE_PARTITION, partition.to_bytes()));
        }
        data.extend([
            (
                SectionKind::EMBEDDED_METADATA,
                metadata::write(&self.kernels).into_bytes(),
            ),
            (SectionKind::IP_LAYOUT, write_ips(&self.ips)),
            (
                SectionKind::CONNECTIVITY,
                write_connections(&self.connections),
            ),
            (
                SectionKind::GROUP_CONNECTIVITY,
                write_connections(&self.group_connections),
            ),
            (
                SectionKind::GROUP_TOPOLOGY,
                write_memories(&self.group_memories),
            ),
        ]);
        data.into_iter()
            .map(|(kind, data)| Section {
                kind,
                name: String::new(),
                data,
            })
            .collect()
    }

    /// The file with these sections and ids derived from them.
    ///
    /// # Errors
    /// [`XclbinError::Unloadable`] or [`XclbinError::MissingSection`] if a loader would find
    /// nothing to open, [`XclbinError::LongName`] and [`XclbinError::Number`] for what does not fit
    /// its field.
    pub fn to_xclbin(&self) -> Result<Xclbin, XclbinError> {
        self.units()?;
        for memory in self.memories.iter().chain(&self.group_memories) {
            check_name("memory", &memory.tag, 16)?;
        }
        for ip in &self.ips {
            check_name("instance", &ip.name, 64)?;
        }
        for kernel in &self.kernels {
            let names = kernel.instances.iter().chain([&kernel.name]);
            let args = kernel.args.iter().flat_map(|a| [&a.name, &a.type_name]);
            for name in names.chain(args) {
                check_name("metadata", name, MAX_TEXT)?;
            }
        }
        if let Some(partition) = &self.partition {
            partition.check()?;
        }
        Xclbin::from_sections(self.sections())
    }

    /// The kernel instances with their configurations, found by the rules of the xdna driver's
    /// shim: an instance is an IP_LAYOUT entry `kernel:instance`, its PDI the first whose groups
    /// list the kernel's id.
    ///
    /// # Errors
    /// [`XclbinError::MissingSection`] without kernels or partition;
    /// [`XclbinError::Unloadable`] for the first kernel that has no id, instance or PDI. (The shim
    /// passes over such kernels and fails only when none is left.)
    pub fn units(&self) -> Result<Vec<Unit<'_>>, XclbinError> {
        let missing = |kind| XclbinError::MissingSection { kind };
        let partition = self
            .partition
            .as_ref()
            .ok_or(missing(SectionKind::AIE_PARTITION))?;
        if self.kernels.is_empty() {
            return Err(missing(SectionKind::EMBEDDED_METADATA));
        }
        let mut units = Vec::new();
        for kernel in &self.kernels {
            let unloadable = |reason: String| XclbinError::Unloadable {
                kernel: kernel.name.clone(),
                reason,
            };
            let dpu = kernel
                .dpu
                .ok_or_else(|| unloadable("its metadata has no dpu_kernel_id".to_string()))?;
            let pdi = partition.pdi_for(dpu.kernel_id).ok_or_else(|| {
                unloadable(format!(
                    "no group of AIE_PARTITION lists its id {:#x}",
                    dpu.kernel_id
                ))
            })?;
            let before = units.len();
            let prefix = format!("{}:", kernel.name);
            for ip in self.ips.iter().filter(|ip| ip.name.starts_with(&prefix)) {
                units.push(Unit {
                    kernel,
                    ip,
                    dpu,
                    pdi,
                });
            }
            if units.len() == before {
                return Err(unloadable(format!(
                    "IP_LAYOUT has no entry that begins with {prefix:?}"
                )));
            }
        }
        Ok(units)
    }

    /// A readable listing, one thing a line.
    pub fn dump(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        for memory in &self.memories {
            let _ = writeln!(out, "memory {memory}");
        }
        for memory in &self.group_memories {
            let _ = writeln!(out, "group memory {memory}");
        }
        if let Some(p) = &self.partition {
            let _ = writeln!(
                out,
                "partition {} columns, start columns {:?}, {} operations per cycle",
                p.columns, p.start_columns, p.operations_per_cycle
            );
            for pdi in &p.pdis {
                let _ = writeln!(out, "pdi {} {} bytes", hex(&pdi.uuid), pdi.image.len());
                for g in &pdi.groups {
                    let _ = writeln!(
                        out,
                        "group {:?} kind {} pdi id {:#x} kernel ids {} pre-groups {}",
                        g.name,
                        g.kind,
                        g.pdi_id,
                        Ids(&g.kernel_ids),
                        Ids(&g.pre_groups)
                    );
                }
            }
        }
        for kernel in &self.kernels {
            let _ = writeln!(
                out,
                "kernel {} type {} id {} instances {:?}",
                kernel.name,
                kernel.kind,
                kernel
                    .dpu
                    .map_or("none".to_string(), |d| format!("{:#x}", d.kernel_id)),
                kernel.instances
            );
            for a in &kernel.args {
                let _ = writeln!(
                    out,
                    "arg {} {} {:?} at {:#x}, {} bytes, {:?}",
                    a.id, a.name, a.type_name, a.offset, a.size, a.qualifier
                );
            }
        }
        for ip in &self.ips {
            let _ = writeln!(out, "instance {ip}");
        }
        for (name, list) in [
            ("connection", &self.connections),
            ("group connection", &self.group_connections),
        ] {
            for c in list {
                let _ = writeln!(
                    out,
                    "{name} instance {} arg {} memory {}",
                    c.ip, c.arg, c.memory
                );
            }
        }
        out
    }
}

/// Prints a list of ids in hexadecimal on one line.
struct Ids<'a, T>(&'a [T]);

impl<T: std::fmt::LowerHex> std::fmt::Display for Ids<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, id) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{id:#x}")?;
        }
        Ok(())
    }
}
