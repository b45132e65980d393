//! What a compiler knows of an xclbin, and how it becomes one.

use sha2::{Digest, Sha256};

use super::bytes::check_name;
use super::partition::MAX_IMAGE;
use super::tables::MAX_KERNEL_ID;
use super::{
    AiePartition, Arg, CdoGroup, Connection, Contents, DpuInfo, Ip, Kernel, MEMORY_DRAM, Memory,
    PRIMARY_GROUP, PdiImage, Qualifier, Xclbin, XclbinError, content_uuid,
};

/// Index of the bank that host buffers live in.
pub const HOST_MEMORY: i32 = 0;
/// Index of the bank that instruction streams live in.
pub const SRAM_MEMORY: i32 = 1;

/// `operations_per_cycle` that mlir-aie writes for every design.
const OPERATIONS_PER_CYCLE: u32 = 2048;
/// Fingerprints that mlir-aie writes for every design.
const INFERENCE_FINGERPRINT: u64 = 23423;
const PRE_POST_FINGERPRINT: u64 = 12345;
/// Group to load before, as mlir-aie writes it.
const PRE_GROUP: u32 = 0xc1;
const SUBTYPE_DPU: u32 = 1;
/// The kernel id of mlir-aie's designs.
const DEFAULT_KERNEL_ID: u32 = 0x901;
/// IP_LAYOUT holds `kernel:instance` in 64 bytes.
const MAX_INSTANCE_NAME: usize = 63;

/// An argument of a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgSpec {
    /// Name.
    pub name: String,
    /// Type in C spelling.
    pub type_name: String,
    /// Bytes it takes in the register map.
    pub size: u32,
    /// The bank of a buffer ([`HOST_MEMORY`], [`SRAM_MEMORY`]), `None` for a value.
    pub memory: Option<i32>,
}

/// A kernel and its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelSpec {
    /// Name by which the host opens it.
    pub name: String,
    /// Name of its instance.
    pub instance: String,
    /// Id that ties the kernel to its PDI, 12 bits.
    pub id: u32,
    /// Arguments in order; they are packed tightly in the register map.
    pub args: Vec<ArgSpec>,
    /// The PDI file.
    pub pdi: Vec<u8>,
}

/// Everything an xclbin for npu1 is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Columns the design takes.
    pub columns: u16,
    /// Columns it may start at.
    pub start_columns: Vec<u16>,
    /// Kernels with their configurations.
    pub kernels: Vec<KernelSpec>,
}

impl KernelSpec {
    /// A kernel with the arguments of mlir-aie's host code: opcode, instruction stream, its length
    /// in words, and `buffers` host buffers `bo0`, `bo1`, ...
    pub fn new(name: &str, buffers: usize, pdi: Vec<u8>) -> Self {
        let arg = |name: String, type_name: &str, size, memory| ArgSpec {
            name,
            type_name: type_name.to_string(),
            size,
            memory,
        };
        let mut args = vec![
            arg("opcode".to_string(), "uint64_t", 8, None),
            arg("instr".to_string(), "char *", 8, Some(SRAM_MEMORY)),
            arg("ninstr".to_string(), "uint32_t", 4, None),
        ];
        args.extend((0..buffers).map(|i| arg(format!("bo{i}"), "void*", 8, Some(HOST_MEMORY))));
        KernelSpec {
            name: name.to_string(),
            instance: "MLIRAIE".to_string(),
            id: DEFAULT_KERNEL_ID,
            args,
            pdi,
        }
    }

    fn check(&self) -> Result<(), XclbinError> {
        check_name("kernel", &self.name, MAX_INSTANCE_NAME)?;
        check_name("instance", &self.instance, MAX_INSTANCE_NAME)?;
        let full = format!("{}:{}", self.name, self.instance);
        check_name("kernel instance", &full, MAX_INSTANCE_NAME)?;
        if self.name.is_empty() || self.name.contains(':') {
            return Err(XclbinError::KernelName {
                name: self.name.clone(),
            });
        }
        let number = |what, value: u64, expected, ok| {
            if ok {
                Ok(())
            } else {
                Err(XclbinError::Number {
                    what,
                    value,
                    expected,
                })
            }
        };
        number(
            "the kernel id",
            u64::from(self.id),
            "at most 0xfff",
            self.id <= MAX_KERNEL_ID,
        )?;
        number(
            "the PDI's size in bytes",
            self.pdi.len() as u64,
            "at most 0x8000000 (128 MiB)",
            self.pdi.len() <= MAX_IMAGE,
        )?;
        for arg in &self.args {
            check_name("argument", &arg.name, MAX_INSTANCE_NAME)?;
            check_name("argument type", &arg.type_name, MAX_INSTANCE_NAME)?;
            number(
                "an argument's size in bytes",
                u64::from(arg.size),
                "4 or 8",
                matches!(arg.size, 4 | 8),
            )?;
            number(
                "an argument's memory",
                arg.memory.unwrap_or(HOST_MEMORY) as u64,
                "0 (host) or 1 (sram)",
                matches!(arg.memory, None | Some(HOST_MEMORY | SRAM_MEMORY)),
            )?;
        }
        Ok(())
    }
}

impl Spec {
    /// One kernel on this many columns, which start at column 0.
    pub fn new(columns: u16, kernel: KernelSpec) -> Self {
        Spec {
            columns,
            start_columns: vec![0],
            kernels: vec![kernel],
        }
    }

    /// What the sections will say.
    ///
    /// # Errors
    /// [`XclbinError`] for names and numbers that do not fit their fields, and for two kernels with
    /// the same name or id.
    pub fn contents(&self) -> Result<Contents, XclbinError> {
        if self.kernels.is_empty() {
            return Err(XclbinError::NoKernel);
        }
        for (index, kernel) in self.kernels.iter().enumerate() {
            kernel.check()?;
            for other in &self.kernels[..index] {
                let same = |what, value| Err(XclbinError::SameKernel { what, value });
                if other.name == kernel.name {
                    return same("name", kernel.name.clone());
                }
                if other.id == kernel.id {
                    return same("id", format!("{:#x}", kernel.id));
                }
            }
        }
        let memories = [(0x10000, "HOST"), (0xc000, "SRAM")].map(|(size_kib, tag)| Memory {
            kind: MEMORY_DRAM,
            used: true,
            size_kib,
            base_address: 0x400_0000,
            tag: tag.to_string(),
        });
        let connections: Vec<Connection> = self
            .kernels
            .iter()
            .zip(0..)
            .flat_map(|(kernel, ip)| {
                kernel.args.iter().zip(0..).filter_map(move |(spec, arg)| {
                    spec.memory.map(|memory| Connection { arg, ip, memory })
                })
            })
            .collect();
        Ok(Contents {
            memories: memories.to_vec(),
            partition: Some(self.partition()),
            kernels: self.kernels.iter().map(metadata).collect(),
            ips: self
                .kernels
                .iter()
                .map(|k| Ip::npu(format!("{}:{}", k.name, k.instance), k.id, 0))
                .collect(),
            // xclbinutil lists the connections twice in the group section.
            group_connections: [connections.as_slice(), &connections].concat(),
            connections,
            group_memories: memories.to_vec(),
        })
    }

    fn partition(&self) -> AiePartition {
        AiePartition {
            name: String::new(),
            operations_per_cycle: OPERATIONS_PER_CYCLE,
            inference_fingerprint: INFERENCE_FINGERPRINT,
            pre_post_fingerprint: PRE_POST_FINGERPRINT,
            columns: self.columns,
            start_columns: self.start_columns.clone(),
            kernel_commit_id: String::new(),
            pdis: self
                .kernels
                .iter()
                .zip(1..)
                .map(|(kernel, pdi_id)| PdiImage {
                    uuid: content_uuid(&Sha256::digest(&kernel.pdi).into()),
                    image: kernel.pdi.clone(),
                    groups: vec![CdoGroup {
                        name: "DPU".to_string(),
                        kind: PRIMARY_GROUP,
                        pdi_id,
                        kernel_ids: vec![u64::from(kernel.id)],
                        pre_groups: vec![PRE_GROUP],
                    }],
                })
                .collect(),
        }
    }

    /// The xclbin.
    ///
    /// # Errors
    /// As [`Spec::contents`].
    pub fn build(&self) -> Result<Xclbin, XclbinError> {
        self.contents()?.to_xclbin()
    }
}

fn metadata(spec: &KernelSpec) -> Kernel {
    let mut offset = 0;
    let args = spec
        .args
        .iter()
        .zip(0..)
        .map(|(arg, id)| {
            let at = offset;
            offset += arg.size;
            Arg {
                name: arg.name.clone(),
                qualifier: match arg.memory {
                    Some(_) => Qualifier::Global,
                    None => Qualifier::Scalar,
                },
                id,
                size: arg.size,
                offset: at,
                type_name: arg.type_name.clone(),
            }
        })
        .collect();
    Kernel {
        name: spec.name.clone(),
        language: "c".to_string(),
        kind: "dpu".to_string(),
        dpu: Some(DpuInfo {
            kernel_id: u64::from(spec.id),
            functional: 0,
            subtype: SUBTYPE_DPU,
        }),
        args,
        instances: vec![spec.instance.clone()],
    }
}
