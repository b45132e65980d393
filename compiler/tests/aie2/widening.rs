//! Loads that widen what they load never make a loop longer than loads with the widening behind them.

use std::fmt::Write;

use npuc::aie2::{LoopReport, Options, compile_reported};
use npuc::kernel::read::load;

/// A loop that sums `scalars` words and `widened` vectors of 16 bits, which it widens to 32, and copies
/// `plain` vectors. A shift that is made behind a load cannot be part of it.
fn text(scalars: usize, widened: usize, plain: usize, fused: bool) -> String {
    let shift = "    %shift = const 2\n";
    let (above, below) = if fused { (shift, "") } else { ("", shift) };
    let mut text = "kernel @main() {
  %p = addr 0x70400
  %to = addr 0x74400
  call @sum(%p, %to)
}
kernel @sum(%p: ptr noalias, %to: ptr noalias) {
  %zero = const 0
  %none = acc.zero acc32x16\n"
        .to_owned();
    let sums =
        |name: &str| -> Vec<String> { (0..widened).map(|k| format!("%{name}{k}")).collect() };
    let init: Vec<String> = sums("t").iter().map(|t| format!("{t} = %none")).collect();
    let _ = writeln!(
        text,
        "  %x, %y, %n, {} = loop 40 (%q = %p, %r = %to, %s0 = %zero, {}) {{",
        sums("z").join(", "),
        init.join(", ")
    );
    text.push_str(above);
    for k in 0..widened {
        let _ = writeln!(text, "    %w{k} = load i16x16 %q, {}", 32 * k);
    }
    text.push_str(below);
    for k in 0..widened {
        let _ = writeln!(text, "    %u{k} = ups acc32x16 %w{k}, %shift");
        let _ = writeln!(text, "    %a{k} = acc.add %t{k}, %u{k}");
    }
    for k in 0..scalars {
        let _ = writeln!(text, "    %n{k} = load i32 %q, {}", 256 + 4 * k);
        let _ = writeln!(text, "    %s{} = add %s{k}, %n{k}", k + 1);
    }
    for k in 0..plain {
        let _ = writeln!(text, "    %v{k} = load i8x32 %q, {}", 128 + 32 * k);
        let _ = writeln!(text, "    store %v{k}, %r, {}", 32 * k);
    }
    let _ = writeln!(
        text,
        "    %q1 = ptr.add %q, 512
    %r1 = ptr.add %r, 64
    yield %q1, %r1, %s{scalars}, {}
  }}
  store %n, %to, 0",
        sums("a").join(", ")
    );
    for (k, sum) in sums("z").iter().enumerate() {
        let _ = writeln!(text, "  store {sum}, %to, {}", 64 * (k + 1));
    }
    text + "}"
}

fn report(scalars: usize, widened: usize, plain: usize, fused: bool) -> LoopReport {
    let text = text(scalars, widened, plain, fused);
    let module = load(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let compiled = compile_reported(&module, &Options::default());
    let compiled = compiled.unwrap_or_else(|e| panic!("{e}\n{text}"));
    compiled.loops[0].clone()
}

#[test]
fn widening_loads_never_make_a_loop_longer() {
    for scalars in 0..5 {
        for (widened, plain) in [(1, 0), (2, 1), (3, 0), (4, 2)] {
            let [fused, apart] = [true, false].map(|fused| report(scalars, widened, plain, fused));
            assert!(
                fused.cycles <= apart.cycles,
                "{scalars} scalars, {widened} widened, {plain} plain: {fused}; instead of {apart}"
            );
        }
    }
}
