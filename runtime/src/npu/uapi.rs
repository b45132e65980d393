//! The amdxdna driver's interface: request numbers, structures, constants.
//!
//! Sources: Linux `include/uapi/drm/amdxdna_accel.h` and `include/uapi/drm/drm.h`; command packets:
//! XRT `core/include/xrt/detail/ert.h` and the driver's `amdxdna_ctx.h`; limits: the driver's
//! `npu1_regs.c`, `aie2_msg_priv.h`, `aie2_pci.h`. The layout is x86-64's.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `DRM_IOCTL_VERSION`.
pub const VERSION: u32 = 0xC040_6400;
/// `DRM_IOCTL_GEM_CLOSE`.
pub const GEM_CLOSE: u32 = 0x4008_6409;
/// `DRM_IOCTL_SYNCOBJ_DESTROY`.
pub const SYNCOBJ_DESTROY: u32 = 0xC008_64C0;
/// `DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT` with the structure's first 40 bytes, which every kernel takes.
pub const SYNCOBJ_TIMELINE_WAIT: u32 = 0xC028_64CA;
/// `DRM_IOCTL_AMDXDNA_CREATE_HWCTX`.
pub const CREATE_HWCTX: u32 = 0xC038_6440;
/// `DRM_IOCTL_AMDXDNA_DESTROY_HWCTX`.
pub const DESTROY_HWCTX: u32 = 0xC008_6441;
/// `DRM_IOCTL_AMDXDNA_CONFIG_HWCTX`.
pub const CONFIG_HWCTX: u32 = 0xC018_6442;
/// `DRM_IOCTL_AMDXDNA_CREATE_BO`.
pub const CREATE_BO: u32 = 0xC020_6443;
/// `DRM_IOCTL_AMDXDNA_GET_BO_INFO`.
pub const GET_BO_INFO: u32 = 0xC030_6444;
/// `DRM_IOCTL_AMDXDNA_SYNC_BO`.
pub const SYNC_BO: u32 = 0xC018_6445;
/// `DRM_IOCTL_AMDXDNA_EXEC_CMD`.
pub const EXEC_CMD: u32 = 0xC038_6446;
/// `DRM_IOCTL_AMDXDNA_GET_INFO`.
pub const GET_INFO: u32 = 0xC010_6447;
/// `DRM_IOCTL_AMDXDNA_WAIT_CMD`.
pub const WAIT_CMD: u32 = 0x4010_6449;

/// BO that the host and the NPU share: data buffers.
pub const BO_SHARE: u32 = 1;
/// BO that is the heap of an open file.
pub const BO_DEV_HEAP: u32 = 2;
/// BO inside the heap: instruction streams and PDIs.
pub const BO_DEV: u32 = 3;
/// BO that holds command packets.
pub const BO_CMD: u32 = 4;
/// `map_offset` of a BO that cannot be mapped, `vaddr` of one that is not mapped.
pub const INVALID_ADDR: u64 = u64::MAX;

/// `amdxdna_drm_sync_bo.direction`: flush towards the device. The driver flushes the same way in both
/// directions, but the in-tree line refuses the other one for BOs that are no debug buffers.
pub const SYNC_TO_DEVICE: u32 = 0;
/// `amdxdna_drm_sync_bo.direction`: from the device.
pub const SYNC_FROM_DEVICE: u32 = 1;

/// `amdxdna_drm_config_hwctx.param_type`: compute units.
pub const CONFIG_CU: u32 = 0;
/// `amdxdna_drm_exec_cmd.type`: run a command BO.
pub const SUBMIT_EXEC_BUF: u32 = 0;

/// `amdxdna_drm_get_info.param`: geometry of the array.
pub const QUERY_AIE_METADATA: u32 = 1;
/// `amdxdna_drm_get_info.param`: clocks.
pub const QUERY_CLOCK_METADATA: u32 = 3;
/// `amdxdna_drm_get_info.param`: hardware contexts of all processes.
pub const QUERY_HW_CONTEXTS: u32 = 5;
/// `amdxdna_drm_get_info.param`: firmware version.
pub const QUERY_FIRMWARE_VERSION: u32 = 8;
/// `amdxdna_drm_get_info.param`: power mode.
pub const QUERY_POWER_MODE: u32 = 9;
/// `amdxdna_drm_get_info.param`: limits and use.
pub const QUERY_RESOURCE_INFO: u32 = 12;

/// `drm_syncobj_timeline_wait.flags`: every point.
pub const WAIT_ALL: u32 = 1;

/// Device address of the heap.
pub const HEAP_BASE: u64 = 0x400_0000;
/// Bytes of the heap, the only size that npu1 takes, and its alignment.
pub const HEAP_BYTES: usize = 64 << 20;
/// Alignment of a BO inside the heap.
pub const DEV_ALIGN: usize = 32 << 10;
/// Commands of a context in flight before a submission blocks.
pub const MAX_IN_FLIGHT: usize = 4;
/// Contexts that npu1's firmware takes.
pub const MAX_CONTEXTS: usize = 6;
/// BOs that a command can name as used.
pub const MAX_ARGS: usize = 4095;
/// Bytes of the driver's buffer for one command list.
pub const CHAIN_BYTES: usize = 4096;
/// Bytes of the head of a command in that buffer: `cmd_chain_slot_npu`, the larger one of two forms.
pub const CHAIN_SLOT_BYTES: usize = 52;
/// Words of a command's payload when it is not sent as a list: `execute_buffer_req`.
pub const MAX_PAYLOAD_WORDS: usize = 19;

/// Opcode of a command: start a compute unit.
pub const ERT_START_CU: u32 = 0;
/// Opcode of a command: a list of commands.
pub const ERT_CMD_CHAIN: u32 = 19;
/// First argument of a kernel: a transaction stream whose DDR addresses the firmware patches.
pub const KERNEL_OP_TXN: u64 = 3;

/// State of a command in its header: not run.
pub const STATE_NEW: u32 = 1;
/// State of a command: done.
pub const STATE_COMPLETED: u32 = 4;
/// State of a command: the firmware reports an error.
pub const STATE_ERROR: u32 = 5;
/// State of a command: cancelled.
pub const STATE_ABORT: u32 = 6;
/// State of a command: the driver's watchdog ended it.
pub const STATE_TIMEOUT: u32 = 8;
/// State of a command: the firmware is silent.
pub const STATE_NO_RESPONSE: u32 = 9;

/// Name that the driver gives itself.
pub const DRIVER_NAME: &[u8] = b"amdxdna_accel_driver";

/// Header of a command packet: state in bits 3:0, words that follow in 22:12, opcode in 27:23.
pub const fn header(state: u32, opcode: u32, words: u32) -> u32 {
    state & 0xf | (words & 0x7ff) << 12 | (opcode & 0x1f) << 23
}

/// State in a header.
pub const fn state(header: u32) -> u32 {
    header & 0xf
}

/// Opcode in a header.
pub const fn opcode(header: u32) -> u32 {
    header >> 23 & 0x1f
}

/// Words that follow a header.
pub const fn words(header: u32) -> u32 {
    header >> 12 & 0x7ff
}

macro_rules! structs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, IntoBytes, KnownLayout)]
        #[repr(C)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        })*
    };
}

structs! {
    /// `drm_version`.
    Version {
        /// Major version.
        major: i32,
        /// Minor version.
        minor: i32,
        /// Patch level.
        patch: i32,
        /// Unused.
        pad: u32,
        /// Bytes of the name, in and out.
        name_len: u64,
        /// Address for the name.
        name: u64,
        /// Bytes of the date, in and out.
        date_len: u64,
        /// Address for the date.
        date: u64,
        /// Bytes of the description, in and out.
        desc_len: u64,
        /// Address for the description.
        desc: u64,
    }
    /// `drm_gem_close`.
    GemClose {
        /// BO.
        handle: u32,
        /// Zero.
        pad: u32,
    }
    /// `drm_syncobj_destroy`.
    SyncobjDestroy {
        /// Syncobj.
        handle: u32,
        /// Zero.
        pad: u32,
    }
    /// `drm_syncobj_timeline_wait`, up to `pad`.
    TimelineWait {
        /// Address of the handles, u32 each.
        handles: u64,
        /// Address of the points, u64 each.
        points: u64,
        /// Nanoseconds of CLOCK_MONOTONIC until which to wait.
        timeout_nsec: i64,
        /// Number of handles and points.
        count_handles: u32,
        /// Flags, [`WAIT_ALL`].
        flags: u32,
        /// Index of the first that was signalled, out.
        first_signaled: u32,
        /// Zero.
        pad: u32,
    }
    /// `amdxdna_qos_info`.
    Qos {
        /// Giga operations per second.
        gops: u32,
        /// Frames per second.
        fps: u32,
        /// DMA bandwidth.
        dma_bandwidth: u32,
        /// Latency.
        latency: u32,
        /// Time of a frame.
        frame_exec_time: u32,
        /// Priority.
        priority: u32,
    }
    /// `amdxdna_drm_create_hwctx`.
    CreateHwctx {
        /// Zero.
        ext: u64,
        /// Zero.
        ext_flags: u64,
        /// Address of a [`Qos`].
        qos_p: u64,
        /// Zero on npu1.
        umq_bo: u32,
        /// Zero on npu1.
        log_buf_bo: u32,
        /// Operations per cycle.
        max_opc: u32,
        /// Core tiles: columns times core rows.
        num_tiles: u32,
        /// Zero.
        mem_size: u32,
        /// Out; unused on npu1.
        umq_doorbell: u32,
        /// The context, out.
        handle: u32,
        /// Its timeline, out.
        syncobj_handle: u32,
    }
    /// `amdxdna_drm_destroy_hwctx`.
    DestroyHwctx {
        /// Context.
        handle: u32,
        /// Zero.
        pad: u32,
    }
    /// `amdxdna_cu_config`.
    CuConfig {
        /// BO of kind [`BO_DEV`] with a PDI.
        cu_bo: u32,
        /// Function.
        cu_func: u8,
        /// Zero.
        pad: [u8; 3],
    }
    /// `amdxdna_hwctx_param_config_cu` for one compute unit.
    ConfigCuParam {
        /// Compute units.
        num_cus: u16,
        /// Zero.
        pad: [u16; 3],
        /// The compute unit.
        cu: CuConfig,
    }
    /// `amdxdna_drm_config_hwctx`.
    ConfigHwctx {
        /// Context.
        handle: u32,
        /// [`CONFIG_CU`].
        param_type: u32,
        /// Address of the parameter.
        param_val: u64,
        /// Its bytes.
        param_val_size: u32,
        /// Zero.
        pad: u32,
    }
    /// `amdxdna_drm_create_bo`.
    CreateBo {
        /// Zero.
        flags: u64,
        /// Zero, or the address of a table of user memory.
        vaddr: u64,
        /// Bytes.
        size: u64,
        /// Kind.
        kind: u32,
        /// The BO, out.
        handle: u32,
    }
    /// `amdxdna_drm_get_bo_info`.
    GetBoInfo {
        /// Zero.
        ext: u64,
        /// Zero.
        ext_flags: u64,
        /// BO.
        handle: u32,
        /// Zero.
        pad: u32,
        /// Offset to map, out.
        map_offset: u64,
        /// Address of the mapping, out.
        vaddr: u64,
        /// Address for the device, out.
        xdna_addr: u64,
    }
    /// `amdxdna_drm_sync_bo`.
    SyncBo {
        /// BO.
        handle: u32,
        /// [`SYNC_TO_DEVICE`].
        direction: u32,
        /// First byte.
        offset: u64,
        /// Bytes.
        size: u64,
    }
    /// `amdxdna_drm_exec_cmd`.
    ExecCmd {
        /// Zero.
        ext: u64,
        /// Zero.
        ext_flags: u64,
        /// Context.
        hwctx: u32,
        /// [`SUBMIT_EXEC_BUF`].
        kind: u32,
        /// The command BO itself, as there is one.
        cmd_handles: u64,
        /// Address of the handles of the BOs that the command uses.
        args: u64,
        /// One.
        cmd_count: u32,
        /// Handles at `args`.
        arg_count: u32,
        /// Sequence number, out.
        seq: u64,
    }
    /// `amdxdna_drm_wait_cmd`.
    WaitCmd {
        /// Context.
        hwctx: u32,
        /// Milliseconds, 0 = forever.
        timeout: u32,
        /// Sequence number.
        seq: u64,
    }
    /// `amdxdna_drm_get_info`.
    GetInfo {
        /// What to ask.
        param: u32,
        /// Bytes at `buffer`, in and out.
        buffer_size: u32,
        /// Address of the answer.
        buffer: u64,
    }
    /// `amdxdna_drm_query_aie_version`.
    AieVersion {
        /// Major version.
        major: u32,
        /// Minor version.
        minor: u32,
    }
    /// `amdxdna_drm_query_aie_tile_metadata`.
    TileMetadata {
        /// Rows of this kind.
        row_count: u16,
        /// First of them.
        row_start: u16,
        /// DMA channels of a tile.
        dma_channel_count: u16,
        /// Locks of a tile.
        lock_count: u16,
        /// Event registers of a tile.
        event_reg_count: u16,
        /// Zero.
        pad: [u16; 3],
    }
    /// `amdxdna_drm_query_aie_metadata`.
    AieMetadata {
        /// Bytes of a column's status.
        col_size: u32,
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
        /// Version.
        version: AieVersion,
        /// Core tiles.
        core: TileMetadata,
        /// Memory tiles.
        mem: TileMetadata,
        /// Shim tiles.
        shim: TileMetadata,
    }
    /// `amdxdna_drm_query_clock`.
    Clock {
        /// Name.
        name: [u8; 16],
        /// Megahertz.
        freq_mhz: u32,
        /// Zero.
        pad: u32,
    }
    /// `amdxdna_drm_query_clock_metadata`.
    ClockMetadata {
        /// Clock of the controller.
        mp_npu: Clock,
        /// Clock of the array.
        h: Clock,
    }
    /// `amdxdna_drm_query_hwctx`.
    HwContext {
        /// Number of the context in its file.
        context_id: u32,
        /// First column.
        start_col: u32,
        /// Columns.
        num_col: u32,
        /// Zero.
        pad: u32,
        /// Process.
        pid: i64,
        /// Commands that were submitted.
        command_submissions: u64,
        /// Commands that have ended.
        command_completions: u64,
        /// Times it was moved to other columns.
        migrations: u64,
        /// Times it was preempted.
        preemptions: u64,
        /// Errors.
        errors: u64,
    }
    /// `amdxdna_drm_query_firmware_version`.
    FirmwareVersion {
        /// Major version.
        major: u32,
        /// Minor version.
        minor: u32,
        /// Patch level.
        patch: u32,
        /// Build.
        build: u32,
    }
    /// `amdxdna_drm_get_power_mode`.
    PowerModeInfo {
        /// `amdxdna_power_mode_type`.
        power_mode: u8,
        /// Zero.
        pad: [u8; 7],
    }
    /// `amdxdna_drm_get_resource_info`.
    ResourceInfo {
        /// Highest clock, MHz.
        npu_clk_max: u64,
        /// Highest rate, TOPS.
        npu_tops_max: u64,
        /// Contexts at most.
        npu_task_max: u64,
        /// Rate now.
        npu_tops_curr: u64,
        /// Contexts now.
        npu_task_curr: u64,
    }
    /// The driver's record of a hung command, written behind the command's header: version and
    /// generation of `amdxdna_ctx_health`, then `amdxdna_ctx_health_data_aie2`.
    Health {
        /// Version, 1.
        version: u32,
        /// Generation, 0 = AIE2.
        npu_gen: u32,
        /// Operation of the instruction stream that was reached.
        txn_op_idx: u32,
        /// Program counter of the controller.
        ctx_pc: u32,
        /// Kind of a fatal error.
        fatal_error_type: u32,
        /// Kind of exception.
        fatal_error_exception_type: u32,
        /// Program counter of the exception.
        fatal_error_exception_pc: u32,
        /// Module.
        fatal_error_app_module: u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    macro_rules! layout {
        ($($name:ident $size:literal { $($field:ident $offset:literal),* })*) => {
            $(assert_eq!(size_of::<$name>(), $size, stringify!($name));
            $(assert_eq!(offset_of!($name, $field), $offset, stringify!($name.$field));)*)*
        };
    }

    /// Numbers of a C compiler for x86-64 on the headers named above.
    #[test]
    fn layouts_are_the_drivers() {
        layout! {
            Version 64 { major 0, minor 4, patch 8, name_len 16, name 24, date_len 32, date 40, desc_len 48, desc 56 }
            GemClose 8 { handle 0, pad 4 }
            SyncobjDestroy 8 { handle 0, pad 4 }
            TimelineWait 40 { handles 0, points 8, timeout_nsec 16, count_handles 24, flags 28, first_signaled 32, pad 36 }
            Qos 24 { gops 0, fps 4, dma_bandwidth 8, latency 12, frame_exec_time 16, priority 20 }
            CreateHwctx 56 { ext 0, ext_flags 8, qos_p 16, umq_bo 24, log_buf_bo 28, max_opc 32, num_tiles 36, mem_size 40, umq_doorbell 44, handle 48, syncobj_handle 52 }
            DestroyHwctx 8 { handle 0, pad 4 }
            CuConfig 8 { cu_bo 0, cu_func 4, pad 5 }
            ConfigCuParam 16 { num_cus 0, pad 2, cu 8 }
            ConfigHwctx 24 { handle 0, param_type 4, param_val 8, param_val_size 16, pad 20 }
            CreateBo 32 { flags 0, vaddr 8, size 16, kind 24, handle 28 }
            GetBoInfo 48 { ext 0, ext_flags 8, handle 16, pad 20, map_offset 24, vaddr 32, xdna_addr 40 }
            SyncBo 24 { handle 0, direction 4, offset 8, size 16 }
            ExecCmd 56 { ext 0, ext_flags 8, hwctx 16, kind 20, cmd_handles 24, args 32, cmd_count 40, arg_count 44, seq 48 }
            WaitCmd 16 { hwctx 0, timeout 4, seq 8 }
            GetInfo 16 { param 0, buffer_size 4, buffer 8 }
            AieVersion 8 { major 0, minor 4 }
            TileMetadata 16 { row_count 0, row_start 2, dma_channel_count 4, lock_count 6, event_reg_count 8, pad 10 }
            AieMetadata 64 { col_size 0, cols 4, rows 6, version 8, core 16, mem 32, shim 48 }
            Clock 24 { name 0, freq_mhz 16, pad 20 }
            ClockMetadata 48 { mp_npu 0, h 24 }
            HwContext 64 { context_id 0, start_col 4, num_col 8, pad 12, pid 16, command_submissions 24, command_completions 32, migrations 40, preemptions 48, errors 56 }
            FirmwareVersion 16 { major 0, minor 4, patch 8, build 12 }
            PowerModeInfo 8 { power_mode 0, pad 1 }
            ResourceInfo 40 { npu_clk_max 0, npu_tops_max 8, npu_task_max 16, npu_tops_curr 24, npu_task_curr 32 }
            Health 32 { version 0, npu_gen 4, txn_op_idx 8, ctx_pc 12, fatal_error_type 16 }
        }
    }

    /// `_IOC(direction, 'd', number, size)` of Linux `asm-generic/ioctl.h`.
    #[test]
    fn requests_carry_the_sizes_of_their_structures() {
        const WRITE: u32 = 1;
        const BOTH: u32 = 3;
        let rows = [
            (VERSION, BOTH, 0x00, size_of::<Version>()),
            (GEM_CLOSE, WRITE, 0x09, size_of::<GemClose>()),
            (SYNCOBJ_DESTROY, BOTH, 0xC0, size_of::<SyncobjDestroy>()),
            (SYNCOBJ_TIMELINE_WAIT, BOTH, 0xCA, size_of::<TimelineWait>()),
            (CREATE_HWCTX, BOTH, 0x40, size_of::<CreateHwctx>()),
            (DESTROY_HWCTX, BOTH, 0x41, size_of::<DestroyHwctx>()),
            (CONFIG_HWCTX, BOTH, 0x42, size_of::<ConfigHwctx>()),
            (CREATE_BO, BOTH, 0x43, size_of::<CreateBo>()),
            (GET_BO_INFO, BOTH, 0x44, size_of::<GetBoInfo>()),
            (SYNC_BO, BOTH, 0x45, size_of::<SyncBo>()),
            (EXEC_CMD, BOTH, 0x46, size_of::<ExecCmd>()),
            (GET_INFO, BOTH, 0x47, size_of::<GetInfo>()),
            (WAIT_CMD, WRITE, 0x49, size_of::<WaitCmd>()),
        ];
        for (request, direction, number, size) in rows {
            let expected = direction << 30 | (size as u32) << 16 | 0x64 << 8 | number;
            assert_eq!(request, expected, "{number:#x}");
        }
    }

    #[test]
    fn the_header_of_a_start_is_xrts() {
        assert_eq!(header(STATE_NEW, ERT_START_CU, 16), 0x0001_0001);
        let chain = header(STATE_NEW, ERT_CMD_CHAIN, 8);
        assert_eq!((state(chain), opcode(chain), words(chain)), (1, 19, 8));
    }
}
