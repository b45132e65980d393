//! Tables: where their arrays are, and look-ups of four entries at once.

use arch::aie2::{Opcode, op};

use super::facts::CONSTANT_OBJECT;
use super::lower::Lower;
use crate::mir::{MemAccess, ValueId};
use crate::vcode::{Arg, RegClass, VInst};
use kernel::ir::{TableOp, Value};
use kernel::types::Type;

/// Lanes that read from the second array: the last two of every four.
const SECOND: i64 = 0xcccc;

/// Permutations of 1024 bits that bring the low 32 and the low 16 bits of every 64 together: `T32_16x2_lo`
/// and `T16_16x4_lo`.
const LOW_32: i64 = 4;
const LOW_16: i64 = 24;

/// Look-ups of the first and the last four of eight addresses.
const ENTRIES_OF_2: [Opcode; 2] = [op::VLDB_4x16_LO, op::VLDB_4x16_HI];
const ENTRIES_OF_4: [Opcode; 2] = [op::VLDB_4x32_LO, op::VLDB_4x32_HI];
const ENTRIES_OF_8: [Opcode; 2] = [op::VLDB_4x64_LO, op::VLDB_4x64_HI];

impl Lower<'_> {
    pub(super) fn lower_table(&mut self, result: Value, op: &TableOp) {
        match op {
            TableOp::Bases { ab, cd } => {
                let [ab, cd] = [ab, cd].map(|name| {
                    let address = i64::from(self.constant_address(name));
                    let address = self.shared_const(RegClass::R, address);
                    let all = self.out.value(RegClass::X);
                    let args = vec![Arg::value(all), Arg::value(address)];
                    self.emit(VInst::new(op::VBCST_32, args));
                    all
                });
                let lanes = self.shared_const(RegClass::R, SECOND);
                let to = self.out.value(RegClass::X);
                let args = [to, ab, cd, lanes].map(Arg::value).to_vec();
                self.emit(VInst::new(op::VSEL_32, args));
                self.define(result, to);
            }
            TableOp::Lookup { ty, at } => {
                let entry = TableOp::entry_bytes(*ty, self.func.ty(*at));
                let looked_up = match entry {
                    Some(8) => self.look_up(*at, &ENTRIES_OF_8)[0],
                    // The verifier has seen to it that there are no others.
                    Some(4) => {
                        let found = self.look_up(*at, &ENTRIES_OF_4);
                        self.low_parts(&found, LOW_32)
                    }
                    _ => {
                        let found = self.look_up(*at, &ENTRIES_OF_2);
                        self.low_parts(&found, LOW_16)
                    }
                };
                self.define(result, looked_up);
            }
        }
    }

    /// 64 bits for each of the addresses, 512 bits for every eight.
    fn look_up(&mut self, at: Value, forms: &[Opcode; 2]) -> Vec<ValueId> {
        let ty: Type = self.func.ty(at);
        let eights = self.class_of(ty).units();
        let (at, first) = self.place(at);
        let eight = |eight: usize| {
            let found = self.out.value(RegClass::X);
            for (part, form) in (0..).zip(forms) {
                let from = Arg::Value {
                    value: at,
                    part: first + eight as u8,
                };
                let to = Arg::Value { value: found, part };
                self.emit(VInst {
                    forms: vec![*form],
                    args: vec![to, from],
                    memory: Some(MemAccess {
                        object: Some(CONSTANT_OBJECT),
                        write: false,
                    }),
                });
            }
            found
        };
        (0..eights).map(eight).collect()
    }

    /// The low parts of every 64 bits, one after the other.
    fn low_parts(&mut self, found: &[ValueId], mode: i64) -> ValueId {
        let mode = self.shared_const(RegClass::R, mode);
        let to = self.out.value(RegClass::X);
        let (first, last) = (found[0], found[found.len() - 1]);
        let args = [to, first, last, mode].map(Arg::value).to_vec();
        self.emit(VInst::new(op::VSHUFFLE, args));
        to
    }
}
