//! The queue of the search: a heap with four children a node, ordered by the nodes' costs.
//!
//! Equally cheap nodes leave it in an order that depends on how it is built, so it is built as in
//! the reference: a node moves only past strictly dearer ones, and the first of the cheapest
//! children moves up. A cost that falls while its node is queued does not move the node.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Transforms/AIEPathFinder.cpp` (a 4-ary indirect heap).

use super::graph::Node;

/// Children of a place.
const ARITY: usize = 4;

/// Nodes by cost, the cheapest first.
#[derive(Default)]
pub struct Heap {
    nodes: Vec<Node>,
}

impl Heap {
    /// Adds a node.
    pub fn push(&mut self, node: Node, cost: &[f64]) {
        self.nodes.push(node);
        let mut at = self.nodes.len() - 1;
        while at > 0 {
            let parent = (at - 1) / ARITY;
            if cost[self.nodes[at]] >= cost[self.nodes[parent]] {
                break;
            }
            self.nodes.swap(at, parent);
            at = parent;
        }
    }

    /// Takes the first node.
    pub fn pop(&mut self, cost: &[f64]) -> Option<Node> {
        if self.nodes.is_empty() {
            return None;
        }
        let first = self.nodes.swap_remove(0);
        let mut at = 0;
        loop {
            let children = (ARITY * at + 1)..(ARITY * at + 1 + ARITY).min(self.nodes.len());
            let cheapest = children.reduce(|best, child| {
                if cost[self.nodes[child]] < cost[self.nodes[best]] {
                    child
                } else {
                    best
                }
            });
            match cheapest {
                Some(child) if cost[self.nodes[child]] < cost[self.nodes[at]] => {
                    self.nodes.swap(at, child);
                    at = child;
                }
                _ => return Some(first),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nodes_leave_by_cost(costs in prop::collection::vec(0u8..6, 0..60)) {
            let cost: Vec<f64> = costs.iter().map(|&c| f64::from(c)).collect();
            let mut heap = Heap::default();
            for node in 0..cost.len() {
                heap.push(node, &cost);
            }
            let mut left = Vec::new();
            while let Some(node) = heap.pop(&cost) {
                left.push(node);
            }
            prop_assert!(left.is_sorted_by(|a, b| cost[*a] <= cost[*b]));
            left.sort_unstable();
            prop_assert!(left.into_iter().eq(0..cost.len()));
        }
    }
}
