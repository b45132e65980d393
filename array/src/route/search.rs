//! Routing by negotiated congestion.
//!
//! Every flow takes its cheapest way. Where several want one edge, or a way is unsound, the edge
//! becomes dearer with every such round, until each flow has found a sound way of its own.
//!
//! Sources: mlir-aie `lib/Dialect/AIE/Transforms/AIEPathFinder.cpp`; L. McMurchie, C. Ebeling,
//! "PathFinder: a negotiation-based performance-driven router for FPGAs", 1995.

use std::collections::BTreeMap;

use arch::array::switch::SLOTS;

use super::graph::{Edge, Graph, Node};
use super::heap::Heap;
use super::packets::{self, Leaving};

/// Rounds of negotiation.
pub const MAX_ROUNDS: usize = 1000;
/// Added to an edge's price for each round in which it was refused.
const HISTORY: f64 = 0.1;
/// Added to an edge's price for each flow that used it in the round before.
const PRESENT: f64 = 0.02;
/// Factor on an edge's price when a flow takes it.
const TAKEN: f64 = 1.1;
/// Added to an edge's price, for each time that ways of packets were refused, where a packet needs a rule
/// that its port does not have.
const CROWDED: f64 = 8.0;

/// A flow by its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Net {
    /// Where it starts.
    pub source: Node,
    /// Where it has to arrive.
    pub dests: Vec<Node>,
    /// Packets of one group may share edges; circuits, which have none, may not.
    pub group: Option<usize>,
    /// The id of its packets, where they do not go one way with those of other nets.
    pub id: Option<u8>,
}

/// One edge of a routed net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where the edge begins.
    pub from: Node,
    /// The edge.
    pub edge: Edge,
}

/// The edges from a net's source to one of its destinations, the last first.
pub fn way(net: &Net, tree: &Tree, dest: Node) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut node = dest;
    while node != net.source {
        let Some(step) = tree.iter().find(|s| s.edge.to == node) else {
            break;
        };
        steps.push(*step);
        node = step.from;
    }
    steps
}

/// The edges of a routed net: for each destination from there back to what was routed before.
pub type Tree = Vec<Step>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    Queued,
    Done,
}

/// The state of the negotiation.
pub struct Router<'a> {
    graph: &'a Graph,
    /// Price of each edge.
    price: Vec<f64>,
    /// Circuits and groups of packets that use each edge.
    users: Vec<u32>,
    /// The group that used each edge last.
    group: Vec<Option<usize>>,
    /// Rounds in which each edge was refused.
    refused: Vec<u32>,
    /// The ids of nets that enter switches at each port, by the port at which they leave.
    leaving: BTreeMap<Node, Leaving<Node>>,
    /// Added to the price of edges for which a port lacks a rule.
    crowded: f64,
}

impl<'a> Router<'a> {
    /// A negotiation that has not begun.
    pub fn new(graph: &'a Graph) -> Self {
        Router {
            graph,
            price: vec![1.0; graph.edges()],
            users: vec![0; graph.edges()],
            group: vec![None; graph.edges()],
            refused: vec![0; graph.edges()],
            leaving: BTreeMap::new(),
            crowded: 0.0,
        }
    }

    /// The price of an edge for a net. Packets that look for ways one by one stay with others of their group,
    /// but not where their id would need a rule that the port does not have.
    fn price(&self, net: &Net, from: Node, edge: Edge) -> f64 {
        let price = self.price[edge.id];
        let Some(id) = net.id else {
            return price;
        };
        let together = net.group == self.group[edge.id];
        let price = if together { price / TAKEN } else { price };
        let Some(leaving) = self.leaving.get(&from).filter(|_| edge.inside) else {
            return price;
        };
        let ids: usize = leaving.values().map(Vec::len).sum();
        if ids < usize::from(SLOTS) {
            return price;
        }
        let mut leaving = leaving.clone();
        leaving.entry(edge.to).or_default().push(id);
        let over = packets::rules_needed(&leaving) > usize::from(SLOTS);
        if over { price + self.crowded } else { price }
    }

    /// For every node reached from the net's source, the edge by which the cheapest way arrives.
    fn cheapest(&self, net: &Net) -> Vec<Option<Step>> {
        let source = net.source;
        let mut arrival = vec![None; self.graph.nodes()];
        let mut cost = vec![f64::INFINITY; self.graph.nodes()];
        let mut visit = vec![Visit::New; self.graph.nodes()];
        let mut heap = Heap::default();
        cost[source] = 0.0;
        heap.push(source, &cost);
        while let Some(from) = heap.pop(&cost) {
            for &edge in self.graph.next(from) {
                let reached = cost[from] + self.price(net, from, edge);
                let cheaper = reached < cost[edge.to] && visit[edge.to] != Visit::Done;
                if cheaper {
                    cost[edge.to] = reached;
                    arrival[edge.to] = Some(Step { from, edge });
                }
                if visit[edge.to] == Visit::New {
                    heap.push(edge.to, &cost);
                    // The source, met again over an edge to itself, is queued once more.
                    if cheaper {
                        visit[edge.to] = Visit::Queued;
                    }
                }
            }
            visit[from] = Visit::Done;
        }
        arrival
    }

    /// Routes one net at the present prices; `None` when a destination cannot be reached at all.
    fn route(&mut self, net: &Net) -> Option<Tree> {
        let arrival = self.cheapest(net);
        let mut tree = Tree::new();
        let mut done = vec![false; self.graph.nodes()];
        done[net.source] = true;
        for &dest in &net.dests {
            let mut node = dest;
            while !done[node] {
                let step = arrival[node]?;
                tree.push(step);
                done[node] = true;
                let group = &mut self.group[step.edge.id];
                let new = net.group.is_none() || *group != net.group;
                if new {
                    self.users[step.edge.id] += 1;
                }
                *group = net.group.or(*group);
                if new || net.id.is_none() {
                    self.price[step.edge.id] *= TAKEN;
                }
                if let Some(id) = net.id.filter(|_| step.edge.inside) {
                    let leaving = self.leaving.entry(step.from).or_default();
                    leaving.entry(step.edge.to).or_default().push(id);
                }
                node = step.from;
            }
        }
        Some(tree)
    }

    fn new_round(&mut self) {
        for (edge, price) in self.price.iter_mut().enumerate() {
            let history = 1.0 + HISTORY * f64::from(self.refused[edge]);
            let present = 1.0 + PRESENT * f64::from(self.users[edge]);
            *price = history * present;
        }
        self.users.fill(0);
        self.group.fill(None);
        self.leaving.clear();
    }

    /// Records the edges that several circuits or groups use or that a net may not use, and says whether there
    /// are any.
    fn judge(&mut self, nets: &[&Net], trees: &[Tree]) -> bool {
        let mut refused = false;
        for (users, times) in self.users.iter().zip(&mut self.refused) {
            if *users > 1 {
                *times += 1;
                refused = true;
            }
        }
        for (net, tree) in nets.iter().zip(trees) {
            for edge in unsound(net, tree) {
                self.refused[edge] += 1;
                refused = true;
            }
        }
        refused
    }

    /// One round: a tree for every net at the present prices, and whether they are legal: no edge in two
    /// of them but of one group. `None` when a destination cannot be reached at all. `turn` says which of
    /// the nets that look for ways one by one is first.
    pub fn round(&mut self, nets: &[&Net], turn: usize) -> Option<(Vec<Tree>, bool)> {
        self.new_round();
        let mut order: Vec<usize> = (0..nets.len()).collect();
        let single = nets.iter().take_while(|net| net.id.is_some()).count();
        if single > 0 {
            order[..single].rotate_left(turn % single);
        }
        let mut trees = vec![Tree::new(); nets.len()];
        for at in order {
            trees[at] = self.route(nets[at])?;
        }
        let legal = !self.judge(nets, &trees);
        Some((trees, legal))
    }

    /// Makes edges dearer for the rounds to come, and ports that lack rules.
    pub fn refuse(&mut self, edges: impl Iterator<Item = usize>) {
        edges.for_each(|edge| self.refused[edge] += 1);
        self.crowded += CROWDED;
    }
}

/// The edges of a tree at which its way leaves a port on the side on which it came: from a master
/// to another port of the switch, or from a slave back over a wire.
fn unsound<'a>(net: &'a Net, tree: &'a Tree) -> impl Iterator<Item = usize> + 'a {
    tree.iter().filter_map(|step| {
        let came_inside = if step.from == net.source {
            false
        } else {
            tree.iter().find(|s| s.edge.to == step.from)?.edge.inside
        };
        (came_inside == step.edge.inside).then_some(step.edge.id)
    })
}
