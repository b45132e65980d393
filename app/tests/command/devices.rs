//! `amanuensis devices`, and what of a machine it sees.

use super::run;
use amanuensis::device::{Device, DeviceChoice, Host, place};

#[test]
fn every_device_has_its_line() {
    let (code, out, err) = run(["devices"]);
    assert_eq!((code, &*err), (0, ""));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("npu       "), "{out}");
    assert!(lines[1].ends_with("runs no step of Whisper yet"), "{out}");
    assert!(lines[2].ends_with("runs encoder, decoder"), "{out}");
}

fn host(npu: Result<&str, &str>) -> Host {
    Host {
        npu: npu.map(str::to_owned).map_err(str::to_owned),
        cpu: "AMD Ryzen 7 8845HS".to_owned(),
        threads: 16,
    }
}

#[test]
fn auto_says_what_it_takes_and_why() {
    let reason = |npu| {
        place(DeviceChoice::Auto, &host(npu))
            .unwrap()
            .reason
            .unwrap()
    };
    insta::assert_snapshot!(reason(Ok("/dev/accel/accel0, 4 columns of 4 cores")), @"device auto: cpu, because it alone runs encoder and decoder so far (an npu is at /dev/accel/accel0, 4 columns of 4 cores; its steps are not there yet)");
    insta::assert_snapshot!(reason(Err("no npu here")), @"device auto: cpu, because it alone runs encoder and decoder so far (no npu here)");
}

#[test]
fn what_is_not_there_yet_is_refused_by_name() {
    let host = host(Err("no npu here"));
    let refused = |choice| place(choice, &host).unwrap_err().to_string();
    insta::assert_snapshot!(refused(DeviceChoice::Npu), @"
    the npu does not run these steps of Whisper yet: encoder, decoder
    help: use --device cpu, which runs them all, or --device auto
    ");
    assert!(refused(DeviceChoice::Emulator).starts_with("the emulator does not"));
    let placement = place(DeviceChoice::Cpu, &host).unwrap();
    assert_eq!((placement.encoder, placement.reason), (Device::Cpu, None));
}
