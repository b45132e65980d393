//! Look-ups in tables: four places of memory read at once.

use super::{Data, Value};
use crate::types::{Elem, Type};

/// Bytes of a table that stand side by side twice.
///
/// Source: mlir-aie `aie_runtime_lib/AIE2/lut_based_ops.h`; Xilinx/aie_api
/// `include/aie_api/detail/aie2/parallel_lookup.hpp`.
const LINE: usize = 16;

/// An operation on tables.
///
/// A table is there four times: two arrays of constant data in different banks, each a line of 32
/// bytes for every 16 bytes of the table, which hold those 16 bytes twice ([`Data::table`] makes
/// both). Of every four lanes the first two read from one array and the others from the other one,
/// the even lanes the first copy in a line and the odd lanes the second, so that no two of them meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableOp {
    /// Where lanes find the two arrays of a table: in every four, first two lanes with the address of
    /// one, then two with that of the other -> `i32x16`.
    Bases {
        /// Array of the first two of every four lanes, by its name.
        ab: String,
        /// Array of the other two.
        cd: String,
    },
    /// Reads an entry of `b` bytes for every lane -> vector of `ty`.
    ///
    /// As many bytes of the result belong to a lane as it has for each: 2, 4 or 8. Entry `e` is at `2 * b * e`
    /// bytes behind the lane's base; what is below a multiple of `2 * b` does not count, so that
    /// a fixed-point number finds the entry of its integer part. Only constant data can be read.
    Lookup {
        /// What the entries make.
        ty: Type,
        /// Addresses, `i32x8` or `i32x16`.
        at: Value,
    },
}

impl TableOp {
    pub(super) fn operand(&self) -> Option<Value> {
        match self {
            TableOp::Bases { .. } => None,
            TableOp::Lookup { at, .. } => Some(*at),
        }
    }

    pub(super) fn operand_mut(&mut self) -> Option<&mut Value> {
        match self {
            TableOp::Bases { .. } => None,
            TableOp::Lookup { at, .. } => Some(at),
        }
    }

    pub(super) fn result_type(&self) -> Type {
        match self {
            TableOp::Bases { .. } => Type::vec(Elem::I32, 16),
            TableOp::Lookup { ty, .. } => *ty,
        }
    }

    /// Bytes of an entry that makes a lane of `ty` from addresses of type `at`; nothing where the core
    /// has no such look-up.
    pub fn entry_bytes(ty: Type, at: Type) -> Option<u32> {
        let (Type::Vec { elem, .. }, Type::Vec { lanes, .. }) = (ty, at) else {
            return None;
        };
        let addresses = [Type::vec(Elem::I32, 8), Type::vec(Elem::I32, 16)].contains(&at);
        let bytes = ty.bytes() / u32::from(lanes).max(1);
        let fits = ty.is_legal() && matches!(bytes, 2 | 4 | 8) && elem.bytes() <= bytes;
        (addresses && fits).then_some(bytes)
    }

    /// Where the lane `lane` finds the entry of `bytes` bytes at an address.
    ///
    /// Source: as for the layout; that the address counts both copies follows from it.
    pub fn place(address: u32, bytes: u32, lane: usize) -> u32 {
        let inside = ((address % 32) & !(2 * bytes - 1)) / 2;
        (address & !31) + inside + LINE as u32 * (lane as u32 % 2)
    }
}

impl Data {
    /// The two arrays of a table: `NAME.ab` and `NAME.cd`, each in its bank and with every 16 bytes of
    /// `entries` twice. What a last line lacks is zeros.
    pub fn table(name: &str, elem: Elem, entries: &[u8], banks: [u8; 2]) -> [Data; 2] {
        let mut bytes = Vec::with_capacity(2 * entries.len());
        for line in entries.chunks(LINE) {
            let mut copy = [0; LINE];
            copy[..line.len()].copy_from_slice(line);
            bytes.extend([copy, copy].as_flattened());
        }
        [("ab", banks[0]), ("cd", banks[1])].map(|(part, bank)| {
            Data::new(format!("{name}.{part}"), elem, bytes.clone()).in_bank(bank)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_finds_an_entry_in_its_copy() {
        let entries: Vec<u8> = (0..100).collect();
        let [ab, cd] = Data::table("t", Elem::I8, &entries, [1, 2]);
        assert_eq!((ab.name.as_str(), cd.name.as_str()), ("t.ab", "t.cd"));
        assert_eq!((ab.bank, cd.bank), (Some(1), Some(2)));
        assert_eq!(ab.bytes, cd.bytes);
        for bytes in [2, 4, 8] {
            for entry in 0..100 / bytes {
                for (lane, fraction) in [(0, 0), (1, 2 * bytes - 1)] {
                    let place = TableOp::place(2 * bytes * entry + fraction, bytes, lane);
                    let found = &ab.bytes[place as usize..][..bytes as usize];
                    let at = (entry * bytes) as usize;
                    assert_eq!(found, &entries[at..at + bytes as usize], "{bytes} {entry}");
                }
            }
        }
    }

    #[test]
    fn entries_that_the_core_reads() {
        let (x8, x16) = (Type::vec(Elem::I32, 8), Type::vec(Elem::I32, 16));
        let bytes = TableOp::entry_bytes;
        assert_eq!(bytes(Type::vec(Elem::Bf16, 16), x16), Some(2));
        assert_eq!(bytes(Type::vec(Elem::Bf16, 32), x16), Some(4));
        assert_eq!(bytes(Type::vec(Elem::F32, 8), x8), Some(4));
        assert_eq!(bytes(Type::vec(Elem::F32, 16), x8), Some(8));
        assert_eq!(bytes(Type::vec(Elem::I32, 8), x16), None);
        assert_eq!(
            bytes(Type::vec(Elem::I8, 32), Type::vec(Elem::I16, 16)),
            None
        );
    }
}
