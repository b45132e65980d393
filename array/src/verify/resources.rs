//! Checks of what the tiles have: channels, descriptors, locks, memory.

use std::collections::BTreeMap;

use arch::array::Direction;
use arch::limits::{CORE_DATA_BYTES, MAX_LOCK_VALUE, VECTOR_ALIGN};
use arch::{Tile, TileKind};

use super::dims;
use super::error::DesignError;
use crate::design::{Buffer, Design};
use crate::lower::plan::Plan;
use crate::lower::{addresses, chains, channels};
use crate::text::list;

fn noun(kind: TileKind) -> &'static str {
    match kind {
        TileKind::Shim => "shim",
        TileKind::Mem => "memory tile",
        TileKind::Core => "core",
    }
}

fn depths(plan: &Plan) -> Result<(), DesignError> {
    let limit = u32::from(MAX_LOCK_VALUE);
    match plan.ends.iter().find(|e| e.depth > limit) {
        Some(end) => Err(DesignError::Depth {
            end: end.name.clone(),
            depth: end.depth,
            limit,
        }),
        None => Ok(()),
    }
}

/// Says which packets at a shim do not share a channel.
fn held_apart(design: &Design, plan: &Plan, tile: Tile, inward: bool) -> Option<String> {
    let ends = plan.ends.iter().zip(&plan.channel_of).filter(|(end, _)| {
        end.tile == tile
            && (channels::direction(end) == Some(Direction::S2mm)) == inward
            && channels::shares(design, end)
    });
    let mut ends = ends.map(|(end, channel)| (&design.fifos[end.fifo].name, channel));
    let (first, channel) = ends.next()?;
    let (other, _) = ends.find(|(_, c)| *c != channel)?;
    Some(format!(
        "packets of `{first}` and `{other}` may wait for each other, so they have a channel each; "
    ))
}

fn channels_suffice(design: &Design, plan: &Plan) -> Result<(), DesignError> {
    let mut users: BTreeMap<(Tile, bool), Vec<&str>> = BTreeMap::new();
    let mut channels: BTreeMap<(Tile, bool), usize> = BTreeMap::new();
    for (end, channel) in plan.ends.iter().zip(&plan.channel_of) {
        if let (Some(direction), Some(channel)) = (channels::direction(end), channel) {
            let fifo = design.fifos[end.fifo].name.as_str();
            let key = (end.tile, direction == Direction::S2mm);
            users.entry(key).or_default().push(fifo);
            let needed = channels.entry(key).or_default();
            *needed = (*needed).max(usize::from(*channel) + 1);
        }
    }
    for ((tile, inward), fifos) in users {
        let (kind, needed) = (tile.kind(), channels[&(tile, inward)]);
        if needed <= usize::from(kind.dma_channels()) {
            continue;
        }
        return Err(DesignError::Channels {
            noun: noun(kind),
            tile,
            needed,
            way: match (inward, kind) {
                (_, TileKind::Shim) if inward => "to-host",
                (_, TileKind::Shim) => "to-array",
                (true, _) => "input",
                (false, _) => "output",
            },
            fifos: list(fifos.iter().map(|f| format!("`{f}`"))),
            kind,
            limit: kind.dma_channels(),
            hint: match kind {
                TileKind::Core if inward => format!(
                    "join `{}` and `{}` through the memory tile of column {}",
                    fifos[0], fifos[1], tile.col
                ),
                TileKind::Core => format!(
                    "send `{}` and `{}` as one fifo and distribute it in the memory tile of column {}",
                    fifos[0], fifos[1], tile.col
                ),
                TileKind::Mem => "use the memory tile of another column for some of them".into(),
                TileKind::Shim => {
                    let apart = held_apart(design, plan, tile, inward).unwrap_or_default();
                    format!("{apart}use the shim of another column for some of them")
                }
            },
        });
    }
    Ok(())
}

fn locks_suffice(plan: &Plan) -> Result<(), DesignError> {
    let mut needed: BTreeMap<Tile, u32> = BTreeMap::new();
    for store in &plan.stores.stores {
        *needed.entry(store.tile).or_default() += 2 * store.lock_pairs;
    }
    for (tile, needed) in needed {
        let kind = tile.kind();
        if needed > u32::from(kind.locks()) {
            return Err(DesignError::Locks {
                noun: noun(kind),
                tile,
                needed,
                kind,
                limit: kind.locks(),
            });
        }
    }
    Ok(())
}

fn descriptors_suffice(plan: &Plan) -> Result<(), DesignError> {
    for (end, ids) in &plan.bd_ids {
        if ids.is_some() {
            continue;
        }
        let tile = plan.ends[*end].tile;
        let kind = tile.kind();
        let class_of = |e: usize| match plan.channel_of[e] {
            Some(channel) if kind == TileKind::Mem => channel % 2,
            _ => 0,
        };
        let needed = plan
            .bd_ids
            .keys()
            .filter(|&&e| plan.ends[e].tile == tile && class_of(e) == class_of(*end))
            .map(|&e| chains::chain_length(&plan.ends, &plan.stores, e))
            .sum();
        let (class, limit) = match (kind, class_of(*end)) {
            (TileKind::Mem, 0) => (" for its even channels", kind.bds() / 2),
            (TileKind::Mem, _) => (" for its odd channels", kind.bds() / 2),
            _ => ("", kind.bds()),
        };
        return Err(DesignError::Descriptors {
            noun: noun(kind),
            tile,
            needed,
            class,
            kind,
            limit,
        });
    }
    Ok(())
}

fn memory_suffices(plan: &Plan) -> Result<(), DesignError> {
    for (tile, buffers) in &plan.memory {
        let kind = tile.kind();
        let limit = kind.data_bytes();
        let stack = u64::from(plan.stack_of(*tile));
        let Err(needed) = addresses::fits(kind, stack, &buffers.sizes, &buffers.fixed) else {
            continue;
        };
        let mut parts: Vec<String> = Vec::new();
        if stack > 0 {
            parts.push(format!("stack {stack}"));
        }
        parts.extend(buffers.summary());
        return Err(DesignError::Data {
            noun: noun(kind),
            tile: *tile,
            needed,
            parts: list(parts),
            kind,
            limit,
        });
    }
    Ok(())
}

fn addresses_free(design: &Design, plan: &Plan) -> Result<(), DesignError> {
    for (i, buffer) in design.buffers.iter().enumerate() {
        let Some(address) = buffer.address else {
            continue;
        };
        let (kind, bytes) = (buffer.tile.kind(), buffer.object.bytes());
        let (align, stack) = (addresses::alignment(kind), plan.stack_of(buffer.tile));
        let (start, end) = (u64::from(address), u64::from(address) + bytes);
        let limit = u64::from(kind.data_bytes());
        let others = design.buffers[..i].iter().filter(|b| b.tile == buffer.tile);
        let overlaps = |b: &&Buffer| {
            let other = b.address.map(u64::from);
            other.is_some_and(|at| at < end && start < at + b.object.bytes())
        };
        let why = if !start.is_multiple_of(align) {
            format!(", no multiple of {align}")
        } else if start < u64::from(stack) {
            format!(", in the stack of {stack} bytes")
        } else if end > limit {
            format!(", whose data memory has {limit} bytes")
        } else if let Some(other) = others.into_iter().find(overlaps) {
            format!(", where buffer `{}` is", other.name)
        } else {
            continue;
        };
        return Err(DesignError::BufferAddress {
            buffer: buffer.name.clone(),
            bytes,
            address,
            tile: buffer.tile,
            why,
            align,
            stack,
        });
    }
    Ok(())
}

fn stacks(design: &Design) -> Result<(), DesignError> {
    let bad = |bytes: u32| !bytes.is_multiple_of(VECTOR_ALIGN) || bytes > CORE_DATA_BYTES;
    match design.workers.iter().find(|w| bad(w.stack_bytes)) {
        Some(worker) => Err(DesignError::Stack {
            tile: worker.tile,
            bytes: worker.stack_bytes,
            align: VECTOR_ALIGN,
            limit: CORE_DATA_BYTES,
        }),
        None => Ok(()),
    }
}

fn fields_hold(design: &Design, plan: &Plan) -> Result<(), DesignError> {
    for program in plan.dma_programs(design) {
        for chain in &program.chains {
            for bd in &chain.bds {
                if let Err(source) = bd.encode(program.tile) {
                    return Err(DesignError::Field {
                        end: chain.fifo.clone(),
                        tile: program.tile,
                        source,
                    });
                }
            }
        }
    }
    Ok(())
}

/// Checks that the tiles have what the design's plan takes.
pub(super) fn check(design: &Design, plan: &Plan) -> Result<(), DesignError> {
    depths(plan)?;
    channels_suffice(design, plan)?;
    locks_suffice(plan)?;
    descriptors_suffice(plan)?;
    for (end, walk) in plan.ends.iter().zip(&plan.stores.walks) {
        dims::check(design, end, walk)?;
    }
    stacks(design)?;
    addresses_free(design, plan)?;
    memory_suffices(plan)?;
    fields_hold(design, plan)
}
