//! `npuc explain`: the schedule of a kernel, and what keeps it from being shorter.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::{Failure, print, read};
use crate::kernels::cases::find;
use aie2::layout::layout;
use aie2::{Compiled, Options, compile_reported};
use kernel::builder::FuncBuilder;
use kernel::ir::{Func, Module, Op};
use kernel::read::load;
use kernel::types::Type;
use kernel::verify::verify;

/// Arguments of `npuc explain`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Each function is a table: cycles down, slots across. Above it stand its hardware loops\n\
                  with the fewest cycles that a pass could take and the slots, port or recurrence that\n\
                  say so, and what went to the stack."
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
    let module = Module::from(vec![case.func]);
    print(&explain(&title, module).map_err(Failure::work)?)
}

fn explain_file(path: &Path) -> Result<(), Failure> {
    let bad = |e: &dyn std::fmt::Display| Failure::input(path, e);
    let text = String::from_utf8(read(path)?).map_err(|e| bad(&e))?;
    let module = load(&text).map_err(|e| bad(&e))?;
    let name = PathBuf::from(path.file_name().unwrap_or_default());
    let explained = explain(&name.display().to_string(), module.into_inner());
    print(&explained.map_err(Failure::work)?)
}

/// Symbol of the function that calls what is explained; no kernel can have it.
const ENTRY: &str = "explain.entry";

/// A function that calls every function that no other calls.
fn entry(module: &Module) -> Func {
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
        let args: Vec<_> = func
            .params
            .iter()
            .map(|p| match func.ty(p.value) {
                Type::Ptr => b.addr(0x7_0400),
                _ => b.iconst(1),
            })
            .collect();
        b.call(func.name.clone(), &args);
    }
    b.finish()
}

/// The schedules of a module's functions.
fn explain(title: &str, mut module: Module) -> Result<String, String> {
    let names: Vec<String> = module.funcs.iter().map(|f| f.name.clone()).collect();
    let entry = entry(&module);
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
        let _ = write!(text, "{func}");
    }
    Ok(text)
}
