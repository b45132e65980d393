//! Kernel IR to bytes: address in the function, bytes and instructions of each bundle.

use arch::aie2::decode_bundle;
use npuc::aie2::emit::emit;
use npuc::aie2::listing::in_short;
use npuc::kernel::read::load;

use super::{Note, compiled, run_folder};

#[test]
fn encode() {
    run_folder("encode", |text| {
        let module = load(text).map_err(|e| e.to_string())?;
        let machine = compiled(&module)?;
        let image = emit(&machine.program, &machine.map).map_err(|e| e.to_string())?;
        let symbols = image.symbols.iter();
        let symbols = symbols.filter(|symbol| module.func(&symbol.name).is_some());
        let mut notes = Vec::new();
        for symbol in symbols {
            let range = symbol.addr as usize..(symbol.addr + symbol.size) as usize;
            let mut lines = format!("{}:", symbol.name);
            let (mut rest, mut at) = (&image.text[range], 0);
            while !rest.is_empty() {
                let (bundle, size) = decode_bundle(rest).map_err(|e| e.to_string())?;
                let (bytes, behind) = rest.split_at(size);
                let bytes: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
                let (bytes, text) = (bytes.join(""), in_short(&bundle));
                lines += &format!("\n{at:04x}  {bytes:32}  {text}");
                (rest, at) = (behind, at + size);
            }
            notes.push(Note::at_end(lines));
        }
        Ok(notes)
    });
}
