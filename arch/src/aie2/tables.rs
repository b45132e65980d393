//! The tables that `arch/build.rs` writes from `arch/data/aie2.*`.

use super::bundle::Format;
use super::classes::{Class, ClassDesc, ClassKind, ImmDesc, Sign};
use super::desc::{Binding, BitRun, Dir, Flags, Implicit, InstDesc, Opcode, OperandDesc, Piece};
use super::register::{Part, Reg, RegDesc};
use super::slots::{SlotDesc, SlotSet};
use super::timing::{Itinerary, ItineraryId, Stage, UseKind, Variant};

/// Marks "no register", "no code" and "no format" in tables; `arch/build/emit.rs` knows it too.
pub(crate) const NONE: u16 = u16::MAX;

include!(concat!(env!("OUT_DIR"), "/aie2.rs"));

/// What `name` stands for in a table sorted by name.
pub(crate) fn find<T>(table: &'static [(&'static str, &'static [T])], name: &str) -> &'static [T] {
    match table.binary_search_by_key(&name, |(entry, _)| entry) {
        Ok(k) => table[k].1,
        Err(_) => &[],
    }
}
