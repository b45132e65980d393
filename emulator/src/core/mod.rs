//! One AIE2 core: registers, pipeline and instruction semantics.
//!
//! - [`bus`]: what a core sees of the world, and what a cycle came to.
//! - [`fault`]: what a core refuses to do.

pub mod bus;
pub mod fault;

pub use bus::{BusError, CoreBus, Step, Wait};
pub use fault::{Fault, FaultKind, Role};
