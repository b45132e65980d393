//! The sample overlay, and the devices to try it on.

use std::sync::{Arc, OnceLock};

use fake_driver::{Config, FakeDriver, sample};
use runtime::npu::{DEVICE_FILE, Generation};
use runtime::{Buffer, Device, InstructionStream, Overlay};

/// Samples of one dispatch.
pub(crate) const SAMPLES: usize = 2 * sample::WORDS as usize;

/// The files of the overlay: XCLBIN and instruction stream.
pub(crate) fn files() -> &'static (Vec<u8>, Vec<u8>) {
    static FILES: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    FILES.get_or_init(|| {
        let xclbin = sample::xclbin().expect("the sample builds");
        (xclbin, sample::stream().expect("the sample builds"))
    })
}

/// The overlay on a device.
pub(crate) fn load(device: &Device) -> Overlay {
    Overlay::load(device, &files().0).expect("the overlay loads")
}

/// Its instruction stream: argument 0 comes out as argument 1.
pub(crate) fn stream() -> InstructionStream {
    InstructionStream::parse(&files().1).expect("a stream")
}

/// Samples that depend on a seed.
pub(crate) fn samples(seed: usize) -> Vec<i16> {
    (0..SAMPLES).map(|i| (i * 7 + seed * 131) as i16).collect()
}

/// An input and an output buffer.
pub(crate) fn buffers(seed: usize) -> (Buffer<i16>, Buffer<i16>) {
    (Buffer::from_slice(&samples(seed)), Buffer::zeroed(SAMPLES))
}

/// A device over a fake driver.
pub(crate) fn over(driver: &Arc<FakeDriver>) -> Device {
    Device::open_with("npu", driver.clone(), DEVICE_FILE).expect("the fake device opens")
}

/// A fake driver of a line, and a device over it.
pub(crate) fn fake(generation: Generation) -> (Arc<FakeDriver>, Device) {
    let driver = FakeDriver::new(Config {
        generation,
        ..Config::default()
    });
    let device = over(&driver);
    (driver, device)
}

/// Both lines of the driver.
pub(crate) const GENERATIONS: [Generation; 2] = [Generation::InTree, Generation::OutOfTree];

/// The devices on which the suite runs: the one that `AMANUENSIS_TEST_DEVICE` names, or the emulator
/// and a fake driver of each line.
pub(crate) fn devices() -> Vec<Device> {
    match std::env::var("AMANUENSIS_TEST_DEVICE") {
        Ok(name) => {
            let device = Device::open(&name).unwrap_or_else(|e| panic!("{e}"));
            vec![device]
        }
        Err(_) => {
            let mut devices = vec![Device::open("emulator").expect("always there")];
            devices.extend(GENERATIONS.map(|generation| fake(generation).1));
            devices
        }
    }
}
