//! Speed of the array on this machine: `cargo bench -p amanuensis-emulator`.
//!
//! Three loads: a 16-core design whose DMA channels wait for locks; the same with every core in a loop
//! of vector loads and multiplications; a small packet-switched design, start to end.

use std::time::Instant;

use arch::Tile;
use arch::aie2::parse_bundle;
use emulator::{Budget, Npu};
use formats::cdo::Cdo;
use formats::txn::Stream;

const CYCLES: u64 = 1_000_000;

/// Two vector loads and a multiplication a bundle, without end.
const LOOP: [&str; 9] = [
    "movxm p0, #458752",
    "mova r0, #776",
    "vlda wl0, [p0, #0] ; vldb wl2, [p0, #32] ; vmac cm0, cm0, x2, x4, r0",
    "j #16",
    "vlda wl0, [p0, #0] ; vldb wl2, [p0, #32] ; vmac cm0, cm0, x2, x4, r0",
    "vlda wl4, [p0, #64] ; vldb wl6, [p0, #96] ; vmac cm1, cm1, x6, x8, r0",
    "vlda wl0, [p0, #0] ; vldb wl2, [p0, #32] ; vmac cm2, cm2, x2, x4, r0",
    "vlda wl4, [p0, #64] ; vldb wl6, [p0, #96] ; vmac cm3, cm3, x6, x8, r0",
    "vlda wl0, [p0, #0] ; vldb wl2, [p0, #32] ; vmac cm0, cm0, x2, x4, r0",
];

fn program() -> Vec<u32> {
    let nop = parse_bundle("nop", None).expect("assembler text").encode();
    let mut bytes = Vec::new();
    for (i, text) in LOOP.iter().enumerate() {
        while i == 2 && bytes.len() < 16 {
            bytes.extend_from_slice(&nop);
        }
        let bundle = parse_bundle(text, None).expect("assembler text").encode();
        bytes.extend_from_slice(&bundle);
    }
    assert_eq!(bytes[16..].len() % 2, 0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
        .chunks_exact(4)
        .map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]))
        .collect()
}

fn file(design: &str, name: &str) -> Vec<u8> {
    let path = format!(
        "{}/tests/goldens/{design}/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn configure(design: &str) -> Npu {
    let mut npu = Npu::new();
    let cdo = Cdo::parse(&file(design, "cdo_init.bin")).expect("golden CDO");
    npu.load_cdo(&cdo).expect("golden configuration");
    npu
}

fn per_cycle(npu: &mut Npu) -> f64 {
    let start = Instant::now();
    for _ in 0..CYCLES {
        npu.step().expect("the load runs");
    }
    start.elapsed().as_secs_f64() / CYCLES as f64
}

fn main() {
    let mut npu = configure("h_matmul4x4");
    let waiting = per_cycle(&mut npu);
    println!("waiting array: {:.0} ns a cycle", waiting * 1e9);

    let program = program();
    for core in Tile::all().filter(|t| t.kind() == arch::TileKind::Core) {
        npu.write_block(core.base() + 0x20000, &program)
            .expect("fits");
    }
    let enable = Cdo::parse(&file("h_matmul4x4", "cdo_enable.bin")).expect("golden CDO");
    npu.load_cdo(&enable).expect("cores start");
    let busy = per_cycle(&mut npu);
    println!(
        "16 busy cores: {:.0} ns a cycle, {:.1} million core cycles a second",
        busy * 1e9,
        16e-6 / busy
    );

    let mut npu = configure("m_tasks_packet");
    let stream = Stream::parse(&file("m_tasks_packet", "insts.bin")).expect("golden stream");
    let mut args = [vec![1; 128], vec![0; 136]];
    let start = Instant::now();
    let mut cycles = 0;
    for _ in 0..2000 {
        let report = npu.run(&stream, &mut args, Budget::default());
        cycles += report.expect("the design runs").cycles;
    }
    println!(
        "packet design: {:.0} ns a cycle",
        start.elapsed().as_secs_f64() / cycles as f64 * 1e9
    );
}
