//! What the runtime is given from outside: overlays for the NPU's driver and for the emulator, instruction
//! streams, digests.

use std::sync::{Arc, OnceLock};

use fake_driver::{Behaviour, Config, FakeDriver};
use runtime::npu::DEVICE_FILE;
use runtime::{Device, Digest, InstructionStream, Overlay};

/// An NPU over a fake driver, and the emulator.
fn devices() -> &'static (Arc<FakeDriver>, [Device; 2]) {
    static DEVICES: OnceLock<(Arc<FakeDriver>, [Device; 2])> = OnceLock::new();
    DEVICES.get_or_init(|| {
        let driver = FakeDriver::new(Config {
            behaviour: Behaviour::Instant,
            ..Config::default()
        });
        let npu = Device::open_with("npu", driver.clone(), DEVICE_FILE).expect("it opens");
        let emulator = Device::open("emulator").expect("always there");
        (driver, [npu, emulator])
    })
}

/// Loads the bytes as an overlay, reads them as an instruction stream and as a digest. Whatever becomes
/// of it, nothing stays in the driver.
pub fn run(data: &[u8]) {
    let (driver, devices) = devices();
    let before = driver.census();
    for device in devices {
        if let Ok(overlay) = Overlay::load(device, data) {
            assert!(overlay.buffers() < 10, "more than a command has room for");
        }
    }
    if let Ok(stream) = InstructionStream::parse(data) {
        assert!(stream.arguments() <= 256);
    }
    let _ = Digest::parse(&String::from_utf8_lossy(data));
    assert_eq!(driver.census(), before, "something stays in the driver");
}
