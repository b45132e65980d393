//! What the reference tools wrote is read and comes out as the same bytes.

use formats::cdo::{Cdo, Command, Form};
use formats::pdi::Pdi;
use formats::txn::Stream;

use crate::fixtures::{Golden, goldens};

#[test]
fn cdo_files() {
    for golden in goldens() {
        for file in ["cdo_elfs.bin", "cdo_init.bin", "cdo_enable.bin"] {
            let Some(bytes) = golden.optional(file) else {
                continue;
            };
            let place = format!("{}/{file}", golden.name);
            let cdo = Cdo::parse(&bytes).unwrap_or_else(|e| panic!("{place}: {e}"));
            assert!(cdo.to_bytes() == bytes, "{place}: bytes differ");
            let effects = Cdo::new(cdo.effects().cloned().collect());
            assert!(
                effects.to_bytes() == bytes,
                "{place}: the NOPs that alignment asks for are others"
            );
        }
    }
}

#[test]
fn pdi_files() {
    for golden in goldens() {
        let bytes = golden.file("design.pdi");
        let pdi = Pdi::parse(&bytes).unwrap_or_else(|e| panic!("{}: {e}", golden.name));
        assert!(pdi.to_bytes() == bytes, "{}: bytes differ", golden.name);
    }
}

#[test]
fn pdi_from_cdo_files() {
    for golden in goldens() {
        let elfs = elfs(&golden);
        let [init, enable] = ["cdo_init.bin", "cdo_enable.bin"].map(|f| golden.file(f));
        let built = Pdi::build(&[&elfs, &init, &enable]).unwrap();
        assert!(
            built.to_bytes() == golden.file("design.pdi"),
            "{}: the merged PDI differs",
            golden.name
        );
    }
}

#[test]
fn instruction_streams() {
    for golden in goldens() {
        let bytes = golden.file("insts.bin");
        let stream = Stream::parse(&bytes).unwrap_or_else(|e| panic!("{}: {e}", golden.name));
        assert_eq!(stream.word_count() * 4, bytes.len());
        assert!(stream.to_bytes() == bytes, "{}: bytes differ", golden.name);
    }
}

/// The CDO file of the core programs: from the golden, else what its PDI has in front of the two
/// other files, written anew.
fn elfs(golden: &Golden) -> Vec<u8> {
    if let Some(bytes) = golden.optional("cdo_elfs.bin") {
        return bytes;
    }
    let pdi = Pdi::parse(&golden.file("design.pdi")).unwrap();
    let later: usize = ["cdo_init.bin", "cdo_enable.bin"]
        .map(|f| Cdo::parse(&golden.file(f)).unwrap().effects().count())
        .iter()
        .sum();
    let all: Vec<Command> = pdi.cdo().effects().cloned().collect();
    let elfs = Cdo::new(all[..all.len() - later].to_vec());
    assert_eq!(
        Cdo::parse(&elfs.encode(Form::Toolchain)).as_ref(),
        Ok(&elfs)
    );
    elfs.to_bytes()
}
