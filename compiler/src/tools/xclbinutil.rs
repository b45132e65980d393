//! PDI to XCLBIN by XRT's `xclbinutil`.
//!
//! Source: mlir-aie `tools/aiecc/aiecc.cpp`.

use formats::xclbin::{Contents, HOST_MEMORY, Qualifier, SRAM_MEMORY, Spec, Xclbin};
use serde_json::{Value, json};

use super::error::ToolError;
use super::find::Tool;
use super::workshop::{Call, Workshop};

/// Files that xclbinutil reads.
pub const MEM_TOPOLOGY: &str = "mem_topology.json";
/// Kernels with their arguments.
pub const KERNELS: &str = "kernels.json";
/// Columns and PDIs.
pub const AIE_PARTITION: &str = "aie_partition.json";

/// The three descriptions of an XCLBIN, file name and text, with the PDIs in the files `pdis`.
pub fn descriptions(contents: &Contents, pdis: &[&str]) -> [(&'static str, String); 3] {
    let text = |value: &Value| format!("{value:#}\n");
    [
        (MEM_TOPOLOGY, text(&mem_topology(contents))),
        (KERNELS, text(&kernels(contents))),
        (AIE_PARTITION, text(&aie_partition(contents, pdis))),
    ]
}

fn mem_topology(contents: &Contents) -> Value {
    let memories = contents.memories.iter().map(|memory| {
        json!({
            "m_base_address": format!("{:#x}", memory.base_address),
            "m_sizeKB": format!("{:#x}", memory.size_kib),
            "m_tag": memory.tag,
            "m_type": "MEM_DRAM",
            "m_used": u8::from(memory.used).to_string(),
        })
    });
    json!({ "mem_topology": {
        "m_count": contents.memories.len().to_string(),
        "m_mem_data": memories.collect::<Vec<_>>(),
    } })
}

fn kernels(contents: &Contents) -> Value {
    let kernels = contents.kernels.iter().zip(0..).map(|(kernel, ip)| {
        let connection = |arg: u32| {
            let mut connections = contents.connections.iter();
            connections.find(|c| c.ip == ip && u32::try_from(c.arg) == Ok(arg))
        };
        let arguments = kernel.args.iter().map(|arg| {
            // Upper-case digits behind a lower-case x, at least two.
            let offset = format!("0x{:02X}", arg.offset);
            let memory = connection(arg.id).map(|c| match c.memory {
                SRAM_MEMORY => "SRAM",
                HOST_MEMORY => "HOST",
                _ => "",
            });
            match (arg.qualifier, memory) {
                (Qualifier::Global, Some(memory)) => json!({
                    "address-qualifier": "GLOBAL",
                    "memory-connection": memory,
                    "name": arg.name,
                    "offset": offset,
                    "type": arg.type_name,
                }),
                _ => json!({
                    "address-qualifier": "SCALAR",
                    "name": arg.name,
                    "offset": offset,
                    "type": arg.type_name,
                }),
            }
        });
        let dpu = kernel.dpu.as_ref();
        json!({
            "arguments": arguments.collect::<Vec<_>>(),
            "extended-data": {
                "dpu_kernel_id": dpu.map(|dpu| format!("{:#x}", dpu.kernel_id)),
                "functional": dpu.map(|dpu| dpu.functional.to_string()),
                "subtype": "DPU",
            },
            "instances": kernel.instances.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
            "name": kernel.name,
            "type": kernel.kind,
        })
    });
    json!({ "ps-kernels": { "kernels": kernels.collect::<Vec<_>>() } })
}

fn aie_partition(contents: &Contents, pdis: &[&str]) -> Value {
    let Some(partition) = &contents.partition else {
        return json!({});
    };
    let images = partition.pdis.iter().zip(pdis).map(|(pdi, file)| {
        let groups = pdi.groups.iter().map(|group| {
            json!({
                "dpu_kernel_ids": group.kernel_ids.iter().map(|id| format!("{id:#x}")).collect::<Vec<_>>(),
                "name": group.name,
                "pdi_id": format!("{:#04x}", group.pdi_id),
                "pre_cdo_groups": group.pre_groups.iter().map(|id| format!("0x{id:X}")).collect::<Vec<_>>(),
                "type": "PRIMARY",
            })
        });
        json!({
            "cdo_groups": groups.collect::<Vec<_>>(),
            "file_name": file,
            "uuid": uuid(&pdi.uuid),
        })
    });
    json!({ "aie_partition": {
        "PDIs": images.collect::<Vec<_>>(),
        "inference_fingerprint": partition.inference_fingerprint.to_string(),
        "name": "QoS",
        "operations_per_cycle": partition.operations_per_cycle.to_string(),
        "partition": {
            "column_width": partition.columns,
            "start_columns": partition.start_columns,
        },
        "pre_post_fingerprint": partition.pre_post_fingerprint.to_string(),
    } })
}

/// The usual form, `8-4-4-4-12` digits.
fn uuid(bytes: &[u8; 16]) -> String {
    let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]);
    parts.join("-")
}

/// Makes the XCLBIN of a PDI that is in the workshop as the file `pdi`, under the name `xclbin`.
///
/// The tool writes the time and a random UUID into it.
///
/// # Errors
/// [`ToolError`] when xclbinutil fails, or writes something that is no XCLBIN or holds another PDI.
pub fn xclbin(shop: &Workshop, spec: &Spec, pdi: &str, xclbin: &str) -> Result<Vec<u8>, ToolError> {
    let step = "packing the XCLBIN";
    let wrong = |e: &dyn std::fmt::Display| ToolError::Between {
        step: step.to_owned(),
        what: e.to_string(),
    };
    let contents = spec.contents().map_err(|e| wrong(&e))?;
    for (name, text) in descriptions(&contents, &[pdi]) {
        shop.put(name, text.as_bytes())?;
    }
    for (kernel, file) in spec.kernels.iter().zip([pdi]) {
        shop.put(file, &kernel.pdi)?;
    }
    let args = [
        "--add-replace-section",
        &format!("MEM_TOPOLOGY:JSON:{MEM_TOPOLOGY}"),
        "--add-kernel",
        KERNELS,
        "--add-replace-section",
        &format!("AIE_PARTITION:JSON:{AIE_PARTITION}"),
        "--force",
        "--output",
        xclbin,
    ];
    let call = Call {
        tool: Tool::Xclbinutil,
        step: step.to_owned(),
        script: "xclbinutil".to_owned(),
        args: args.map(str::to_owned).to_vec(),
        outputs: vec![xclbin.to_owned()],
    };
    shop.run(&call)?;
    let bytes = shop.get(xclbin)?;
    let unusable = |e: &dyn std::fmt::Display| shop.unusable(&call, xclbin, e);
    let parsed = Xclbin::parse(&bytes).map_err(|e| unusable(&e))?;
    let theirs = Contents::of(&parsed).map_err(|e| unusable(&e))?;
    let units = theirs.units().map_err(|e| unusable(&e))?;
    let same = |unit: &formats::xclbin::Unit| {
        let mut kernels = spec.kernels.iter();
        kernels.any(|k| k.name == unit.kernel.name && k.pdi == unit.pdi.image)
    };
    if units.is_empty() || !units.iter().all(same) {
        return Err(unusable(&"it does not hold the PDI that was given"));
    }
    Ok(bytes)
}
