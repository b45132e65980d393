//! Addresses of buffers such that what one call works on lies in different banks.
//!
//! A core that accesses one bank twice in a cycle waits, so every pair of operands that a call accesses
//! together has a price for each bank that they share: the cycles in which they may meet where the design
//! says them, otherwise one for each pair; higher inside loops. Buffers are placed one after the other,
//! largest first, each where it adds least to the price, of equal places beside the stack's bank, and of
//! these at the lowest.

use std::collections::BTreeMap;

use arch::TileKind;
use arch::limits::CORE_BANK_BYTES;

use super::addresses::alignment;
use crate::design::{Arg, Kernel, Other, Step};

/// Prices of shared banks by the names of operands: fifos and buffers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    /// Of two operands, the lesser name first.
    pairs: BTreeMap<[String; 2], u64>,
    /// Of an operand and what a program brings into a bank.
    banks: BTreeMap<(String, u8), u64>,
}

/// What a step inside a loop costs more than the same one outside.
const LOOP: u64 = 8;
/// Deepest loops that are told apart.
const MAX_PRICE: u64 = LOOP.pow(6);

/// The pairs of operands that calls of a worker access together.
pub fn prices(steps: &[Step], kernels: &[Kernel]) -> Prices {
    let mut prices = Prices::default();
    prices.add(steps, kernels, 1);
    prices
}

fn pair(a: &str, b: &str) -> [String; 2] {
    let mut pair = [a.to_owned(), b.to_owned()];
    pair.sort_unstable();
    pair
}

impl Prices {
    fn add(&mut self, steps: &[Step], kernels: &[Kernel], price: u64) {
        for step in steps {
            match step {
                Step::Repeat { body, .. } | Step::RepeatBy { body, .. } => {
                    self.add(body, kernels, (price * LOOP).min(MAX_PRICE));
                }
                Step::Call { kernel, args } => {
                    let called = kernels.iter().find(|k| k.name == *kernel);
                    match called.filter(|k| !k.meets.is_empty()) {
                        Some(kernel) => self.add_known(kernel, args, price),
                        None => self.add_all(args, price),
                    }
                }
                Step::Acquire { .. } | Step::Release { .. } => {}
            }
        }
    }

    /// A call of which nothing is known.
    fn add_all(&mut self, args: &[Arg], price: u64) {
        for (i, a) in args.iter().enumerate() {
            for b in &args[..i] {
                self.add_pair(a, b, price);
            }
        }
    }

    fn add_known(&mut self, kernel: &Kernel, args: &[Arg], price: u64) {
        for meets in &kernel.meets {
            let price = price.saturating_mul(meets.cycles);
            let Some(a) = args.get(meets.param as usize) else {
                continue;
            };
            match meets.other {
                Other::Param(other) => {
                    if let Some(b) = args.get(other as usize) {
                        self.add_pair(a, b, price);
                    }
                }
                Other::Bank(bank) => {
                    if let Some(name) = name(a) {
                        let entry = self.banks.entry((name.clone(), bank)).or_default();
                        *entry = entry.saturating_add(price);
                    }
                }
            }
        }
    }

    fn add_pair(&mut self, a: &Arg, b: &Arg, price: u64) {
        // An object that is handed over twice has only one place.
        if let (Some(one), Some(other), true) = (name(a), name(b), a != b) {
            let entry = self.pairs.entry(pair(one, other)).or_default();
            *entry = entry.saturating_add(price);
        }
    }

    /// What it costs that two operands share a bank.
    fn of_pair(&self, a: &str, b: &str) -> u64 {
        self.pairs.get(&pair(a, b)).copied().unwrap_or(0)
    }

    /// What it costs that an operand has bytes in a bank.
    fn of_bank(&self, name: &str, bank: u64) -> u64 {
        let bank = u8::try_from(bank).ok();
        let price = bank.and_then(|bank| self.banks.get(&(name.to_owned(), bank)));
        price.copied().unwrap_or(0)
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
                let theirs = banks(*at, other.size);
                let both = mine
                    .end
                    .min(theirs.end)
                    .saturating_sub(mine.start.max(theirs.start));
                both.saturating_mul(prices.of_pair(item.name, other.name))
            };
            let pairs = placed.iter().map(shared).fold(0, u64::saturating_add);
            let own = mine.clone().map(|bank| prices.of_bank(item.name, bank));
            own.fold(pairs, u64::saturating_add)
        };
        let beside_stack = |start: u64| banks(start, item.size).start < banks(0, stack).end;
        let starts = (0..memory).step_by(CORE_BANK_BYTES as usize);
        let ends = placed.iter().map(|(j, at)| at + items[*j].size);
        let candidates = starts.chain(ends).chain([stack]);
        let candidates = candidates.map(|start| start.next_multiple_of(align));
        let address = match item.fixed {
            Some(address) => address,
            None => candidates
                .filter(|start| free(*start))
                .min_by_key(|start| (price(*start), beside_stack(*start), *start))?,
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
        let at = place(1024, &items, &prices(&steps, &[])).unwrap();
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
        assert_eq!(place(0, &items, &Prices::default()), None);
    }
}
