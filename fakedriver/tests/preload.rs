//! The suite in a process that has no fake driver, but preloads one.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use runtime::npu::Generation;

use crate::fixture::GENERATIONS;

/// The library, which cargo builds beside this test because it depends on it.
fn library() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test.parent().expect("a folder");
    let path = folder.join("libfake_driver_preload.so");
    assert!(path.is_file(), "{} is missing", path.display());
    path
}

/// This test's program again, with the library in front of the C library.
fn preloaded(tests: &str, generation: Generation) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the test's own path"));
    command
        .args([tests, "--test-threads", "2"])
        .env("LD_PRELOAD", library())
        .env("AMANUENSIS_FAKE_DRIVER", generation.name())
        .env("AMANUENSIS_TEST_DEVICE", "npu");
    command
}

fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn the_suite_passes_in_a_process_that_preloads_the_driver() {
    for generation in GENERATIONS {
        let output = preloaded("suite::", generation)
            .output()
            .expect("it starts");
        let said = text(&output);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("a_chain_passes_results_on ... ok"), "{said}");
        let list = Command::new("/bin/true")
            .env("LD_PRELOAD", library())
            .status();
        assert!(list.expect("it starts").success(), "other programs go on");
    }
}

#[test]
fn a_killed_process_leaves_nothing_behind() {
    let mut victim = preloaded("suite::a_chain_passes_results_on", Generation::InTree)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    std::thread::sleep(std::time::Duration::from_millis(30));
    victim.kill().expect("killed");
    victim.wait().expect("gone");
    let after = preloaded("suite::a_run_gives_its_result", Generation::InTree);
    let output = { after }.output().expect("it starts");
    assert!(output.status.success(), "{}", text(&output));
}
