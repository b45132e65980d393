//! Instruction selection: kernel IR to machine instructions on values.
//!
//! - [`lower`]: functions and blocks.
//! - `loops`, `choice`, `calls`: what the names say.
//! - `consts`: constants, hoisted out of loops.
//! - `control`: control registers, set where they change.
//! - `memory`: loads, stores, pointers, in the `forms` that there are; `walk`: walks of pointers.
//! - `movement`: lanes moved and taken together.
//! - `scalar`: integer operations; `divide` and `float`: those that take many instructions.
//! - `vector`: multiply-accumulate, shift-round-saturate and moves of vectors.
//! - `adder`: the vector adder and masks.
//! - `acc`: sums and conversions of accumulators.
//! - `start`: the start-up code.
//! - `facts`: what selection wants to know of a function beforehand.

mod acc;
mod adder;
mod calls;
mod choice;
mod consts;
mod control;
mod divide;
mod facts;
mod float;
mod forms;
mod loops;
mod lower;
mod memory;
mod movement;
mod ports;
mod scalar;
mod start;
mod tables;
mod vector;
mod walk;
mod widen;

pub use consts::moves;
pub use facts::STACK_OBJECT;
pub use lower::lower;
pub use start::start;
pub use vector::{copies, copy_form};
