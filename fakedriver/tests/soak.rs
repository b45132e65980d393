//! Many dispatches from many threads, while calls and commands fail at random.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use fake_driver::{Census, Config, FakeDriver};
use runtime::{Error, Overlay};

use crate::fixture::{SAMPLES, buffers, load, over, samples, stream};

const THREADS: usize = 8;
/// Of a million calls, and of a million commands, how many go wrong.
const FAULTS: u64 = 10_000;

/// What this process holds: open files, and bytes of memory.
fn held() -> (usize, usize) {
    let files = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let resident = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    (files, resident.unwrap_or(0) * 4096)
}

/// Does something until it succeeds; returns how often it failed.
fn persist<T>(mut attempt: impl FnMut() -> Result<T, Error>) -> (T, usize) {
    let mut failures = 0;
    loop {
        match attempt() {
            Ok(value) => return (value, failures),
            Err(_) => failures += 1,
        }
        assert!(failures < 1000, "it never succeeds");
    }
}

/// Dispatches until `total` are done; every result is compared. Returns the failures that callers saw.
fn dispatch(overlay: &Overlay, first: usize, total: usize) -> usize {
    let (next, failures) = (AtomicUsize::new(first), AtomicUsize::new(0));
    let stream = stream();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let (input, output) = buffers(0);
                let mut result = [0; SAMPLES];
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= total {
                        break;
                    }
                    let ((), failed) = persist(|| {
                        input.write(&samples(seed))?;
                        output.write(&[0; SAMPLES])?;
                        overlay.submit(&stream, &[&input, &output])?.wait()?;
                        output.read_into(&mut result)
                    });
                    assert_eq!(result.as_slice(), samples(seed), "dispatch {seed}");
                    failures.fetch_add(failed, Ordering::Relaxed);
                }
            });
        }
    });
    failures.into_inner()
}

/// Dispatches under random faults. Where it runs `alone` in its process, that must not grow either: open
/// files and memory are those of all tests that run at the time.
fn soak(total: usize, alone: bool) {
    let driver = FakeDriver::new(Config {
        watchdog: Some(Duration::from_millis(20)),
        ..Config::default()
    });
    let device = over(&driver);
    let overlay = load(&device);
    driver.set_noise(FAULTS, 0x5eed);
    let warm = total / 5;
    let mut failures = dispatch(&overlay, 0, warm);
    let before = (driver.census(), held());
    failures += dispatch(&overlay, warm, total);
    let after = (driver.census(), held());
    let (calls, commands) = driver.faults();
    driver.clear();
    let counters = device.counters();
    let ((files, memory), (files_then, memory_then)) = (after.1, before.1);
    println!(
        "{total} dispatches from {THREADS} threads, {calls} calls failed and {commands} commands were upset, \
         {failures} errors that callers saw, \
         {} restarts, {} contexts built again; every result right",
        counters.retries, counters.rebuilds
    );
    println!(
        "open files {files_then} -> {files}, resident {} -> {} KiB, objects {} -> {}, contexts {} -> {}",
        memory_then / 1024,
        memory / 1024,
        before.0.objects,
        after.0.objects,
        before.0.contexts,
        after.0.contexts
    );
    assert_eq!((after.0.contexts, counters.unreleased), (1, 0));
    if alone {
        assert!(files <= files_then + THREADS, "open files grow");
        assert!(memory < memory_then + (8 << 20), "memory grows");
    }
    // Every thread may have a command more in the pool, and its two buffers in the file.
    assert!(
        after.0.objects <= before.0.objects + 3 * THREADS,
        "handles grow"
    );
    drop((overlay, device));
    assert_eq!(driver.census(), Census::default());
}

#[test]
fn results_are_right_under_random_faults() {
    soak(400, false);
}

/// `cargo test --release -p amanuensis-fake-driver --test main -- --ignored --nocapture soak`
#[test]
#[ignore = "a minute: cargo test --release -p amanuensis-fake-driver -- --ignored --nocapture soak"]
fn soak_20000_dispatches() {
    soak(20_000, true);
}
