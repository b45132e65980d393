//! `amanuensis doctor` on recorded machines, and on a system made of files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use amanuensis::doctor::{
    Facts, Module, Node, Npu, Open, PciNpu, State, Tool, User, Xrt, checks, table,
};

use super::run;

/// A laptop on which everything is as it should be.
fn good() -> Facts {
    Facts {
        kernel: "6.17.0-19-generic".to_owned(),
        parameters: "BOOT_IMAGE=/vmlinuz root=/dev/nvme0n1p2 ro quiet".to_owned(),
        npus: vec![PciNpu {
            address: "0000:c4:00.1".to_owned(),
            device: 0x1502,
            driver: Some("amdxdna".to_owned()),
            iommu: true,
        }],
        driver: Some(Module { version: None }),
        firmware: vec!["npu.sbin.zst".to_owned(), "npu_7.sbin.zst".to_owned()],
        nodes: vec![Node {
            path: "/dev/accel/accel0".into(),
            uid: 0,
            gid: 992,
            group: "render".to_owned(),
            mode: 0o660,
        }],
        user: User {
            uid: 1000,
            groups: vec![27, 992, 1000],
        },
        locked_memory: None,
        open: Open::Npu(Npu {
            interface: (0, 6),
            line: "in-tree".to_owned(),
            firmware: [1, 5, 5, 391],
            clock_mhz: Some(1600),
            power: Some("default".to_owned()),
            contexts: Some((1, 6)),
        }),
        xrt: None,
        tools: vec![
            Tool {
                name: "bootgen".to_owned(),
                path: Some("/usr/bin/bootgen".into()),
                version: Some("Bootgen v2022.2".to_owned()),
            },
            Tool {
                name: "aie-opt".to_owned(),
                path: None,
                version: None,
            },
        ],
    }
}

fn denied(what: &str, help: &str) -> Open {
    Open::Failed {
        what: what.to_owned(),
        help: help.to_owned(),
    }
}

/// The lines that are not as they should be.
fn problems(facts: &Facts) -> String {
    let mut found = checks(facts);
    found.retain(|check| check.state == State::Problem);
    table(&found)
}

#[test]
fn a_good_machine() {
    insta::assert_snapshot!(table(&checks(&good())));
}

#[test]
fn a_machine_without_an_npu() {
    let facts = Facts {
        npus: Vec::new(),
        driver: None,
        firmware: Vec::new(),
        nodes: Vec::new(),
        open: Open::NotTried,
        ..good()
    };
    insta::assert_snapshot!(table(&checks(&facts)));
}

#[test]
fn recorded_machines_with_a_problem() {
    let npu = |change: &dyn Fn(&mut Npu)| {
        let mut facts = good();
        if let Open::Npu(npu) = &mut facts.open {
            change(npu);
        }
        facts
    };
    let machines = [
        (
            "old kernel",
            Facts {
                kernel: "6.8.0-60-generic".to_owned(),
                driver: None,
                nodes: Vec::new(),
                open: Open::NotTried,
                ..good()
            },
        ),
        (
            "old driver",
            Facts {
                kernel: "6.8.8+".to_owned(),
                driver: Some(Module {
                    version: Some("2.18.0_20240712".to_owned()),
                }),
                open: denied(
                    "ioctl VERSION failed with ENOTTY: this driver does not offer it",
                    "use Linux 6.14 or later",
                ),
                ..good()
            },
        ),
        (
            "locked memory of 64 KiB",
            Facts {
                locked_memory: Some(64 << 10),
                open: denied(
                    "mmap of 67108864 bytes failed with EAGAIN",
                    "raise it with `ulimit -l unlimited`",
                ),
                ..good()
            },
        ),
        (
            "wrong group",
            Facts {
                user: User {
                    uid: 1000,
                    groups: vec![27, 1000],
                },
                open: denied("open /dev/accel/accel0 failed with EACCES", "see above"),
                ..good()
            },
        ),
        (
            "device file for its owner alone",
            Facts {
                nodes: vec![Node {
                    mode: 0o600,
                    ..good().nodes[0].clone()
                }],
                open: Open::NotTried,
                ..good()
            },
        ),
        (
            "XRT of another release",
            Facts {
                driver: Some(Module {
                    version: Some("2.23.0_20260407,6fc926d0".to_owned()),
                }),
                xrt: Some(Xrt {
                    version: "2.19.0".to_owned(),
                    plugins: vec!["libxrt_driver_xdna.so.2".to_owned()],
                }),
                ..good()
            },
        ),
        (
            "XRT without its plugin",
            Facts {
                xrt: Some(Xrt {
                    version: "2.21.0".to_owned(),
                    plugins: Vec::new(),
                }),
                ..good()
            },
        ),
        (
            "no firmware",
            Facts {
                npus: vec![PciNpu {
                    driver: None,
                    ..good().npus[0].clone()
                }],
                firmware: Vec::new(),
                nodes: Vec::new(),
                open: Open::NotTried,
                ..good()
            },
        ),
        (
            "IOMMU switched off",
            Facts {
                parameters: "quiet amd_iommu=off".to_owned(),
                ..good()
            },
        ),
        (
            "IOMMU disabled in the firmware's setup",
            Facts {
                npus: vec![PciNpu {
                    iommu: false,
                    ..good().npus[0].clone()
                }],
                ..good()
            },
        ),
        (
            "a later NPU",
            Facts {
                npus: vec![PciNpu {
                    device: 0x17f0,
                    ..good().npus[0].clone()
                }],
                ..good()
            },
        ),
        ("six contexts", npu(&|npu| npu.contexts = Some((6, 6)))),
        ("low power", npu(&|npu| npu.power = Some("low".to_owned()))),
        (
            "a tool that hangs",
            Facts {
                tools: vec![Tool {
                    name: "aie-opt".to_owned(),
                    path: Some("/opt/mlir-aie/bin/aie-opt".into()),
                    version: None,
                }],
                ..good()
            },
        ),
    ];
    let mut out = String::new();
    for (name, facts) in machines {
        let text = problems(&facts);
        assert!(!text.is_empty(), "{name}: no problem was found");
        out += &format!("# {name}\n{text}\n");
    }
    insta::assert_snapshot!(out);
}

#[test]
fn facts_are_read_from_the_system_s_files() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let put = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("proc/sys/kernel/osrelease", "6.14.2\n");
    put("proc/cmdline", "quiet iommu=pt\n");
    put(
        "proc/self/status",
        "Name:\tamanuensis\nUid:\t1000\t1001\t1000\t1000\nGid:\t100\t100\t100\t100\nGroups:\t27 992 \n",
    );
    put(
        "proc/self/limits",
        "Limit                     Soft Limit           Hard Limit           Units     \n\
         Max locked memory         65536                unlimited            bytes     \n",
    );
    let device = "sys/bus/pci/devices/0000:c4:00.1";
    put(&format!("{device}/vendor"), "0x1022\n");
    put(&format!("{device}/device"), "0x1502\n");
    symlink(
        "../../../bus/pci/drivers/amdxdna",
        root.join(device).join("driver"),
    )
    .unwrap();
    symlink(
        "../../iommu_groups/25",
        root.join(device).join("iommu_group"),
    )
    .unwrap();
    put("sys/bus/pci/devices/0000:00:00.0/vendor", "0x1022\n");
    put("sys/bus/pci/devices/0000:00:00.0/device", "0x14e8\n");
    put("sys/module/amdxdna/version", "2.23.0_20260407\n");
    put("usr/lib/firmware/amdnpu/1502_00/npu.sbin", "");
    put(
        "opt/xilinx/xrt/version.json",
        "{\"BUILD_VERSION\": \"2.23.0\"}",
    );
    put("opt/xilinx/xrt/lib/libxrt_driver_xdna.so.2", "");
    put("opt/xilinx/xrt/lib/libxrt_core.so.2", "");
    // No device can be made without being root: a plain file is none.
    put("dev/accel/accel0", "");
    let expected = Facts {
        kernel: "6.14.2".to_owned(),
        parameters: "quiet iommu=pt".to_owned(),
        npus: vec![PciNpu {
            address: "0000:c4:00.1".to_owned(),
            device: 0x1502,
            driver: Some("amdxdna".to_owned()),
            iommu: true,
        }],
        driver: Some(Module {
            version: Some("2.23.0_20260407".to_owned()),
        }),
        firmware: vec!["npu.sbin".to_owned()],
        user: User {
            uid: 1001,
            groups: vec![27, 100, 992],
        },
        locked_memory: Some(65536),
        xrt: Some(Xrt {
            version: "2.23.0".to_owned(),
            plugins: vec!["libxrt_driver_xdna.so.2".to_owned()],
        }),
        ..Facts::default()
    };
    assert_eq!(Facts::of_files(root), expected);
    assert_eq!(Facts::of_files(Path::new("/nonexistent")), Facts::default());
}

#[test]
fn the_command_tells_of_this_machine() {
    let (code, out, err) = run(["doctor"]);
    assert_eq!(err, "");
    assert!(out.starts_with("npu "), "{out}");
    let (json_code, json, _) = run(["doctor", "--json"]);
    assert_eq!(code, json_code);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let checks = json["checks"].as_array().unwrap();
    let problem = checks.iter().any(|check| check["state"] == "problem");
    assert_eq!(code, if problem { 6 } else { 0 });
    assert_eq!(
        json["facts"]["kernel"],
        checks[1]["found"]
            .as_str()
            .unwrap()
            .split(',')
            .next()
            .unwrap()
    );
}
