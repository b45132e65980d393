//! `cargo xtask bench emulator`: core cycles a second of the emulator, on the int8 product of
//! sixteen cores.
//!
//! The files are built by npuc and loaded as a driver would; the result is held against plain loops.
//! Time is that of the wall and of the processor: on a machine that does other things as well, only
//! the second says something about the emulator.

use std::time::Instant;

use comfy_table::{CellAlignment, Table, presets};
use emulator::{Budget, Npu, RunReport};
use formats::txn::Stream;
use miette::{IntoDiagnostic, miette};
use npuc::build::cache::Key;
use npuc::build::files;
use npuc::kernels::MatmulI8;
use npuc::kernels::matmul_i8::{pack_a, pack_b, unpack_c};
use npuc::overlays::matmul_i8::{K, TILE};
use npuc::overlays::{self, matmul_i8_4x4};
use serde_json::json;
use xshell::{Shell, cmd};

/// Threads that the cores are shared out to.
const THREADS: [usize; 2] = [1, 2];
/// Runs that are timed for each; the fastest counts.
const REPEATS: usize = 5;
/// Core cycles a second, in millions, that the emulator is meant to reach.
const GOAL: f64 = 10.0;

pub(super) fn run() -> miette::Result<()> {
    if cfg!(debug_assertions) {
        let sh = Shell::new().into_diagnostic()?;
        sh.change_dir(crate::root());
        let bench = cmd!(sh, "cargo run --release --package xtask -- bench emulator");
        return bench.run().into_diagnostic();
    }
    let overlay = overlays::find(matmul_i8_4x4::NAME).into_diagnostic()?;
    let source = overlay.source().into_diagnostic()?;
    let built = files::build(&overlay.name, &source, &Key::new(["bench"]), &|_| ());
    let built = built.into_diagnostic()?;
    let file = |name: &str| {
        let found = built.iter().find(|(n, _)| n == name);
        found
            .map(|(_, bytes)| bytes.as_slice())
            .ok_or_else(|| miette!("no file {name}"))
    };
    let xclbin = file(&format!("{}.xclbin", overlay.name))?;
    let (sequence, n) = matmul_i8_4x4::SHAPES[1];
    let stream = Stream::parse(file(&format!("insts_{sequence}.bin"))?).into_diagnostic()?;

    let mut rows = Vec::new();
    for threads in THREADS {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let runs = pool.into_diagnostic()?.install(|| {
            let run = |_| Timed::of(xclbin, &stream, n as usize);
            (0..REPEATS).map(run).collect::<miette::Result<Vec<_>>>()
        })?;
        rows.push(Row::of(threads, &runs)?);
    }
    let same = rows.windows(2).all(|w| w[0].report == w[1].report);
    if !same {
        return Err(miette!("the reports differ with the number of threads"));
    }
    println!(
        "{} {sequence}: {} cores, {} cycles of the array (emulated), million core cycles a second",
        &overlay.name,
        rows[0].report.cores.len(),
        rows[0].report.cycles
    );
    println!("{}", table(&rows));
    println!("goal: {GOAL:.0} in all on two processors; profile: emulator/src/lib.rs");
    super::write(
        "emulator",
        &json!({
            "what": "int8 matrix product on 16 cores, release, fastest of several runs",
            "repeats": REPEATS,
            "array_cycles": rows[0].report.cycles,
            "goal_million_core_cycles_a_second": GOAL,
            "rows": rows.iter().map(Row::json).collect::<Vec<_>>(),
        }),
    )
}

/// The fastest of the runs on a number of threads.
struct Row {
    threads: usize,
    report: RunReport,
    wall: f64,
    processor: f64,
}

impl Row {
    fn of(threads: usize, runs: &[Timed]) -> miette::Result<Self> {
        let least = |f: fn(&Timed) -> f64| runs.iter().map(f).fold(f64::INFINITY, f64::min);
        let first = runs.first().ok_or_else(|| miette!("nothing was run"))?;
        Ok(Row {
            threads,
            report: first.report.clone(),
            wall: least(|t| t.wall),
            processor: least(|t| t.processor),
        })
    }

    /// Core cycles in millions: those in which a pipeline advanced, and all.
    fn cycles(&self) -> (f64, f64) {
        let busy: u64 = self.report.cores.iter().map(|c| c.busy).sum();
        let all = self.report.cycles * self.report.cores.len() as u64;
        (busy as f64 * 1e-6, all as f64 * 1e-6)
    }

    fn json(&self) -> serde_json::Value {
        let (busy, all) = self.cycles();
        json!({
            "threads": self.threads,
            "million_busy_core_cycles": busy,
            "million_core_cycles": all,
            "processor_seconds": self.processor,
            "wall_seconds": self.wall,
        })
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header([
        "threads",
        "busy, a processor second",
        "all, a processor second",
        "busy, wall",
        "all, wall",
    ]);
    for row in rows {
        let (busy, all) = row.cycles();
        let rates = [
            busy / row.processor,
            all / row.processor,
            busy / row.wall,
            all / row.wall,
        ];
        let rates = rates.map(|rate| format!("{rate:.1}"));
        table.add_row(std::iter::once(row.threads.to_string()).chain(rates));
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// One run of the overlay, checked against plain loops.
struct Timed {
    report: RunReport,
    wall: f64,
    processor: f64,
}

impl Timed {
    fn of(xclbin: &[u8], stream: &Stream, n: usize) -> miette::Result<Self> {
        let (m, k) = (matmul_i8_4x4::M as usize, K as usize);
        let a: Vec<i8> = (0..m * k).map(|i| (i * 7 % 251) as i8).collect();
        let b: Vec<i8> = (0..k * n).map(|i| (i * 11 % 241) as i8).collect();
        let mut args = [
            operand(&a, m, k, true),
            operand(&b, k, n, false),
            vec![0; 4 * m * n],
        ];
        let mut npu = Npu::new();
        npu.load_xclbin(xclbin).into_diagnostic()?;
        let (start, spent) = (Instant::now(), processor_seconds()?);
        let report = npu
            .run(stream, &mut args, Budget::default())
            .into_diagnostic()?;
        let (wall, processor) = (start.elapsed().as_secs_f64(), processor_seconds()? - spent);
        check(&args[2], &a, &b, n)?;
        Ok(Timed {
            report,
            wall,
            processor,
        })
    }
}

const SIDE: usize = TILE as usize;

fn shape() -> MatmulI8 {
    MatmulI8 {
        m: TILE,
        k: TILE,
        n: TILE,
        accumulate: false,
    }
}

/// The tiles of a matrix as the overlay reads them: A row by row, B column by column.
fn operand(matrix: &[i8], rows: usize, columns: usize, by_rows: bool) -> Vec<u8> {
    let (down, along) = (rows / SIDE, columns / SIDE);
    let mut out = Vec::with_capacity(matrix.len());
    for at in 0..down * along {
        let (row, column) = if by_rows {
            (at / along, at % along)
        } else {
            (at % down, at / down)
        };
        let element =
            |i: usize| matrix[(row * SIDE + i / SIDE) * columns + column * SIDE + i % SIDE];
        let tile: Vec<i8> = (0..SIDE * SIDE).map(element).collect();
        let packed = if by_rows {
            pack_a(&shape(), &tile)
        } else {
            pack_b(&shape(), &tile)
        };
        out.extend(packed.iter().map(|v| *v as u8));
    }
    out
}

/// Every 13th element of the result against plain loops.
fn check(c: &[u8], a: &[i8], b: &[i8], n: usize) -> miette::Result<()> {
    let (m, k) = (matmul_i8_4x4::M as usize, K as usize);
    for (tile, bytes) in c.chunks_exact(4 * SIDE * SIDE).enumerate() {
        let (words, _) = bytes.as_chunks::<4>();
        let sums: Vec<i32> = words.iter().map(|w| i32::from_le_bytes(*w)).collect();
        for (place, sum) in unpack_c(&shape(), &sums)
            .into_iter()
            .enumerate()
            .step_by(13)
        {
            let row = tile % (m / SIDE) * SIDE + place / SIDE;
            let column = tile / (m / SIDE) * SIDE + place % SIDE;
            let terms = (0..k).map(|t| i32::from(a[row * k + t]) * i32::from(b[t * n + column]));
            let expected: i32 = terms.sum();
            if sum != expected {
                return Err(miette!(
                    "row {row}, column {column} is {sum}, plain loops give {expected}"
                ));
            }
        }
    }
    Ok(())
}

/// Time that the processors spent on this process, in seconds. Source: proc(5), `/proc/self/stat`,
/// fields 14 and 15, in ticks of a hundredth of a second.
fn processor_seconds() -> miette::Result<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").into_diagnostic()?;
    let fields = text
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks = fields.skip(11).take(2).map(str::parse::<u64>);
    let ticks: Vec<u64> = ticks.collect::<Result<_, _>>().into_diagnostic()?;
    Ok(ticks.iter().sum::<u64>() as f64 / 100.0)
}
