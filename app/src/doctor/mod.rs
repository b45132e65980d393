//! What stands between this machine and its NPU.
//!
//! [`Facts`] is a machine as plain data, read from it or recorded; [`checks`] says of it what is right,
//! what is not and how to mend it.

use std::fmt::Write;

mod checks;
mod facts;

pub use checks::{Check, State, checks};
pub use facts::{Facts, Module, Node, Npu, Open, PciNpu, Tool, User, Xrt};

/// One line a check, and below it how to mend it.
pub fn table(checks: &[Check]) -> String {
    let mut out = String::new();
    for check in checks {
        let state = match check.state {
            State::Ok => "ok",
            State::Problem => "problem",
            State::Absent => "-",
        };
        // Writing to a string does not fail.
        let _ = writeln!(out, "{:<14} {state:<8} {}", check.subject, check.found);
        if let Some(mend) = &check.mend {
            let _ = writeln!(out, "{:<14} {:<8} mend: {mend}", "", "");
        }
    }
    out
}
