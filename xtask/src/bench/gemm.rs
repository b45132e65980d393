//! `cargo xtask bench gemm`: products of Whisper's encoders on sixteen emulated cores: predicted rates
//! beside the best published ones and the roofline, and what binds.
//!
//! Every result is held against plain loops, element by element.

use comfy_table::{CellAlignment, Table, presets};
use emulator::{Budget, ClockMhz, Npu, RunReport};
use formats::txn::Stream;
use miette::{IntoDiagnostic, miette};
use npuc::build::cache::Key;
use npuc::build::files;
use npuc::overlays::gemm::sample::Sample;
use npuc::overlays::gemm::{self, Gemm, Product, Shape};
use serde_json::json;
use xshell::{Shell, cmd};

/// The clock for which the best published rates are given.
const CLOCK: ClockMhz = ClockMhz(1800);
/// Bytes a second to and from the host's memory, each way, as the emulator counts them.
const HOST_BYTES: f64 = 28e9;
const CORES: f64 = 16.0;

/// What a kind of product is measured against.
struct Goal {
    /// Multiply-accumulates of a core in a cycle.
    macs: f64,
    /// Giga operations a second of the best published product on npu1.
    ///
    /// Source: arXiv:2512.13282, "Striking the Balance: GEMM Performance Optimization Across
    /// Generations of Ryzen AI NPUs", XDNA.
    published_giga: f64,
}

fn goal(product: Product) -> Goal {
    match product {
        Product::Int8 => Goal {
            macs: 256.0,
            published_giga: 6760.0,
        },
        Product::Bf16 => Goal {
            macs: 128.0,
            published_giga: 3140.0,
        },
    }
}

pub(super) fn run() -> miette::Result<()> {
    if cfg!(debug_assertions) {
        let sh = Shell::new().into_diagnostic()?;
        sh.change_dir(crate::root());
        let bench = cmd!(sh, "cargo run --release --package xtask -- bench gemm");
        return bench.run().into_diagnostic();
    }
    let mut rows = Vec::new();
    for gemm in gemm::standard() {
        rows.extend(measure(&gemm)?);
    }
    println!(
        "products on 16 emulated cores at {CLOCK} MHz, host memory {:.0} GB/s each way: predicted, not measured",
        HOST_BYTES * 1e-9
    );
    println!("{}", table(&rows));
    println!(
        "rates in tera operations a second (a multiply-accumulate is two); without the cost of a dispatch; roofline: \
         cores at one product a cycle, or the host's memory with the bytes that were moved"
    );
    super::write(
        "gemm",
        &json!({
            "what": "matrix products on 16 emulated cores, results equal to plain loops",
            "clock_mhz": CLOCK.0,
            "host_bytes_a_second": HOST_BYTES,
            "rows": rows.iter().map(Row::json).collect::<Vec<_>>(),
        }),
    )
}

/// All but the least shape of a product, on one configuration.
fn measure(gemm: &Gemm) -> miette::Result<Vec<Row>> {
    let source = gemm.source().into_diagnostic()?;
    let built = files::build(&gemm.name, &source, &Key::new(["bench"]), &|_| ());
    let built = built.into_diagnostic()?;
    let file = |name: &str| {
        let found = built.iter().find(|(n, _)| n == name);
        found
            .map(|(_, bytes)| bytes.as_slice())
            .ok_or_else(|| miette!("no file {name}"))
    };
    let mut npu = Npu::new();
    npu.set_clock(CLOCK);
    npu.load_xclbin(file(&format!("{}.xclbin", gemm.name))?)
        .into_diagnostic()?;
    let mut rows = Vec::new();
    for &shape in &gemm.shapes[1..] {
        let stream = file(&format!("insts_{}.bin", shape.name()))?;
        let stream = Stream::parse(stream).into_diagnostic()?;
        let mut sample = Sample::new(gemm, shape).into_diagnostic()?;
        let mut args = std::mem::take(&mut sample.args);
        let report = npu.run(&stream, &mut args, Budget::default());
        let report = report.into_diagnostic()?;
        sample.check(&args[2]).map_err(|e| miette!("{e}"))?;
        rows.push(Row {
            gemm: gemm.clone(),
            shape,
            report,
        });
    }
    Ok(rows)
}

struct Row {
    gemm: Gemm,
    shape: Shape,
    report: RunReport,
}

impl Row {
    fn tera(&self, seconds: f64) -> f64 {
        2.0 * self.shape.macs() as f64 / seconds * 1e-12
    }

    fn rate(&self) -> f64 {
        self.tera(self.report.prediction().array_seconds())
    }

    fn published(&self) -> f64 {
        goal(self.gemm.product).published_giga * 1e-3
    }

    /// The rate at which the cores, or the host's memory, would bind.
    fn roofline(&self) -> f64 {
        let cycles = self.shape.macs() as f64 / (CORES * goal(self.gemm.product).macs);
        let bytes = self.report.host_read.max(self.report.host_written) as f64;
        let compute = cycles / (f64::from(CLOCK.0) * 1e6);
        self.tera(compute.max(bytes / HOST_BYTES))
    }

    /// Shares of the cycles of all cores: working, waiting for their own banks, for locks.
    fn shares(&self) -> [f64; 3] {
        let all = self.report.cycles as f64 * self.report.cores.len() as f64;
        let sum = |f: fn(&emulator::CoreReport) -> u64| {
            self.report.cores.iter().map(f).sum::<u64>() as f64 / all
        };
        [
            sum(|c| c.busy),
            sum(|c| c.memory_stalls),
            sum(|c| c.lock_stalls),
        ]
    }

    fn json(&self) -> serde_json::Value {
        let [busy, banks, locks] = self.shares();
        json!({
            "overlay": self.gemm.name,
            "shape": [self.shape.m, self.shape.k, self.shape.n],
            "cycles": self.report.cycles,
            "tera_operations_a_second": self.rate(),
            "roofline": self.roofline(),
            "published": self.published(),
            "host_read": self.report.host_read,
            "host_written": self.report.host_written,
            "core_share": busy,
            "bank_share": banks,
            "lock_share": locks,
            "bound": self.report.prediction().bound().to_string(),
        })
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header([
        "overlay",
        "M x K x N",
        "cycles",
        "rate",
        "roofline",
        "published",
        "working",
        "banks",
        "locks",
        "what binds",
    ]);
    for row in rows {
        let Shape { m, k, n } = row.shape;
        let mut cells = vec![
            row.gemm.name.clone(),
            format!("{m}x{k}x{n}"),
            row.report.cycles.to_string(),
            format!("{:.2}", row.rate()),
            format!("{:.2}", row.roofline()),
            format!("{:.2}", row.published()),
        ];
        cells.extend(row.shares().map(|s| format!("{:.0} %", s * 100.0)));
        cells.push(row.report.prediction().bound().to_string());
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(2).take(7) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
