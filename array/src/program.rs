//! Core programs as kernel IR.

use kernel::builder::FuncBuilder;
use kernel::ir::{CoreLock, Count, Func, Value};
use kernel::types::Type;

use super::worker::{CorePlan, PlanArg, PlanStep};

/// Name of the function that a core starts with.
pub const ENTRY: &str = "main";

fn emit(builder: &mut FuncBuilder, steps: &[PlanStep]) {
    for step in steps {
        match step {
            PlanStep::Acquire { lock, count } => builder.acquire(CoreLock(*lock), *count),
            PlanStep::Release { lock, count } => builder.release(CoreLock(*lock), *count),
            PlanStep::Call { kernel, args } => {
                let values: Vec<Value> = args
                    .iter()
                    .map(|arg| match arg {
                        PlanArg::Address(address) => builder.addr(*address),
                        PlanArg::I32(value) => builder.iconst(*value),
                    })
                    .collect();
                builder.call(kernel.clone(), &values);
            }
            PlanStep::Loop { times, body } => repeat(builder, Count::Const(*times), body),
            PlanStep::LoopBy { address, body } => {
                let address = builder.addr(*address);
                let times = builder.load(Type::I32, address, 0);
                repeat(builder, Count::Value(times), body);
            }
            PlanStep::Forever { body } => repeat(builder, Count::Forever, body),
        }
    }
}

fn repeat(builder: &mut FuncBuilder, count: Count, body: &[PlanStep]) {
    builder.loop_(count, &[], |builder, _| {
        emit(builder, body);
        Vec::new()
    });
}

/// The function [`ENTRY`] of a core: its steps, calling kernels of the same module.
pub fn entry_function(plan: &CorePlan) -> Func {
    let mut builder = FuncBuilder::new(ENTRY);
    emit(&mut builder, &plan.body);
    builder.finish()
}
