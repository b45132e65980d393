//! `cargo xtask bench kernels`: cycles of every kernel of the library on the emulated core, from the
//! call to the return, against the fewest that its work could take; and how far its results are from
//! the exact ones.

use std::time::Instant;

use comfy_table::{CellAlignment, Table, presets};
use miette::miette;
use npuc::aie2::mir::BlockKind;
use npuc::kernels::cases::{Case, standard, values::Pattern};
use npuc::machine::Machine;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;

/// Seed of the inputs.
const SEED: u64 = 1;

/// Figures of one kernel in one shape.
#[derive(Serialize)]
struct Row {
    kernel: &'static str,
    shape: String,
    /// Emulated cycles from the call to the return.
    cycles: u64,
    /// Fewest that the work could take.
    bound: u64,
    /// Unit that makes the bound.
    bound_by: &'static str,
    ratio: f64,
    /// Cycles of them that the core waits for memory banks, as the checker counts them.
    bank_stalls: u64,
    macs_per_cycle: Option<f64>,
    /// The loop in which most cycles are spent.
    steady: Option<Steady>,
    program_bytes: u32,
    accuracy: Vec<Accuracy>,
}

#[derive(Serialize)]
struct Steady {
    /// Cycles of a pass.
    cycles: u32,
    /// Fewest that its instructions could take.
    bound: u32,
    binds: String,
    /// Share of the call's cycles.
    share: f64,
    note: Option<&'static str>,
}

#[derive(Serialize)]
struct Accuracy {
    inputs: &'static str,
    max_ulp: f64,
    mean_ulp: f64,
    /// Greatest, in units of the last place of the largest exact result of the row.
    row_ulp: f64,
}

pub(super) fn run() -> miette::Result<()> {
    let start = Instant::now();
    let cases = standard().map_err(|e| miette!("{e}"))?;
    // At once, as the build driver compiles the programs of cores.
    let machines: Result<Vec<Machine>, String> = cases.par_iter().map(Case::machine).collect();
    let machines = machines.map_err(|e| miette!("{e}"))?;
    let compile = start.elapsed().as_secs_f64();

    let rows = cases.iter().zip(&machines);
    let rows: Result<Vec<Row>, String> = rows.map(|(case, machine)| row(case, machine)).collect();
    let rows = rows.map_err(|e| miette!("{e}"))?;
    println!(
        "Cycles on the emulated core, operands in its own memory, from the call to the return:"
    );
    println!("{}", cycles_table(&rows));
    println!(
        "Distance from the exact result, in units of the last place of the output: greatest (mean), and greatest in \
         those of the largest result of the row, beside which results that cancel are small:"
    );
    println!("{}", accuracy_table(&rows));
    let build = match cfg!(debug_assertions) {
        true => "debug",
        false => "release",
    };
    println!(
        "all {} built, compiled and proved in {compile:.3} s ({build} build, {} threads)",
        rows.len(),
        rayon::current_num_threads()
    );
    super::write(
        "kernels",
        &json!({
            "what": "kernels of the library on the emulated core, operands in its own memory",
            "build": build,
            "compile_seconds": compile,
            "compile_threads": rayon::current_num_threads(),
            "kernels": rows,
        }),
    )
}

fn row(case: &Case, machine: &Machine) -> Result<Row, String> {
    let place = machine.map.funcs.iter().find(|f| f.name == case.symbol());
    let place = place.ok_or_else(|| format!("{}: not in the program", case.symbol()))?;
    let outcome = case.run(machine, Pattern::Random, SEED)?;
    let cycles = outcome.ran.spent(place.start..place.end);
    let (bound, bound_by) = case.work.bound();
    let accuracy = Pattern::ALL.iter().map(|(pattern, inputs)| {
        let outcome = case.run(machine, *pattern, SEED)?;
        Ok(Accuracy {
            inputs,
            max_ulp: outcome.max_ulps,
            mean_ulp: outcome.mean_ulps,
            row_ulp: outcome.row_ulps,
        })
    });
    let banks = machine.bank_cost().map_err(|e| e.to_string())?;
    let macs = case.work.macs;
    Ok(Row {
        kernel: case.kernel,
        shape: case.shape.clone(),
        cycles,
        bound,
        bound_by,
        ratio: cycles as f64 / bound as f64,
        bank_stalls: banks.stalls,
        macs_per_cycle: (macs > 0).then(|| macs as f64 / cycles as f64),
        steady: steady(machine, place, &outcome.ran, cycles),
        program_bytes: place.end - place.start,
        accuracy: accuracy.collect::<Result<_, String>>()?,
    })
}

/// The hardware loop of the kernel in which most cycles are spent.
fn steady(
    machine: &Machine,
    place: &npuc::aie2::layout::FuncPlace,
    ran: &npuc::machine::Ran,
    cycles: u64,
) -> Option<Steady> {
    let func = machine
        .program
        .funcs
        .iter()
        .find(|f| f.name == place.name)?;
    let blocks = func.blocks.iter().zip(&place.blocks).enumerate();
    let loops = blocks.filter(|(_, (block, _))| block.kind == BlockKind::HardwareLoop);
    let spent = loops.filter_map(|(index, (_, place))| {
        let last = place.bundles.last()?;
        Some((ran.spent(place.start..last.address + last.size), index))
    });
    let (spent, index) = spent.max()?;
    let report = machine
        .loops
        .iter()
        .find(|l| l.func == place.name && l.block == index)?;
    Some(Steady {
        cycles: report.cycles,
        bound: report.bound,
        binds: report.binding.clone(),
        share: spent as f64 / cycles as f64,
        note: report.note,
    })
}

fn cycles_table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header([
        "kernel",
        "shape",
        "cycles",
        "bound",
        "ratio",
        "bound by",
        "bank waits",
        "MACs/cycle",
        "loop",
        "bound",
        "loop bound by",
        "in loop",
        "bytes",
    ]);
    for row in rows {
        let steady = row.steady.as_ref();
        let of = |f: &dyn Fn(&Steady) -> String| steady.map_or_else(|| "-".to_owned(), f);
        table.add_row([
            row.kernel.to_owned(),
            row.shape.clone(),
            row.cycles.to_string(),
            row.bound.to_string(),
            format!("{:.2}", row.ratio),
            row.bound_by.to_owned(),
            row.bank_stalls.to_string(),
            row.macs_per_cycle
                .map_or_else(|| "-".into(), |m| format!("{m:.1}")),
            of(&|s| s.cycles.to_string()),
            of(&|s| s.bound.to_string()),
            of(&|s| s.binds.clone()),
            of(&|s| format!("{:.0} %", 100.0 * s.share)),
            row.program_bytes.to_string(),
        ]);
    }
    right(&mut table, &[2, 3, 4, 6, 7, 8, 9, 11, 12]);
    table
}

fn accuracy_table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    let header = ["kernel", "shape"].map(str::to_owned).into_iter();
    let inputs = Pattern::ALL
        .iter()
        .map(|(_, name)| format!("{name}: max (mean), by row"));
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_header(header.chain(inputs));
    for row in rows {
        let cells = row.accuracy.iter();
        let cells = cells.map(|a| {
            let of = |ulps: f64| match ulps < 1e5 {
                true => format!("{ulps:.2}"),
                false => format!("{ulps:.0e}"),
            };
            format!("{} ({}), {}", of(a.max_ulp), of(a.mean_ulp), of(a.row_ulp))
        });
        let names = [row.kernel.to_owned(), row.shape.clone()].into_iter();
        table.add_row(names.chain(cells));
    }
    right(&mut table, &[2, 3, 4, 5, 6, 7]);
    table
}

fn right(table: &mut Table, columns: &[usize]) {
    for index in columns {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
