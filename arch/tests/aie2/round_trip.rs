//! Random bundles and random bytes.

use arch::aie2::{
    Bundle, Class, Format, Inst, Opcode, Operand, Slot, decode_bundle, decode_inst, encode_inst,
    parse_bundle,
};
use proptest::prelude::*;
use proptest::sample::Index;

/// An operand that `class` takes.
fn operand(class: Class, random: u64) -> Operand {
    match class.imm() {
        Some(imm) => Operand::Imm(imm.decode(random as u32)),
        None => {
            let members = class.members();
            Operand::Reg(members[(random % members.len() as u64) as usize])
        }
    }
}

/// An instruction of `slot` with valid operands.
fn random_inst(slot: Slot, which: &Index, operands: &[u64; 8]) -> Inst {
    let forms: Vec<Opcode> = Opcode::all().filter(|op| op.slot() == slot).collect();
    let op = *which.get(&forms);
    let encoded = op.desc().operands.iter().filter(|o| o.is_encoded());
    let values: Vec<Operand> = encoded
        .zip(operands)
        .map(|(o, random)| operand(o.class, *random))
        .collect();
    Inst::from_fields(op, &values).unwrap_or_else(|e| panic!("{e}"))
}

fn check(bundle: &Bundle) {
    let bytes = bundle.encode();
    let (decoded, size) = decode_bundle(&bytes).unwrap_or_else(|e| panic!("{bundle}: {e}"));
    assert_eq!((&decoded, size), (bundle, bytes.len()), "{bundle}");
    let text = decoded.to_string();
    let parsed = parse_bundle(&text, Some(bundle.format())).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(*parsed.encode(), *bytes, "{text}");
    let smallest = parse_bundle(&text, None).unwrap_or_else(|e| panic!("{e}"));
    assert!(smallest.bytes() <= bundle.bytes(), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn bundles_of_every_format(random in prop::array::uniform8((any::<Index>(), any::<[u64; 8]>()))) {
        for format in Format::all() {
            let slots = format.slots().iter().zip(&random);
            let insts: Vec<Inst> = slots.map(|(slot, (which, operands))| random_inst(slot, which, operands)).collect();
            check(&Bundle::new(&insts, Some(format)).expect("one instruction for each slot"));
        }
    }

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        if let Ok((bundle, size)) = decode_bundle(&bytes) {
            prop_assert!(size <= bytes.len());
            check(&bundle);
        }
    }

    #[test]
    fn random_words(slot in prop::sample::select(Slot::ALL.to_vec()), word: u64) {
        if let Ok(inst) = decode_inst(slot, word) {
            let decoded = decode_inst(slot, encode_inst(&inst));
            prop_assert_eq!(decoded, Ok(inst));
        }
    }

    #[test]
    fn random_text(text in "[ -~]{0,40}") {
        if let Ok(bundle) = parse_bundle(&text, None) {
            check(&bundle);
        }
    }
}

#[test]
fn every_form_with_every_register() {
    for op in Opcode::all() {
        for random in 0..40u64 {
            let encoded = op
                .desc()
                .operands
                .iter()
                .filter(|o| o.is_encoded())
                .enumerate();
            let values: Vec<Operand> = encoded
                .map(|(k, o)| operand(o.class, random * (k as u64 + 1)))
                .collect();
            let inst = Inst::from_fields(op, &values).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(Inst::new(op, inst.operands()), Ok(inst));
            assert_eq!(decode_inst(op.slot(), encode_inst(&inst)), Ok(inst));
        }
    }
}
