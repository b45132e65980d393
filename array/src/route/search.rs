//! Routing by negotiated congestion.
//!
//! Every flow takes its cheapest way. Where several want one edge, or a way is unsound, the edge
//! becomes dearer with every such round, until each flow has found a sound way of its own.
//!
//! Sources: mlir-aie `lib/Dialect/AIE/Transforms/AIEPathFinder.cpp`; L. McMurchie, C. Ebeling,
//! "PathFinder: a negotiation-based performance-driven router for FPGAs", 1995.

use super::graph::{Edge, Graph, Node};
use super::heap::Heap;

/// Rounds of negotiation.
pub const MAX_ROUNDS: usize = 1000;
/// Added to an edge's price for each round in which it was refused.
const HISTORY: f64 = 0.1;
/// Added to an edge's price for each flow that used it in the round before.
const PRESENT: f64 = 0.02;
/// Factor on an edge's price when a flow takes it.
const TAKEN: f64 = 1.1;

/// A flow by its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Net {
    /// Where it starts.
    pub source: Node,
    /// Where it has to arrive.
    pub dests: Vec<Node>,
    /// Packets of one group may share edges; circuits, which have none, may not.
    pub group: Option<usize>,
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

struct Router<'a> {
    graph: &'a Graph,
    /// Price of each edge.
    price: Vec<f64>,
    /// Circuits and groups of packets that use each edge.
    users: Vec<u32>,
    /// The group that used each edge last.
    group: Vec<Option<usize>>,
    /// Rounds in which each edge was refused.
    refused: Vec<u32>,
}

impl Router<'_> {
    /// For every node reached from `source`, the edge by which the cheapest way arrives.
    fn cheapest(&self, source: Node) -> Vec<Option<Step>> {
        let mut arrival = vec![None; self.graph.nodes()];
        let mut cost = vec![f64::INFINITY; self.graph.nodes()];
        let mut visit = vec![Visit::New; self.graph.nodes()];
        let mut heap = Heap::default();
        cost[source] = 0.0;
        heap.push(source, &cost);
        while let Some(from) = heap.pop(&cost) {
            for &edge in self.graph.next(from) {
                let reached = cost[from] + self.price[edge.id];
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
        let arrival = self.cheapest(net.source);
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
                if net.group.is_none() || *group != net.group {
                    self.users[step.edge.id] += 1;
                }
                *group = net.group.or(*group);
                self.price[step.edge.id] *= TAKEN;
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
    }

    /// Records the edges that several circuits or groups use or that a net may not use, and says whether there
    /// are any.
    fn judge(&mut self, nets: &[Net], trees: &[Tree]) -> bool {
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

/// A tree for every net, no edge in two of them but of one group; `None` when none is found.
pub fn route(graph: &Graph, nets: &[Net]) -> Option<Vec<Tree>> {
    let mut router = Router {
        graph,
        price: vec![1.0; graph.edges()],
        users: vec![0; graph.edges()],
        group: vec![None; graph.edges()],
        refused: vec![0; graph.edges()],
    };
    for _ in 0..MAX_ROUNDS {
        router.new_round();
        let trees: Vec<Tree> = nets
            .iter()
            .map(|net| router.route(net))
            .collect::<Option<_>>()?;
        if !router.judge(nets, &trees) {
            return Some(trees);
        }
    }
    None
}
