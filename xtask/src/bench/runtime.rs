//! `cargo xtask bench runtime`: what the runtime takes for a dispatch, without driver and device.

use miette::{IntoDiagnostic, WrapErr, miette};
use serde_json::{Value, json};
use xshell::{Shell, cmd};

pub(super) fn run() -> miette::Result<()> {
    let sh = Shell::new().into_diagnostic()?;
    sh.change_dir(crate::root());
    let printed = cmd!(
        sh,
        "cargo run --release --package amanuensis-fake-driver --example overhead"
    )
    .read()
    .into_diagnostic()?;
    let measured: Value = serde_json::from_str(&printed)
        .into_diagnostic()
        .wrap_err("the example `overhead` does not print figures")?;
    let figure = |name: &str| {
        let value = measured[name].as_f64();
        value.ok_or_else(|| miette!("the example `overhead` does not print {name}"))
    };
    let runs = figure("chain_runs")?;
    let rows = [
        ("one run", figure("single_ns")? / 1e3, Some(5.0)),
        (
            "one run, 512 bytes in and out",
            figure("single_with_data_ns")? / 1e3,
            None,
        ),
        (
            "one of 64 in a chain",
            figure("chain_ns")? / runs / 1e3,
            Some(1.0),
        ),
    ];
    println!("{:<30} {:>10} {:>8}", "dispatch", "median us", "limit");
    for (name, us, limit) in rows {
        let limit = limit.map_or_else(|| "-".to_owned(), |l: f64| format!("{l:.1}"));
        println!("{name:<30} {us:>10.3} {limit:>8}");
    }
    super::write(
        "runtime",
        &json!({
            "what": "host time of a dispatch over a fake driver that answers at once, release, median",
            "single_us": rows[0].1,
            "single_with_data_us": rows[1].1,
            "chain_runs": runs,
            "chained_us": rows[2].1,
        }),
    )
}
