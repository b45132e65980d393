//! Which instruction forms a core executes.

use arch::aie2::{Inst, Opcode, Operand};
use emulator::core::is_modelled;

/// Some instruction of a form.
fn example(op: Opcode) -> Inst {
    let encoded = op.desc().operands.iter().filter(|o| o.is_encoded());
    let operands: Vec<Operand> = encoded
        .map(|o| match o.class.imm() {
            Some(imm) => Operand::Imm(imm.max()),
            None => Operand::Reg(o.class.members()[0]),
        })
        .collect();
    Inst::from_fields(op, &operands).unwrap()
}

/// The forms that a core refuses, by name, with why. What the public sources do not define is not
/// guessed.
const REFUSED: [(&str, usize, &str); 5] = [
    (
        "sparse",
        48,
        "aie_api shows the pairs that a mask makes of 8-bit data, but no public source in which order a \
         register holds a pair, how 16-bit data are paired, or how the load's buffer refills",
    ),
    (
        "LDA_TM",
        1,
        "registers of the tile from a core: what else a read or write does there besides is not \
         public, and the array lends cores no register bus",
    ),
    ("ST_TM", 1, "as for LDA_TM"),
    (
        "VMOV_LO VMOV_HI",
        2,
        "how a cascade word is spread over 1024 bits is not stated; llvm-aie calls it an expansion",
    ),
    (
        "VSHIFT_ALIGN",
        1,
        "the direction of its first shift is not stated",
    ),
];

#[test]
fn the_forms_that_are_refused_are_these() {
    let refused: Vec<&str> = Opcode::all()
        .filter(|op| !op.is_nop() && !is_modelled(&example(*op)))
        .map(|op| op.name())
        .collect();
    println!("{} of {} forms are refused", refused.len(), Opcode::COUNT);
    for (names, count, why) in REFUSED {
        println!("{names}, {count}: {why}");
    }
    println!("they are: {}", refused.join(" "));
    let mut listed = 0;
    for (names, count, why) in REFUSED {
        let is = |form: &str| match names {
            "sparse" => {
                let form = form.to_lowercase();
                form.contains("sparse") || form.contains("compr")
            }
            names => names.split(' ').any(|name| name == form),
        };
        let found: Vec<_> = refused.iter().filter(|form| is(form)).collect();
        assert_eq!(found.len(), count, "{names} ({why}): {found:?}");
        listed += count;
    }
    assert_eq!((refused.len(), listed), (53, 53), "{refused:?}");
}
