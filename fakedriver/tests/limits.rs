//! Limits of the device and of the system.

use std::sync::Arc;

use fake_driver::{Census, Config, FakeDriver};
use runtime::npu::sys::Errno;
use runtime::npu::{Call, DEVICE_FILE, Fault, Generation};
use runtime::{Buffer, Device, Error, InstructionStream, Overlay};

use crate::fixture::{SAMPLES, buffers, fake, files, load, over, samples, stream};

fn refused(driver: &Arc<FakeDriver>, name: &str) -> Error {
    Device::open_with(name, driver.clone(), DEVICE_FILE).expect_err("the device does not open")
}

#[test]
fn the_seventh_context_is_refused_and_a_freed_one_serves_again() {
    let (driver, device) = fake(Generation::InTree);
    let mut overlays: Vec<Overlay> = (0..6).map(|_| load(&device)).collect();
    // The limit counts all processes.
    let other = over(&driver);
    for device in [&device, &other] {
        let e = Overlay::load(device, &files().0).expect_err("the seventh");
        assert_eq!(e.fault(), Some(Fault::ContextLimit), "{e}");
        assert!(e.to_string().contains("room for 6"), "{e}");
    }
    assert_eq!(driver.census().contexts, 6);
    overlays.pop();
    overlays.push(load(&other));
    let (input, output) = buffers(1);
    let run = overlays[5].submit(&stream(), &[&input, &output]);
    run.expect("taken").wait().expect("runs");
    drop((overlays, device, other, input, output));
    assert_eq!(driver.census(), Census::default());
}

#[test]
fn the_limit_of_locked_memory_is_named() {
    let driver = FakeDriver::new(Config {
        locked_bytes: 8 << 20,
        ..Config::default()
    });
    let e = refused(&driver, "npu");
    assert_eq!(e.fault(), Some(Fault::LockedMemory), "{e}");
    let text = e.to_string();
    assert!(
        text.contains("67108864 bytes") && text.contains("ulimit -l"),
        "{text}"
    );
    assert_eq!(driver.census(), Census::default(), "nothing is left");

    // Room for the heap and a few pages.
    let driver = FakeDriver::new(Config {
        locked_bytes: (64 << 20) + 3 * 4096,
        ..Config::default()
    });
    let device = over(&driver);
    let overlay = load(&device);
    let large = Buffer::<u8>::zeroed(64 << 10);
    let output = Buffer::<i16>::zeroed(SAMPLES);
    let e = overlay
        .submit(&stream(), &[&large, &output])
        .expect_err("too large");
    assert_eq!(e.fault(), Some(Fault::LockedMemory), "{e}");
    assert!(
        large.read().is_ok() && output.read().is_ok(),
        "the buffers are free"
    );
    drop((large, output));
    let (input, output) = buffers(2);
    let run = overlay
        .submit(&stream(), &[&input, &output])
        .expect("smaller ones fit");
    run.wait().expect("runs");
    assert_eq!(output.read().expect("free"), samples(2));
}

#[test]
fn streams_make_room_for_each_other_in_the_heap() {
    let (driver, device) = fake(Generation::InTree);
    let overlay = load(&device);
    let (input, output) = buffers(3);
    // Each with its own place in the heap, which has 2048 of 32 KiB; all are kept alive.
    let streams: Vec<InstructionStream> = (0..2100).map(|_| stream()).collect();
    for stream in streams.iter().chain(&streams[..3]) {
        let run = overlay.submit(stream, &[&input, &output]).expect("taken");
        run.wait().expect("runs");
    }
    assert!(device.counters().heap < 64 << 20);
    drop((overlay, streams, input, output, device));
    assert_eq!(driver.census(), Census::default());
}

#[test]
fn another_npu_is_told_apart() {
    let driver = FakeDriver::new(Config {
        array: (8, 4),
        ..Config::default()
    });
    let e = refused(&driver, "npu");
    assert!(
        matches!(
            e,
            Error::OtherNpu {
                columns: 8,
                core_rows: 4
            }
        ),
        "{e}"
    );
    let auto = Device::open_with("auto", driver.clone(), DEVICE_FILE).expect("the processor");
    assert_eq!(auto.name(), "cpu");
    assert!(auto.why().contains("8 columns"), "{}", auto.why());
    assert_eq!(driver.census(), Census::default());
}

#[test]
fn auto_takes_the_npu_that_is_there() {
    for generation in crate::fixture::GENERATIONS {
        let (driver, _) = fake(generation);
        let auto = Device::open_with("auto", driver, DEVICE_FILE).expect("the npu");
        let identity = auto.identity().expect("an npu");
        assert_eq!((identity.generation, identity.columns), (generation, 5));
        assert_eq!(
            (identity.clock_mhz, identity.contexts),
            (Some(1600), Some((0, 6)))
        );
        let power = identity.power.map(|mode| mode.to_string());
        assert_eq!(power.as_deref(), Some("default"));
        assert!(auto.why().contains(generation.name()), "{}", auto.why());
    }
}

#[test]
fn a_driver_of_another_name_is_refused() {
    let driver = FakeDriver::new(Config::default());
    driver.fail(Call::Version, Errno::ENOTTY, 0, 1);
    let e = refused(&driver, "npu");
    assert_eq!(e.fault(), Some(Fault::Unsupported), "{e}");
    let e = Device::open_with("npu", driver, "/dev/accel/accel7").expect_err("no such file");
    assert_eq!(e.fault(), Some(Fault::Missing), "{e}");
    assert!(e.to_string().contains("/dev/accel/accel7"), "{e}");
}
