//! What the runtime itself takes for a dispatch: over a fake driver whose commands are over at once. The
//! driver's part is included; the device's is not. `cargo xtask bench runtime` runs it.

use std::time::Instant;

use fake_driver::{Behaviour, Config, FakeDriver, sample};
use runtime::npu::DEVICE_FILE;
use runtime::{Buffer, Device, Error, InstructionStream, Overlay};

/// Runs of a chain.
const CHAIN: usize = 64;
const SINGLES: usize = 20_000;
const CHAINS: usize = 1_000;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let driver = FakeDriver::new(Config {
        behaviour: Behaviour::Instant,
        ..Config::default()
    });
    let device = Device::open_with("npu", driver, DEVICE_FILE)?;
    let overlay = Overlay::load(&device, &sample::xclbin()?)?;
    let stream = InstructionStream::parse(&sample::stream()?)?;
    let ring: Vec<Buffer<u32>> = (0..=CHAIN)
        .map(|_| Buffer::zeroed(sample::WORDS as usize))
        .collect();

    let single = median_ns(SINGLES, || {
        overlay.submit(&stream, &[&ring[0], &ring[1]])?.wait()
    })?;
    let mut data = vec![0; sample::WORDS as usize];
    let with_data = median_ns(SINGLES, || {
        ring[0].write(&data)?;
        let run = overlay.submit(&stream, &[&ring[0], &ring[1]])?;
        run.wait()?;
        ring[1].read_into(&mut data)
    })?;
    let chain = median_ns(CHAINS, || {
        let mut work = overlay.submission();
        for pair in ring.windows(2) {
            work.run(&stream, &[&pair[0], &pair[1]])?;
        }
        work.submit()?.wait()
    })?;
    println!(
        "{{\"single_ns\": {single}, \"single_with_data_ns\": {with_data}, \"chain_runs\": {CHAIN}, \"chain_ns\": {chain}}}"
    );
    Ok(())
}

/// The median of what one call takes, in nanoseconds; a tenth of the calls goes before to warm up.
fn median_ns<T>(calls: usize, mut call: impl FnMut() -> Result<T, Error>) -> Result<u128, Error> {
    for _ in 0..calls / 10 {
        call()?;
    }
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let begun = Instant::now();
        call()?;
        times.push(begun.elapsed().as_nanos());
    }
    times.sort_unstable();
    Ok(times[calls / 2])
}
