//! MLIR-AIE's dialects, and modules in them: parsed, verified, printed.
//!
//! The dialects are ours, in `dialect/*.td`: as much of `aie` and `aiex` as designs for npu1 need.
//! `builder` makes operations.

use std::cell::RefCell;
use std::rc::Rc;

use melior::Context;
use melior::dialect::DialectHandle;
use melior::ir::Module;
use melior::ir::operation::{OperationLike, OperationPrintingFlags};

pub(crate) mod builder;
mod handles;

/// What MLIR says against a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{messages}\nhelp: this is a fault of npuc-mlir, not of the design; please report it")]
pub struct Invalid {
    /// Its messages, one a line.
    pub messages: String,
}

/// A context that knows `aie`, `aiex` and the dialects of core programs.
pub fn context() -> Context {
    // Messages are collected by the thread that asked.
    let context = Context::new_with_threading(false);
    for handle in handles::handles().into_iter().chain([
        DialectHandle::arith(),
        DialectHandle::cf(),
        DialectHandle::func(),
        DialectHandle::memref(),
        DialectHandle::scf(),
    ]) {
        handle.load_dialect(&context);
    }
    context
}

/// What MLIR says while `work` is done.
fn listen<T>(context: &Context, work: impl FnOnce() -> T) -> (T, String) {
    let messages = Rc::new(RefCell::new(Vec::new()));
    let sink = messages.clone();
    let handler = context.attach_diagnostic_handler(move |diagnostic| {
        let place = diagnostic.location().to_string();
        sink.borrow_mut().push(format!("{place}: {diagnostic}"));
        true
    });
    let result = work();
    context.detach_diagnostic_handler(handler);
    let messages = messages.borrow().join("\n");
    (result, messages)
}

/// Reads a module, in generic form or in that of MLIR-AIE, and verifies it.
///
/// # Errors
/// [`Invalid`] with what MLIR says.
pub fn parse<'c>(context: &'c Context, text: &str) -> Result<Module<'c>, Invalid> {
    let (module, messages) = listen(context, || Module::parse(context, text));
    module.ok_or(Invalid { messages })
}

/// Verifies a module.
///
/// # Errors
/// [`Invalid`] with what MLIR says.
pub fn verify(context: &Context, module: &Module) -> Result<(), Invalid> {
    let (sound, messages) = listen(context, || module.as_operation().verify());
    if sound {
        Ok(())
    } else {
        Err(Invalid { messages })
    }
}

/// The module in generic form, which `aie-opt` reads.
pub fn generic(module: &Module) -> String {
    let flags = OperationPrintingFlags::new().print_generic_operation_form();
    let text = module.as_operation().to_string_with_flags(flags);
    // MLIR writes UTF-8, so the text is never refused.
    text.unwrap_or_default()
}
