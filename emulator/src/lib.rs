//! The npu1 array and its AIE2 cores, run from shipped bytes: CDO, PDI and instruction streams.
//!
//! A [`Npu`] is configured by register writes ([`Npu::load_xclbin`], [`Npu::load_pdi`], [`Npu::load_cdo`]) and then
//! executes instruction streams ([`Npu::run`]) against host buffers, cycle by cycle and
//! deterministically. Whatever it does not model it refuses by name; the tests
//! `the_table_of_what_is_refused` (of the array) and `the_forms_that_are_refused_are_these` (of the
//! cores) print what that is, and why.
//!
//! ```text
//! CDO, PDI ────> registers ──> switch registers ──> network: links and packet switches
//!                    │
//! stream ──> program ┴──> DMA channels <──> memory, locks, host buffers
//!                         cores        <──> memory, locks, streams, cascade
//! ```
//!
//! - [`core`]: one AIE2 core, bundle by bundle.
//! - `npu`, `load`, `registers`, `program`: the array and its clock, configuration, register
//!   decoding, instruction streams.
//! - `burst`: words moved ahead of the clock; `dma`, `mode`, `task`, `bd`: DMA channels, their
//!   modes, their tasks, buffer descriptors and the walk over their addresses.
//! - `network`, `switch`, `packet`, `link`, `token`, `control`: streams, and what comes on them to a tile's registers.
//! - `cores`, `surroundings`, `cascade`: the cores in the array and what they see of it.
//! - `memory`, `lock`, `host`, `ddr`, `module`: what transfers and register writes touch.
//! - [`trace`]: what happened when; `diagnosis`: why nothing moves; `wake`: who sleeps until something changes.
//! - `error`, `report`, `prediction`, `timing`: refusals, results, what they mean in time, its
//!   constants.
//!
//! # Speed
//!
//! Cores run ahead of the array's clock and streams move in bursts while nobody can tell; see `cores`
//! and `burst`. `cargo xtask bench emulator` measures it on sixteen cores that multiply int8 matrices.
//! What bounds it is the interpretation of bundles: `perf record` of that benchmark on one thread, of the
//! emulator's own functions:
//!
//! | where | share |
//! |---|---|
//! | a core's cycle: issue, loads, stores, results | 52 % |
//! | the 256 products of a bundle and their sums | 16 % |
//! | DMA channels, streams, host memory | 18 % |
//! | the array's clock, looking for bursts and for who is awake | 14 % |
//!
//! Threads share the first two rows, so that two cannot be more than half as fast again as one; the
//! array itself is stepped by one.

pub mod core;

mod bd;
mod burst;
mod cascade;
mod control;
mod cores;
mod ddr;
mod diagnosis;
mod dma;
mod error;
mod host;
mod link;
mod load;
mod lock;
mod memory;
mod mode;
mod module;
mod network;
mod npu;
mod packet;
mod prediction;
mod program;
mod registers;
mod report;
mod surroundings;
mod switch;
mod task;
mod timing;
mod token;
pub mod trace;
mod wake;

pub use core::Wait;
pub use error::{ChannelId, EmuError};
pub use npu::Npu;
pub use prediction::{Bound, Prediction};
pub use program::Budget;
pub use report::{CoreReport, DmaReport, RunReport};
pub use timing::ClockMhz;
