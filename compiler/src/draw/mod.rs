//! Pictures of the array: tiles, buffers, DMA channels, and the routes between them.
//!
//! The picture is of a configuration, the register writes that an XCLBIN holds; names come from the
//! design where there is one.
//!
//! - [`scene`]: what the registers say.
//! - [`svg`]: where it goes on the paper.

pub mod scene;
pub mod svg;

pub use scene::{Names, Scene};
pub use svg::to_svg;
