//! Commands that do not end well, contexts and devices that go away.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use fake_driver::{Census, Config, FakeDriver, Upset};
use runtime::npu::sys::Errno;
use runtime::npu::{Call, Fault, Generation};
use runtime::{Device, Error, Overlay, Run};

use crate::fixture::{GENERATIONS, buffers, fake, load, over, samples, stream};
use crate::suite::endless;

/// A driver whose watchdog is as given, and an overlay that gives up after 150 ms.
fn set_up(
    generation: Generation,
    watchdog: Option<Duration>,
) -> (Arc<FakeDriver>, Device, Overlay) {
    let driver = FakeDriver::new(Config {
        generation,
        watchdog,
        ..Config::default()
    });
    let device = over(&driver);
    let overlay = load(&device);
    overlay.set_timeout(Duration::from_millis(150));
    (driver, device, overlay)
}

#[test]
fn lost_work_is_started_once_more() {
    for generation in GENERATIONS {
        for watchdog in [None, Some(Duration::from_millis(40))] {
            for upset in [Upset::Hang, Upset::Abort, Upset::NoResponse, Upset::Reject] {
                let (driver, device, overlay) = set_up(generation, watchdog);
                let (input, output) = buffers(1);
                driver.upset(upset);
                let run = overlay
                    .submit(&stream(), &[&input, &output])
                    .expect("taken");
                let report = run.wait().expect("the second start succeeds");
                assert_eq!((report.attempts, report.rebuilds), (2, 1), "{upset:?}");
                assert_eq!(output.read().expect("free"), samples(1));
                assert_eq!(device.counters().retries, 1);

                // Twice is not forgiven, and the overlay goes on all the same.
                driver.upset(upset);
                driver.upset(upset);
                let run = overlay
                    .submit(&stream(), &[&input, &output])
                    .expect("taken");
                let e = run.wait().expect_err("lost twice");
                let typed = matches!(
                    e,
                    Error::Hung {
                        step: 0,
                        attempts: 2,
                        ..
                    } | Error::Aborted {
                        step: 0,
                        attempts: 2,
                        ..
                    }
                );
                assert!(typed, "{e}");
                let run = overlay
                    .submit(&stream(), &[&input, &output])
                    .expect("taken");
                assert_eq!(run.wait().expect("runs").rebuilds, 3);
                drop((overlay, device, input, output));
                assert_eq!(driver.census(), Census::default(), "nothing is left");
            }
        }
    }
}

#[test]
fn an_error_of_the_firmware_is_not_tried_again() {
    let (driver, device, overlay) = set_up(Generation::InTree, None);
    let (input, output) = buffers(2);
    driver.upset(Upset::Error);
    let run = overlay
        .submit(&stream(), &[&input, &output])
        .expect("taken");
    let e = run.wait().expect_err("it failed");
    assert!(
        matches!(e, Error::CommandFailed { step: 0, steps: 1 }),
        "{e}"
    );
    assert_eq!(device.counters().retries, 0);
    let run = overlay
        .submit(&stream(), &[&input, &output])
        .expect("taken");
    run.wait().expect("the overlay goes on");
}

#[test]
fn a_list_names_the_run_at_which_it_stopped() {
    let (_driver, _device, overlay) = set_up(Generation::InTree, Some(Duration::from_millis(40)));
    let (input, output) = buffers(3);
    let mut work = overlay.submission();
    for _ in 0..40 {
        work.run(&stream(), &[&input, &output]).expect("fits");
    }
    work.run(&endless(), &[]).expect("fits");
    let e = work
        .submit()
        .expect("taken")
        .wait()
        .expect_err("the last one hangs");
    let Error::Hung {
        step,
        steps,
        reached,
        attempts,
        ..
    } = &e
    else {
        panic!("{e}");
    };
    assert_eq!((*step, *steps, *attempts), (40, 41, 2));
    assert_eq!(reached, " at operation 0 of its instruction stream", "{e}");
}

#[test]
fn work_that_reads_what_it_writes_is_not_started_again() {
    let (driver, _device, overlay) = set_up(Generation::InTree, None);
    let (a, b) = buffers(4);
    driver.upset(Upset::Abort);
    let mut work = overlay.submission();
    work.run(&stream(), &[&a, &b]).expect("fits");
    work.run(&stream(), &[&b, &a]).expect("fits");
    let e = work
        .submit()
        .expect("taken")
        .wait()
        .expect_err("a is read, then written");
    assert!(matches!(e, Error::Aborted { attempts: 1, .. }), "{e}");
    assert!(a.read().is_ok() && b.read().is_ok(), "the buffers are free");
}

#[test]
fn a_hung_run_does_not_take_others_with_it() {
    for generation in GENERATIONS {
        let (driver, device, overlay) = set_up(generation, None);
        overlay.set_timeout(Duration::from_millis(400));
        let endless = overlay.submit(&endless(), &[]).expect("taken");
        let pairs: Vec<_> = (0..3).map(buffers).collect();
        // Queued behind the one that hangs, and given all the time they want.
        overlay.set_timeout(Duration::from_secs(20));
        let runs: Vec<Run> = pairs
            .iter()
            .map(|(i, o)| overlay.submit(&stream(), &[i, o]).expect("taken"))
            .collect();
        thread::scope(|scope| {
            scope.spawn(|| assert!(endless.wait().is_err()));
            for (run, (seed, (_, output))) in runs.into_iter().zip(pairs.iter().enumerate()) {
                scope.spawn(move || {
                    run.wait().expect("started again on the new context");
                    assert_eq!(output.read().expect("free"), samples(seed));
                });
            }
        });
        drop((overlay, device, pairs));
        assert_eq!(driver.census(), Census::default());
    }
}

#[test]
fn a_run_that_is_waited_for_late_survives_the_loss_of_its_context() {
    for generation in GENERATIONS {
        let (_driver, device, overlay) = set_up(generation, None);
        let endless = overlay.submit(&endless(), &[]).expect("taken");
        let (input, output) = buffers(9);
        let run = overlay
            .submit(&stream(), &[&input, &output])
            .expect("taken");
        assert!(endless.wait().is_err());
        // By now there is another context, and the driver knows nothing of the first.
        let report = run.wait().expect("started again");
        assert!(report.attempts > 1 && report.rebuilds > 0, "{report:?}");
        assert_eq!(output.read().expect("free"), samples(9));
        assert_eq!(device.counters().unreleased, 0);
    }
}

#[test]
fn a_device_that_goes_away_is_reported_and_nothing_waits_for_it() {
    for generation in GENERATIONS {
        let (driver, device, overlay) = set_up(generation, None);
        overlay.set_timeout(Duration::from_secs(60));
        let (input, output) = buffers(5);
        driver.upset(Upset::Hang);
        let run = overlay
            .submit(&stream(), &[&input, &output])
            .expect("taken");
        let begun = Instant::now();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| run.wait());
            thread::sleep(Duration::from_millis(30));
            driver.unplug();
            let e = waiting.join().expect("no panic").expect_err("gone");
            assert_eq!(e.fault(), Some(Fault::Gone), "{e}");
        });
        assert!(begun.elapsed() < Duration::from_secs(30));
        let e = overlay
            .submit(&stream(), &[&input, &output])
            .expect_err("gone");
        assert_eq!(e.fault(), Some(Fault::Gone), "{e}");
        assert_eq!(input.read().expect("free"), samples(5));
        drop((overlay, device, input, output));
        assert_eq!(driver.census(), Census::default());
    }
}

#[test]
fn a_context_that_the_driver_lost_is_built_again() {
    let (driver, device, overlay) = set_up(Generation::InTree, None);
    let (input, output) = buffers(6);
    driver.fail(Call::ExecCmd, Errno::EINVAL, 0, 1);
    let run = overlay
        .submit(&stream(), &[&input, &output])
        .expect("the second try");
    let report = run.wait().expect("runs");
    assert_eq!((report.attempts, report.rebuilds), (2, 1));
    assert_eq!(device.counters().contexts, 1);
    assert_eq!(driver.census().contexts, 1);
}

#[test]
fn a_killed_process_leaves_nothing_in_the_driver() {
    let (driver, device) = fake(Generation::InTree);
    let overlay = load(&device);
    let (input, output) = buffers(7);
    let run = overlay
        .submit(&stream(), &[&input, &output])
        .expect("taken");
    let census = driver.census();
    assert!(census.contexts == 1 && census.objects >= 6 && census.files == 1);
    // Nobody gives anything back; the system closes the files.
    std::mem::forget((overlay, device, run, input, output));
    driver.kill();
    assert_eq!(driver.census(), Census::default());
    // Another process finds the device as if nothing had been.
    let device = over(&driver);
    let (overlay, (input, output)) = (load(&device), buffers(8));
    let run = overlay
        .submit(&stream(), &[&input, &output])
        .expect("taken");
    run.wait().expect("runs");
    assert_eq!(output.read().expect("free"), samples(8));
}
