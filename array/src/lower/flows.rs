//! Flows: what the stream switches have to connect.

use arch::array::{Port, packet};
use arch::{Tile, TileKind};

use super::ends::{End, Role};
use crate::design::Design;
use crate::lowered::{Endpoint, Flow, FlowKind};

/// The flow that carries a shim's task-complete tokens to the host: every shim in use has it.
fn token_flow(shim: Tile) -> Flow {
    Flow {
        kind: FlowKind::Control {
            id: packet::controller_id(shim) as u8,
        },
        source: Endpoint::new(shim, Port::TileCtrl),
        dests: vec![Endpoint::new(shim, Port::South(0))],
    }
}

/// The flows of a design: tokens of the shims in use, then packets, then circuits, fifos in order, one
/// source each.
pub fn build(design: &Design, ends: &[End], channel_of: &[Option<u8>]) -> Vec<Flow> {
    let mut shims: Vec<Tile> = ends
        .iter()
        .map(|e| e.tile)
        .filter(|t| t.kind() == TileKind::Shim)
        .collect();
    shims.sort();
    shims.dedup();
    let mut flows: Vec<Flow> = shims.into_iter().map(token_flow).collect();
    for (end, channel) in ends.iter().zip(channel_of) {
        let Some(channel) = *channel else {
            continue;
        };
        let point = Endpoint::new(end.tile, Port::Dma(channel));
        match end.role {
            Role::Producer => flows.push(Flow {
                kind: match design.fifos[end.fifo].packet {
                    Some(packet) => FlowKind::Packet(packet),
                    None => FlowKind::Circuit,
                },
                source: point,
                dests: Vec::new(),
            }),
            Role::Consumer(_) => {
                if let Some(flow) = flows.last_mut() {
                    flow.dests.push(point);
                }
            }
            Role::Shared => {}
        }
    }
    flows.sort_by_key(|flow| match flow.kind {
        FlowKind::Control { .. } => 0,
        FlowKind::Packet(_) => 1,
        FlowKind::Circuit => 2,
    });
    flows
}
