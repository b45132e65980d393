//! `amanuensis doctor`.

use super::print;
use crate::cli::Doctor;
use crate::doctor::{Facts, State, checks, table};
use crate::exit::{CommandError, Exit};

pub(super) fn run(options: &Doctor) -> Result<Exit, CommandError> {
    let facts = Facts::of_machine();
    let checks = checks(&facts);
    if options.json {
        let json = serde_json::json!({ "checks": checks, "facts": facts });
        print(&format!("{json:#}\n"))?;
    } else {
        print(&table(&checks))?;
    }
    let problem = checks.iter().any(|check| check.state == State::Problem);
    Ok(if problem { Exit::Device } else { Exit::Done })
}
