//! CDO to PDI by Xilinx's `bootgen`.
//!
//! Source: mlir-aie `tools/aiecc/aiecc.cpp`.

use formats::pdi::Pdi;

use super::error::ToolError;
use super::find::Tool;
use super::workshop::{Call, Workshop};

/// File of the description that bootgen reads.
pub const BIF: &str = "design.bif";

/// The description of an image with these CDO files, in the order in which firmware runs them.
pub fn bif(cdos: &[&str]) -> String {
    let files: Vec<String> = cdos.iter().map(|file| format!("file={file}")).collect();
    format!(
        "all:
{{
  id_code = 0x14ca8093
  extended_id_code = 0x01
  image
  {{
    name=aie_image, id=0x1c000000
    {{ type=cdo {} }}
  }}
}}
",
        files.join(" ")
    )
}

/// Makes the PDI of CDO files (name and content) under the name `pdi`, and says in the report how it
/// compares with the one that this compiler makes of them.
///
/// # Errors
/// [`ToolError`] when bootgen fails, or writes something that is no PDI.
pub fn pdi(shop: &Workshop, cdos: &[(String, Vec<u8>)], pdi: &str) -> Result<Vec<u8>, ToolError> {
    let names: Vec<&str> = cdos.iter().map(|(name, _)| name.as_str()).collect();
    for (name, content) in cdos {
        shop.put(name, content)?;
    }
    shop.put(BIF, bif(&names).as_bytes())?;
    let step = "packing the PDI";
    let call = Call {
        tool: Tool::Bootgen,
        step: step.to_owned(),
        script: "bootgen".to_owned(),
        args: ["-arch", "versal", "-image", BIF, "-o", pdi, "-w"]
            .map(str::to_owned)
            .to_vec(),
        outputs: vec![pdi.to_owned()],
    };
    shop.run(&call)?;
    let bytes = shop.get(pdi)?;
    Pdi::parse(&bytes).map_err(|e| shop.unusable(&call, pdi, e))?;
    let parts: Vec<&[u8]> = cdos.iter().map(|(_, content)| content.as_slice()).collect();
    let same = Pdi::build(&parts).is_ok_and(|ours| ours.to_bytes() == bytes);
    let note = match same {
        true => "the bytes that npuc writes",
        false => "not the bytes that npuc writes",
    };
    shop.remark(step, note);
    Ok(bytes)
}
