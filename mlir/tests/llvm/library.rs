//! The whole kernel library: what native code leaves is what the interpreter leaves, byte for byte.

use inkwell::context::Context;
use npuc::kernel::interp::{Arg, End, Memory, World};
use npuc::kernels::cases::values::{Pattern, to_bytes};
use npuc::kernels::cases::{Case, Role, interpret, standard};
use npuc::tools::older_llvm::rewrite;
use npuc_mlir::llvm::{Space, native, translate};

const SEED: u64 = 11;

/// The operands in memory before a call, and the arguments of the call.
fn call(case: &Case, pattern: Pattern) -> (Memory, Vec<Arg>) {
    let addresses = case.addresses().unwrap();
    let inputs = case.inputs(pattern, SEED);
    let mut memory = Memory::new();
    for ((operand, base), values) in case.operands.iter().zip(&addresses).zip(inputs) {
        let mapped = match operand.role {
            Role::Out | Role::Work => memory.map(operand.name, *base, operand.bytes()),
            _ => memory.map_with(operand.name, *base, &to_bytes(operand.elem, &values)),
        };
        mapped.unwrap();
    }
    (memory, addresses.into_iter().map(Arg::Ptr).collect())
}

#[test]
fn native_code_leaves_what_the_interpreter_leaves() {
    for (case, (pattern, inputs)) in standard()
        .unwrap()
        .iter()
        .flat_map(|case| Pattern::ALL.map(|pattern| (case, pattern)))
    {
        let title = format!("{} {}, {inputs}", case.kernel, case.shape);
        let (memory, args) = call(case, pattern);
        let module = case.module().unwrap();
        let ran = native::run(&module, case.symbol(), &args, &memory, &World::default());
        let ran = ran.unwrap_or_else(|e| panic!("{title}: {e}"));
        assert_eq!(ran.end, End::Returned, "{title}");
        let expected = interpret(case, pattern, SEED).unwrap();
        for ((operand, native), expected) in case.operands.iter().zip(ran.regions).zip(expected) {
            let differs = (0..expected.len()).find(|at| native[*at] != expected[*at]);
            assert_eq!(
                differs, None,
                "{title}: byte of {} that differs",
                operand.name
            );
        }
    }
}

#[test]
fn peano_reads_no_form_that_is_newer_than_it() {
    let context = Context::create();
    for case in standard().unwrap() {
        let module = case.module().unwrap();
        let llvm = translate(&context, case.kernel, &module, &Space::Constants, &[]).unwrap();
        let text = rewrite(&llvm.print_to_string().to_string());
        for form in [
            " nuw i8",
            ", align ",
            "nocreateundeforpoison",
            "f0x",
            " inf",
            " nan",
        ] {
            assert!(!text.contains(form), "{}: {form} in\n{text}", case.kernel);
        }
    }
}
