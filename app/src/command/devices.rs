//! `amanuensis devices`.

use std::fmt::Write;

use super::print;
use crate::device::{Device, Host, Step};
use crate::exit::{CommandError, Exit};

pub(super) fn run() -> Result<Exit, CommandError> {
    print(&describe(&Host::probe()))?;
    Ok(Exit::Done)
}

/// The table.
fn describe(host: &Host) -> String {
    let mut out = String::new();
    for device in Device::ALL {
        let steps: Vec<String> = device.steps().iter().map(Step::to_string).collect();
        let runs = if steps.is_empty() {
            "runs no step of Whisper yet".to_owned()
        } else {
            format!("runs {}", steps.join(", "))
        };
        let line = format!("{:<10}{}; {runs}", device.name(), what(device, host));
        // Writing to a string does not fail.
        let _ = writeln!(out, "{line}");
    }
    out
}

fn what(device: Device, host: &Host) -> String {
    match (device, &host.npu) {
        (Device::Npu, Ok(identity)) => identity.clone(),
        (Device::Npu, Err(reason)) => format!("cannot be used: {reason}"),
        (Device::Emulator, _) => "npu1 emulated on the host".to_owned(),
        (Device::Cpu, _) => format!("{}, {} threads", host.cpu, host.threads),
    }
}
