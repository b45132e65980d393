//! Loops whose passes do several steps.

use kernel::builder::FuncBuilder;
use kernel::ir::{Count, Value};

/// Does `steps` steps, `unroll` of them in each pass of a loop and the rest after it.
///
/// `group` builds the IR of so many steps from the carried values and returns those that follow: the
/// steps of one group are independent of each other, which hides the latencies of each behind the
/// others.
pub(super) fn unrolled(
    b: &mut FuncBuilder,
    steps: u32,
    unroll: u32,
    init: &[Value],
    group: impl Fn(&mut FuncBuilder, u32, &[Value]) -> Vec<Value>,
) -> Vec<Value> {
    let (passes, rest) = (steps / unroll, steps % unroll);
    let mut carried = init.to_vec();
    if passes > 0 {
        carried = b.loop_(Count::Const(passes), &carried, |b, carried| {
            group(b, unroll, carried)
        });
    }
    if rest > 0 {
        carried = group(b, rest, &carried);
    }
    carried
}
