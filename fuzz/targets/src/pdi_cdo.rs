//! PDIs and CDOs: what is read is written again, and the array takes or refuses it.

use emulator::Npu;
use formats::cdo::{Cdo, Form, HEADER_WORDS};
use formats::pdi::Pdi;

use crate::{CYCLES, words};

/// Reads these bytes as a PDI, or as a CDO with its length and checksum mended, and executes it.
pub fn run(data: &[u8]) {
    if let Ok(pdi) = Pdi::parse(data) {
        let again = Pdi::parse(&pdi.to_bytes()).expect("what is written can be read");
        assert!(pdi.cdo() == again.cdo(), "a PDI changes as it is written");
        execute(pdi.cdo());
    }
    let mut bytes = words::whole(data);
    let count = bytes.len() / 4;
    words::set(&mut bytes, 3, count.saturating_sub(HEADER_WORDS) as u32);
    let sum = words::of(&bytes)
        .iter()
        .take(4)
        .fold(0u32, |sum, w| sum.wrapping_add(*w));
    words::set(&mut bytes, 4, !sum);
    if let Ok(cdo) = Cdo::parse(&bytes) {
        for form in [Form::Toolchain, Form::Firmware] {
            let again = Cdo::parse(&cdo.encode(form)).expect("what is written can be read");
            assert!(cdo == again, "a CDO changes as it is written");
        }
        cdo.dump();
        if let Ok(pdi) = Pdi::from_cdos(&[&cdo]) {
            let again = Pdi::parse(&pdi.to_bytes()).expect("what is written can be read");
            assert!(pdi.cdo() == again.cdo(), "a PDI changes as it is written");
        }
        execute(&cdo);
    }
}

fn execute(cdo: &Cdo) {
    let mut npu = Npu::new();
    if npu.load_cdo(cdo).is_err() {
        return;
    }
    while npu.now() < CYCLES && npu.step().is_ok() {}
}
