//! `amanuensis devices`, and what of a machine it sees.

use amanuensis::device::{Device, DeviceChoice, Host, place};
use std::fs;
use std::os::unix::fs::symlink;

use super::run;

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

#[test]
fn an_npu_is_found_by_its_driver() {
    let root = tempfile::tempdir().unwrap();
    let device = root.path().join("pci/0000:c5:00.1");
    fs::create_dir_all(&device).unwrap();
    fs::create_dir_all(root.path().join("drivers/amdxdna")).unwrap();
    symlink(root.path().join("drivers/amdxdna"), device.join("driver")).unwrap();
    fs::write(device.join("vendor"), "0x1022\n").unwrap();
    fs::write(device.join("device"), "0x1502\n").unwrap();
    let class = root.path().join("sys/class/accel/accel0");
    fs::create_dir_all(&class).unwrap();
    symlink(&device, class.join("device")).unwrap();
    fs::create_dir_all(root.path().join("dev/accel")).unwrap();
    fs::write(root.path().join("dev/accel/accel0"), "").unwrap();
    fs::create_dir_all(root.path().join("proc")).unwrap();
    fs::write(
        root.path().join("proc/cpuinfo"),
        "model name\t: AMD Ryzen 7 8845HS\n",
    )
    .unwrap();

    let host = Host::probe_under(root.path());
    assert_eq!(host.cpu, "AMD Ryzen 7 8845HS");
    let npu = host.npu.as_ref().unwrap();
    assert_eq!(npu.generation, Some("npu1 (Phoenix, Hawk Point)"));
    assert!(npu.permitted);

    let placement = place(DeviceChoice::Auto, &host).unwrap();
    let reason = placement
        .reason
        .unwrap()
        .replace(root.path().to_str().unwrap(), "");
    insta::assert_snapshot!(reason);
}

#[test]
fn another_accelerator_is_no_npu() {
    let root = tempfile::tempdir().unwrap();
    let device = root.path().join("sys/class/accel/accel0/device");
    fs::create_dir_all(&device).unwrap();
    symlink("/drivers/other", device.join("driver")).unwrap();
    assert_eq!(Host::probe_under(root.path()).npu, None);
}

#[test]
fn what_is_not_there_yet_is_refused_by_name() {
    let host = Host::probe_under("/nonexistent".as_ref());
    let refused = |choice| place(choice, &host).unwrap_err().to_string();
    insta::assert_snapshot!(refused(DeviceChoice::Npu), @"
    the npu does not run these steps of Whisper yet: encoder, decoder
    help: use --device cpu, which runs them all, or --device auto
    ");
    assert!(refused(DeviceChoice::Emulator).starts_with("the emulator does not"));
    let placement = place(DeviceChoice::Cpu, &host).unwrap();
    assert_eq!((placement.encoder, placement.reason), (Device::Cpu, None));
}
