//! Every call of the driver that the runtime makes, and every error that each can end in: each ends in
//! the right typed error or in a retry that succeeds, and nothing is left in the driver.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use fake_driver::{Census, Config, FakeDriver, Upset};
use runtime::npu::sys::Errno;
use runtime::npu::{Call, DEVICE_FILE, Fault, Generation};
use runtime::{Device, Error, Overlay};

use crate::fixture::{GENERATIONS, buffers, files, samples, stream};

/// When a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// From before the device is opened.
    Opening,
    /// Once the overlay is loaded.
    Working,
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug)]
struct Case {
    call: Call,
    errno: Errno,
    stage: Stage,
    /// How often it fails: once, or until the end.
    times: u32,
    generation: Generation,
}

/// Opens the device, loads the overlay, and runs it: the first command hangs, so that the runtime has
/// to wait, to build the context again and to start the work again.
fn whole_life(driver: &std::sync::Arc<FakeDriver>, case: &Case) -> Result<(), Error> {
    if case.stage == Stage::Opening {
        driver.fail(case.call, case.errno, 0, case.times);
    }
    let device = Device::open_with("npu", driver.clone(), DEVICE_FILE)?;
    let overlay = Overlay::load(&device, &files().0)?;
    overlay.set_timeout(Duration::from_millis(300));
    if case.stage == Stage::Working {
        driver.fail(case.call, case.errno, 0, case.times);
    }
    let (input, output) = buffers(1);
    driver.upset(Upset::Hang);
    let result = overlay
        .submit(&stream(), &[&input, &output])
        .and_then(|run| run.wait())
        .and_then(|_| output.read());
    if case.stage == Stage::Working {
        // Whatever happened: when the cause is gone, the overlay serves again.
        driver.clear();
        input.write(&samples(2)).expect("free");
        let run = overlay.submit(&stream(), &[&input, &output]);
        run.and_then(|run| run.wait())
            .unwrap_or_else(|e| panic!("{case:?}: afterwards {e}"));
        assert_eq!(output.read().expect("free"), samples(2), "{case:?}");
    }
    assert_eq!(result?, samples(1), "{case:?}");
    Ok(())
}

/// How a case ends, in a word.
fn outcome(case: &Case) -> (String, bool) {
    let driver = FakeDriver::new(Config {
        generation: case.generation,
        watchdog: Some(Duration::from_millis(20)),
        ..Config::default()
    });
    let result = whole_life(&driver, case);
    let struck = driver.faults().0 > 0;
    assert_eq!(
        driver.census(),
        Census::default(),
        "{case:?} leaves something"
    );
    let word = match &result {
        Ok(()) => "succeeds".to_owned(),
        Err(Error::Driver(e)) => {
            let own = e.call == case.call && e.errno == case.errno;
            // A driver that is taken for the other line at first shows at the first wait.
            let taken_for_the_other = case.call == Call::WaitCmd && e.call == Call::WaitCmd;
            assert!(own || taken_for_the_other, "{case:?}: {e}");
            let text = e.to_string();
            assert!(
                text.contains(e.call.name()) && text.contains("help: "),
                "{text}"
            );
            format!("{:?}", e.fault())
        }
        // A wait that is always over too early.
        Err(Error::Hung { .. }) if case.errno == Errno::ETIME => "Hung".to_owned(),
        Err(e) => panic!("{case:?}: {e}"),
    };
    (word, struck)
}

#[test]
fn every_error_of_every_call_ends_well() {
    let mut cases = Vec::new();
    for call in Call::ALL {
        for errno in call.errors() {
            for stage in [Stage::Opening, Stage::Working] {
                for times in [1, u32::MAX] {
                    for generation in GENERATIONS {
                        cases.push(Case {
                            call,
                            errno: *errno,
                            stage,
                            times,
                            generation,
                        });
                    }
                }
            }
        }
    }
    let rows: Mutex<BTreeMap<usize, [String; 4]>> = Mutex::default();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (word, struck) = outcome(case);
                    if !struck {
                        continue;
                    }
                    let all = Call::ALL
                        .iter()
                        .flat_map(|c| c.errors().iter().map(move |e| (c, e)));
                    let mut pairs = all.enumerate();
                    let pair = pairs.find(|(_, (c, e))| **c == case.call && **e == case.errno);
                    let row = pair.expect("one of the table").0;
                    let column =
                        2 * usize::from(case.stage == Stage::Working) + usize::from(case.times > 1);
                    let rows = &mut *rows.lock().expect("no panic elsewhere");
                    let cell = &mut rows.entry(row).or_default()[column];
                    if !cell.contains(&word) {
                        *cell = if cell.is_empty() {
                            word
                        } else {
                            format!("{cell} or {word}")
                        };
                    }
                }
            });
        }
    });

    let rows = rows.into_inner().expect("no panic elsewhere");
    println!(
        "{:<26} {:<11} {:<14} {:<14} {:<14} {:<14}",
        "call", "error", "opening, once", "always", "working, once", "always"
    );
    let pairs = Call::ALL
        .iter()
        .flat_map(|c| c.errors().iter().map(move |e| (c, e)));
    let mut covered = 0;
    let total = pairs.clone().count();
    for (row, (call, errno)) in pairs.enumerate() {
        let cells = rows.get(&row).cloned().unwrap_or_default();
        let shown: Vec<&str> = cells
            .iter()
            .map(|c| if c.is_empty() { "-" } else { c })
            .collect();
        println!(
            "{:<26} {:<11} {:<14} {:<14} {:<14} {:<14}",
            call.name(),
            errno.to_string(),
            shown[0],
            shown[1],
            shown[2],
            shown[3]
        );
        covered += usize::from(cells.iter().any(|c| !c.is_empty()));
        // A signal is no reason to fail, unless it never stops.
        if *errno == Errno::EINTR {
            for once in [&cells[0], &cells[2]] {
                assert!(once.is_empty() || once == "succeeds", "{call}: {once}");
            }
        }
    }
    println!("{covered} of {total} pairs of call and error struck, none leaves anything behind");
    assert_eq!(covered, total);
}

#[test]
fn errors_mean_what_the_driver_means_by_them() {
    let rows = [
        (Call::Open, Errno::ENOENT, Fault::Missing),
        (Call::Open, Errno::EACCES, Fault::Denied),
        (Call::Map, Errno::EAGAIN, Fault::LockedMemory),
        (Call::CreateDev, Errno::ENOSPC, Fault::HeapFull),
        (Call::CreateDev, Errno::ENOMEM, Fault::HeapFull),
        (Call::CreateShare, Errno::ENOMEM, Fault::Memory),
        (Call::CreateShare, Errno::EPERM, Fault::LockedMemory),
        (Call::CreateHwctx, Errno::EINVAL, Fault::ContextLimit),
        (Call::ConfigHwctx, Errno::EINVAL, Fault::Refused),
        (Call::ExecCmd, Errno::ENODEV, Fault::Gone),
        (Call::WaitCmd, Errno::EOPNOTSUPP, Fault::Unsupported),
        (Call::CreateHwctx, Errno::ETIME, Fault::Silent),
    ];
    for (call, errno, fault) in rows {
        assert!(call.errors().contains(&errno), "{call} {errno}");
        assert_eq!(call.fault(errno), fault, "{call} {errno}");
    }
}
