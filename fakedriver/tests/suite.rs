//! What holds on every device.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use arch::Tile;
use formats::txn::{Direction, Op, Stream};
use runtime::{Argument, Buffer, Device, Digest, Error, InstructionStream, Overlay};

use crate::fixture::{SAMPLES, buffers, devices, files, load, samples, stream};

#[test]
fn a_run_gives_its_result() {
    for device in devices() {
        let (overlay, stream) = (load(&device), stream());
        let (input, output) = buffers(1);
        let run = overlay.submit(&stream, &[&input, &output]).expect("taken");
        let report = run.wait().expect("runs");
        assert_eq!((report.device, report.runs), (device.name(), 1));
        assert_eq!((report.attempts, report.rebuilds), (1, 0));
        assert_eq!(output.read().expect("free"), samples(1));
        assert_eq!(input.read().expect("free"), samples(1));
    }
}

#[test]
fn what_was_written_last_is_what_a_run_sees() {
    for device in devices() {
        let (overlay, stream) = (load(&device), stream());
        let (input, output) = buffers(0);
        for seed in 0..8 {
            input.write(&samples(seed)).expect("free");
            // What the CPU leaves in the output must not come back over the result.
            output.write(&[seed as i16; SAMPLES]).expect("free");
            let run = overlay.submit(&stream, &[&input, &output]).expect("taken");
            run.wait().expect("runs");
            let mut result = [0; SAMPLES];
            output.read_into(&mut result).expect("free");
            assert_eq!(result.as_slice(), samples(seed), "{}", device.name());
        }
    }
}

#[test]
fn a_chain_passes_results_on() {
    // More than one list of the driver holds.
    const RUNS: usize = 100;
    for device in devices() {
        let (overlay, stream) = (load(&device), stream());
        let ring: Vec<Buffer<i16>> = (0..=RUNS).map(|_| Buffer::zeroed(SAMPLES)).collect();
        ring[0].write(&samples(3)).expect("free");
        let mut work = overlay.submission();
        for pair in ring.windows(2) {
            work.run(&stream, &[&pair[0], &pair[1]]).expect("fits");
        }
        assert_eq!(work.len(), RUNS);
        let report = work.submit().expect("taken").wait().expect("runs");
        assert_eq!(report.runs, RUNS);
        assert_eq!(
            ring[RUNS].read().expect("free"),
            samples(3),
            "{}",
            device.name()
        );
    }
}

#[test]
fn runs_keep_the_order_that_was_asked_for() {
    for device in devices() {
        let (overlay, stream) = (load(&device), stream());
        for ordered in [false, true] {
            let [a, b, c] = [1, 2, 3].map(|seed| Buffer::from_slice(&samples(seed)));
            let mut work = overlay.submission();
            let second = work.run(&stream, &[&b, &c]).expect("fits");
            let first = work.run(&stream, &[&a, &b]).expect("fits");
            if ordered {
                work.order(first, second);
            }
            work.submit().expect("taken").wait().expect("runs");
            let expected = if ordered { 1 } else { 2 };
            assert_eq!(c.read().expect("free"), samples(expected));
        }
        let (a, b) = buffers(1);
        let mut work = overlay.submission();
        let one = work.run(&stream, &[&a, &b]).expect("fits");
        let two = work.run(&stream, &[&b, &a]).expect("fits");
        work.order(one, two);
        work.order(two, one);
        let refused = work.submit().expect_err("a circle");
        assert!(matches!(refused, Error::Order { runs: 2 }), "{refused}");
        assert!(a.read().is_ok() && b.read().is_ok(), "the buffers are free");
        let refused = overlay.submission().submit().expect_err("nothing to run");
        assert!(matches!(refused, Error::NothingToRun), "{refused}");
    }
}

#[test]
fn buffers_belong_to_a_run_until_it_was_waited_for() {
    for device in devices() {
        let (overlay, stream) = (load(&device), stream());
        let (input, output) = buffers(1);
        let other = Buffer::<i16>::zeroed(SAMPLES);
        let run = overlay.submit(&stream, &[&input, &output]).expect("taken");
        assert!(matches!(input.read(), Err(Error::BufferBusy)));
        assert!(matches!(output.write(&samples(2)), Err(Error::BufferBusy)));
        let refused = overlay
            .submit(&stream, &[&other, &output])
            .expect_err("busy");
        assert!(
            matches!(refused, Error::ArgumentBusy { index: 1 }),
            "{refused}"
        );
        assert!(other.read().is_ok(), "nothing is taken when one is busy");
        run.wait().expect("runs");
        assert_eq!(output.read().expect("free"), samples(1));
        let refused = overlay
            .submit(&stream, &[&input, &input])
            .expect_err("twice");
        assert!(
            matches!(refused, Error::ArgumentBusy { index: 1 }),
            "{refused}"
        );
    }
}

#[test]
fn wrong_arguments_are_refused_and_the_overlay_goes_on() {
    for device in devices() {
        let (overlay, stream) = (load(&device), stream());
        let (input, output) = buffers(5);
        let refused = overlay
            .submit(&stream, &[&input])
            .expect_err("one is missing");
        let missing = Error::MissingArgument {
            index: 1,
            passed: 1,
        };
        assert_eq!(refused.to_string(), missing.to_string());
        let small = Buffer::<i16>::zeroed(16);
        let many: [&dyn Argument; 6] = [&small; 6];
        let refused = overlay.submit(&stream, &many).expect_err("too many");
        assert!(matches!(
            refused,
            Error::TooManyArguments {
                passed: 6,
                limit: 5
            }
        ));
        overlay
            .submit(&stream, &[&input, &output])
            .expect("taken")
            .wait()
            .expect("runs");
        assert_eq!(output.read().expect("free"), samples(5));
    }
}

/// A stream that waits for a token which nobody sends.
pub(crate) fn endless() -> InstructionStream {
    let wait = Op::TctWait {
        tile: Tile::new(0, 0),
        direction: Direction::S2mm,
        channel: 1,
        columns: 1,
        rows: 1,
    };
    InstructionStream::parse(&Stream::new(vec![wait]).to_bytes()).expect("a stream")
}

#[test]
fn a_run_that_never_ends_is_reported_and_the_overlay_goes_on() {
    for device in devices() {
        let (overlay, stream) = (load(&device), stream());
        overlay.set_timeout(Duration::from_millis(200));
        let hung = overlay.submit(&endless(), &[]).expect("taken").wait();
        let text = hung.expect_err("it never ends").to_string();
        let told = text.contains("hangs") || text.contains("waits for a token");
        assert!(told, "{text}");
        let (input, output) = buffers(6);
        overlay.set_timeout(Duration::from_secs(10));
        let run = overlay.submit(&stream, &[&input, &output]).expect("taken");
        let report = run.wait().expect("the overlay goes on");
        assert!(
            report.rebuilds >= 1,
            "it says that the array was configured again"
        );
        assert_eq!(output.read().expect("free"), samples(6));
    }
}

#[test]
fn many_threads_share_an_overlay() {
    for device in devices() {
        let (overlay, stream) = (load(&device), stream());
        thread::scope(|scope| {
            for thread in 0..6 {
                let (overlay, stream) = (&overlay, &stream);
                scope.spawn(move || {
                    let (input, output) = buffers(0);
                    for round in 0..10 {
                        let seed = thread * 100 + round;
                        input.write(&samples(seed)).expect("free");
                        let run = overlay.submit(stream, &[&input, &output]).expect("taken");
                        run.wait().expect("runs");
                        assert_eq!(output.read().expect("free"), samples(seed));
                    }
                });
            }
        });
    }
}

#[test]
fn overlays_and_devices_do_not_disturb_each_other() {
    let devices = devices();
    let overlays: Vec<Overlay> = devices.iter().chain(&devices).map(load).collect();
    let stream = stream();
    let (input, output) = buffers(7);
    // The buffers move from device to device.
    for overlay in &overlays {
        output.write(&[0; SAMPLES]).expect("free");
        let run = overlay.submit(&stream, &[&input, &output]).expect("taken");
        run.wait().expect("runs");
        assert_eq!(output.read().expect("free"), samples(7));
    }
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn runs_are_futures() {
    for device in devices() {
        let (overlay, stream) = (load(&device), stream());
        let pairs: Vec<_> = (0..5).map(buffers).collect();
        let runs: Vec<_> = pairs
            .iter()
            .map(|(i, o)| overlay.submit(&stream, &[i, o]).expect("taken"))
            .collect();
        for (seed, run) in runs.into_iter().enumerate() {
            assert_eq!(block_on(run).expect("runs").device, device.name());
            assert_eq!(pairs[seed].1.read().expect("free"), samples(seed));
        }
    }
}

#[test]
fn a_wait_with_a_limit_gives_the_run_back() {
    for device in devices() {
        let overlay = load(&device);
        overlay.set_timeout(Duration::from_millis(300));
        let run = overlay.submit(&endless(), &[]).expect("taken");
        match run.wait_for(Duration::ZERO) {
            Err(run) => assert!(run.wait().is_err()),
            Ok(result) => assert!(result.is_err()),
        }
    }
}

#[test]
fn a_dropped_run_frees_its_buffers() {
    for device in devices() {
        let (overlay, stream) = (load(&device), stream());
        let (input, output) = buffers(8);
        drop(overlay.submit(&stream, &[&input, &output]).expect("taken"));
        drop(overlay);
        let free = || output.read().ok();
        let result = (0..2000).find_map(|_| {
            thread::sleep(Duration::from_millis(1));
            free()
        });
        assert_eq!(result.expect("free in the end"), samples(8));
    }
}

#[test]
fn what_is_used_is_counted_and_given_back() {
    for device in devices() {
        let before = device.counters();
        let (overlay, stream) = (load(&device), stream());
        let (input, output) = buffers(9);
        let run = overlay.submit(&stream, &[&input, &output]).expect("taken");
        run.wait().expect("runs");
        assert_eq!(device.counters().contexts, 1);
        drop((overlay, stream, input, output));
        // The emulator's thread ends on its own.
        let settled = (0..2000).map(|_| {
            thread::sleep(Duration::from_millis(1));
            device.counters()
        });
        let mut settled = settled.skip_while(|c| c.contexts > 0);
        let after = settled.next().expect("the context ends");
        assert_eq!((after.objects, after.bytes), (before.objects, before.bytes));
        assert_eq!((after.heap, after.unreleased), (before.heap, 0));
    }
}

#[test]
fn digests_pin_overlays() {
    for device in devices() {
        let xclbin = &files().0;
        let digest = Digest::of(xclbin);
        assert_eq!(
            Digest::parse(&digest.to_string()).expect("hexadecimal"),
            digest
        );
        Overlay::load_pinned(&device, xclbin, digest).expect("the same bytes");
        let mut other = xclbin.clone();
        *other.last_mut().expect("not empty") ^= 1;
        let refused = Overlay::load_pinned(&device, &other, digest).expect_err("other bytes");
        assert!(matches!(refused, Error::Digest { .. }), "{refused}");
    }
    for text in ["", "xyz", &"g".repeat(64), &"é".repeat(32)] {
        assert!(
            matches!(Digest::parse(text), Err(Error::DigestText(_))),
            "{text}"
        );
    }
}

#[test]
fn damaged_files_are_refused() {
    let devices = devices();
    let (xclbin, insts) = files();
    for device in &devices {
        for end in (0..xclbin.len()).step_by(xclbin.len() / 60) {
            assert!(
                Overlay::load(device, &xclbin[..end]).is_err(),
                "{end} bytes"
            );
        }
        // Headers and sections with bytes that are wrong: refused or loaded, and never a panic.
        for at in (0..xclbin.len()).step_by(xclbin.len() / 60) {
            let mut damaged = xclbin.clone();
            damaged[at] ^= 0xff;
            let _ = Overlay::load(device, &damaged);
        }
    }
    for end in 0..insts.len() {
        assert!(
            InstructionStream::parse(&insts[..end]).is_err(),
            "{end} bytes"
        );
    }
}

#[test]
fn unknown_devices_are_refused_and_auto_says_what_it_chose() {
    let refused = Device::open("toaster")
        .expect_err("no such device")
        .to_string();
    assert!(refused.contains("unknown device `toaster`"), "{refused}");
    let auto = Device::open("auto").expect("there is always one");
    assert!(auto.why().starts_with("device auto: "), "{}", auto.why());
    let listed = Device::list();
    let names: Vec<&str> = listed.iter().map(|l| l.name).collect();
    assert_eq!(names, ["npu", "emulator", "cpu"]);
    match &listed[0].state {
        Ok(_) => assert_eq!(auto.name(), "npu"),
        Err(e) => {
            assert_eq!(auto.name(), "cpu");
            let text = e.to_string();
            let reason = text.lines().next().expect("a line");
            assert!(auto.why().contains(reason), "{}", auto.why());
        }
    }
    let cpu = Device::open("cpu").expect("always there");
    let refused = Overlay::load(&cpu, &files().0).expect_err("it runs none");
    assert!(
        matches!(refused, Error::NoOverlays { device: "cpu", .. }),
        "{refused}"
    );
}

#[test]
fn the_driver_counts_what_a_context_did() {
    // As many as no other test of this process, whose contexts are listed as well.
    const RUNS: u64 = 11;
    for device in devices() {
        let (overlay, stream) = (load(&device), stream());
        let (input, output) = buffers(5);
        for _ in 0..RUNS {
            let run = overlay.submit(&stream, &[&input, &output]).expect("taken");
            run.wait().expect("runs");
        }
        let ours = || {
            let states = device.contexts().expect("the driver answers");
            let ours = states.into_iter().filter(|state| {
                state.process == i64::from(std::process::id())
                    && (state.submissions, state.completions) == (RUNS, RUNS)
            });
            ours.count()
        };
        assert_eq!(ours(), usize::from(device.identity().is_some()));
        drop(overlay);
        assert_eq!(ours(), 0);
    }
}
