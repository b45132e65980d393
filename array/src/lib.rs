//! Designs and their lowering to locks, buffers, descriptors and routes.
//!
//! A [`Design`](design::Design) is verified, then lowered: [`verify::verify`] gives a
//! [`Verified`](verify::Verified) design, [`lower::lower`] makes a [`Lowered`](lowered::Lowered) of
//! it, which [`package`] writes to files: CDO, PDI, instruction streams, XCLBIN.
//!
//! - [`design`]: fifos, links, buffers, workers, sequences; [`text`]: their text form;
//!   [`read`]: text to a design; [`place`]: tiles for what a design leaves open.
//! - [`verify`]: every limit, with an error that names thing, number, limit and a way out.
//! - [`lower`]: the passes; [`route`]: the ways through the stream switches; [`schedule`]: shim
//!   descriptors and task queues; [`worker`]: core programs with constant addresses;
//!   [`program`]: core programs as kernel IR.
//! - [`lowered`]: the result; [`lowered_text`]: its text form.

pub mod design;
pub mod lower;
pub mod lowered;
pub mod lowered_text;
pub mod package;
pub mod place;
pub mod program;
pub mod read;
pub mod route;
pub mod schedule;
pub mod text;
pub mod verify;
pub mod worker;
