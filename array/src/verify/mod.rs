//! The verifier: every limit of the chip and every rule of the semantics, before lowering.
//!
//! - [`error`], [`worker_error`], [`transfer_error`]: what can be wrong.
//! - `fifos`, [`sends`], [`packets`], `workers`, `cascades`, `sequences`: each part of a design for itself.
//! - `dims`, `resources`: what the design takes of each tile.

mod cascades;
mod dims;
pub mod error;
mod fifos;
mod names;
pub mod packets;
mod resources;
pub mod sends;
mod sequences;
pub mod transfer_error;
pub mod worker_error;
mod workers;

pub use error::DesignError;
pub use packets::PacketError;
pub use sends::SendError;
pub use sequences::MAX_HOST_ARGS;
pub use transfer_error::TransferError;
pub use worker_error::WorkerError;

use super::design::Design;
use super::lower::plan::Plan;

/// A design that keeps all limits, with the plan that shows it. Lowering takes nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    design: Design,
    plan: Plan,
}

impl Verified {
    /// The design.
    pub fn design(&self) -> &Design {
        &self.design
    }

    /// What follows from it.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// Checks a design.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(design: Design) -> Result<Verified, DesignError> {
    fifos::check(&design)?;
    sends::check(&design)?;
    packets::check(&design)?;
    cascades::check(&design)?;
    workers::check_names(&design)?;
    let plan = Plan::new(&design);
    resources::check(&design, &plan)?;
    sends::check_stores(&design, &plan)?;
    workers::check_steps(&design, &plan)?;
    sequences::check(&design, &plan)?;
    Ok(Verified { design, plan })
}
