//! Instruction streams: what is read is written again, and a configured array runs or refuses it.

use emulator::{Budget, Npu};
use formats::cdo::Cdo;
use formats::txn::{Stream, TxnError};

use crate::{CYCLES, words};

/// Configurations that mlir-aie made; the first byte of an input picks one.
pub const CONFIGURATIONS: [(&str, &[u8]); 3] = [
    (
        "c_memtile",
        include_bytes!("../../../emulator/tests/goldens/c_memtile/cdo_init.bin"),
    ),
    (
        "f_ndim",
        include_bytes!("../../../emulator/tests/goldens/f_ndim/cdo_init.bin"),
    ),
    (
        "m_tasks_packet",
        include_bytes!("../../../emulator/tests/goldens/m_tasks_packet/cdo_init.bin"),
    ),
];

/// Runs the bytes after the first one as a stream, with its size and count mended.
pub fn run(data: &[u8]) {
    let Some((pick, data)) = data.split_first() else {
        return;
    };
    let mut bytes = words::whole(data);
    let size = bytes.len() as u32;
    words::set(&mut bytes, 3, size);
    let mut stream = Stream::parse(&bytes);
    if let Err(TxnError::Count { actual, .. }) = stream {
        words::set(&mut bytes, 2, actual as u32);
        stream = Stream::parse(&bytes);
    }
    let Ok(stream) = stream else {
        return;
    };
    assert!(
        stream.to_bytes() == bytes,
        "a stream changes as it is written"
    );
    stream.dump();
    let (_, configuration) = CONFIGURATIONS[usize::from(*pick) % CONFIGURATIONS.len()];
    let cdo = Cdo::parse(configuration).expect("a CDO");
    let mut npu = Npu::new();
    npu.load_cdo(&cdo).expect("the array takes it");
    let mut args = vec![vec![1; 4096]; 3];
    let _ = npu.run(&stream, &mut args, Budget { cycles: CYCLES });
    assert!(args.iter().all(|a| a.len() == 4096), "buffers come back");
}
