//! The stream switches of a partition as a graph.
//!
//! A node is a slave port (where words enter a switch) or a master port (where they leave it). An
//! edge inside a switch leads from a slave to a master that may be connected to it, an edge between
//! switches from a master to the slave it is wired to.

use arch::array::{Direction, Port, connect_legal, master_port, shim, slave_port, switch, wire};
use arch::{Tile, TileKind, geometry};

use crate::array::lowered::Endpoint;

/// Index of a node.
pub type Node = usize;

/// Ports of one side that a tile's nodes make room for.
const PORTS: usize = 32;
/// Nodes of one tile: slaves, then masters.
const PER_TILE: usize = 2 * PORTS;

const _: () = assert!(switch::MAX_SLAVES <= PORTS && switch::MAX_MASTERS <= PORTS);

/// The switches of a partition of some columns.
pub struct Graph {
    columns: u8,
    /// Where each node leads, in the order in which a search visits them.
    edges: Vec<Vec<Node>>,
}

/// The switch port that an endpoint stands for: a shim's DMA channels have fixed ports.
pub fn switch_port(endpoint: Endpoint, is_source: bool) -> Option<Port> {
    let direction = if is_source {
        Direction::Mm2s
    } else {
        Direction::S2mm
    };
    match endpoint.port {
        Port::Dma(channel) if endpoint.tile.kind() == TileKind::Shim => {
            shim::dma_port(direction, channel)
        }
        port => Some(port),
    }
}

/// Rank of a port in the order in which the reference visits them.
fn rank(port: Port) -> (u8, u8) {
    let class = match port {
        Port::Core => 0,
        Port::Dma(_) => 1,
        Port::Fifo => 2,
        Port::South(_) => 3,
        Port::West(_) => 4,
        Port::North(_) => 5,
        Port::East(_) => 6,
        Port::Trace(_) => 7,
        Port::TileCtrl => 8,
    };
    (class, port.index())
}

impl Graph {
    /// The graph of the first `columns` columns of npu1.
    pub fn new(columns: u8) -> Self {
        let tiles = usize::from(columns) * usize::from(geometry::ROWS);
        let mut graph = Graph {
            columns,
            edges: vec![Vec::new(); tiles * PER_TILE],
        };
        for tile in Tile::all().filter(|t| t.col < columns) {
            let kind = tile.kind();
            let slaves = (0..switch::slave_count(kind)).filter_map(|i| slave_port(kind, i));
            let mut masters: Vec<Port> = (0..switch::master_count(kind))
                .filter_map(|i| master_port(kind, i))
                .collect();
            masters.sort_by_key(|&p| rank(p));
            for slave in slaves {
                let Some(from) = graph.slave(tile, slave) else {
                    continue;
                };
                graph.edges[from] = masters
                    .iter()
                    .filter(|&&m| connect_legal(kind, slave, m))
                    .filter_map(|&m| graph.master(tile, m))
                    .collect();
            }
            for &master in &masters {
                let across = wire(tile, master).and_then(|(to, slave)| graph.slave(to, slave));
                if let (Some(from), Some(to)) = (graph.master(tile, master), across) {
                    graph.edges[from].push(to);
                }
            }
        }
        graph
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.edges.len()
    }

    /// Where `node` leads.
    pub fn next(&self, node: Node) -> &[Node] {
        &self.edges[node]
    }

    fn tile_index(&self, tile: Tile) -> Option<usize> {
        (tile.exists() && tile.col < self.columns)
            .then(|| usize::from(tile.col) * usize::from(geometry::ROWS) + usize::from(tile.row))
    }

    /// The node of a slave port; `None` when the partition does not have it.
    pub fn slave(&self, tile: Tile, port: Port) -> Option<Node> {
        let index = arch::array::slave_index(tile.kind(), port)?;
        Some(self.tile_index(tile)? * PER_TILE + usize::from(index))
    }

    /// The node of a master port; `None` when the partition does not have it.
    pub fn master(&self, tile: Tile, port: Port) -> Option<Node> {
        let index = arch::array::master_index(tile.kind(), port)?;
        Some(self.tile_index(tile)? * PER_TILE + PORTS + usize::from(index))
    }

    /// Whether a node is a master port.
    pub fn is_master(node: Node) -> bool {
        node % PER_TILE >= PORTS
    }

    /// Tile and port of a node.
    pub fn place(&self, node: Node) -> Option<(Tile, Port)> {
        let rows = usize::from(geometry::ROWS);
        let tile = node / PER_TILE;
        let tile = Tile::new((tile / rows) as u8, (tile % rows) as u8);
        let index = (node % PORTS) as u8;
        let port = if Graph::is_master(node) {
            master_port(tile.kind(), index)
        } else {
            slave_port(tile.kind(), index)
        };
        Some((tile, port?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_and_places_correspond_and_edges_are_legal() {
        let graph = Graph::new(3);
        for node in 0..graph.nodes() {
            let Some((tile, port)) = graph.place(node) else {
                assert!(graph.next(node).is_empty());
                continue;
            };
            let back = if Graph::is_master(node) {
                graph.master(tile, port)
            } else {
                graph.slave(tile, port)
            };
            assert_eq!(back, Some(node));
            for &next in graph.next(node) {
                let (to, other) = graph.place(next).unwrap();
                assert!(to.col < 3);
                if Graph::is_master(node) {
                    assert_eq!(wire(tile, port), Some((to, other)));
                } else {
                    assert!(to == tile && connect_legal(tile.kind(), port, other));
                }
            }
        }
    }

    #[test]
    fn the_partition_ends_at_its_last_column() {
        let graph = Graph::new(1);
        let east = graph.master(Tile::new(0, 2), Port::East(0)).unwrap();
        assert!(graph.next(east).is_empty());
        assert_eq!(graph.slave(Tile::new(1, 2), Port::West(0)), None);
    }
}
