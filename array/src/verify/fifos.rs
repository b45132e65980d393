//! Checks of fifos, links and buffers, each for itself.

use arch::{Tile, TileKind, geometry, limits};

use super::error::DesignError;
use super::names;
use crate::design::{Buffer, Depth, Design, Link, ObjectFifo, ObjectType};
use crate::lower::stores::{link_parts, link_tile};
use crate::text::list;

/// Checks that the partition has `tile`.
pub(super) fn tile_exists(design: &Design, user: &str, tile: Tile) -> Result<(), DesignError> {
    if tile.exists() && tile.col < design.columns {
        return Ok(());
    }
    Err(DesignError::TileOutside {
        user: user.to_string(),
        tile,
        last_col: design.columns - 1,
        last_row: geometry::ROWS - 1,
    })
}

/// Checks that `tile` exists and is of a kind.
pub(super) fn tile_is(
    design: &Design,
    user: &str,
    tile: Tile,
    needed: TileKind,
) -> Result<(), DesignError> {
    tile_exists(design, user, tile)?;
    if tile.kind() == needed {
        return Ok(());
    }
    Err(DesignError::TileKind {
        user: user.to_string(),
        tile,
        kind: tile.kind(),
        needed,
        rows: match needed {
            TileKind::Shim => "row 0",
            TileKind::Mem => "row 1",
            TileKind::Core => "rows 2 to 5",
        },
    })
}

/// Checks that one object fits the memory of a kind of tile at all.
fn fits(user: &str, object: &ObjectType, kind: TileKind) -> Result<(), DesignError> {
    let (bytes, limit) = (object.bytes(), kind.data_bytes());
    if bytes <= u64::from(limit) {
        return Ok(());
    }
    Err(DesignError::Object {
        user: user.to_string(),
        object: object.clone(),
        bytes,
        kind,
        limit,
    })
}

fn fifo(design: &Design, fifo: &ObjectFifo) -> Result<(), DesignError> {
    let name = || fifo.name.clone();
    let user = format!("fifo `{}`", fifo.name);
    if fifo.consumers.is_empty() {
        return Err(DesignError::NoConsumer { fifo: name() });
    }
    let mut seen: Vec<Tile> = Vec::new();
    for tile in std::iter::once(fifo.producer).chain(fifo.consumers.iter().map(|c| c.tile)) {
        tile_exists(design, &user, tile)?;
        if seen.contains(&tile) {
            return Err(DesignError::TileTwice { fifo: name(), tile });
        }
        seen.push(tile);
    }
    if fifo.object.is_empty() {
        return Err(DesignError::Empty {
            user,
            object: fifo.object.clone(),
        });
    }
    fits(&user, &fifo.object, TileKind::Mem)?;
    if !fifo.object.bytes().is_multiple_of(4) {
        return Err(DesignError::NotWords {
            user: format!("fifo `{}` of {}", fifo.name, fifo.object),
            bytes: fifo.object.bytes(),
        });
    }
    let is_shim = |tile: Tile| tile.kind() == TileKind::Shim;
    if is_shim(fifo.producer)
        && let Some(consumer) = fifo.consumers.iter().find(|c| is_shim(c.tile))
    {
        return Err(DesignError::ShimToShim {
            fifo: name(),
            producer: fifo.producer,
            consumer: consumer.tile,
        });
    }
    let shim_dims = std::iter::once((fifo.producer, &fifo.dims_to_stream))
        .chain(fifo.consumers.iter().map(|c| (c.tile, &c.dims_from_stream)))
        .find(|(tile, dims)| is_shim(*tile) && !dims.is_empty());
    if let Some((tile, _)) = shim_dims {
        return Err(DesignError::ShimDims { fifo: name(), tile });
    }
    let (depths, ends) = match &fifo.depth {
        Depth::Same(depth) => (std::slice::from_ref(depth), 1),
        Depth::PerEnd(depths) => (depths.as_slice(), 1 + fifo.consumers.len()),
    };
    if depths.len() != ends {
        return Err(DesignError::DepthCount {
            fifo: name(),
            given: depths.len(),
            ends,
        });
    }
    if depths.contains(&0) {
        return Err(DesignError::NoDepth { fifo: name() });
    }
    let limit = u32::from(limits::MAX_LOCK_VALUE);
    if let Some(&depth) = depths.iter().find(|d| **d > limit) {
        return Err(DesignError::Depth {
            end: name(),
            depth,
            limit,
        });
    }
    Ok(())
}

/// The text by which messages name a link.
fn link_name(link: &Link) -> String {
    format!("{} -> {}", list(&link.inputs), list(&link.outputs))
}

/// Bytes of an object as its producer's memory holds it, without zeros that are added on the way.
fn read_bytes(fifo: &ObjectFifo) -> u64 {
    if fifo.pad.is_empty() {
        return fifo.object.bytes();
    }
    let sizes = fifo.dims_to_stream.iter().map(|d| u64::from(d.size.max(1)));
    sizes.fold(u64::from(fifo.object.elem.bytes()), u64::saturating_mul)
}

fn link_offsets(design: &Design, link: &Link) -> Result<(), DesignError> {
    let name = link_name(link);
    let parts = link.inputs.len().max(link.outputs.len());
    let needed = if parts == 1 { 0 } else { parts };
    if link.offsets.len() != needed {
        return Err(DesignError::LinkOffsets {
            link: name,
            given: link.offsets.len(),
            needed,
            hint: if parts == 1 {
                "a link of one fifo to one moves whole objects"
            } else {
                "give the first element of each part"
            },
        });
    }
    let objects = |names: &[String]| -> Vec<ObjectFifo> {
        names
            .iter()
            .filter_map(|n| design.fifo(n))
            .map(|(_, f)| f.clone())
            .collect()
    };
    let (inputs, outputs) = (objects(&link.inputs), objects(&link.outputs));
    let multiple = |bytes: u64, fifo: &ObjectFifo| {
        let object = read_bytes(fifo);
        if bytes.is_multiple_of(object) || object.is_multiple_of(bytes) {
            return Ok(());
        }
        Err(DesignError::LinkLength {
            link: link_name(link),
            bytes,
            fifo: fifo.name.clone(),
            object,
        })
    };
    if parts == 1 {
        return multiple(inputs[0].object.bytes(), &outputs[0]);
    }
    let (whole, others) = if inputs.len() == 1 {
        (&inputs[0], &outputs)
    } else {
        (&outputs[0], &inputs)
    };
    let elements = whole.object.len();
    let ascend = link.offsets.windows(2).all(|w| w[0] < w[1]);
    let inside = link.offsets.iter().all(|&o| u64::from(o) < elements);
    if link.offsets[0] != 0 || !ascend || !inside {
        return Err(DesignError::LinkOrder {
            link: name,
            offsets: format!("[{}]", list(&link.offsets)),
            elements,
        });
    }
    let elem = u64::from(whole.object.elem.bytes());
    for ((offset, bytes), other) in link_parts(link, whole.object.bytes(), elem)
        .into_iter()
        .zip(others)
    {
        if let Some(bytes) = [offset, bytes].into_iter().find(|b| !b.is_multiple_of(4)) {
            return Err(DesignError::NotWords {
                user: format!("a part of link {}", link_name(link)),
                bytes,
            });
        }
        multiple(bytes, other)?;
    }
    Ok(())
}

fn link(design: &Design, link: &Link) -> Result<(), DesignError> {
    let name = link_name(link);
    for fifo in link.inputs.iter().chain(&link.outputs) {
        if design.fifo(fifo).is_none() {
            let known = design.fifos.iter().map(|f| f.name.as_str());
            let user = format!("link {name}");
            return Err(names::unknown(user, "fifo", fifo, known));
        }
    }
    let (inputs, outputs) = (link.inputs.len(), link.outputs.len());
    if inputs == 0 || outputs == 0 || (inputs > 1 && outputs > 1) {
        return Err(DesignError::LinkShape {
            link: name,
            inputs,
            outputs,
        });
    }
    let Some(tile) = link_tile(design, link) else {
        return Ok(());
    };
    let forwards = inputs == 1 && outputs == 1;
    if !forwards || tile.kind() != TileKind::Core {
        tile_is(design, &format!("link {name}"), tile, TileKind::Mem)?;
    }
    let ends_there = |n: &String| {
        design
            .fifo(n)
            .is_some_and(|(_, f)| f.consumers.iter().any(|c| c.tile == tile))
    };
    let begins_there = |n: &String| design.fifo(n).is_some_and(|(_, f)| f.producer == tile);
    let stray = link
        .inputs
        .iter()
        .find(|n| !ends_there(n))
        .map(|n| (n, "end"))
        .or_else(|| {
            link.outputs
                .iter()
                .find(|n| !begins_there(n))
                .map(|n| (n, "begin"))
        });
    if let Some((fifo, side)) = stray {
        return Err(DesignError::LinkTile {
            fifo: fifo.clone(),
            link: name,
            side,
            tile,
        });
    }
    link_offsets(design, link)
}

fn links(design: &Design) -> Result<(), DesignError> {
    let mut inputs: Vec<&String> = Vec::new();
    let mut outputs: Vec<&String> = Vec::new();
    for l in &design.links {
        for (names, seen, side) in [
            (&l.inputs, &mut inputs, "an input"),
            (&l.outputs, &mut outputs, "an output"),
        ] {
            for fifo in names {
                if seen.contains(&fifo) {
                    return Err(DesignError::LinkTwice {
                        fifo: fifo.clone(),
                        side,
                    });
                }
                seen.push(fifo);
            }
        }
        link(design, l)?;
    }
    Ok(())
}

fn buffer(design: &Design, buffer: &Buffer) -> Result<(), DesignError> {
    let user = format!("buffer `{}`", buffer.name);
    tile_is(design, &user, buffer.tile, TileKind::Core)?;
    if buffer.object.is_empty() {
        return Err(DesignError::Empty {
            user,
            object: buffer.object.clone(),
        });
    }
    fits(&user, &buffer.object, TileKind::Core)?;
    let bytes = buffer.object.bytes();
    match &buffer.init {
        Some(init) if init.len() as u64 != bytes => Err(DesignError::InitLength {
            buffer: buffer.name.clone(),
            given: init.len(),
            object: buffer.object.clone(),
            bytes,
        }),
        Some(_) if !bytes.is_multiple_of(4) => Err(DesignError::NotWords {
            user: format!("the initial value of {user}"),
            bytes,
        }),
        _ => Ok(()),
    }
}

/// Checks fifos, links and buffers.
pub(super) fn check(design: &Design) -> Result<(), DesignError> {
    let limit = geometry::COLUMNS;
    if design.columns == 0 || design.columns > limit {
        return Err(DesignError::Columns {
            design: design.name.clone(),
            columns: design.columns,
            limit,
        });
    }
    names::unique("design", "designs", [design.name.as_str()])?;
    names::unique(
        "fifo",
        "fifos",
        design.fifos.iter().map(|f| f.name.as_str()),
    )?;
    names::unique(
        "buffer",
        "buffers",
        design.buffers.iter().map(|b| b.name.as_str()),
    )?;
    for f in &design.fifos {
        fifo(design, f)?;
    }
    links(design)?;
    for b in &design.buffers {
        buffer(design, b)?;
    }
    Ok(())
}
