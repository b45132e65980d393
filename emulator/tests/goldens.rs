//! Configurations and instruction streams that mlir-aie made.

use std::path::PathBuf;

use emulator::{Budget, Npu};
use formats::cdo::Cdo;
use formats::txn::Stream;

use crate::design::bytes;

const DESIGNS: [&str; 16] = [
    "a_passthrough",
    "b_add2",
    "c_memtile",
    "d_distribute_join",
    "e_broadcast",
    "f_ndim",
    "g_matmul2x2",
    "h_matmul4x4",
    "i_rtp_multisync",
    "j_depth_skip",
    "k_shared_mem",
    "l_init_repeat",
    "m_tasks_packet",
    "n_elf_load",
    "o_pad_cascade",
    "p_1col",
];

fn file(design: &str, name: &str) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/goldens", design, name]
        .iter()
        .collect();
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// An array with a design's configuration.
pub(crate) fn configure(design: &str) -> Npu {
    let mut npu = Npu::new();
    let cdo = Cdo::parse(&file(design, "cdo_init.bin")).unwrap();
    npu.load_cdo(&cdo)
        .unwrap_or_else(|e| panic!("{design}: {e}"));
    npu
}

/// Enables a design's cores.
pub(crate) fn enable(npu: &mut Npu, design: &str) {
    let cdo = Cdo::parse(&file(design, "cdo_enable.bin")).unwrap();
    npu.load_cdo(&cdo)
        .unwrap_or_else(|e| panic!("{design}: {e}"));
}

/// A design's instruction stream.
pub(crate) fn stream(design: &str) -> Stream {
    Stream::parse(&file(design, "insts.bin")).unwrap()
}

#[test]
fn every_configuration_loads() {
    for design in DESIGNS {
        let mut npu = configure(design);
        for _ in 0..1000 {
            npu.step().unwrap_or_else(|e| panic!("{design}: {e}"));
        }
        stream(design);
    }
}

/// Two core tiles behind one packet-switched route, DMA only: packets 1 and 2 go out, come back as
/// packets 3 and 4 with their headers kept.
#[test]
fn packets_are_switched_by_id() {
    let mut npu = Npu::new();
    npu.load_xclbin(&file("m_tasks_packet", "design.xclbin"))
        .unwrap();
    let stream = stream("m_tasks_packet");
    let mut args = [bytes(100..132), vec![0; 34 * 4]];
    let report = npu
        .run(&stream, &mut args, Budget { cycles: 10_000 })
        .unwrap();
    let out: Vec<u32> = args[1]
        .chunks_exact(4)
        .map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]))
        .collect();
    // Header of the packet from tile (0,2), then from (0,3): row, id, odd parity.
    assert_eq!(out[0], 0x0002_0003);
    assert_eq!(out[1..17], (100..116).collect::<Vec<_>>());
    assert_eq!(out[17], 0x0003_0004);
    assert_eq!(out[18..34], (116..132).collect::<Vec<_>>());
    assert_eq!(report.host_written, 34 * 4);
}
