//! `cargo xtask bench build`: how long all overlays take, with an empty cache and with a full one.

use std::time::{Duration, Instant};

use miette::IntoDiagnostic;
use serde_json::json;
use xshell::{Shell, cmd};

/// Times each kind of build is repeated; the median counts.
const REPEATS: usize = 5;

pub(super) fn run() -> miette::Result<()> {
    let sh = Shell::new().into_diagnostic()?;
    sh.change_dir(crate::root());
    cmd!(sh, "cargo build --release --package npuc")
        .run()
        .into_diagnostic()?;
    let npuc = crate::root().join("target/release/npuc");

    let timed = |out: &std::path::Path| -> miette::Result<Duration> {
        let start = Instant::now();
        cmd!(sh, "{npuc} build --out {out}")
            .quiet()
            .ignore_stdout()
            .run()
            .into_diagnostic()?;
        Ok(start.elapsed())
    };
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for _ in 0..REPEATS {
        let folder = tempfile::tempdir().into_diagnostic()?;
        cold.push(timed(folder.path())?);
        warm.push(timed(folder.path())?);
    }

    let rows = [("cold", 10.0, median(cold)), ("warm", 1.0, median(warm))];
    println!("{:<6} {:>10} {:>8}", "build", "seconds", "limit");
    for (name, limit, seconds) in rows {
        println!("{name:<6} {seconds:>10.3} {limit:>8.1}");
    }
    super::write(
        "build",
        &json!({
            "what": "npuc build, all overlays, release, median",
            "repeats": REPEATS,
            "cold_seconds": rows[0].2,
            "warm_seconds": rows[1].2,
        }),
    )
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}
