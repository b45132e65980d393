//! Registers, buffer descriptors and stream switches of the array.
//!
//! Addresses are byte offsets inside a tile unless a function says otherwise; add
//! [`Tile::base`](crate::Tile::base) for a partition-relative address.
//!
//! - [`bd`]: buffer descriptor layouts of the three tile kinds.
//! - [`dma`]: channel control, task queue and status words, and where they are.
//! - [`lock`]: lock registers, the 7-bit request values, lock ids as cores and memory tiles see them.
//! - [`memory`]: data memories as cores and memory tile channels address them.
//! - [`switch`]: stream switch ports, legal connections, configuration words, wires between tiles.
//! - [`shim`]: the multiplexers between shim DMA and stream switch.
//! - [`module`]: timers, trace units, memory control.
//! - [`packet`]: stream packet headers and task-complete tokens.
//! - [`core_regs`]: control and status of a core.
//! - [`regs`]: names of registers by offset.
//! - [`field`]: the checked bit fields all layouts are made of.

pub mod bd;
pub mod core_regs;
pub mod dma;
pub mod field;
pub mod lock;
pub mod memory;
pub mod module;
pub mod packet;
pub mod regs;
pub mod shim;
pub mod switch;

pub use bd::{CoreBd, MemBd, ShimBd};
pub use dma::Direction;
pub use field::FieldError;
pub use switch::{Port, connect_legal, master_index, master_port, slave_index, slave_port, wire};
