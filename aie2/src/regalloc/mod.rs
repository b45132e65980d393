//! Register allocation on the schedule.
//!
//! A value holds its register from the cycle in which it is written to the last cycle in which it is
//! read, not from issue to issue: what is still in the pipeline needs no register yet.
//!
//! - [`ranges`]: when each web needs its register.
//! - [`mod@color`]: which register each web gets.

pub mod color;
pub mod ranges;

pub use color::{Assignment, Failure, color};
pub use ranges::Ranges;
