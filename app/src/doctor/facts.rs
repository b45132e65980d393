//! What a machine says of itself, as plain data: read from the system's files, or recorded.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use runtime::npu::{Fault, Identity};
use serde::{Deserialize, Serialize};

/// Time that a tool has to say its version.
const PATIENCE: Duration = Duration::from_secs(5);
/// Vendor of AMD's PCI devices.
const AMD: u32 = 0x1022;
/// Devices with an NPU, npu1 first: `amdxdna_pci_drv.c` of amd/xdna-driver.
const NPUS: [u32; 2] = [NPU1, 0x17f0];
/// Phoenix and Hawk Point.
pub(super) const NPU1: u32 = 0x1502;
/// Where firmware of npu1 lies, in each folder that Linux searches.
const FIRMWARE: [&str; 2] = [
    "lib/firmware/amdnpu/1502_00",
    "usr/lib/firmware/amdnpu/1502_00",
];
/// Where XRT installs itself.
const XRT: &str = "opt/xilinx/xrt";

/// A machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Release of Linux.
    pub kernel: String,
    /// Parameters that Linux was started with.
    pub parameters: String,
    /// NPUs on the PCI bus.
    pub npus: Vec<PciNpu>,
    /// Whether the driver is loaded, and the version that a module built outside of Linux gives.
    pub driver: Option<Module>,
    /// Names of firmware files for npu1.
    pub firmware: Vec<String>,
    /// Device files of accelerators.
    pub nodes: Vec<Node>,
    /// This process's user.
    pub user: User,
    /// Bytes that this process may lock; `None` is without limit.
    pub locked_memory: Option<u64>,
    /// What the driver said when the device was opened.
    pub open: Open,
    /// XRT, if it is installed.
    pub xrt: Option<Xrt>,
    /// Tools of the open toolchain.
    pub tools: Vec<Tool>,
}

/// An NPU on the PCI bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PciNpu {
    /// Its address.
    pub address: String,
    /// Its device id.
    pub device: u32,
    /// The driver that has it.
    pub driver: Option<String>,
    /// Whether it is behind an IOMMU.
    pub iommu: bool,
}

/// The driver's module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// Version, which only modules from outside of Linux have.
    pub version: Option<String>,
}

/// A device file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Path.
    pub path: PathBuf,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Name of the group.
    pub group: String,
    /// Permissions.
    pub mode: u32,
}

/// Who this process is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Effective user.
    pub uid: u32,
    /// Effective group and the others.
    pub groups: Vec<u32>,
}

/// What became of opening the device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Open {
    /// There is no device file.
    #[default]
    NotTried,
    /// It was opened, and says this.
    Npu(Npu),
    /// It was not.
    Failed {
        /// What happened.
        what: String,
        /// What to do.
        help: String,
    },
}

/// What driver and firmware say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Npu {
    /// Version of the driver's interface.
    pub interface: (i32, i32),
    /// Line of the driver.
    pub line: String,
    /// Version of the firmware.
    pub firmware: [u32; 4],
    /// Clock of the array in MHz.
    pub clock_mhz: Option<u32>,
    /// Power mode.
    pub power: Option<String>,
    /// Hardware contexts in use, of how many.
    pub contexts: Option<(u64, u64)>,
}

/// XRT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Xrt {
    /// Version.
    pub version: String,
    /// Libraries by which it reaches the NPU's driver.
    pub plugins: Vec<String>,
}

/// A tool of the open toolchain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Name.
    pub name: String,
    /// Where it is, if it is anywhere.
    pub path: Option<PathBuf>,
    /// What it says of its version.
    pub version: Option<String>,
}

impl Facts {
    /// Reads the files of a system below `root`, whose programs are not run and whose device is not
    /// opened.
    pub fn of_files(root: &Path) -> Self {
        let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
        let line = |path: &str| text(path).trim().to_owned();
        let module = root.join("sys/module/amdxdna");
        let mut firmware: Vec<String> =
            FIRMWARE.iter().flat_map(|f| names(&root.join(f))).collect();
        firmware.sort();
        firmware.dedup();
        Facts {
            kernel: line("proc/sys/kernel/osrelease"),
            parameters: line("proc/cmdline"),
            npus: npus(&root.join("sys/bus/pci/devices")),
            driver: module.is_dir().then(|| Module {
                version: some(line("sys/module/amdxdna/version")),
            }),
            firmware,
            nodes: nodes(&root.join("dev/accel"), &text("etc/group")),
            user: user(&text("proc/self/status")),
            locked_memory: locked_memory(&text("proc/self/limits")),
            open: Open::NotTried,
            xrt: xrt(&root.join(XRT)),
            tools: Vec::new(),
        }
    }

    /// Reads this machine: its files, what the driver says, and the versions of tools.
    pub fn of_machine() -> Self {
        let mut facts = Facts::of_files(Path::new("/"));
        if !facts.nodes.is_empty() {
            facts.open = open();
        }
        facts.tools = TOOLS.iter().map(tool).collect();
        facts
    }
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Names in a folder, sorted; none if it is not there.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn npus(devices: &Path) -> Vec<PciNpu> {
    let found = names(devices).into_iter().filter_map(|address| {
        let folder = devices.join(&address);
        let id = |file: &str| {
            let text = fs::read_to_string(folder.join(file)).ok()?;
            u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
        };
        let device = id("device")?;
        if id("vendor")? != AMD || !NPUS.contains(&device) {
            return None;
        }
        let target = |link: &str| fs::read_link(folder.join(link)).ok();
        Some(PciNpu {
            address,
            device,
            driver: target("driver")
                .and_then(|t| Some(t.file_name()?.to_string_lossy().into_owned())),
            iommu: target("iommu_group").is_some(),
        })
    });
    found.collect()
}

fn nodes(folder: &Path, groups: &str) -> Vec<Node> {
    let found = names(folder).into_iter().filter_map(|name| {
        let path = folder.join(name);
        let meta = fs::metadata(&path).ok()?;
        if !meta.file_type().is_char_device() {
            return None;
        }
        Some(Node {
            path,
            uid: meta.uid(),
            gid: meta.gid(),
            group: group_name(groups, meta.gid()),
            mode: meta.mode() & 0o777,
        })
    });
    found.collect()
}

/// Name of a group in `/etc/group`, or its number.
fn group_name(groups: &str, gid: u32) -> String {
    let named = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number: u32 = fields.nth(1)?.parse().ok()?;
        (number == gid).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| gid.to_string())
}

/// From `/proc/self/status`.
fn user(status: &str) -> User {
    let numbers = |name: &str| -> Vec<u32> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let numbers = line.unwrap_or_default().split_whitespace();
        numbers.filter_map(|n| n.parse().ok()).collect()
    };
    // Real, effective, saved, file system.
    let effective = |name: &str| numbers(name).get(1).copied();
    let mut groups = numbers("Groups:");
    groups.extend(effective("Gid:"));
    groups.sort_unstable();
    groups.dedup();
    User {
        uid: effective("Uid:").unwrap_or_default(),
        groups,
    }
}

/// From `/proc/self/limits`.
fn locked_memory(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|l| l.strip_prefix("Max locked memory"));
    line?.split_whitespace().next()?.parse().ok()
}

fn xrt(folder: &Path) -> Option<Xrt> {
    let text = fs::read_to_string(folder.join("version.json")).ok()?;
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let plugins = names(&folder.join("lib"));
    Some(Xrt {
        version: json["BUILD_VERSION"]
            .as_str()
            .unwrap_or("unknown")
            .to_owned(),
        plugins: plugins
            .into_iter()
            .filter(|name| name.starts_with("libxrt_driver_xdna.so"))
            .collect(),
    })
}

fn open() -> Open {
    match runtime::npu::probe() {
        Ok(identity) => Open::Npu(Npu::from(&identity)),
        Err(e) => {
            let text = e.to_string();
            let (what, help) = text.split_once("\nhelp: ").unwrap_or((&text, ""));
            let help = match e.fault() {
                Some(Fault::Gone | Fault::Silent) => format!(
                    "{help}; if that does not help: `sudo modprobe -r amdxdna && sudo modprobe amdxdna`, then a cold start"
                ),
                _ => help.to_owned(),
            };
            Open::Failed {
                what: what.to_owned(),
                help,
            }
        }
    }
}

impl From<&Identity> for Npu {
    fn from(identity: &Identity) -> Self {
        Npu {
            interface: identity.driver,
            line: identity.generation.name().to_owned(),
            firmware: identity.firmware,
            clock_mhz: identity.clock_mhz,
            power: identity.power.map(|mode| mode.to_string()),
            contexts: identity.contexts,
        }
    }
}

/// A tool: its name, the variable that names the folder it was installed to, and where it is there.
type Wanted = (&'static str, &'static str, &'static str);

const TOOLS: [Wanted; 6] = [
    ("clang of Peano", "PEANO_INSTALL_DIR", "bin/clang"),
    ("aie-opt", "MLIR_AIE_INSTALL_DIR", "bin/aie-opt"),
    ("aie-translate", "MLIR_AIE_INSTALL_DIR", "bin/aie-translate"),
    ("aiecc", "MLIR_AIE_INSTALL_DIR", "bin/aiecc"),
    ("bootgen", "", "bootgen"),
    ("xclbinutil", "XILINX_XRT", "bin/xclbinutil"),
];

fn tool(&(name, variable, file): &Wanted) -> Tool {
    let installed = std::env::var_os(variable).map(|folder| PathBuf::from(folder).join(file));
    // A system's own clang is not Peano's.
    let program = Path::new(file)
        .file_name()
        .filter(|_| variable != "PEANO_INSTALL_DIR");
    let search = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&search).filter_map(|dir| Some(dir.join(program?)));
    let path = installed
        .into_iter()
        .chain(on_path)
        .find(|path| path.is_file());
    Tool {
        name: name.to_owned(),
        version: path.as_deref().and_then(version),
        path,
    }
}

/// First line with a digit of what `--version` prints, if it ends in time.
fn version(program: &Path) -> Option<String> {
    let mut child = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let end = Instant::now() + PATIENCE;
    while child.try_wait().ok()?.is_none() {
        if Instant::now() > end {
            // It may have ended by itself in between.
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text
        .lines()
        .find(|l| l.contains(|c: char| c.is_ascii_digit()))?;
    Some(line.trim().to_owned())
}
