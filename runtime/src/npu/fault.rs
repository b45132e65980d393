//! Calls of the driver, and what it means when one fails.

use std::fmt;

use super::sys::Errno;

/// A call of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Opening the device file.
    Open,
    /// Mapping a BO.
    Map,
    /// `DRM_IOCTL_VERSION`.
    Version,
    /// `GET_INFO`.
    GetInfo,
    /// `CREATE_BO` of the heap.
    CreateHeap,
    /// `CREATE_BO` inside the heap.
    CreateDev,
    /// `CREATE_BO` of data.
    CreateShare,
    /// `CREATE_BO` of a command.
    CreateCmd,
    /// `GET_BO_INFO`.
    GetBoInfo,
    /// `SYNC_BO`.
    SyncBo,
    /// `DRM_IOCTL_GEM_CLOSE`.
    GemClose,
    /// `CREATE_HWCTX`.
    CreateHwctx,
    /// `CONFIG_HWCTX`.
    ConfigHwctx,
    /// `DESTROY_HWCTX`.
    DestroyHwctx,
    /// `EXEC_CMD`.
    ExecCmd,
    /// `WAIT_CMD`.
    WaitCmd,
    /// `DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT`.
    TimelineWait,
    /// `DRM_IOCTL_SYNCOBJ_DESTROY`.
    SyncobjDestroy,
}

impl Call {
    /// Every call.
    pub const ALL: [Self; 18] = [
        Call::Open,
        Call::Map,
        Call::Version,
        Call::GetInfo,
        Call::CreateHeap,
        Call::CreateDev,
        Call::CreateShare,
        Call::CreateCmd,
        Call::GetBoInfo,
        Call::SyncBo,
        Call::GemClose,
        Call::CreateHwctx,
        Call::ConfigHwctx,
        Call::DestroyHwctx,
        Call::ExecCmd,
        Call::WaitCmd,
        Call::TimelineWait,
        Call::SyncobjDestroy,
    ];

    /// Name, as the driver's documentation spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Call::Open => "open",
            Call::Map => "mmap",
            Call::Version => "DRM_IOCTL_VERSION",
            Call::GetInfo => "GET_INFO",
            Call::CreateHeap => "CREATE_BO of the heap",
            Call::CreateDev => "CREATE_BO inside the heap",
            Call::CreateShare => "CREATE_BO of a buffer",
            Call::CreateCmd => "CREATE_BO of a command",
            Call::GetBoInfo => "GET_BO_INFO",
            Call::SyncBo => "SYNC_BO",
            Call::GemClose => "GEM_CLOSE",
            Call::CreateHwctx => "CREATE_HWCTX",
            Call::ConfigHwctx => "CONFIG_HWCTX",
            Call::DestroyHwctx => "DESTROY_HWCTX",
            Call::ExecCmd => "EXEC_CMD",
            Call::WaitCmd => "WAIT_CMD",
            Call::TimelineWait => "SYNCOBJ_TIMELINE_WAIT",
            Call::SyncobjDestroy => "SYNCOBJ_DESTROY",
        }
    }

    /// The errors that the call can end in, as the driver and the kernel around it return them.
    ///
    /// Sources: the driver's `amdxdna_ctx.c`, `amdxdna_gem.c`, `aie2_ctx.c`, `aie2_message.c`,
    /// `aie2_pci.c` and `aie2_solver.c`, both driver lines; Linux `drm_ioctl.c`, `drm_syncobj.c`,
    /// `mm/mmap.c`, `fs/open.c`.
    pub const fn errors(self) -> &'static [Errno] {
        match self {
            Call::Open => &[
                Errno::ENOENT,
                Errno::EACCES,
                Errno::EPERM,
                Errno::ENODEV,
                Errno::ENXIO,
                Errno::EBUSY,
                Errno::EMFILE,
                Errno::ENFILE,
                Errno::ENOMEM,
                Errno::EINVAL,
                Errno::EINTR,
            ],
            Call::Map => &[
                Errno::EAGAIN,
                Errno::ENOMEM,
                Errno::EINVAL,
                Errno::EACCES,
                Errno::EPERM,
                Errno::ENODEV,
            ],
            Call::Version => &[Errno::EFAULT, Errno::ENODEV, Errno::ENOTTY, Errno::EINTR],
            Call::GetInfo => &[
                Errno::EOPNOTSUPP,
                Errno::EINVAL,
                Errno::EFAULT,
                Errno::ENOMEM,
                Errno::ENOSPC,
                Errno::ENODEV,
                Errno::EINTR,
            ],
            Call::CreateHeap => &[
                Errno::EINVAL,
                Errno::ENOSPC,
                Errno::EOPNOTSUPP,
                Errno::EBUSY,
                Errno::ENOMEM,
                Errno::ENODEV,
                Errno::EINTR,
            ],
            Call::CreateDev => &[
                Errno::EINVAL,
                Errno::EAGAIN,
                Errno::ENOSPC,
                Errno::ENOMEM,
                Errno::ENODEV,
                Errno::EINTR,
            ],
            Call::CreateShare | Call::CreateCmd => &[
                Errno::EINVAL,
                Errno::ENOMEM,
                Errno::EPERM,
                Errno::EFAULT,
                Errno::ENOSPC,
                Errno::ENODEV,
                Errno::EINTR,
            ],
            Call::GetBoInfo => &[Errno::EINVAL, Errno::ENOENT, Errno::ENODEV, Errno::EINTR],
            Call::SyncBo => &[
                Errno::ENOENT,
                Errno::EINVAL,
                Errno::ENOMEM,
                Errno::EOPNOTSUPP,
                Errno::ENODEV,
                Errno::EINTR,
            ],
            Call::GemClose => &[Errno::EINVAL, Errno::ENODEV, Errno::EINTR],
            Call::CreateHwctx => &[
                Errno::EINVAL,
                Errno::ENOENT,
                Errno::EFAULT,
                Errno::ENOMEM,
                Errno::EAGAIN,
                Errno::ENODEV,
                Errno::ENOSPC,
                Errno::EOPNOTSUPP,
                Errno::ETIME,
                Errno::EINTR,
            ],
            Call::ConfigHwctx => &[
                Errno::EINVAL,
                Errno::E2BIG,
                Errno::EFAULT,
                Errno::ENOMEM,
                Errno::EOPNOTSUPP,
                Errno::ENODEV,
                Errno::ENOSPC,
                Errno::ETIME,
                Errno::EINTR,
            ],
            Call::DestroyHwctx => &[Errno::EINVAL, Errno::ENODEV, Errno::EINTR],
            Call::ExecCmd => &[
                Errno::EINVAL,
                Errno::ENOENT,
                Errno::EFAULT,
                Errno::ENOMEM,
                Errno::EALREADY,
                Errno::EAGAIN,
                Errno::EOPNOTSUPP,
                Errno::ENODEV,
                Errno::EINTR,
            ],
            Call::WaitCmd => &[
                Errno::ETIME,
                Errno::EINVAL,
                Errno::EOPNOTSUPP,
                Errno::ENODEV,
                Errno::EINTR,
            ],
            Call::TimelineWait => &[
                Errno::ETIME,
                Errno::EINVAL,
                Errno::ENOENT,
                Errno::ENOMEM,
                Errno::EFAULT,
                Errno::EOPNOTSUPP,
                Errno::ENODEV,
                Errno::EINTR,
            ],
            Call::SyncobjDestroy => &[
                Errno::EINVAL,
                Errno::EOPNOTSUPP,
                Errno::ENODEV,
                Errno::EINTR,
            ],
        }
    }

    /// What it means when the call ends in `errno`.
    pub const fn fault(self, errno: Errno) -> Fault {
        match (self, errno) {
            (Call::Open, Errno::ENOENT | Errno::ENXIO) => Fault::Missing,
            (Call::Open, Errno::EACCES | Errno::EPERM) => Fault::Denied,
            (_, Errno::ENODEV) => Fault::Gone,
            (_, Errno::EINTR) => Fault::Interrupted,
            (_, Errno::EMFILE | Errno::ENFILE) => Fault::Files,
            (Call::Map, Errno::EAGAIN)
            | (Call::Map | Call::CreateShare | Call::CreateCmd, Errno::EPERM) => {
                Fault::LockedMemory
            }
            (Call::CreateDev, Errno::ENOSPC | Errno::ENOMEM) => Fault::HeapFull,
            (Call::CreateHwctx, Errno::EINVAL | Errno::ENOSPC) => Fault::ContextLimit,
            (_, Errno::ENOMEM | Errno::ENOSPC) => Fault::Memory,
            (_, Errno::EOPNOTSUPP | Errno::ENOTTY) => Fault::Unsupported,
            (_, Errno::ETIME) => Fault::Silent,
            (_, Errno::EBUSY | Errno::EAGAIN) => Fault::Busy,
            _ => Fault::Refused,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// No such device file.
    Missing,
    /// This user may not open it.
    Denied,
    /// The device is no longer there.
    Gone,
    /// Signals kept interrupting the call.
    Interrupted,
    /// This process, or the system, has too many files open.
    Files,
    /// Above the limit of locked memory.
    LockedMemory,
    /// The device's heap has no room.
    HeapFull,
    /// No further context fits the device.
    ContextLimit,
    /// The system is out of memory.
    Memory,
    /// The driver or device does not offer this.
    Unsupported,
    /// The firmware does not answer.
    Silent,
    /// Something is in use.
    Busy,
    /// The driver takes the call for a mistake.
    Refused,
}

impl Fault {
    /// What happened, in words.
    pub const fn what(self) -> &'static str {
        match self {
            Fault::Missing => "there is no such device",
            Fault::Denied => "this user may not use the device",
            Fault::Gone => "the device is gone, or its firmware is dead",
            Fault::Interrupted => "signals kept interrupting it",
            Fault::Files => "too many files are open",
            Fault::LockedMemory => "the limit of locked memory is reached",
            Fault::HeapFull => {
                "the device's heap of 64 MiB has no room for another instruction stream or PDI"
            }
            Fault::ContextLimit => {
                "the device takes no further context; npu1 has room for 6 in all processes"
            }
            Fault::Memory => "the system is out of memory",
            Fault::Unsupported => "this driver does not offer it",
            Fault::Silent => "the firmware does not answer",
            Fault::Busy => "something it needs is in use",
            Fault::Refused => "the driver refuses it",
        }
    }

    /// What to do.
    pub const fn help(self) -> &'static str {
        match self {
            Fault::Missing => "load the amdxdna driver, or use device `emulator`",
            Fault::Denied => "add this user to the group that owns the device file (render)",
            Fault::Gone => {
                "`dmesg` says why; reload the amdxdna driver, then open the device again"
            }
            Fault::Interrupted => "block the signal while work runs on the device",
            Fault::Files => {
                "raise the limit with `ulimit -n`, or open the device once and share it"
            }
            Fault::LockedMemory => {
                "raise it with `ulimit -l unlimited`, or for good in /etc/security/limits.conf"
            }
            Fault::HeapFull => "drop overlays and instruction streams that are not needed",
            Fault::ContextLimit => {
                "unload an overlay, or end another program that uses the NPU; the overlay must ask for 1 to 5 columns"
            }
            Fault::Memory => "free memory, or pass smaller buffers",
            Fault::Unsupported => "use a newer amdxdna driver",
            Fault::Silent => "`dmesg` says why; reload the amdxdna driver",
            Fault::Busy => "try again when other programs are done with the NPU",
            Fault::Refused => "`dmesg` says why; report it with the driver's version",
        }
    }
}

/// A call of the driver that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}{about} failed with {errno}: {}\nhelp: {}", .call.fault(*.errno).what(), .call.fault(*.errno).help())]
pub struct DriverError {
    /// The call.
    pub call: Call,
    /// What it returned.
    pub errno: Errno,
    /// What it was about, with numbers; may be empty.
    pub about: String,
}

impl DriverError {
    pub(crate) fn new(call: Call, errno: Errno) -> Self {
        DriverError {
            call,
            errno,
            about: String::new(),
        }
    }

    pub(crate) fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }

    /// What it means.
    pub const fn fault(&self) -> Fault {
        self.call.fault(self.errno)
    }
}
