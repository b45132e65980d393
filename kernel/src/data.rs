//! Where constant data lies.
//!
//! Constants stand in the core's own data memory as high as they can, each where it fits first from the
//! top in the order of the module, or in a bank where it costs less. Buffers and the stack stand low, so
//! that a program moves nobody's buffer when it brings a table along.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use arch::array::memory::CORE_OWN;
use arch::limits::{CORE_BANK_BYTES, CORE_DATA_BYTES, DEFAULT_STACK_BYTES};
use thiserror::Error;

use super::ir::{Data, Module};

/// Logical banks of a core's data memory.
pub const BANKS: u8 = (CORE_DATA_BYTES / CORE_BANK_BYTES) as u8;

/// What a core with a stack of the usual size and nothing else has taken of its data space.
pub const STACK: Range<u32> = CORE_OWN..CORE_OWN + DEFAULT_STACK_BYTES;

/// A constant for which there is no room.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}\nhelp: {}", self.message(), NoRoom::HELP)]
pub struct NoRoom {
    /// Constant.
    pub name: String,
    /// Its size.
    pub bytes: usize,
    /// Its alignment, bytes.
    pub align: u32,
    /// The bank that it has to lie in.
    pub bank: Option<u8>,
    /// Bytes of the largest room where it may lie.
    pub room: u32,
}

impl NoRoom {
    /// What to do about it.
    pub(super) const HELP: &str =
        "make it smaller, let it lie in any bank, or give its work to another core";

    /// What is wrong.
    pub(super) fn message(&self) -> String {
        let bank = self.bank.map(|bank| format!(" in bank {bank}"));
        format!(
            "constant data @{} takes {} bytes at a multiple of {}{}, the largest room there has {}",
            self.name,
            self.bytes,
            self.align,
            bank.unwrap_or_default(),
            self.room
        )
    }
}

/// Addresses of the constant data of a module, by its name.
pub type Addresses = BTreeMap<String, u32>;

/// What it costs that constants have bytes in banks of the core's memory, by their names: cycles in which
/// accesses to them and to what else lies there may meet.
pub type Prices = BTreeMap<(String, u8), u64>;

/// Addresses of the constant data of a module in the core's data space, apart from what is `taken`.
///
/// # Errors
/// As [`place`].
pub fn addresses(module: &Module, taken: &[Range<u32>]) -> Result<Addresses, NoRoom> {
    addresses_by(module, taken, &Prices::new())
}

/// As [`addresses`], each where it costs least.
///
/// # Errors
/// As [`place`].
pub fn addresses_by(
    module: &Module,
    taken: &[Range<u32>],
    prices: &Prices,
) -> Result<Addresses, NoRoom> {
    let names = module.data.iter().map(|data| data.name.clone());
    Ok(names.zip(place_by(&module.data, taken, prices)?).collect())
}

/// Addresses of constants in the core's data space, in their order, apart from what is `taken`.
///
/// # Errors
/// The first constant for which no room is left.
pub fn place(data: &[Data], taken: &[Range<u32>]) -> Result<Vec<u32>, NoRoom> {
    place_by(data, taken, &Prices::new())
}

/// As [`place`], each where it costs least, of equal places at the highest.
fn place_by(data: &[Data], taken: &[Range<u32>], prices: &Prices) -> Result<Vec<u32>, NoRoom> {
    let mut taken = taken.to_vec();
    let mut addresses = Vec::new();
    for constant in data {
        let (bytes, align) = (constant.bytes.len() as u32, constant.align.max(1));
        let within = match constant.bank {
            Some(bank) => {
                let start = CORE_OWN + u32::from(bank) * CORE_BANK_BYTES;
                start..start + CORE_BANK_BYTES
            }
            None => CORE_OWN..CORE_OWN + CORE_DATA_BYTES,
        };
        let rooms = rooms(&within, &taken);
        let price = |address: u32| -> u64 {
            let banks = bank_of(address)..=bank_of(address + bytes.max(1) - 1);
            let prices = banks.filter_map(|bank| prices.get(&(constant.name.clone(), bank)));
            prices.fold(0, |sum, price| sum.saturating_add(*price))
        };
        // As high as it fits into a room, and into what of the room lies below each bank's end.
        let fits = |room: &Range<u32>| {
            let ends = (1..=u32::from(BANKS)).map(|bank| CORE_OWN + bank * CORE_BANK_BYTES);
            let ends = ends.map(|end| end.min(room.end));
            let first = ends.filter_map(|end| Some(end.checked_sub(bytes)? / align * align));
            let start = room.start;
            first
                .filter(move |first| *first >= start)
                .collect::<Vec<_>>()
        };
        let places = rooms.iter().flat_map(fits);
        let Some(address) = places.min_by_key(|at| (price(*at), Reverse(*at))) else {
            let sizes = rooms.iter().map(|room| room.end - room.start);
            return Err(NoRoom {
                name: constant.name.clone(),
                bytes: constant.bytes.len(),
                align,
                bank: constant.bank,
                room: sizes.max().unwrap_or(0),
            });
        };
        taken.push(address..address + bytes);
        addresses.push(address);
    }
    Ok(addresses)
}

/// The bank of an address of the core's own memory.
fn bank_of(address: u32) -> u8 {
    (address.saturating_sub(CORE_OWN) / CORE_BANK_BYTES) as u8
}

/// What of a range is not taken, lowest first.
fn rooms(within: &Range<u32>, taken: &[Range<u32>]) -> Vec<Range<u32>> {
    let mut taken = taken.to_vec();
    taken.sort_by_key(|range| range.start);
    let (mut rooms, mut at) = (Vec::new(), within.start);
    for range in taken {
        if range.start > at {
            rooms.push(at..range.start.min(within.end));
        }
        at = at.max(range.end);
    }
    rooms.push(at..within.end);
    rooms.retain(|room| room.start < room.end);
    rooms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Elem;

    fn data(name: &str, bytes: usize) -> Data {
        Data::new(name, Elem::I8, vec![0; bytes])
    }

    #[test]
    fn constants_stand_as_high_as_they_can() {
        let constants = [data("a", 40), data("b", 32), data("c", 100).in_bank(2)];
        let addresses = place(&constants, &[STACK]);
        assert_eq!(addresses, Ok(vec![0x7ffc0, 0x7ffa0, 0x7bf80]));
    }

    #[test]
    fn what_is_taken_is_spared() {
        let taken = [0x7fff0..0x80000, 0x7c000..0x7fe00, STACK];
        let constants = [data("a", 0x1e0), data("b", 0x20)];
        assert_eq!(place(&constants, &taken), Ok(vec![0x7fe00, 0x7bfe0]));
    }

    #[test]
    fn constants_lie_where_they_cost_least() {
        let constants = [data("a", 64), data("b", 64), data("c", 40000)];
        let price = |name: &str, bank, cycles| ((name.to_owned(), bank), cycles);
        let prices = [
            price("a", 3, 9),
            price("a", 2, 5),
            price("a", 1, 9),
            price("a", 0, 6),
        ];
        let prices = prices
            .into_iter()
            .chain([price("c", 3, 1), price("c", 0, 2)]);
        let addresses = place_by(&constants, &[STACK], &prices.collect());
        // The largest fits only where it costs something.
        assert_eq!(addresses, Ok(vec![0x7bfc0, 0x7ffc0, 0x72380]));
    }

    #[test]
    fn too_much_is_refused_by_name() {
        let constants = [data("a", 0x2000).in_bank(0), data("b", 0x1c20).in_bank(0)];
        let error = place(&constants, &[STACK]).unwrap_err();
        insta::assert_snapshot!(error, @r"
        constant data @b takes 7200 bytes at a multiple of 32 in bank 0, the largest room there has 7168
        help: make it smaller, let it lie in any bank, or give its work to another core
        ");
    }
}
