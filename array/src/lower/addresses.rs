//! Addresses of buffers, aware of banks.
//!
//! Two accesses to different banks in one cycle do not wait for each other, so consecutive buffers
//! go to consecutive banks. Where that does not fit, buffers are laid one behind the other.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Transforms/AIEAssignBuffers.cpp`.

use arch::TileKind;
use arch::limits::{CORE_BANK_BYTES, MEM_BANK_BYTES, VECTOR_ALIGN};

/// Alignment of a buffer in the data memory of a tile, bytes.
pub const fn alignment(kind: TileKind) -> u64 {
    match kind {
        TileKind::Core => VECTOR_ALIGN as u64,
        TileKind::Mem | TileKind::Shim => 4,
    }
}

fn bank_bytes(kind: TileKind) -> u64 {
    u64::from(match kind {
        TileKind::Core => CORE_BANK_BYTES,
        TileKind::Mem | TileKind::Shim => MEM_BANK_BYTES,
    })
}

/// Positions of the buffers without an address of their own, largest first; equal sizes keep their
/// order.
fn largest_first(sizes: &[u64], fixed: &[Option<u64>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).filter(|&i| fixed[i].is_none()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(sizes[i]));
    order
}

fn by_bank(kind: TileKind, stack: u64, sizes: &[u64], fixed: &[Option<u64>]) -> Option<Vec<u64>> {
    let bank = bank_bytes(kind);
    let banks = u64::from(kind.data_bytes()) / bank;
    let mut next: Vec<u64> = (0..banks).map(|b| (b * bank).max(stack)).collect();
    let mut addresses = vec![0; sizes.len()];
    for (i, address) in fixed.iter().enumerate() {
        let Some(address) = *address else { continue };
        addresses[i] = address;
        let end = address + sizes[i];
        for (b, next) in (0..).zip(&mut next) {
            if address < (b + 1) * bank && end > b * bank {
                *next = end.max(*next);
            }
        }
    }
    let mut turn = 0;
    for i in largest_first(sizes, fixed) {
        let (b, address) = (0..banks).map(|n| (turn + n) % banks).find_map(|b| {
            let address = next[b as usize].next_multiple_of(alignment(kind));
            (address + sizes[i] <= (b + 1) * bank).then_some((b, address))
        })?;
        addresses[i] = address;
        next[b as usize] = address + sizes[i];
        turn = (b + 1) % banks;
    }
    Some(addresses)
}

/// Addresses one behind the other from the end of the stack and of what has an address of its own, and
/// the end of the last buffer.
fn in_sequence(
    kind: TileKind,
    stack: u64,
    sizes: &[u64],
    fixed: &[Option<u64>],
) -> (Vec<u64>, u64) {
    let ends = fixed.iter().zip(sizes);
    let ends = ends.filter_map(|(address, size)| Some((*address)? + size));
    let mut end = ends.fold(stack, u64::max);
    let mut addresses: Vec<u64> = fixed.iter().map(|a| a.unwrap_or(0)).collect();
    for i in largest_first(sizes, fixed) {
        addresses[i] = end.next_multiple_of(alignment(kind));
        end = addresses[i] + sizes[i];
    }
    (addresses, end)
}

/// Whether a stack and buffers of these sizes fit, and how many bytes they take one behind the other.
pub fn fits(kind: TileKind, stack: u64, sizes: &[u64], fixed: &[Option<u64>]) -> Result<(), u64> {
    let needed = in_sequence(kind, stack, sizes, fixed).1;
    let placed = by_bank(kind, stack, sizes, fixed).is_some();
    if placed || needed <= u64::from(kind.data_bytes()) {
        Ok(())
    } else {
        Err(needed)
    }
}

/// Byte address of each buffer in the tile's data memory, above a stack of `stack` bytes; `fixed` are
/// the addresses that the design gives.
///
/// Within the data memory whenever it [`fits`].
pub fn place(kind: TileKind, stack: u64, sizes: &[u64], fixed: &[Option<u64>]) -> Vec<u64> {
    by_bank(kind, stack, sizes, fixed).unwrap_or_else(|| in_sequence(kind, stack, sizes, fixed).0)
}

/// The bank of an address.
pub fn bank_of(kind: TileKind, address: u64) -> u64 {
    address / bank_bytes(kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_buffers_take_turns_over_the_banks_and_the_stack_is_spared() {
        assert_eq!(
            place(TileKind::Core, 1024, &[128; 6], &[None; 6]),
            [1024, 16384, 32768, 49152, 1152, 16512]
        );
    }

    #[test]
    fn a_full_bank_is_passed_over() {
        assert_eq!(
            place(TileKind::Core, 1024, &[16384, 16384, 64], &[None; 3]),
            [16384, 32768, 49152]
        );
    }

    #[test]
    fn buffers_larger_than_a_bank_lie_in_sequence() {
        assert_eq!(
            place(TileKind::Core, 1024, &[64, 40000], &[None; 2]),
            [41024, 1024]
        );
    }

    #[test]
    fn what_has_an_address_keeps_it_and_the_rest_lies_behind() {
        let fixed = [None, Some(4096), None];
        assert_eq!(
            place(TileKind::Core, 1024, &[64, 16, 32], &fixed),
            [4128, 4096, 16384]
        );
        assert_eq!(
            place(TileKind::Core, 1024, &[40000, 16, 32], &fixed),
            [4128, 4096, 44128]
        );
    }

    proptest! {
        #[test]
        fn buffers_neither_overlap_nor_leave_the_memory(
            stack in 0u64..4096,
            sizes in prop::collection::vec(1u64..9000, 0..12),
        ) {
            let kind = TileKind::Core;
            let fixed = vec![None; sizes.len()];
            prop_assume!(fits(kind, stack, &sizes, &fixed).is_ok());
            let addresses = place(kind, stack, &sizes, &fixed);
            let mut spans: Vec<(u64, u64)> = addresses.iter().copied().zip(sizes).collect();
            spans.sort();
            let mut end = stack;
            for (address, size) in spans {
                prop_assert!(address >= end && address.is_multiple_of(alignment(kind)));
                end = address + size;
            }
            prop_assert!(end <= u64::from(kind.data_bytes()));
        }
    }
}
