//! EMBEDDED_METADATA: XML that tells the host a kernel's name, id, arguments and instances.
//!
//! Sources: Xilinx/XRT `core/common/xclbin_parser.cpp`, xclbinutil `XclBinUtilities.cxx`
//! (`addKernel`).

use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::{BytesStart, Event};

use super::XclbinError;

/// Whether an argument is a value or a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// A value in the register map.
    Scalar,
    /// The device address of a buffer.
    Global,
}

/// An argument of a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg {
    /// Name.
    pub name: String,
    /// Value or buffer.
    pub qualifier: Qualifier,
    /// Index of the argument.
    pub id: u32,
    /// Bytes it takes in the register map.
    pub size: u32,
    /// Byte offset in the register map.
    pub offset: u32,
    /// Type in C spelling.
    pub type_name: String,
}

/// The `extended-data` of an npu kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DpuInfo {
    /// Id that AIE_PARTITION lists.
    pub kernel_id: u64,
    /// Function: 0 = compute, 1 = pre- and post-processing.
    pub functional: u32,
    /// Subtype, 1 = DPU.
    pub subtype: u32,
}

/// A kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Name.
    pub name: String,
    /// Language, "c".
    pub language: String,
    /// Kind, "dpu".
    pub kind: String,
    /// What npu loaders look at.
    pub dpu: Option<DpuInfo>,
    /// Arguments.
    pub args: Vec<Arg>,
    /// Names of the instances.
    pub instances: Vec<String>,
}

/// The XML of these kernels, laid out as xclbinutil does.
pub(super) fn write(kernels: &[Kernel]) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <project>\n  <platform>\n    <device>\n      <core>\n",
    );
    for kernel in kernels {
        write_kernel(&mut out, kernel);
    }
    out.push_str("      </core>\n    </device>\n  </platform>\n</project>\n");
    out
}

fn write_kernel(out: &mut String, kernel: &Kernel) {
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "        <kernel name=\"{}\" language=\"{}\" type=\"{}\">",
        escape(&kernel.name),
        escape(&kernel.language),
        escape(&kernel.kind)
    );
    if let Some(dpu) = &kernel.dpu {
        let _ = writeln!(
            out,
            "          <extended-data dpu_kernel_id=\"{:#x}\" functional=\"{}\" subtype=\"{}\"/>",
            dpu.kernel_id, dpu.functional, dpu.subtype
        );
    }
    for arg in &kernel.args {
        let qualifier = match arg.qualifier {
            Qualifier::Scalar => 0,
            Qualifier::Global => 1,
        };
        let _ = writeln!(
            out,
            "          <arg name=\"{}\" addressQualifier=\"{qualifier}\" id=\"{}\" size=\"{:#x}\" \
             offset=\"0x{:02X}\" hostOffset=\"0x0\" hostSize=\"{:#x}\" type=\"{}\"/>",
            escape(&arg.name),
            arg.id,
            arg.size,
            arg.offset,
            arg.size,
            escape(&arg.type_name)
        );
    }
    for instance in &kernel.instances {
        let _ = writeln!(out, "          <instance name=\"{}\"/>", escape(instance));
    }
    out.push_str("        </kernel>\n");
}

/// Reads the kernels; elements other than kernels and their parts are passed over.
pub(super) fn parse(data: &[u8]) -> Result<Vec<Kernel>, XclbinError> {
    let end = data.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
    let text = str::from_utf8(&data[..end]).map_err(|e| XclbinError::Text {
        part: "EMBEDDED_METADATA",
        what: "the XML",
        offset: e.valid_up_to(),
    })?;
    let mut reader = Reader::from_str(text);
    let mut kernels = Vec::new();
    let mut open: Option<Kernel> = None;
    loop {
        let event = reader.read_event().map_err(|e| XclbinError::Xml {
            at: reader.error_position(),
            message: e.to_string(),
        })?;
        match &event {
            Event::Eof if open.is_some() => {
                return Err(XclbinError::Xml {
                    at: reader.buffer_position(),
                    message: "<kernel> is not closed".to_string(),
                });
            }
            Event::Eof => return Ok(kernels),
            Event::Start(e) if e.name().as_ref() == "kernel" => open = Some(kernel(e)?),
            Event::Empty(e) if e.name().as_ref() == "kernel" => kernels.push(kernel(e)?),
            Event::End(e) if e.name().as_ref() == "kernel" => kernels.extend(open.take()),
            Event::Start(e) | Event::Empty(e) => {
                if let Some(kernel) = &mut open {
                    kernel_part(kernel, e)?;
                }
            }
            _ => {}
        }
    }
}

fn kernel(e: &BytesStart<'_>) -> Result<Kernel, XclbinError> {
    let e = Element("kernel", e);
    Ok(Kernel {
        name: e.need("name")?,
        language: e.text("language")?.unwrap_or_default(),
        kind: e.text("type")?.unwrap_or_default(),
        dpu: None,
        args: Vec::new(),
        instances: Vec::new(),
    })
}

fn kernel_part(kernel: &mut Kernel, e: &BytesStart<'_>) -> Result<(), XclbinError> {
    match e.name().as_ref() {
        "extended-data" => {
            let e = Element("extended-data", e);
            if e.text("dpu_kernel_id")?.is_some() {
                kernel.dpu = Some(DpuInfo {
                    kernel_id: e.number("dpu_kernel_id")?,
                    functional: e.number("functional")?,
                    subtype: e.number("subtype")?,
                });
            }
        }
        "arg" => {
            let e = Element("arg", e);
            let qualifier = match e.number::<u32>("addressQualifier")? {
                0 => Qualifier::Scalar,
                1 => Qualifier::Global,
                other => {
                    return Err(e.bad(
                        "addressQualifier",
                        other.to_string(),
                        "0 (scalar) or 1 (global)",
                    ));
                }
            };
            kernel.args.push(Arg {
                name: e.need("name")?,
                qualifier,
                id: e.number("id")?,
                size: e.number("size")?,
                offset: e.number("offset")?,
                type_name: e.text("type")?.unwrap_or_default(),
            });
        }
        "instance" => kernel.instances.push(Element("instance", e).need("name")?),
        _ => {}
    }
    Ok(())
}

/// An element with its name, for errors.
struct Element<'a>(&'static str, &'a BytesStart<'a>);

impl Element<'_> {
    fn text(&self, attribute: &'static str) -> Result<Option<String>, XclbinError> {
        let bad = |message: String| self.bad(attribute, message, "well-formed text");
        match self.1.try_get_attribute(attribute) {
            Ok(None) => Ok(None),
            Ok(Some(found)) => found
                .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                .map(|text| Some(text.into_owned()))
                .map_err(|e| bad(e.to_string())),
            Err(e) => Err(bad(e.to_string())),
        }
    }

    fn need(&self, attribute: &'static str) -> Result<String, XclbinError> {
        self.text(attribute)?
            .ok_or_else(|| self.bad(attribute, "missing".to_string(), "a value"))
    }

    /// A number in C spelling: decimal, or hexadecimal with `0x`.
    fn number<T: TryFrom<u64>>(&self, attribute: &'static str) -> Result<T, XclbinError> {
        let text = self.need(attribute)?;
        let number = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        number
            .ok()
            .and_then(|n| T::try_from(n).ok())
            .ok_or_else(|| self.bad(attribute, format!("{text:?}"), "a number that fits"))
    }

    fn bad(&self, attribute: &'static str, found: String, expected: &'static str) -> XclbinError {
        XclbinError::Attribute {
            element: self.0,
            attribute,
            found,
            expected,
        }
    }
}
