//! Every line of `data/vectors.jsonl`: text assembles to the bytes, bytes disassemble to the text.
//!
//! The vectors cover every instruction form, every format and every size.

use arch::aie2::{Bundle, Format, Opcode, decode_bundle, parse_bundle};
use serde_json::Value;
use std::collections::HashSet;

struct Vector {
    asm: String,
    bytes: Vec<u8>,
    format: &'static Format,
}

fn vectors() -> Vec<Vector> {
    let lines = include_str!("../data/vectors.jsonl").lines();
    let field = |v: &Value, name: &str| v[name].as_str().expect("a string").to_string();
    lines
        .map(|line| {
            let v: Value = serde_json::from_str(line).expect("a line of JSON");
            let hex = field(&v, "bytes");
            let byte = |k| u8::from_str_radix(&hex[k..k + 2], 16).expect("hexadecimal bytes");
            Vector {
                asm: field(&v, "asm"),
                bytes: (0..hex.len()).step_by(2).map(byte).collect(),
                format: Format::from_name(&field(&v, "format")).expect("a format"),
            }
        })
        .collect()
}

fn normal(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn text_to_bytes() {
    for v in vectors() {
        let bundle = parse_bundle(&v.asm, Some(v.format)).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(*bundle.encode(), *v.bytes, "{}", v.asm);
    }
}

#[test]
fn bytes_to_text() {
    for v in vectors() {
        let (bundle, size) = decode_bundle(&v.bytes).unwrap_or_else(|e| panic!("{}: {e}", v.asm));
        assert_eq!((bundle.format(), size), (v.format, v.bytes.len()));
        assert_eq!(normal(&bundle.to_string()), normal(&v.asm));
        assert_eq!(*bundle.encode(), *v.bytes, "{}", v.asm);
    }
}

#[test]
fn vectors_cover_the_instruction_set() {
    let bundles: Vec<Bundle> = vectors()
        .iter()
        .map(|v| decode_bundle(&v.bytes).expect("decodes").0)
        .collect();
    let insts = bundles.iter().flat_map(|b| b.insts());
    assert_eq!(
        insts.map(|i| i.op()).collect::<HashSet<_>>().len(),
        Opcode::COUNT
    );
    let formats = bundles.iter().map(|b| b.format().name());
    assert_eq!(formats.collect::<HashSet<_>>().len(), Format::all().len());
}
