//! The compiler's file tests that run: their modules are accepted by LLVM, and native code leaves what
//! the interpreter leaves, wherever that ends without an error.

use std::fs;
use std::path::Path;

use inkwell::context::Context;
use npuc::kernel::interp::{Interpreter, Memory, World};
use npuc::kernel::ir::Module;
use npuc::kernel::read::load;
use npuc::kernel::verify::Verified;
use npuc_mlir::llvm::{Error, Space, native, translate};

use directives::{arguments, cascade, lock, map, stream};

#[path = "../../../compiler/tests/filetests/directives.rs"]
mod directives;

/// Instructions that a call takes at most.
const BUDGET: u64 = 10_000;

/// Every call of a file, one after the other on one memory; how many were compared.
fn run(module: &Verified<Module>, text: &str) -> Result<usize, String> {
    let (mut memory, mut world, mut compared) = (Memory::new(), World::default(), 0);
    for directive in text.lines().filter_map(|line| line.strip_prefix(";>")) {
        let mut words = directive.split_whitespace();
        match words.next() {
            Some("map") => map(&mut memory, words)?,
            Some("lock") => lock(&mut world, words)?,
            Some("stream") => stream(&mut world, words)?,
            Some("cascade") => cascade(&mut world, words)?,
            Some("call") => {
                let (name, args) = arguments(&memory, directive)?;
                let ran = |memory: &Memory, world: &World| {
                    native::run(module, name, &args, memory, world).map_err(|e| e.to_string())
                };
                let (before, around) = (memory.clone(), world.clone());
                let mut interpreter = Interpreter::new(module, memory, world, BUDGET);
                let outcome = interpreter.run(name, &args);
                (memory, world) = (interpreter.memory, interpreter.locks);
                let Ok(outcome) = outcome else { continue };
                let ran = ran(&before, &around)?;
                if ran.end != outcome.end {
                    return Err(format!("{directive}: ends with {:?}", ran.end));
                }
                if ran.world != world {
                    return Err(format!("{directive}: leaves {:?}", ran.world));
                }
                for (region, native) in memory.regions().iter().zip(ran.regions) {
                    let at = (0..native.len()).find(|at| native[*at] != region.bytes()[*at]);
                    if let Some(at) = at {
                        return Err(format!("{directive}: byte {at} of {}", region.name()));
                    }
                }
                compared += 1;
            }
            _ => {}
        }
    }
    Ok(compared)
}

#[test]
fn llvm_accepts_every_module_that_the_verifier_accepts() {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compiler/tests/filetests");
    let context = Context::create();
    let (mut failures, mut accepted) = (Vec::new(), 0);
    for folder in ["parse", "verify", "select", "schedule", "encode"] {
        for entry in fs::read_dir(folders.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let Ok(module) = load(&fs::read_to_string(&path).unwrap()) else {
                continue;
            };
            match translate(&context, "filetest", &module, &Space::Constants, &[]) {
                Ok(_) => accepted += 1,
                Err(Error::Bank { .. }) if module.data.iter().any(|d| d.bank.is_some()) => {}
                Err(error) => failures.push(format!("{}: {error}", path.display())),
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(accepted > 15, "only {accepted} modules were accepted");
}

#[test]
fn constant_data_is_a_global_that_can_ask_for_no_bank() {
    let context = Context::create();
    let made = |data: &str| {
        let module = load(&format!(
            "const @table: {data}\nkernel @f(): ptr {{\n  %p = addr @table\n  return %p\n}}\n"
        ));
        let module = module.unwrap_or_else(|e| panic!("{e}"));
        let made = translate(&context, "data", &module, &Space::Constants, &[]);
        made.map(|llvm| llvm.print_to_string().to_string())
    };
    insta::assert_snapshot!(made("i16[4] align 64 = 1, 2, 3, -1").unwrap());
    insta::assert_snapshot!(made("i16[1] bank 2 = 1").unwrap_err());
}

#[test]
fn native_code_does_what_run_files_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compiler/tests/filetests/run");
    let context = Context::create();
    let (mut failures, mut compared) = (Vec::new(), 0);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let module = load(&text).unwrap();
        let found = match translate(&context, "filetest", &module, &Space::Constants, &[]) {
            // Natively, constant data lies where it does in a core.
            Ok(_) | Err(Error::Bank { .. }) => run(&module, &text),
            Err(error) => Err(error.to_string()),
        };
        match found {
            Ok(count) => compared += count,
            Err(error) => failures.push(format!("{}: {error}", path.display())),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(compared > 50, "only {compared} calls were compared");
}
