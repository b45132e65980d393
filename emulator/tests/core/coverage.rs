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

#[test]
fn the_forms_that_are_refused_are_these() {
    let missing: Vec<&str> = Opcode::all()
        .filter(|op| !op.is_nop() && !is_modelled(&example(*op)))
        .map(|op| op.desc().mnemonic)
        .collect();
    let mut kinds = missing.clone();
    kinds.sort_unstable();
    kinds.dedup();
    let sparse = |k: &&str| k.contains("sparse") || k.contains("compr");
    let products = |k: &&str| k.contains("mac") || k.contains("msc") || k.contains("mul");
    let (other, listed): (Vec<&str>, Vec<&str>) =
        kinds.iter().partition(|k| !sparse(k) && !products(k));
    assert!(listed.iter().all(|k| sparse(k) || products(k)));
    assert_eq!(
        other,
        [
            "lda.tm",
            "mov.cph",
            "mov.cph.nb",
            "mov.cph.nb.tlast",
            "mov.cph.tlast",
            "mov.ph",
            "mov.ph.nb",
            "mov.ph.nb.tlast",
            "mov.ph.tlast",
            "st.tm",
            "vmov.hi",
            "vmov.lo",
            "vshift.align",
        ]
    );
    // Of products, only the forms with a sparse operand.
    let dense = Opcode::all()
        .filter(|op| products(&op.desc().mnemonic))
        .map(example);
    let refused = dense.filter(|i| !is_modelled(i));
    assert!(
        refused
            .into_iter()
            .all(|i| i.op().name().contains("sparse"))
    );
    assert_eq!((missing.len(), Opcode::COUNT), (65, 607));
}
