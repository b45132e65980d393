//! Checks of what producers send besides what is put into their fifos: initial objects, repetitions,
//! rounds, zeros.

use arch::array::MemBd;
use arch::array::field::Field;
use arch::limits::{MAX_LOCK_VALUE, MAX_TASK_REPEAT};
use arch::{Tile, TileKind};
use thiserror::Error;

use super::error::DesignError;
use crate::design::{Design, Link, ObjectFifo};
use crate::lower::chains::word_pads;
use crate::lower::plan::Plan;

/// Dimensions around which a memory tile sends zeros.
const PADDED_DIMS: usize = 3;

/// What is wrong with what a producer sends.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// Objects that are never sent.
    #[error("is to send every object 0 times\nhelp: 1 is the least")]
    Never,
    /// Repetitions at a shim.
    #[error(
        "begins at shim {tile} and repeats its objects\nhelp: let the sequence repeat transfers: a stride of 0 reads again"
    )]
    ShimRepeats {
        /// Shim.
        tile: Tile,
    },
    /// More than a lock counts.
    #[error(
        "counts {depth} objects of {repeat} repetitions in a lock, which counts to {limit}\nhelp: use a smaller depth or repeat less often"
    )]
    Repeats {
        /// Objects.
        depth: u32,
        /// Repetitions.
        repeat: u32,
        /// Largest value of a lock.
        limit: u32,
    },
    /// Outputs of one object that repeat it differently.
    #[error(
        "repeats its objects {given} times, another output of its link {other} times\nhelp: all parts of an object are free at the same time; repeat them equally"
    )]
    UnequalRepeats {
        /// This output's repetitions.
        given: u32,
        /// The other's.
        other: u32,
    },
    /// Joined objects that are repeated.
    #[error(
        "repeats what is joined for it\nhelp: forward the joined objects through a second fifo"
    )]
    JoinRepeats,
    /// Initial objects where there is no memory.
    #[error("has initial objects at shim {tile}\nhelp: a shim has no memory; use a host buffer")]
    ShimInit {
        /// Shim.
        tile: Tile,
    },
    /// Initial objects for an end that owns no buffers.
    #[error(
        "has initial objects, but its buffers are those of the link's other side\nhelp: only the output of a link of one fifo to one, or a fifo without a link, holds objects at first"
    )]
    LinkInit,
    /// More initial objects than buffers.
    #[error(
        "has {given} initial objects and holds {depth}\nhelp: use a depth of {given}, or fewer initial objects"
    )]
    InitCount {
        /// Objects given.
        given: usize,
        /// Buffers.
        depth: u32,
    },
    /// An initial object of another size.
    #[error(
        "has initial object {index} of {given} bytes; an object has {bytes}\nhelp: give every byte"
    )]
    InitLength {
        /// Which.
        index: usize,
        /// Bytes given.
        given: usize,
        /// Bytes of an object.
        bytes: u64,
    },
    /// Rounds of something else than initial objects in a memory tile.
    #[error(
        "is sent in rounds, {why}\nhelp: rounds send all the initial objects of a memory tile, without locks"
    )]
    RoundsOf {
        /// What is missing.
        why: &'static str,
    },
    /// More rounds than a task has executions.
    #[error(
        "is sent in {rounds} rounds; a task runs 2 to {limit} times\nhelp: use more objects per round"
    )]
    Rounds {
        /// Rounds.
        rounds: u32,
        /// Executions of a task.
        limit: u32,
    },
    /// Zeros elsewhere than in a memory tile.
    #[error(
        "adds zeros at {kind} {tile}\nhelp: only memory tiles add zeros; let the fifo begin in one"
    )]
    PadTile {
        /// Kind of tile.
        kind: TileKind,
        /// Tile.
        tile: Tile,
    },
    /// Zeros that do not match the walk.
    #[error(
        "adds zeros around {given} dimensions and walks {dims}\nhelp: give zeros for each dimension, at most {limit}"
    )]
    PadDims {
        /// Dimensions with zeros.
        given: usize,
        /// Dimensions of the walk.
        dims: usize,
        /// Most that are padded.
        limit: usize,
    },
    /// More zeros than the descriptor counts.
    #[error(
        "adds {words} zeros {side} dimension {dim}; it may be 0 to {limit}{unit}\nhelp: add the rest in the core"
    )]
    Pad {
        /// Dimension, innermost 0.
        dim: usize,
        /// Steps.
        words: u32,
        /// `before` or `behind`.
        side: &'static str,
        /// Most.
        limit: u32,
        /// Unit.
        unit: &'static str,
    },
    /// Zeros of part words.
    #[error(
        "adds {bytes} bytes of zeros in a row; the DMA counts words of 4\nhelp: add whole 32-bit words"
    )]
    PadNotWords {
        /// Bytes.
        bytes: u32,
    },
    /// Zeros that do not make up the object.
    #[error(
        "sends {sent} elements with its zeros; an object has {elements}\nhelp: the product of the padded sizes must be the number of elements of an object"
    )]
    PadCover {
        /// Elements sent.
        sent: u64,
        /// Elements of an object.
        elements: u64,
    },
}

fn link_of<'a>(design: &'a Design, fifo: &ObjectFifo) -> Option<&'a Link> {
    let links = design.links.iter();
    links.into_iter().find(|l| l.outputs.contains(&fifo.name))
}

fn repeats(design: &Design, fifo: &ObjectFifo) -> Result<(), SendError> {
    if fifo.repeat == 0 {
        return Err(SendError::Never);
    }
    if let Some(link) = link_of(design, fifo) {
        let outputs = link.outputs.iter().filter_map(|n| design.fifo(n));
        if let Some((_, other)) = outputs.into_iter().find(|(_, o)| o.repeat != fifo.repeat) {
            return Err(SendError::UnequalRepeats {
                given: fifo.repeat,
                other: other.repeat,
            });
        }
        if fifo.repeat > 1 && link.inputs.len() > 1 {
            return Err(SendError::JoinRepeats);
        }
    }
    let tile = fifo.producer;
    if fifo.repeat > 1 && tile.kind() == TileKind::Shim {
        return Err(SendError::ShimRepeats { tile });
    }
    Ok(())
}

fn initial(design: &Design, fifo: &ObjectFifo) -> Result<(), SendError> {
    if fifo.init.is_empty() {
        return Ok(());
    }
    let tile = fifo.producer;
    if tile.kind() == TileKind::Shim {
        return Err(SendError::ShimInit { tile });
    }
    if link_of(design, fifo).is_some_and(|l| l.inputs.len() + l.outputs.len() > 2) {
        return Err(SendError::LinkInit);
    }
    let bytes = fifo.object.bytes();
    let wrong = |object: &Vec<u8>| object.len() as u64 != bytes;
    match fifo.init.iter().position(wrong) {
        Some(index) => Err(SendError::InitLength {
            index,
            given: fifo.init[index].len(),
            bytes,
        }),
        None => Ok(()),
    }
}

fn rounds(design: &Design, fifo: &ObjectFifo) -> Result<(), SendError> {
    let Some(rounds) = fifo.rounds else {
        return Ok(());
    };
    let why = if fifo.producer.kind() != TileKind::Mem {
        "but does not begin in a memory tile"
    } else if fifo.init.is_empty() {
        "but has no initial objects"
    } else if fifo.repeat > 1 {
        "but repeats its objects as well"
    } else if link_of(design, fifo).is_some() {
        "but is an output of a link"
    } else if !(2..=MAX_TASK_REPEAT).contains(&rounds) {
        let limit = MAX_TASK_REPEAT;
        return Err(SendError::Rounds { rounds, limit });
    } else {
        return Ok(());
    };
    Err(SendError::RoundsOf { why })
}

fn padding(fifo: &ObjectFifo) -> Result<(), SendError> {
    if fifo.pad.is_empty() {
        return Ok(());
    }
    let tile = fifo.producer;
    if tile.kind() != TileKind::Mem {
        let kind = tile.kind();
        return Err(SendError::PadTile { kind, tile });
    }
    let (given, dims) = (fifo.pad.len(), fifo.dims_to_stream.len());
    if given != dims || given > PADDED_DIMS {
        return Err(SendError::PadDims {
            given,
            dims,
            limit: PADDED_DIMS,
        });
    }
    let elem = fifo.object.elem.bytes();
    let inner = fifo.pad.last().map_or([0; 2], |p| [p.before, p.after]);
    let part = |steps: &u32| !steps.saturating_mul(elem).is_multiple_of(4);
    if let Some(steps) = inner.into_iter().find(part) {
        let bytes = steps.saturating_mul(elem);
        return Err(SendError::PadNotWords { bytes });
    }
    for (dim, pad) in word_pads(&fifo.pad, elem).into_iter().enumerate() {
        for (words, side, name) in [
            (pad.before, "before", format!("d{dim}_zero_before")),
            (pad.after, "behind", format!("d{dim}_zero_after")),
        ] {
            let field = MemBd::FIELDS.iter().find(|f| f.name == name);
            let limit = field.map_or(0, |f| Field::range(f).1 as u32);
            if words > limit {
                let unit = if dim == 0 { " words" } else { "" };
                return Err(SendError::Pad {
                    dim,
                    words,
                    side,
                    limit,
                    unit,
                });
            }
        }
    }
    let sizes = fifo.pad.iter().zip(&fifo.dims_to_stream);
    let sizes = sizes.map(|(p, d)| u64::from(d.size) + u64::from(p.before) + u64::from(p.after));
    let sent = sizes.fold(1, u64::saturating_mul);
    let elements = fifo.object.len();
    if sent != elements {
        return Err(SendError::PadCover { sent, elements });
    }
    Ok(())
}

/// Checks what every fifo sends by itself.
pub(super) fn check(design: &Design) -> Result<(), DesignError> {
    for fifo in &design.fifos {
        let checked = repeats(design, fifo)
            .and_then(|()| initial(design, fifo))
            .and_then(|()| rounds(design, fifo))
            .and_then(|()| padding(fifo));
        checked.map_err(|source| DesignError::Send {
            fifo: fifo.name.clone(),
            source: Box::new(source),
        })?;
    }
    Ok(())
}

/// Checks what is counted in locks and kept in buffers.
pub(super) fn check_stores(design: &Design, plan: &Plan) -> Result<(), DesignError> {
    let limit = u32::from(MAX_LOCK_VALUE);
    for (end, walk) in plan.ends.iter().zip(&plan.stores.walks) {
        let store = &plan.stores.stores[walk.store];
        let fifo = &design.fifos[end.fifo];
        let source = if u64::from(store.depth) * u64::from(store.repeat) > u64::from(limit) {
            SendError::Repeats {
                depth: store.depth,
                repeat: store.repeat,
                limit,
            }
        } else if store.init.len() > store.depth as usize {
            SendError::InitCount {
                given: store.init.len(),
                depth: store.depth,
            }
        } else if fifo.rounds.is_some()
            && store.name == fifo.name
            && store.init.len() != store.depth as usize
        {
            SendError::RoundsOf {
                why: "but not all of its objects are initial ones",
            }
        } else {
            continue;
        };
        return Err(DesignError::Send {
            fifo: fifo.name.clone(),
            source: Box::new(source),
        });
    }
    Ok(())
}
