//! Scheduling: when each instruction issues, and in which slot.
//!
//! - [`timing`]: when an instruction touches its registers, before they are assigned.
//! - [`spans`]: which bytes accesses touch.
//! - [`ddg`]: the dependence graph of a block.
//! - [`resources`]: slots and ports per cycle.
//! - [`list`]: list scheduling of a block, with its `pressure` on registers.
//! - [`modulo`]: software pipelining of a loop, with the `windows` of what it places.
//! - [`bound`]: how few cycles a pass of a loop can take.

pub mod bound;
pub mod ddg;
pub mod list;
pub mod modulo;
mod pressure;
pub mod resources;
pub mod spans;
pub mod timing;
mod windows;

pub use list::{Limits, Line};

/// A block's schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Per instruction: the cycle in which it issues.
    pub cycle: Vec<u32>,
    /// Per instruction: which of its forms.
    pub form: Vec<usize>,
    /// Cycles of the block.
    pub length: u32,
}
