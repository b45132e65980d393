//! Memory banks: which accesses of one cycle have to wait for each other.
//!
//! A core tile's memory is four pairs of banks, 16 KiB each; within a pair, lines of 16 bytes take
//! turns. A bank serves one access a cycle, so of several that meet in one, all but the first hold up
//! the whole core a cycle each.
//!
//! Counted are the accesses of one core. Those of DMA channels and neighbours to the same bank are not.

use super::pipe::Slot;
use arch::limits::{CORE_BANK_BYTES, CORE_BANK_LINE_BYTES as LINE};

/// The banks that an access needs, a bit each: four windows of four pairs.
fn banks(addr: u32, bytes: u8) -> u32 {
    let pair = addr / CORE_BANK_BYTES % 16;
    let halves = match u32::from(bytes) > LINE {
        true => 0b11,
        false => 1 << (addr / LINE % 2),
    };
    halves << (2 * pair)
}

/// Cycles that the accesses of a cycle hold up the core.
#[inline]
pub(crate) fn conflicts(slot: &Slot) -> u8 {
    // What an inner loop does all the time: two vector loads, nothing else.
    if let ([a, b], 2) = (&slot.vector_loads[..], slot.accesses) {
        return u8::from(banks(a.addr, a.bytes) & banks(b.addr, b.bytes) != 0);
    }
    // And two loads with a store.
    if let ([a, b], [c], 3) = (&slot.vector_loads[..], &slot.stores[..], slot.accesses) {
        let [a, b] = [a, b].map(|load| banks(load.addr, load.bytes));
        let c = banks(c.addr, c.bytes);
        let (any, all) = ((a & b) | (a & c) | (b & c), a & b & c);
        return u8::from(any != 0) + u8::from(all != 0);
    }
    rounds(slot)
}

fn rounds(slot: &Slot) -> u8 {
    let vectors = slot.vector_loads.iter().map(|l| banks(l.addr, l.bytes));
    let loads = slot
        .loads
        .iter()
        .map(|l| banks(l.addr, l.load.kind.bytes() as u8));
    let lookups = slot
        .lookups
        .iter()
        .flat_map(|l| l.addrs)
        .map(|addr| banks(addr, 8));
    let stores = slot.stores.iter().map(|s| banks(s.addr, s.bytes));
    // A bank is in the first layers as often as it is needed.
    let mut layers = [0u32; 8];
    for mut need in vectors.chain(loads).chain(lookups).chain(stores) {
        for layer in &mut layers {
            let again = *layer & need;
            *layer |= need;
            need = again;
        }
    }
    let rounds = layers.iter().filter(|layer| **layer != 0).count() as u8;
    rounds.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::pipe::{StoreFlight, VectorLoad};

    fn slot(loads: &[(u32, u8)]) -> Slot {
        let mut slot = Slot::default();
        for &(addr, bytes) in loads {
            slot.vector_load(VectorLoad {
                pc: 0,
                addr,
                stages: 1,
                bytes,
                to: 0,
            });
        }
        slot
    }

    #[test]
    fn accesses_of_different_pairs_or_lines_go_together() {
        assert_eq!(conflicts(&slot(&[(0x7_0000, 32), (0x7_4000, 32)])), 0);
        assert_eq!(conflicts(&slot(&[(0x7_0000, 16), (0x7_0010, 16)])), 0);
        assert_eq!(
            conflicts(&slot(&[(0x7_0000, 32), (0x6_0000, 32)])),
            0,
            "another tile"
        );
    }

    #[test]
    fn two_loads_and_a_store_wait_as_any_three_accesses_do() {
        for (load, store) in [
            (0x7_0000, 0x7_4000),
            (0x7_0100, 0x7_0200),
            (0x7_8000, 0x7_4020),
        ] {
            let mut slot = slot(&[(0x7_0000, 32), (load, 32)]);
            slot.store(StoreFlight {
                pc: 0,
                addr: store,
                bytes: 32,
                data: [0; 32],
            });
            assert_eq!(conflicts(&slot), rounds(&slot), "{load:#x} {store:#x}");
        }
    }

    #[test]
    fn accesses_of_one_bank_take_turns() {
        assert_eq!(conflicts(&slot(&[(0x7_0000, 32), (0x7_3fe0, 32)])), 1);
        assert_eq!(
            conflicts(&slot(&[(0x7_0000, 16), (0x7_0020, 16), (0x7_0040, 32)])),
            2
        );
    }
}
