//! Addresses of buffers such that what one call works on lies in different banks.
//!
//! A core that accesses one bank twice in a cycle waits, so every pair of a call's operands has a price
//! for each bank that they share, higher inside loops. Buffers are placed one after the other, largest
//! first, each where it adds least to the price, and of equal places at the lowest.

use std::collections::BTreeMap;

use arch::TileKind;
use arch::limits::CORE_BANK_BYTES;

use super::addresses::alignment;
use crate::design::{Arg, Step};

/// Price of a shared bank by the names of two operands: fifos and buffers.
pub type Prices = BTreeMap<(String, String), u64>;

/// What a step inside a loop costs more than the same one outside.
const LOOP: u64 = 8;
/// Deepest loops that are told apart.
const MAX_PRICE: u64 = LOOP.pow(6);

/// The pairs of operands that calls of a worker use at once.
pub fn prices(steps: &[Step]) -> Prices {
    let mut prices = Prices::new();
    add(steps, 1, &mut prices);
    prices
}

fn add(steps: &[Step], price: u64, prices: &mut Prices) {
    for step in steps {
        match step {
            Step::Repeat { body, .. } | Step::RepeatBy { body, .. } => {
                add(body, (price * LOOP).min(MAX_PRICE), prices);
            }
            Step::Call { args, .. } => {
                let names: Vec<&String> = args.iter().filter_map(name).collect();
                for (i, a) in names.iter().enumerate() {
                    for b in names[..i].iter().filter(|b| *b != a) {
                        let pair = if a < b { (a, b) } else { (b, a) };
                        *prices
                            .entry((pair.0.to_string(), pair.1.to_string()))
                            .or_default() += price;
                    }
                }
            }
            Step::Acquire { .. } | Step::Release { .. } => {}
        }
    }
}

fn name(arg: &Arg) -> Option<&String> {
    match arg {
        Arg::Object { fifo: name, .. } | Arg::Buffer(name) => Some(name),
        Arg::I32(_) => None,
    }
}

/// A buffer to be placed.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// The fifo or buffer as calls name it.
    pub name: &'a str,
    /// Bytes.
    pub size: u64,
    /// Address that the design gives.
    pub fixed: Option<u64>,
}

fn banks(start: u64, size: u64) -> std::ops::Range<u64> {
    let bank = u64::from(CORE_BANK_BYTES);
    start / bank..(start + size).div_ceil(bank)
}

/// Addresses of the items in a core tile's data memory above a stack of `stack` bytes; `None` where
/// this order of placing finds no room for all.
pub fn place(stack: u64, items: &[Item], prices: &Prices) -> Option<Vec<u64>> {
    let (memory, align) = (
        u64::from(TileKind::Core.data_bytes()),
        alignment(TileKind::Core),
    );
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|&i| (items[i].fixed.is_none(), std::cmp::Reverse(items[i].size)));
    let mut placed: Vec<(usize, u64)> = Vec::new();
    for i in order {
        let item = &items[i];
        let free = |start: u64| {
            start >= stack
                && start + item.size <= memory
                && placed
                    .iter()
                    .all(|(j, at)| start >= at + items[*j].size || *at >= start + item.size)
        };
        let price = |start: u64| -> u64 {
            let mine = banks(start, item.size);
            let shared = |(j, at): &(usize, u64)| {
                let other = &items[*j];
                let pair = if item.name < other.name {
                    (item.name.to_string(), other.name.to_string())
                } else {
                    (other.name.to_string(), item.name.to_string())
                };
                let theirs = banks(*at, other.size);
                let both = mine
                    .end
                    .min(theirs.end)
                    .saturating_sub(mine.start.max(theirs.start));
                both * prices.get(&pair).copied().unwrap_or(0)
            };
            placed.iter().map(shared).sum()
        };
        let starts = (0..memory).step_by(CORE_BANK_BYTES as usize);
        let ends = placed.iter().map(|(j, at)| at + items[*j].size);
        let candidates = starts.chain(ends).chain([stack]);
        let candidates = candidates.map(|start| start.next_multiple_of(align));
        let address = match item.fixed {
            Some(address) => address,
            None => candidates
                .filter(|start| free(*start))
                .min_by_key(|start| (price(*start), *start))?,
        };
        placed.push((i, address));
    }
    placed.sort_unstable();
    Some(placed.into_iter().map(|(_, address)| address).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, size: u64) -> Item<'_> {
        Item {
            name,
            size,
            fixed: None,
        }
    }

    #[test]
    fn operands_of_a_product_lie_in_different_banks() {
        let call = |kernel: &str, args: &[&str]| {
            let args: Vec<Arg> = args.iter().map(|fifo| Arg::object(*fifo)).collect();
            Step::call(kernel, args)
        };
        let steps = [
            Step::repeat(4, [call("mac", &["a", "b", "sums"])]),
            call("store", &["sums", "out"]),
        ];
        let names = ["sums", "a", "a", "b", "b", "out"];
        let sizes = [24576, 6144, 6144, 4096, 4096, 6144];
        let items: Vec<Item> = names
            .into_iter()
            .zip(sizes)
            .map(|(n, s)| item(n, s))
            .collect();
        let at = place(1024, &items, &prices(&steps)).unwrap();
        let of = |i: usize| banks(at[i], sizes[i]);
        for (i, j) in [
            (0, 1),
            (0, 2),
            (0, 3),
            (0, 4),
            (1, 3),
            (1, 4),
            (2, 3),
            (2, 4),
            (0, 5),
        ] {
            let (a, b) = (of(i), of(j));
            assert!(a.end <= b.start || b.end <= a.start, "{i} {j}: {at:x?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_not_placed() {
        let items = [item("a", 40000), item("b", 30000)];
        assert_eq!(place(0, &items, &Prices::new()), None);
    }
}
