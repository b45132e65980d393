//! Random programs: whatever they do, a core ends with a result or a fault, and always the same one.

use super::harness::{Machine, OWN, assemble};
use arch::aie2::{Bundle, Inst, Opcode, Operand};
use emulator::core::Step;
use proptest::prelude::*;

/// Gives every register of the common files a harmless value.
fn prelude() -> String {
    let mut text = String::new();
    for n in 0..8 {
        text += &format!(
            "movxm p{n}, #{}\nmova m{n}, #64\nmova dn{n}, #2\n",
            OWN + 0x1000 + 0x100 * n
        );
        text += &format!("mova dj{n}, #32\nmova dc{n}, #0\n");
    }
    (0..32).for_each(|n| text += &format!("movxm r{n}, #{}\n", [776, 28, 1, 22][n % 4]));
    (0..4).for_each(|n| text += &format!("mov s{n}, r2\n"));
    (0..12).for_each(|n| text += &format!("vbcst.32 x{n}, r1\n"));
    (0..9).for_each(|n| text += &format!("vclr cm{n}\n"));
    text + &format!("movxm sp, #{}\n.nops 8", OWN + 0x8000)
}

/// An instruction of this form; `pick` chooses registers and immediates.
fn instruction(op: Opcode, pick: &mut impl FnMut(usize) -> usize) -> Inst {
    let encoded = op.desc().operands.iter().filter(|o| o.is_encoded());
    let operands: Vec<Operand> = encoded
        .map(|o| match o.class.imm() {
            Some(imm) => {
                let span = ((imm.max() - imm.min()) / i64::from(imm.scale)) as usize + 1;
                Operand::Imm(imm.min() + (pick(span.min(1 << 12)) as i64) * i64::from(imm.scale))
            }
            None => Operand::Reg(o.class.members()[pick(o.class.members().len())]),
        })
        .collect();
    Inst::from_fields(op, &operands).unwrap()
}

/// Bundles of one to three instructions that are no branches and do not stall for ever.
fn bundles(seed: &[u32]) -> Vec<u8> {
    let forms: Vec<Opcode> = Opcode::all()
        .filter(|op| !op.is_branch() && !op.has_side_effects() && !op.is_nop())
        .collect();
    let mut bytes = Vec::new();
    for seed in seed {
        let mut state = u64::from(*seed) | 1;
        let mut pick = |n: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n
        };
        let count = 1 + pick(3);
        let insts: Vec<Inst> = (0..count)
            .map(|_| {
                let op = forms[pick(forms.len())];
                instruction(op, &mut pick)
            })
            .collect();
        if let Ok(bundle) = Bundle::new(&insts, None) {
            bytes.extend_from_slice(&bundle.encode());
        }
    }
    bytes
}

/// How a program ends: the fault's text or the final state.
fn outcome(program: &[u8], cycles: usize) -> (String, Vec<u8>) {
    let mut machine = Machine::new("nop");
    assert!(machine.core.write_program(0, program));
    for _ in 0..cycles {
        match machine.core.step(&mut machine.bus) {
            Ok(Step::Ran | Step::Stalled(_)) => {}
            Ok(step) => return (format!("{step:?}"), machine.bus.memory),
            Err(fault) => return (fault.to_string(), machine.bus.memory),
        }
    }
    let state: Vec<_> = arch::aie2::Reg::all()
        .map(|r| machine.core.reg(r))
        .collect();
    (format!("{state:?}"), machine.bus.memory)
}

proptest! {
    #[test]
    fn random_instructions_never_panic(seed in prop::collection::vec(any::<u32>(), 1..6)) {
        let mut program = assemble(&prelude());
        program.extend(bundles(&seed));
        program.extend(assemble(".nops 14\ndone\n.nops 8"));
        let first = outcome(&program, 400);
        prop_assert_eq!(first, outcome(&program, 400));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 2..64)) {
        let mut program = assemble(&prelude());
        program.extend(bytes);
        outcome(&program, 300);
    }
}
