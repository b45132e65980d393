//! Checks of orders of access against the DMA's counters.

use arch::array::field::Field;
use arch::array::{CoreBd, MemBd};
use arch::{Tile, TileKind};

use super::error::DesignError;
use crate::design::{Design, Dim};
use crate::lower::ends::End;
use crate::lower::stores::Walk;

/// Largest value of a descriptor field.
fn largest(fields: &[Field], name: &str) -> Option<u32> {
    let field = fields.iter().find(|f| f.name == name)?;
    u32::try_from(field.range().1).ok()
}

fn fields(kind: TileKind) -> &'static [Field] {
    match kind {
        TileKind::Mem => MemBd::FIELDS,
        TileKind::Core | TileKind::Shim => CoreBd::FIELDS,
    }
}

struct Context<'a> {
    fifo: &'a str,
    tile: Tile,
    elem_bytes: u64,
}

impl Context<'_> {
    fn size(&self, dim: usize, d: Dim) -> Result<(), DesignError> {
        let kind = self.tile.kind();
        let Some(limit) = largest(fields(kind), &format!("d{dim}_wrap")) else {
            return Ok(());
        };
        let (size, unit) = if dim == 0 {
            let bytes = u64::from(d.size) * self.elem_bytes;
            if !bytes.is_multiple_of(4) {
                return Err(DesignError::DimNotWords {
                    fifo: self.fifo.to_string(),
                    dim,
                    what: "size",
                    bytes,
                    hint: "make the innermost size whole 32-bit words",
                });
            }
            let unit = if self.elem_bytes == 4 { "" } else { " words" };
            (bytes / 4, unit)
        } else {
            (u64::from(d.size), "")
        };
        if size == 0 || size > u64::from(limit) {
            return Err(DesignError::DimSize {
                fifo: self.fifo.to_string(),
                tile: self.tile,
                kind,
                dim,
                size,
                unit,
                limit,
            });
        }
        Ok(())
    }

    fn stride(&self, dim: usize, d: Dim) -> Result<(), DesignError> {
        let kind = self.tile.kind();
        let bytes = u64::from(d.stride) * self.elem_bytes;
        let narrow_inner = dim == 0 && self.elem_bytes < 4;
        if narrow_inner && d.stride == 1 {
            return Ok(());
        }
        if narrow_inner || !bytes.is_multiple_of(4) {
            return Err(DesignError::DimNotWords {
                fifo: self.fifo.to_string(),
                dim,
                what: "stride",
                bytes,
                hint: "only 32-bit elements can be taken one by one; keep pairs or quads of \
                       narrower ones together",
            });
        }
        let Some(limit) = largest(fields(kind), &format!("d{dim}_step")) else {
            return Ok(());
        };
        let words = bytes / 4;
        if words == 0 || words > u64::from(limit) {
            return Err(DesignError::DimStride {
                fifo: self.fifo.to_string(),
                tile: self.tile,
                kind,
                dim,
                words,
                limit,
            });
        }
        Ok(())
    }

    fn reach(&self, dims: &[Dim], elements: u64) -> Result<(), DesignError> {
        let covered = dims
            .iter()
            .fold(1u64, |n, d| n.saturating_mul(u64::from(d.size)));
        if covered != elements {
            return Err(DesignError::DimCover {
                fifo: self.fifo.to_string(),
                tile: self.tile,
                covered,
                elements,
            });
        }
        let last = dims.iter().fold(0u64, |n, d| {
            n.saturating_add(u64::from(d.size - 1) * u64::from(d.stride))
        });
        if last >= elements {
            return Err(DesignError::DimOutside {
                fifo: self.fifo.to_string(),
                tile: self.tile,
                last,
                elements,
            });
        }
        Ok(())
    }
}

/// Checks the order in which an end's DMA walks its store.
pub(super) fn check(design: &Design, end: &End, walk: &Walk) -> Result<(), DesignError> {
    if end.dims.is_empty() {
        return Ok(());
    }
    let kind = end.tile.kind();
    let context = Context {
        fifo: &design.fifos[end.fifo].name,
        tile: end.tile,
        elem_bytes: u64::from(end.object.elem.bytes()),
    };
    if end.dims.len() > kind.bd_dims() {
        return Err(DesignError::Dims {
            fifo: context.fifo.to_string(),
            tile: end.tile,
            kind,
            given: end.dims.len(),
            limit: kind.bd_dims(),
        });
    }
    for (dim, d) in end.dims.iter().rev().enumerate() {
        context.size(dim, *d)?;
        context.stride(dim, *d)?;
    }
    for part in &walk.parts {
        context.reach(&end.dims, part.bytes / context.elem_bytes)?;
    }
    Ok(())
}
