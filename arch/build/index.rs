//! The decoder's index: a few bits of a slot word select a short list of candidates.

use super::model::Model;

/// Bits of the word that select a list.
const KEY_BITS: usize = 8;

pub(crate) struct Index {
    /// Positions in the slot word; bit k of the key is the bit at `positions[k]`.
    pub(crate) positions: Vec<u32>,
    /// Instructions of every key, most fixed bits first.
    pub(crate) lists: Vec<Vec<usize>>,
}

/// Chooses the key bits of `slot` one by one so that the lists get as short as they can.
pub(crate) fn of_slot(model: &Model, slot: usize) -> Index {
    let mut all: Vec<usize> = (0..model.insts.len())
        .filter(|k| model.insts[*k].slot == slot)
        .collect();
    all.sort_by_key(|k| std::cmp::Reverse(model.insts[*k].mask.count_ones()));
    let mut index = Index {
        positions: Vec::new(),
        lists: vec![all],
    };
    while index.positions.len() < KEY_BITS {
        let best = (0..model.slots[slot].bits)
            .filter(|bit| !index.positions.contains(bit))
            .map(|bit| split(model, &index.lists, bit))
            .enumerate()
            .min_by_key(|(k, lists)| (lists.iter().map(|l| l.len() * l.len()).sum::<usize>(), *k));
        let Some((nth, lists)) = best else { break };
        let free = (0..model.slots[slot].bits).filter(|bit| !index.positions.contains(bit));
        let bit = free.clone().nth(nth).expect("the bit was found above");
        index.positions.push(bit);
        index.lists = lists;
    }
    index
}

fn split(model: &Model, lists: &[Vec<usize>], bit: u32) -> Vec<Vec<usize>> {
    let fits = |k: usize, wanted: u64| {
        let inst = &model.insts[k];
        inst.mask >> bit & 1 == 0 || inst.value >> bit & 1 == wanted
    };
    (0..2)
        .flat_map(|wanted| {
            lists
                .iter()
                .map(move |list| list.iter().copied().filter(|k| fits(*k, wanted)).collect())
        })
        .collect()
}
