//! How memory is accessed.

use std::fmt;

use super::Value;

/// Where a memory access is, and how it moves its pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// At pointer + offset (bytes); the pointer stays.
    Offset(i32),
    /// At pointer + a scalar (bytes); the pointer stays.
    OffsetVar(Value),
    /// At the pointer; one result more, the first behind the value of a load, is pointer + step
    /// (bytes).
    Post(i32),
    /// As [`Access::Post`], by a scalar.
    PostVar(Value),
    /// At the pointer; two results more are the pointer moved along a walk, and the walk.
    Walk(Value),
}

impl Access {
    /// The value that it takes beside the pointer.
    pub fn value(self) -> Option<Value> {
        match self {
            Access::Offset(_) | Access::Post(_) => None,
            Access::OffsetVar(v) | Access::PostVar(v) | Access::Walk(v) => Some(v),
        }
    }

    pub(super) fn value_mut(&mut self) -> Option<&mut Value> {
        match self {
            Access::Offset(_) | Access::Post(_) => None,
            Access::OffsetVar(v) | Access::PostVar(v) | Access::Walk(v) => Some(v),
        }
    }

    /// What stands behind the name of a load or store in the text form.
    pub const fn suffix(self) -> &'static str {
        match self {
            Access::Offset(_) | Access::OffsetVar(_) => "",
            Access::Post(_) | Access::PostVar(_) => ".post",
            Access::Walk(_) => ".walk",
        }
    }
}

/// What a load of less than a word reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Narrow {
    /// 8 bits, signed.
    S8,
    /// 8 bits, unsigned.
    U8,
    /// 16 bits, signed.
    S16,
    /// 16 bits, unsigned; those of a bf16 are the upper half of an f32's.
    U16,
}

impl Narrow {
    /// Every kind, with its spelling.
    pub const ALL: [(Narrow, &'static str); 4] = [
        (Narrow::S8, "s8"),
        (Narrow::U8, "u8"),
        (Narrow::S16, "s16"),
        (Narrow::U16, "u16"),
    ];

    /// How much it reads.
    pub const fn width(self) -> Width {
        match self {
            Narrow::S8 | Narrow::U8 => Width::Byte,
            Narrow::S16 | Narrow::U16 => Width::Half,
        }
    }
}

impl fmt::Display for Narrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Narrow::ALL[*self as usize].1)
    }
}

/// How much of a scalar a narrow access moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// 8 bits.
    Byte,
    /// 16 bits.
    Half,
}

impl Width {
    /// Every width, with its spelling.
    pub const ALL: [(Width, &'static str); 2] = [(Width::Byte, "8"), (Width::Half, "16")];

    /// Bytes moved, which is also how they are aligned.
    pub const fn bytes(self) -> u32 {
        match self {
            Width::Byte => 1,
            Width::Half => 2,
        }
    }
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Width::ALL[*self as usize].1)
    }
}

/// Greatest number of steps of one dimension of a walk: the counters have 20 bits.
pub const MAX_WALK_STEPS: u32 = 0xf_ffff;

/// One dimension of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dim {
    /// Places, at least one.
    pub count: u32,
    /// Bytes from one to the next.
    pub step: i32,
}

/// The way of a pointer through two or three dimensions, the innermost first.
///
/// It begins at the pointer and goes on for ever: the outermost dimension has no count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WalkDims {
    /// Innermost dimension.
    pub inner: Dim,
    /// Middle dimension of a walk of three.
    pub middle: Option<Dim>,
    /// Bytes from one place of the outermost dimension to the next.
    pub outer: i32,
}

impl WalkDims {
    /// Number of dimensions.
    pub const fn dims(&self) -> u8 {
        match self.middle {
            None => 2,
            Some(_) => 3,
        }
    }

    /// Bytes by which the pointer moves behind the last place of the innermost dimension, and behind
    /// the last one of the middle dimension.
    ///
    /// Source: Xilinx/aie_api and AMD AM020: the registers of a 2-D or 3-D walk hold the way from the
    /// last place of a dimension to the next place of the one around it.
    pub fn jumps(&self) -> (i32, i32) {
        let back = |dim: Dim| dim.step.wrapping_mul(dim.count.wrapping_sub(1) as i32);
        let from_inner = |to: i32| to.wrapping_sub(back(self.inner));
        match self.middle {
            None => (from_inner(self.outer), 0),
            Some(middle) => {
                let outer = self.outer.wrapping_sub(back(middle));
                (from_inner(middle.step), from_inner(outer))
            }
        }
    }
}
