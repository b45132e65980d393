//! What is right and wrong with a machine for the NPU, and how to mend it.
//!
//! Sources: amd/xdna-driver `amdxdna_pci_drv.c`, `npu1_regs.c`, `amdxdna_gem.c` and its issue tracker;
//! Linux 6.14, which took the driver in; Xilinx/XRT `pcidrv` and `module_loader`.

use serde::Serialize;

use super::facts::{Facts, NPU1, Node, Open, Tool, User};

/// Bytes of the device's heap, which is locked as a whole.
const HEAP: u64 = 64 << 20;
/// First Linux with the driver, major and minor version.
const FIRST_LINUX: (u32, u32) = (6, 14);

/// How a thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// In the way of the NPU.
    Problem,
    /// Not there, and not needed.
    Absent,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub subject: &'static str,
    /// How it stands.
    pub state: State,
    /// What was found.
    pub found: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Check {
    fn ok(subject: &'static str, found: impl Into<String>) -> Self {
        Check {
            subject,
            state: State::Ok,
            found: found.into(),
            mend: None,
        }
    }

    fn absent(subject: &'static str, found: impl Into<String>) -> Self {
        Check {
            state: State::Absent,
            ..Check::ok(subject, found)
        }
    }

    fn problem(subject: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Check {
            subject,
            state: State::Problem,
            found: found.into(),
            mend: Some(mend.into()),
        }
    }
}

/// Looks at everything, in the order in which things depend on each other.
pub fn checks(facts: &Facts) -> Vec<Check> {
    let mut all = vec![
        npu(facts),
        kernel(facts),
        driver(facts),
        firmware(facts),
        iommu(facts),
    ];
    all.extend(device_file(facts));
    all.push(locked_memory(facts));
    all.extend(opened(facts));
    all.push(xrt(facts));
    all.extend(tools(facts));
    all
}

fn npu(facts: &Facts) -> Check {
    let subject = "npu";
    match facts.npus.iter().find(|npu| npu.device == NPU1) {
        Some(npu) => Check::ok(subject, format!("npu1 at PCI {}", npu.address)),
        None => match facts.npus.first() {
            Some(other) => Check::problem(
                subject,
                format!(
                    "PCI {} is 1022:{:04x}, an NPU of another generation",
                    other.address, other.device
                ),
                "this software is for npu1 (1022:1502: Phoenix, Hawk Point); use `--device cpu`",
            ),
            None => Check::problem(
                subject,
                "no NPU on the PCI bus",
                "npu1 is in Phoenix and Hawk Point processors (Ryzen 7040, 8040); if yours is one, enable the NPU (IPU) in the firmware's setup",
            ),
        },
    }
}

/// Major and minor of a version that begins with them.
fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn kernel(facts: &Facts) -> Check {
    let subject = "linux";
    let found = facts.kernel.clone();
    match major_minor(&facts.kernel) {
        Some(version) if version < FIRST_LINUX && facts.driver.is_none() => Check::problem(
            subject,
            format!("{found}, which has no driver for the NPU"),
            "use Linux 6.14 or later, or build AMD's xdna-driver for this one",
        ),
        _ => Check::ok(subject, found),
    }
}

fn driver(facts: &Facts) -> Check {
    let subject = "driver";
    let Some(module) = &facts.driver else {
        return Check::problem(
            subject,
            "amdxdna is not loaded",
            "`sudo modprobe amdxdna`; if there is no such module, CONFIG_DRM_ACCEL_AMDXDNA is off in this Linux",
        );
    };
    let found = match &module.version {
        Some(version) => format!("amdxdna {version}, built outside of Linux"),
        None => "amdxdna of this Linux".to_owned(),
    };
    match facts.npus.iter().find(|npu| npu.device == NPU1) {
        Some(npu) if npu.driver.as_deref() != Some("amdxdna") => Check::problem(
            subject,
            format!("{found} is loaded, but has not taken PCI {}", npu.address),
            "`sudo dmesg | grep amdxdna` says why: firmware that does not fit the driver and a disabled IOMMU are the usual reasons",
        ),
        _ => Check::ok(subject, found),
    }
}

fn firmware(facts: &Facts) -> Check {
    let subject = "firmware";
    if let Open::Npu(npu) = &facts.open {
        let [major, minor, patch, build] = npu.firmware;
        return Check::ok(subject, format!("{major}.{minor}.{patch}.{build} runs"));
    }
    let usable = |name: &&String| name.starts_with("npu.sbin") || name.starts_with("npu_7.sbin");
    match facts.firmware.iter().find(usable) {
        Some(_) => Check::ok(
            subject,
            format!("amdnpu/1502_00: {}", facts.firmware.join(", ")),
        ),
        None => Check::problem(
            subject,
            "no amdnpu/1502_00/npu.sbin among the system's firmware",
            "install your distribution's newest linux-firmware, then load the driver again",
        ),
    }
}

fn iommu(facts: &Facts) -> Check {
    let subject = "iommu";
    let off = facts
        .parameters
        .split_whitespace()
        .find(|p| matches!(*p, "amd_iommu=off" | "iommu=off"));
    match (off, facts.npus.first()) {
        (Some(parameter), _) => Check::problem(
            subject,
            format!("switched off: Linux was started with {parameter}"),
            "take the parameter out of the boot loader's configuration; the driver needs shared virtual memory",
        ),
        (None, Some(npu)) if !npu.iommu => Check::problem(
            subject,
            format!("PCI {} is not behind one", npu.address),
            "enable IOMMU (AMD-Vi) in the firmware's setup; without it the driver fails with \"Enable PASID failed\"",
        ),
        (None, Some(_)) => Check::ok(subject, "on"),
        (None, None) => Check::absent(subject, "no NPU to look at"),
    }
}

/// Whether a user may read and write a file.
fn may_use(node: &Node, user: &User) -> bool {
    let bits = if user.uid == 0 {
        return true;
    } else if user.uid == node.uid {
        node.mode >> 6
    } else if user.groups.contains(&node.gid) {
        node.mode >> 3
    } else {
        node.mode
    };
    bits & 0o6 == 0o6
}

fn device_file(facts: &Facts) -> Vec<Check> {
    let subject = "device file";
    if facts.nodes.is_empty() {
        return vec![Check::problem(
            subject,
            "no /dev/accel/accel0",
            "the driver makes it once it has taken the NPU; in a container, pass it on (`--device /dev/accel/accel0`)",
        )];
    }
    let look = |node: &Node| {
        let found = format!(
            "{} is {:o}, group {}",
            node.path.display(),
            node.mode,
            node.group
        );
        if may_use(node, &facts.user) {
            Check::ok(subject, found)
        } else {
            let mend = if node.mode & 0o060 == 0o060 {
                format!("`sudo usermod -aG {} $USER`, then log in again", node.group)
            } else {
                "`sudo chmod g+rw` on it, and a udev rule that keeps it so".to_owned()
            };
            Check::problem(subject, format!("{found}: this user may not use it"), mend)
        }
    };
    facts.nodes.iter().map(look).collect()
}

fn locked_memory(facts: &Facts) -> Check {
    let subject = "locked memory";
    match facts.locked_memory {
        None => Check::ok(subject, "no limit"),
        Some(limit) if limit <= HEAP => Check::problem(
            subject,
            format!(
                "at most {} KiB; the device's heap alone takes {} KiB",
                limit >> 10,
                HEAP >> 10
            ),
            "`* - memlock unlimited` in /etc/security/limits.conf, then log in again; for one shell `ulimit -l unlimited`",
        ),
        Some(limit) => Check::ok(subject, format!("at most {} MiB", limit >> 20)),
    }
}

fn opened(facts: &Facts) -> Vec<Check> {
    let npu = match &facts.open {
        Open::NotTried => return Vec::new(),
        Open::Failed { what, help } => {
            return vec![Check::problem("open", what.clone(), help.clone())];
        }
        Open::Npu(npu) => npu,
    };
    let (major, minor) = npu.interface;
    let mut all = vec![Check::ok(
        "open",
        format!("interface {major}.{minor} of the {} driver", npu.line),
    )];
    if let Some((used, most)) = npu.contexts {
        let found = format!("{used} of {most} in use");
        all.push(if used < most {
            Check::ok("contexts", found)
        } else {
            Check::problem(
                "contexts",
                found,
                "end a program that holds one: `sudo fuser -v /dev/accel/accel0` lists them",
            )
        });
    }
    if let Some(power) = &npu.power {
        let clock = npu
            .clock_mhz
            .map_or(String::new(), |mhz| format!(", {mhz} MHz"));
        let found = format!("{power}{clock}");
        all.push(if power == "low" {
            Check::problem(
                "power mode",
                found,
                "`sudo xrt-smi configure --pmode performance`: the array runs at its lowest clock in this mode",
            )
        } else {
            Check::ok("power mode", found)
        });
    }
    all
}

fn xrt(facts: &Facts) -> Check {
    let subject = "xrt";
    let Some(xrt) = &facts.xrt else {
        return Check::absent(subject, "not installed, and not needed");
    };
    let found = format!("{} ({})", xrt.version, xrt.plugins.join(", "));
    if xrt.plugins.is_empty() {
        return Check::problem(
            subject,
            format!("{} without libxrt_driver_xdna.so", xrt.version),
            "only programs that use XRT need it: install the xrt_plugin-amdxdna package of the same version",
        );
    }
    let module = facts.driver.as_ref().and_then(|m| m.version.as_deref());
    match (module.and_then(major_minor), major_minor(&xrt.version)) {
        (Some(driver), Some(own)) if driver != own => Check::problem(
            subject,
            format!(
                "{}, but the driver is {}.{}",
                xrt.version, driver.0, driver.1
            ),
            "only programs that use XRT need it: install XRT, its plugin and the driver of one release",
        ),
        _ => Check::ok(subject, found),
    }
}

fn tools(facts: &Facts) -> Vec<Check> {
    let look = |tool: &Tool| {
        let subject = "tool";
        match (&tool.path, &tool.version) {
            (None, _) => {
                Check::absent(subject, format!("{}: not found, and not needed", tool.name))
            }
            (Some(path), Some(version)) => Check::ok(
                subject,
                format!("{}: {version} ({})", tool.name, path.display()),
            ),
            (Some(path), None) => Check::problem(
                subject,
                format!("{}: {} does not say its version", tool.name, path.display()),
                "run it with --version by hand",
            ),
        }
    };
    facts.tools.iter().map(look).collect()
}
