//! Constant data to text.

use std::fmt::Write;

use arch::limits::VECTOR_ALIGN;

use crate::ir::Data;
use crate::types::Elem;

/// Elements on a line.
const ON_A_LINE: usize = 16;

/// Constant data without its elements, as the text form begins it.
pub(crate) fn head(data: &Data) -> String {
    let mut head = format!("const @{}: {}[{}]", data.name, data.elem, data.count());
    // Writing to a string does not fail.
    if data.align != VECTOR_ALIGN {
        let _ = write!(head, " align {}", data.align);
    }
    if let Some(bank) = data.bank {
        let _ = write!(head, " bank {bank}");
    }
    head
}

/// Constant data, without a line break behind it.
pub(super) fn text(data: &Data) -> String {
    let elements = data.bytes.chunks_exact(data.elem.bytes() as usize);
    let elements: Vec<String> = elements.map(|bytes| element(data.elem, bytes)).collect();
    let lines: Vec<String> = elements.chunks(ON_A_LINE).map(|e| e.join(", ")).collect();
    let between = if lines.len() > 1 { "\n  " } else { " " };
    format!("{} ={between}{}", head(data), lines.join(",\n  "))
}

/// An element: a float that is a number as the shortest decimal that reads back as it, any other by its
/// bits.
fn element(elem: Elem, bytes: &[u8]) -> String {
    let mut word = [0; 4];
    match elem {
        Elem::Bf16 => word[2..].copy_from_slice(bytes),
        _ => word[..bytes.len()].copy_from_slice(bytes),
    }
    let value = i32::from_le_bytes(word);
    match elem {
        Elem::I8 => (value as i8).to_string(),
        Elem::I16 => (value as i16).to_string(),
        Elem::I32 => value.to_string(),
        Elem::Bf16 | Elem::F32 => {
            let float = f32::from_le_bytes(word);
            match float.is_finite() {
                true => float.to_string(),
                false => format!("{:#x}", value as u32 >> (32 - elem.bits())),
            }
        }
    }
}
