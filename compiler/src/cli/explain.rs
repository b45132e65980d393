//! `npuc explain`: the schedule of a kernel, and what keeps it from being shorter.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::{Failure, print, read};
use crate::kernels::cases::find;
use aie2::checker::{BankCost, bank_cost};
use aie2::emit::emit;
use aie2::layout::layout;
use aie2::{Compiled, Options, compile_reported};
use arch::array::memory::CORE_OWN;
use arch::limits::CORE_BANK_BYTES;
use kernel::builder::FuncBuilder;
use kernel::data::{BANKS, STACK};
use kernel::ir::{Func, Module, Op};
use kernel::read::load;
use kernel::types::Type;
use kernel::verify::verify;

/// Arguments of `npuc explain`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Each function is a table: cycles down, slots across. Above it stand its hardware loops\n\
                  with the fewest cycles that a pass could take and the slots, port or recurrence that\n\
                  say so, what went to the stack, and which accesses wait for each other at a memory\n\
                  bank. Operands lie where the benchmark has them, those of a file in banks of their\n\
                  own as long as there are any; its integers are taken to be 1."
)]
pub(super) struct Args {
    /// Kernel of the library, or a file of kernel IR (.kir)
    #[arg(value_name = "KERNEL")]
    kernel: String,
    /// Shape of the kernel, as `cargo xtask bench kernels` shows it [default: its first]
    shape: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let path = Path::new(&args.kernel);
    if path.extension().is_some_and(|e| e == "kir") {
        return explain_file(path);
    }
    let case = find(&args.kernel, args.shape.as_deref()).map_err(Failure::work)?;
    let title = format!("{} {}", case.kernel, case.shape);
    let places = case.addresses().map_err(Failure::work)?;
    print(&explain(&title, case.code, &places).map_err(Failure::work)?)
}

fn explain_file(path: &Path) -> Result<(), Failure> {
    let bad = |e: &dyn std::fmt::Display| Failure::input(path, e);
    let text = String::from_utf8(read(path)?).map_err(|e| bad(&e))?;
    let module = load(&text).map_err(|e| bad(&e))?;
    let name = PathBuf::from(path.file_name().unwrap_or_default());
    let banks = (0..u32::from(BANKS)).map(|bank| CORE_OWN + bank * CORE_BANK_BYTES);
    let places: Vec<u32> = banks.map(|bank| bank.max(STACK.end)).collect();
    let explained = explain(&name.display().to_string(), module.into_inner(), &places);
    print(&explained.map_err(Failure::work)?)
}

/// Symbol of the function that calls what is explained; no kernel can have it.
const ENTRY: &str = "explain.entry";

/// A function that calls every function that no other calls, with its pointers to `places` in turn.
fn entry(module: &Module, places: &[u32]) -> Func {
    let mut called = Vec::new();
    for func in &module.funcs {
        func.body.for_each_inst(&mut |inst| {
            if let Op::Call { func, .. } = &inst.op {
                called.push(func.clone());
            }
        });
    }
    let mut b = FuncBuilder::new(ENTRY);
    for func in module.funcs.iter().filter(|f| !called.contains(&f.name)) {
        let mut places = places.iter().copied().cycle();
        let args: Vec<_> = func
            .params
            .iter()
            .map(|p| match func.ty(p.value) {
                Type::Ptr => b.addr(places.next().unwrap_or(STACK.end)),
                _ => b.iconst(1),
            })
            .collect();
        b.call(func.name.clone(), &args);
    }
    b.finish()
}

/// Pairs of accesses that meet at a bank that are told of a function.
const MEETINGS: usize = 8;

/// What waits for banks in a function.
fn banks(cost: &BankCost, func: &str) -> String {
    let mut text = String::new();
    let own: Vec<_> = cost
        .conflicts
        .iter()
        .filter(|c| c.accesses[1].func == func)
        .collect();
    for conflict in own.iter().take(MEETINGS) {
        let _ = writeln!(text, "{conflict}");
    }
    if let Some(more) = own.get(MEETINGS..).filter(|more| !more.is_empty()) {
        let cycles: u64 = more.iter().map(|c| c.cycles).sum();
        let _ = writeln!(
            text,
            "{func}: {} more pairs meet, {cycles} cycles",
            more.len()
        );
    }
    for gap in cost.uncounted.iter().filter(|u| u.func == func) {
        let _ = writeln!(text, "{gap}");
    }
    text
}

/// The schedules of a module's functions, called with their operands at `places`.
fn explain(title: &str, mut module: Module, places: &[u32]) -> Result<String, String> {
    let names: Vec<String> = module.funcs.iter().map(|f| f.name.clone()).collect();
    let entry = entry(&module, places);
    module.funcs.push(entry);
    let module = verify(module).map_err(|e| e.to_string())?;
    let options = Options {
        entry: ENTRY.to_owned(),
        ..Options::default()
    };
    let compiled = compile_reported(&module, &options).map_err(|e| e.to_string())?;
    let Compiled {
        program,
        loops,
        spills,
        ..
    } = &compiled;
    let map = layout(program).map_err(|e| e.to_string())?;
    let image = emit(program, &map).map_err(|e| e.to_string())?;
    let cost = bank_cost(&image.text, program, &map);
    let cost = cost.map_err(|errors| errors[0].to_string())?;
    let mut text = format!("{title}\n");
    for (func, place) in program.funcs.iter().zip(&map.funcs) {
        if !names.contains(&func.name) {
            continue;
        }
        let _ = writeln!(text, "\n{}: {} bytes", func.name, place.end - place.start);
        for report in loops.iter().filter(|l| l.func == func.name) {
            let _ = writeln!(text, "{report}");
        }
        for report in spills.iter().filter(|s| s.func == func.name) {
            let _ = writeln!(text, "{report}");
        }
        text.push_str(&banks(&cost, &func.name));
        let _ = write!(text, "{func}");
    }
    Ok(text)
}
