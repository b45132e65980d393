//! What would keep loaders, driver or firmware from running an xclbin, found before they are asked.
//!
//! They say little: a kernel whose id no group lists ends in "No valid DPU kernel found in xclbin", a
//! stream for other columns in a timeout. Each [`Rule`] here is one such cause.
//!
//! Sources: Xilinx/XRT `core/common/xclbin_parser.cpp`; amd/xdna-driver `src/shim/hwctx.cpp`,
//! `aie2_ctx.c`; mlir-aie `TxnEncoding.h`.

use std::fmt;

use arch::{Tile, geometry};

use super::{
    ALIGN, AiePartition, Contents, HEADER_BYTES, Kernel, PdiImage, Qualifier, SECTION_HEADER_BYTES,
    SectionKind, Xclbin,
};
use crate::cdo::Command;
use crate::pdi::Pdi;
use crate::txn::{Op, Stream};

/// Arguments of a kernel in front of its buffers that are no scalars: the instruction stream.
const STREAM_ARGUMENTS: usize = 1;

/// What a finding is about; its name stands in front of the finding's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The file is not an xclbin, or damaged.
    Damaged,
    /// A section that does not begin at a multiple of eight.
    Alignment,
    /// No kernels: EMBEDDED_METADATA is missing or lists none.
    NoMetadata,
    /// No configuration: AIE_PARTITION is missing or has no PDI.
    NoPartition,
    /// A kernel without an id, or whose id is in no group of the partition.
    KernelId,
    /// A kernel without an instance in IP_LAYOUT, or an instance of no kernel.
    IpLayout,
    /// A connection of something that is not there.
    Connectivity,
    /// Columns that the device does not have, or fewer than the configuration writes to.
    Columns,
    /// A PDI that the firmware would not take, its checksums among the reasons.
    Pdi,
    /// An instruction stream that is not for this partition.
    Stream,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 10] = [
        Rule::Damaged,
        Rule::Alignment,
        Rule::NoMetadata,
        Rule::NoPartition,
        Rule::KernelId,
        Rule::IpLayout,
        Rule::Connectivity,
        Rule::Columns,
        Rule::Pdi,
        Rule::Stream,
    ];

    /// A short name.
    pub const fn name(self) -> &'static str {
        match self {
            Rule::Damaged => "damaged",
            Rule::Alignment => "alignment",
            Rule::NoMetadata => "no-metadata",
            Rule::NoPartition => "no-partition",
            Rule::KernelId => "kernel-id",
            Rule::IpLayout => "ip-layout",
            Rule::Connectivity => "connectivity",
            Rule::Columns => "columns",
            Rule::Pdi => "pdi",
            Rule::Stream => "stream",
        }
    }
}

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub rule: Rule,
    /// What is wrong, with numbers.
    pub what: String,
    /// What to do.
    pub help: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}\nhelp: {}",
            self.rule.name(),
            self.what,
            self.help
        )
    }
}

/// Looks at an xclbin and at instruction streams (by name) that are to run on it. Bad bytes end in a
/// finding.
pub fn lint(file: &[u8], streams: &[(&str, &[u8])]) -> Vec<Finding> {
    let mut lint = Lint::default();
    lint.alignment(file);
    let parsed = Xclbin::parse(file).and_then(|file| Contents::of(&file));
    match parsed {
        Err(e) => lint.error(Rule::Damaged, "", e),
        Ok(contents) => lint.contents(&contents, streams),
    }
    lint.findings
}

/// The findings so far.
#[derive(Default)]
struct Lint {
    findings: Vec<Finding>,
}

impl Lint {
    fn add(&mut self, rule: Rule, what: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Finding {
            rule,
            what: what.into(),
            help: help.into(),
        });
    }

    /// An error of a parser, whose text ends with its help.
    fn error(&mut self, rule: Rule, of: &str, error: impl fmt::Display) {
        let text = error.to_string();
        let (what, help) = text.split_once("\nhelp: ").unwrap_or((&text, ""));
        self.add(rule, format!("{of}{what}"), help);
    }

    /// Looks at the section table alone, for the parser reads sections wherever they begin.
    fn alignment(&mut self, file: &[u8]) {
        let Some((_, table)) = file.split_at_checked(HEADER_BYTES) else {
            return;
        };
        let word = |bytes: &[u8], at: usize| {
            let bytes = bytes.get(at..at + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?))
        };
        let count = word(file, HEADER_BYTES - 8).unwrap_or(0) as usize;
        for section in table.chunks_exact(SECTION_HEADER_BYTES).take(count) {
            let (kind, offset) = (word(section, 0), word(section, 24));
            if let (Some(kind), Some(offset)) = (kind, offset)
                && !offset.is_multiple_of(ALIGN as u32)
            {
                let kind = SectionKind(kind);
                self.add(
                    Rule::Alignment,
                    format!("section {kind} begins at {offset}, which is no multiple of {ALIGN}"),
                    "write the file again with npuc or xclbinutil",
                );
            }
        }
    }

    fn contents(&mut self, contents: &Contents, streams: &[(&str, &[u8])]) {
        if contents.kernels.is_empty() {
            self.add(
                Rule::NoMetadata,
                "EMBEDDED_METADATA is missing or lists no kernel, so loaders find nothing to open",
                "add it with `xclbinutil --add-kernel kernels.json`, or build with npuc",
            );
        }
        self.instances(contents);
        self.connections(contents);
        let partition = contents.partition.as_ref().filter(|p| !p.pdis.is_empty());
        let Some(partition) = partition else {
            self.add(
                Rule::NoPartition,
                "AIE_PARTITION is missing or has no PDI, so nothing configures the array",
                "add it with `xclbinutil --add-replace-section AIE_PARTITION:JSON:FILE`, or build with npuc",
            );
            return;
        };
        self.kernel_ids(&contents.kernels, partition);
        self.columns(partition);
        for (index, image) in partition.pdis.iter().enumerate() {
            self.pdi(index, image, partition.columns);
        }
        let buffers = contents.kernels.iter().map(buffers).max();
        for (name, bytes) in streams {
            self.stream(name, bytes, partition.columns, buffers);
        }
    }

    fn instances(&mut self, contents: &Contents) {
        let of = |kernel: &Kernel, ip: &str| {
            let rest = ip.strip_prefix(kernel.name.as_str());
            rest.is_some_and(|rest| rest.starts_with(':'))
        };
        for kernel in &contents.kernels {
            if !contents.ips.iter().any(|ip| of(kernel, &ip.name)) {
                self.add(
                    Rule::IpLayout,
                    format!(
                        "kernel {} has no instance: IP_LAYOUT has no entry that begins with \"{}:\"",
                        kernel.name, kernel.name
                    ),
                    format!("add an entry \"{}:INSTANCE\" to IP_LAYOUT", kernel.name),
                );
            }
        }
        for ip in &contents.ips {
            match contents.kernels.iter().find(|k| of(k, &ip.name)) {
                None => self.add(
                    Rule::IpLayout,
                    format!("IP_LAYOUT entry {:?} belongs to no kernel", ip.name),
                    "name it KERNEL:INSTANCE after a kernel of EMBEDDED_METADATA",
                ),
                Some(kernel) => {
                    let id = u64::from(ip.kernel_id());
                    if let Some(dpu) = kernel.dpu
                        && dpu.kernel_id != id
                    {
                        self.add(
                            Rule::KernelId,
                            format!(
                                "kernel {} has id {:#x} in EMBEDDED_METADATA and {id:#x} in IP_LAYOUT",
                                kernel.name, dpu.kernel_id
                            ),
                            "give both the same id",
                        );
                    }
                }
            }
        }
    }

    fn connections(&mut self, contents: &Contents) {
        let tables = [
            ("CONNECTIVITY", &contents.connections, &contents.memories),
            (
                "GROUP_CONNECTIVITY",
                &contents.group_connections,
                &contents.group_memories,
            ),
        ];
        for (name, connections, memories) in tables {
            let inside = |index: i32, len: usize| usize::try_from(index).is_ok_and(|i| i < len);
            for c in connections {
                let (ips, memories) = (contents.ips.len(), memories.len());
                if !inside(c.ip, ips) || !inside(c.memory, memories) {
                    self.add(
                        Rule::Connectivity,
                        format!(
                            "{name} connects instance {} with memory {}; there are {ips} instances and {memories} memories",
                            c.ip, c.memory
                        ),
                        "count both from 0, in the order of IP_LAYOUT and of the topology",
                    );
                }
            }
        }
    }

    fn kernel_ids(&mut self, kernels: &[Kernel], partition: &AiePartition) {
        for kernel in kernels {
            let name = &kernel.name;
            match kernel.dpu {
                None => self.add(
                    Rule::KernelId,
                    format!("kernel {name} has no dpu_kernel_id in EMBEDDED_METADATA"),
                    "add extended-data with dpu_kernel_id, subtype and functional",
                ),
                Some(dpu) if partition.pdi_for(dpu.kernel_id).is_none() => {
                    let listed = partition.pdis.iter().flat_map(|pdi| &pdi.groups);
                    let listed = listed.flat_map(|group| &group.kernel_ids);
                    let listed: Vec<String> = listed.map(|id| format!("{id:#x}")).collect();
                    self.add(
                        Rule::KernelId,
                        format!(
                            "kernel {name} has id {:#x}, which no CDO group of AIE_PARTITION lists ({})",
                            dpu.kernel_id,
                            if listed.is_empty() { "they list none".to_owned() } else { format!("they list {}", listed.join(", ")) }
                        ),
                        "add the id to dpu_kernel_ids of the group that configures the array for it; with no kernel left, loaders say \"No valid DPU kernel found in xclbin\"",
                    );
                }
                Some(_) => {}
            }
        }
    }

    fn columns(&mut self, partition: &AiePartition) {
        let width = partition.columns;
        let device = u16::from(geometry::DEVICE_COLUMNS);
        if width == 0 || width > device {
            self.add(
                Rule::Columns,
                format!(
                    "AIE_PARTITION is {} wide; npu1 has {device}",
                    columns(width)
                ),
                format!("set column_width to what the design takes, 1 to {device}"),
            );
            return;
        }
        for start in &partition.start_columns {
            if start.saturating_add(width) > device {
                self.add(
                    Rule::Columns,
                    format!(
                        "start column {start} of a partition of {} leaves the device, which has {device}",
                        columns(width)
                    ),
                    format!("use start columns up to {}", device - width),
                );
            }
        }
    }

    fn pdi(&mut self, index: usize, image: &PdiImage, width: u16) {
        let pdi = match Pdi::parse(&image.image) {
            Ok(pdi) => pdi,
            Err(e) => return self.error(Rule::Pdi, &format!("PDI {index}: "), e),
        };
        if image.groups.is_empty() {
            self.add(
                Rule::KernelId,
                format!("PDI {index} has no CDO group, so no kernel selects it"),
                "add a group that lists the kernel's id",
            );
        }
        let written = pdi.cdo().effects().filter_map(|command| match command {
            Command::Write { addr, .. }
            | Command::MaskWrite { addr, .. }
            | Command::DmaWrite { addr, .. }
            | Command::MaskPoll { addr, .. } => Some(*addr),
            Command::Delay { .. } | Command::Nop { .. } => None,
        });
        self.outside(
            Rule::Columns,
            &format!("PDI {index} configures"),
            written,
            width,
        );
    }

    /// Whether addresses leave a partition; names the first tile that does.
    fn outside(&mut self, rule: Rule, who: &str, addrs: impl Iterator<Item = u32>, width: u16) {
        let leaves = |tile: &Tile| u16::from(tile.col) >= width || tile.row >= geometry::ROWS;
        let mut tiles: Vec<Tile> = addrs.map(|a| Tile::from_addr(a).0).filter(leaves).collect();
        tiles.sort_unstable();
        tiles.dedup();
        if let Some(tile) = tiles.first() {
            self.add(
                rule,
                format!(
                    "{who} tile ({}, {}){}, outside of the partition of {} and {} rows",
                    tile.col,
                    tile.row,
                    match tiles.len() {
                        1 => String::new(),
                        count => format!(" and {} more", count - 1),
                    },
                    columns(width),
                    geometry::ROWS
                ),
                "make column_width what the design takes, or build the design for fewer columns",
            );
        }
    }

    fn stream(&mut self, name: &str, bytes: &[u8], width: u16, buffers: Option<usize>) {
        let stream = match Stream::parse(bytes) {
            Ok(stream) => stream,
            Err(e) => return self.error(Rule::Stream, &format!("{name}: "), e),
        };
        let own = u16::from(stream.header.columns);
        if own != width {
            self.add(
                Rule::Stream,
                format!(
                    "{name} was made for {}, AIE_PARTITION is {} wide",
                    columns(own),
                    columns(width)
                ),
                "use the stream that was built together with this xclbin",
            );
        }
        let mut addrs = Vec::new();
        let mut highest = None;
        for op in &stream.ops {
            match op {
                Op::Write32 { addr, .. }
                | Op::BlockWrite { addr, .. }
                | Op::MaskWrite32 { addr, .. }
                | Op::UpdateReg { addr, .. } => addrs.push(*addr),
                Op::DdrPatch { addr, arg, .. } => {
                    addrs.push(*addr);
                    highest = highest.max(Some(*arg));
                }
                Op::TctWait { tile, columns, .. } => {
                    let last = tile.col.saturating_add(columns.saturating_sub(1));
                    addrs.push(Tile::new(last, tile.row).base());
                }
                Op::LoadPdi { .. } | Op::Preempt { .. } | Op::CreateScratchpad { .. } => {}
            }
        }
        self.outside(
            Rule::Stream,
            &format!("{name} uses"),
            addrs.into_iter(),
            width,
        );
        if let (Some(highest), Some(buffers)) = (highest, buffers)
            && highest as usize >= buffers
        {
            self.add(
                Rule::Stream,
                format!(
                    "{name} uses buffer {highest}, counted from 0; the kernel has {buffers} buffer arguments"
                ),
                "use the stream that was built together with this xclbin",
            );
        }
    }
}

/// Buffer arguments of a kernel that a stream can name.
fn buffers(kernel: &Kernel) -> usize {
    let global = kernel.args.iter();
    let global = global.filter(|arg| arg.qualifier == Qualifier::Global);
    global.count().saturating_sub(STREAM_ARGUMENTS)
}

/// A number of columns in words.
fn columns(count: u16) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} column{ending}")
}
