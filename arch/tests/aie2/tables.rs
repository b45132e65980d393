//! Sizes of the tables and properties that every row has.

use std::collections::HashSet;

use arch::aie2::{Binding, Flags, Format, Itinerary, Opcode, Reg, Resource, Slot, SlotSet, op};

#[test]
fn counts() {
    assert_eq!(
        Opcode::COUNT,
        606 + 1,
        "slot instructions and the 16-bit nop"
    );
    assert_eq!(Format::all().len(), 78);
    assert_eq!(Itinerary::all().len(), 276);
    assert_eq!(Resource::ALL.len(), 24);
    assert_eq!(Reg::COUNT, 253);
}

#[test]
fn every_itinerary_is_used() {
    let mut used = HashSet::new();
    for op in Opcode::all() {
        used.insert(op.itinerary().name);
        used.extend(
            op.itinerary()
                .variants
                .iter()
                .map(|v| v.itinerary.get().name),
        );
    }
    assert_eq!(used.len(), Itinerary::all().len());
}

#[test]
fn fields_and_fixed_bits_do_not_overlap() {
    for op in Opcode::all() {
        let desc = op.desc();
        let mut taken = desc.mask;
        assert_eq!(desc.value & !desc.mask, 0, "{op}");
        for operand in desc.operands {
            let Binding::Field(runs) = operand.binding else {
                continue;
            };
            for run in runs {
                let bits = ((1 << run.bits) - 1) << run.at;
                assert_eq!(taken & bits, 0, "{op} {}", operand.name);
                taken |= bits;
            }
        }
        assert_eq!(taken >> desc.slot.bits(), 0, "{op}");
        assert!(
            op.itinerary().operand_cycles.len() >= desc.operands.len(),
            "{op}"
        );
    }
}

#[test]
fn names_lead_back() {
    for op in Opcode::all() {
        assert_eq!(Opcode::from_name(op.name()), Some(op));
        assert!(Opcode::from_mnemonic(op.desc().mnemonic).contains(&op));
    }
    assert_eq!(
        Opcode::from_name("VMAC_vmac_cm_core_dense"),
        Some(op::VMAC_vmac_cm_core_dense)
    );
    assert_eq!(Opcode::from_name("VMAC"), None);
}

#[test]
fn nops_fill_their_slots() {
    for slot in Slot::ALL {
        let nop = slot.nop();
        assert!(nop.slot() == slot && nop.op().is_nop());
        assert_eq!(arch::aie2::encode_inst(&nop), slot.nop_word());
    }
    assert_eq!(Slot::Mv.nop_word(), 0x38);
}

#[test]
fn the_smallest_format_has_no_smaller_one() {
    for first in Slot::ALL {
        for second in Slot::ALL {
            let slots = SlotSet::of(first).with(second);
            let smallest = Format::smallest(slots).map(Format::bytes);
            assert_eq!(
                smallest,
                Format::holding(slots).map(Format::bytes).min(),
                "{slots}"
            );
        }
    }
}

#[test]
fn formats_by_size() {
    let load_and_move = SlotSet::of(Slot::Lda).with(Slot::Mv);
    let smallest = Format::smallest(load_and_move).expect("a format");
    assert_eq!(smallest.name(), "I48_LDA_MV");
    let sizes = (2..=16).filter(|bytes| Format::of_size(load_and_move, *bytes).is_some());
    assert_eq!(sizes.collect::<Vec<_>>(), [6, 10, 12, 14, 16]);
    assert_eq!(
        Format::smallest(SlotSet::of(Slot::Lng).with(Slot::Alu)),
        None
    );
    let everything_but_lng: SlotSet = Slot::ALL
        .into_iter()
        .filter(|s| !matches!(s, Slot::Lng | Slot::Nop))
        .collect();
    assert_eq!(
        Format::smallest(everything_but_lng).map(Format::bytes),
        Some(16)
    );
}

#[test]
fn flags() {
    assert!(op::JL.is_call() && op::JL.is_branch() && op::JL.has_delay_slots());
    assert!(op::RET.is_return() && op::JNZ.is_conditional() && !op::JL.is_conditional());
    assert!(op::ST_S8_ag_idx.is_partial_word_store() && op::ST_S8_ag_idx.is_load());
    assert!(op::ACQ_mLockId_imm.is_lock() && op::ACQ_mLockId_imm.has_side_effects());
    assert!(!op::ADD_NC.flags().intersects(Flags::LOAD | Flags::STORE));
    assert_eq!(Opcode::all().filter(|o| o.is_branch()).count(), 8);
    assert_eq!(Opcode::all().filter(|o| o.is_lock()).count(), 8);
}
