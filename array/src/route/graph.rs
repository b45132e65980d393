//! The stream switches of a partition as a graph.
//!
//! A node is a port of a tile's switch. An edge inside a switch leads from a slave port (where
//! words enter) to a master port (where they leave) that may be connected to it; an edge between
//! switches from a master port to the slave port it is wired to. A port that exists on both sides,
//! such as `North 1`, is one node for both, as in the reference: ties between equally cheap ways
//! then fall as there. A way is therefore sound only if its edges inside and between switches take
//! turns, which the search sees to.
//!
//! A shim's DMA channels are ports of its switch here; the multiplexers give them fixed places.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Transforms/AIEPathFinder.cpp`.

use arch::array::{Direction, Port, connect_legal, master_index, shim, slave_index, wire};
use arch::{Tile, TileKind, geometry};

use crate::lowered::Endpoint;

/// Index of a node. Nodes are numbered by column, row, and the reference's order of ports.
pub type Node = usize;

/// Ports in the reference's order. The last number of a group is as large as on any tile.
const GROUPS: [(Group, usize); 11] = [
    (Group::Switch(Port::Core), 1),
    (Group::Switch(Port::Dma(0)), 6),
    (Group::Switch(Port::Fifo), 1),
    (Group::Switch(Port::South(0)), 8),
    (Group::Switch(Port::West(0)), 4),
    (Group::Switch(Port::North(0)), 6),
    (Group::Switch(Port::East(0)), 4),
    (Group::Fabric, FABRIC_MASTERS),
    (Group::Network, NETWORK_MASTERS),
    (Group::Switch(Port::Trace(0)), 2),
    (Group::Switch(Port::TileCtrl), 1),
];

/// Ports of a shim towards programmable logic. Nothing on npu1 uses them, but they take part in the
/// order in which a search visits nodes.
const FABRIC_MASTERS: usize = 6;
/// Ports of a shim towards the network on chip, likewise.
const NETWORK_MASTERS: usize = 4;

#[derive(Clone, Copy)]
enum Group {
    Switch(Port),
    Fabric,
    Network,
}

/// Nodes of one tile.
const PER_TILE: usize = 43;

/// An edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Number of the edge.
    pub id: usize,
    /// Where it leads.
    pub to: Node,
    /// Whether it connects two ports of one switch.
    pub inside: bool,
}

/// The switches of a partition of some columns.
pub struct Graph {
    columns: u8,
    edges: Vec<Vec<Edge>>,
    edge_count: usize,
}

/// A port of a tile by its place in the reference's order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Switch(Port),
    /// A port of a shim that nothing on npu1 uses.
    Unused,
}

fn place(index: usize) -> Option<Place> {
    let mut first = 0;
    for (group, count) in GROUPS {
        if index < first + count {
            let n = (index - first) as u8;
            return Some(match group {
                Group::Switch(port) => Place::Switch(port.with_index(n)),
                Group::Fabric | Group::Network => Place::Unused,
            });
        }
        first += count;
    }
    None
}

fn index_of(port: Port) -> Option<usize> {
    (0..PER_TILE).find(|&i| place(i) == Some(Place::Switch(port)))
}

/// Whether a port leads over the edge of the partition.
fn leads_out(columns: u8, tile: Tile, port: Port) -> bool {
    match port {
        Port::West(_) => tile.col == 0,
        Port::East(_) => tile.col + 1 == columns,
        Port::North(_) => tile.row + 1 == geometry::ROWS,
        _ => false,
    }
}

fn is_shim_dma(tile: Tile, port: Port) -> bool {
    tile.kind() == TileKind::Shim
        && matches!(port, Port::Dma(n) if n < TileKind::Shim.dma_channels())
}

fn is_slave(columns: u8, tile: Tile, port: Port) -> bool {
    let exists = slave_index(tile.kind(), port).is_some() || is_shim_dma(tile, port);
    exists && !leads_out(columns, tile, port)
}

fn is_master(columns: u8, tile: Tile, port: Port) -> bool {
    let exists = master_index(tile.kind(), port).is_some() || is_shim_dma(tile, port);
    exists && !leads_out(columns, tile, port)
}

/// Whether a switch may connect two of its ports, as far as routes go: a core's DMA channels are
/// not connected to each other.
fn connects(tile: Tile, slave: Port, master: Port) -> bool {
    if is_shim_dma(tile, slave) || is_shim_dma(tile, master) {
        return true;
    }
    match (slave, master) {
        (Port::Dma(a), Port::Dma(b)) if a != b => false,
        _ => connect_legal(tile.kind(), slave, master),
    }
}

/// Whether there is an edge inside a switch between two places.
fn leads_inside(columns: u8, tile: Tile, from: usize, to: usize) -> bool {
    let (Some(from), Some(to)) = (place(from), place(to)) else {
        return false;
    };
    let slave_exists = match from {
        Place::Switch(slave) => is_slave(columns, tile, slave),
        Place::Unused => true,
    };
    let master_exists = match to {
        Place::Switch(master) => is_master(columns, tile, master),
        Place::Unused => true,
    };
    slave_exists
        && master_exists
        && match (from, to) {
            (Place::Switch(slave), Place::Switch(master)) => connects(tile, slave, master),
            _ => tile.kind() == TileKind::Shim,
        }
}

impl Graph {
    /// The graph of the first `columns` columns of npu1.
    pub fn new(columns: u8) -> Self {
        let tiles: Vec<Tile> = Tile::all().filter(|t| t.col < columns).collect();
        let mut graph = Graph {
            columns,
            edges: vec![Vec::new(); tiles.len() * PER_TILE],
            edge_count: 0,
        };
        for tile in tiles {
            let base = graph.tile_base(tile);
            for index in 0..PER_TILE {
                let inside = (0..PER_TILE).filter(|&i| leads_inside(columns, tile, index, i));
                let mut next: Vec<(Node, bool)> = inside.map(|i| (base + i, true)).collect();
                next.extend(graph.across(tile, index).map(|node| (node, false)));
                next.sort_unstable();
                graph.add_edges(base + index, next);
            }
        }
        graph
    }

    /// The node to which a port is wired as a master.
    fn across(&self, tile: Tile, index: usize) -> Option<Node> {
        let Some(Place::Switch(port)) = place(index) else {
            return None;
        };
        let (to, slave) = wire(tile, port)?;
        self.node(to, slave)
            .filter(|_| is_master(self.columns, tile, port))
    }

    fn add_edges(&mut self, from: Node, next: Vec<(Node, bool)>) {
        let first = self.edge_count;
        self.edge_count += next.len();
        self.edges[from] = (first..)
            .zip(next)
            .map(|(id, (to, inside))| Edge { id, to, inside })
            .collect();
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.edges.len()
    }

    /// Number of edges.
    pub fn edges(&self) -> usize {
        self.edge_count
    }

    /// The edges that leave `node`, in the order in which a search visits them.
    pub fn next(&self, node: Node) -> &[Edge] {
        &self.edges[node]
    }

    fn tile_base(&self, tile: Tile) -> Node {
        (usize::from(tile.col) * usize::from(geometry::ROWS) + usize::from(tile.row)) * PER_TILE
    }

    fn node(&self, tile: Tile, port: Port) -> Option<Node> {
        let inside = tile.exists() && tile.col < self.columns;
        Some(self.tile_base(tile) + index_of(port)?).filter(|_| inside)
    }

    /// The node at which a flow starts; `None` when the partition does not have the port.
    pub fn source(&self, from: Endpoint) -> Option<Node> {
        let node = self.node(from.tile, from.port)?;
        is_slave(self.columns, from.tile, from.port).then_some(node)
    }

    /// The node at which a flow ends; `None` when the partition does not have the port.
    pub fn dest(&self, to: Endpoint) -> Option<Node> {
        let node = self.node(to.tile, to.port)?;
        is_master(self.columns, to.tile, to.port).then_some(node)
    }

    /// Tile of a node.
    pub fn tile(&self, node: Node) -> Tile {
        let rows = usize::from(geometry::ROWS);
        let tile = node / PER_TILE;
        Tile::new((tile / rows) as u8, (tile % rows) as u8)
    }

    /// Tile and switch port of a node, seen as a slave or as a master.
    pub fn switch_port(&self, node: Node, direction: Direction) -> Option<(Tile, Port)> {
        let tile = self.tile(node);
        match place(node % PER_TILE)? {
            Place::Switch(Port::Dma(channel)) if tile.kind() == TileKind::Shim => {
                Some((tile, shim::dma_port(direction, channel)?))
            }
            Place::Switch(port) => Some((tile, port)),
            Place::Unused => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_fill_a_tile_in_the_order_of_the_reference() {
        assert!(place(PER_TILE - 1).is_some() && place(PER_TILE).is_none());
        assert_eq!(index_of(Port::Core), Some(0));
        assert_eq!(index_of(Port::TileCtrl), Some(PER_TILE - 1));
        assert!(index_of(Port::South(7)) < index_of(Port::West(0)));
    }

    #[test]
    fn edges_are_legal_connections_and_wires() {
        let graph = Graph::new(3);
        let mut ids = Vec::new();
        for node in 0..graph.nodes() {
            for edge in graph.next(node) {
                ids.push(edge.id);
                let ends = (
                    graph.switch_port(node, Direction::Mm2s),
                    graph.switch_port(edge.to, Direction::S2mm),
                );
                let (Some(_), Some((to, port))) = ends else {
                    continue;
                };
                assert!(to.col < 3);
                if edge.inside {
                    let (tile, slave) = graph.switch_port(node, Direction::Mm2s).unwrap();
                    assert!(tile == to && connect_legal(tile.kind(), slave, port));
                } else {
                    let (tile, master) = graph.switch_port(node, Direction::S2mm).unwrap();
                    assert_eq!(wire(tile, master), Some((to, port)));
                }
            }
        }
        assert!(ids.iter().copied().eq(0..graph.edges()));
    }

    #[test]
    fn the_partition_ends_at_its_last_column() {
        let graph = Graph::new(1);
        let at = |col, port| Endpoint::new(Tile::new(col, 2), port);
        assert_eq!(graph.dest(at(0, Port::East(0))), None);
        assert_eq!(graph.source(at(1, Port::Dma(0))), None);
        assert!(graph.source(at(0, Port::Dma(1))).is_some());
    }
}
