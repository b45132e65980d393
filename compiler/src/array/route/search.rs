//! Routing by negotiated congestion.
//!
//! Every flow takes its cheapest way; where several want one port, the port becomes dearer, more so
//! with every round in which it was wanted by too many, until each flow has found a way of its own.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Transforms/AIEPathFinder.cpp`; L. McMurchie, C. Ebeling,
//! "PathFinder: a negotiation-based performance-driven router for FPGAs", 1995.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::graph::{Graph, Node};

/// Rounds of negotiation.
pub const MAX_ROUNDS: usize = 1000;
/// Added to a port's price for each round in which it was overused.
const HISTORY: f64 = 0.1;
/// Factor on a port's price while a flow of this round holds it.
const TAKEN: f64 = 1.1;

/// A flow by its nodes: a slave port to master ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Net {
    /// Where it starts.
    pub source: Node,
    /// Where it has to arrive.
    pub dests: Vec<Node>,
}

/// The nodes of a routed net: each with the node before it, destinations first.
pub type Tree = Vec<(Node, Node)>;

/// An entry of the queue; the cheapest, then the earliest, comes out first.
struct Entry {
    cost: f64,
    order: u64,
    node: Node,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .cost
            .total_cmp(&self.cost)
            .then(other.order.cmp(&self.order))
    }
}

struct Router<'a> {
    graph: &'a Graph,
    /// Price of entering a node.
    price: Vec<f64>,
    /// Flows that hold a node in this round.
    users: Vec<u32>,
    /// Rounds in which a node was overused.
    overused: Vec<u32>,
}

impl Router<'_> {
    /// For every node reached from `source`, the node before it on the cheapest way.
    fn cheapest(&self, source: Node) -> Vec<Option<Node>> {
        let mut before = vec![None; self.graph.nodes()];
        let mut cost = vec![f64::INFINITY; self.graph.nodes()];
        let mut queue = BinaryHeap::new();
        let mut order = 0;
        cost[source] = 0.0;
        queue.push(Entry {
            cost: 0.0,
            order,
            node: source,
        });
        while let Some(entry) = queue.pop() {
            if entry.cost > cost[entry.node] {
                continue;
            }
            for &next in self.graph.next(entry.node) {
                let reached = entry.cost + self.price[next];
                if reached < cost[next] {
                    cost[next] = reached;
                    before[next] = Some(entry.node);
                    order += 1;
                    queue.push(Entry {
                        cost: reached,
                        order,
                        node: next,
                    });
                }
            }
        }
        before
    }

    /// Routes one net at the present prices; `None` when a destination cannot be reached at all.
    fn route(&mut self, net: &Net) -> Option<Tree> {
        let before = self.cheapest(net.source);
        let mut tree = Tree::new();
        let mut done = vec![false; self.graph.nodes()];
        done[net.source] = true;
        for &dest in &net.dests {
            let mut node = dest;
            while !done[node] {
                let from = before[node]?;
                tree.push((node, from));
                done[node] = true;
                self.users[node] += 1;
                self.price[node] *= TAKEN;
                node = from;
            }
        }
        Some(tree)
    }

    fn new_round(&mut self) {
        for (price, overused) in self.price.iter_mut().zip(&self.overused) {
            *price = 1.0 + HISTORY * f64::from(*overused);
        }
        self.users.fill(0);
    }

    /// Records the nodes that several nets hold and says whether there are any.
    fn judge(&mut self) -> bool {
        let mut conflict = false;
        for (users, overused) in self.users.iter().zip(&mut self.overused) {
            if *users > 1 {
                *overused += 1;
                conflict = true;
            }
        }
        conflict
    }
}

/// A tree for every net, no node in two of them; `None` when none is found.
pub fn route(graph: &Graph, nets: &[Net]) -> Option<Vec<Tree>> {
    let mut router = Router {
        graph,
        price: vec![1.0; graph.nodes()],
        users: vec![0; graph.nodes()],
        overused: vec![0; graph.nodes()],
    };
    for _ in 0..MAX_ROUNDS {
        router.new_round();
        let trees: Vec<Tree> = nets
            .iter()
            .map(|net| router.route(net))
            .collect::<Option<_>>()?;
        if !router.judge() {
            return Some(trees);
        }
    }
    None
}
