//! Every kernel of the registry in its standard shapes: the compiled code leaves what the interpreter
//! leaves, bit by bit, and both are as near to the exact result as the kernel says.

use npuc::kernels::cases::values::{Pattern, to_bytes};
use npuc::kernels::cases::{Case, Role, interpret, standard};

/// Greatest distances from the exact results.
#[derive(Debug, Default, PartialEq)]
struct Distance {
    /// In units of the last place.
    ulps: f64,
    /// In units of the last place of the largest result of the row.
    row_ulps: f64,
}

/// Runs a case on the inputs of every pattern.
fn distance(case: &Case) -> Distance {
    let machine = case.machine().unwrap_or_else(|e| panic!("{e}"));
    let mut distance = Distance::default();
    for (pattern, name) in Pattern::ALL {
        let outcome = case.run(&machine, pattern, 7);
        let outcome = outcome.unwrap_or_else(|e| panic!("{name}: {e}"));
        let interpreted = interpret(case, pattern, 7).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(
            outcome.ran.regions == interpreted,
            "{} {}, {name}: interpreter and core differ",
            case.kernel,
            case.shape
        );
        distance.ulps = distance.ulps.max(outcome.max_ulps);
        distance.row_ulps = distance.row_ulps.max(outcome.row_ulps);
    }
    distance
}

/// Units of the last place that a kernel may be off, whatever the inputs; `None` where results cancel, so
/// that only the size of what is added bounds the distance.
fn limit(kernel: &str) -> Option<f64> {
    match kernel {
        "passthrough" | "scale_i16" | "transpose_i8" | "transpose_bf16" | "matmul_i8"
        | "matmul_i8_acc" | "add_i8" | "add_i32" => Some(0.0),
        "add_bf16" | "scale_bf16" => Some(0.5),
        // Two roundings of integers.
        "matmul_i8_i8" | "matmul_i8_i8_last" => Some(1.0),
        "exp" => Some(1.0),
        "silu" | "softmax" => Some(2.0),
        _ => None,
    }
}

/// Units of the last place of the largest result of the row that a kernel may be off; `None` where whole rows
/// cancel.
fn row_limit(kernel: &str) -> Option<f64> {
    match kernel {
        "matmul_bf16" | "matmul_bf16_last" | "matmul_i8_bf16" | "matmul_i8_bf16_last" => Some(1.0),
        "gelu" | "layernorm" => Some(2.0),
        "add_f32" | "matmul_bf16_f32" | "matmul_bf16_acc" => None,
        other => limit(other),
    }
}

#[test]
fn compiled_kernels_do_what_the_interpreter_does() {
    for case in standard().unwrap() {
        let distance = distance(&case);
        let [limit, row_limit] =
            [limit, row_limit].map(|f| f(case.kernel).unwrap_or(f64::INFINITY));
        assert!(
            distance.ulps <= limit && distance.row_ulps <= row_limit,
            "{} {}: {distance:?}",
            case.kernel,
            case.shape
        );
    }
}

/// Cycles of the emulated core from the call to the return, beside the fewest that its busiest unit could take:
/// four fifths of the products that there could be, and two thirds of anything else.
#[test]
fn calls_take_little_longer_than_their_bound() {
    for case in standard().unwrap() {
        let most = match case.kernel {
            "matmul_i8" | "matmul_bf16" => 1.25,
            _ => 1.5,
        };
        let machine = case.machine().unwrap_or_else(|e| panic!("{e}"));
        let mut funcs = machine.map.funcs.iter();
        let func = funcs.find(|f| f.name == case.symbol()).unwrap();
        let outcome = case.run(&machine, Pattern::Random, 7);
        let outcome = outcome.unwrap_or_else(|e| panic!("{e}"));
        let cycles = outcome.ran.spent(func.start..func.end) as f64;
        let (bound, by) = case.work.bound();
        assert!(
            cycles <= most * bound as f64,
            "{} {}: {cycles} cycles, {bound} by the {by}",
            case.kernel,
            case.shape
        );
    }
}

fn passthrough() -> Case {
    let mut cases = standard().unwrap().into_iter();
    cases.find(|case| case.kernel == "passthrough").unwrap()
}

#[test]
fn a_wrong_result_is_seen() {
    let mut case = passthrough();
    case.exact = Box::new(|operands| {
        let mut wrong = operands[0].clone();
        wrong[5] += 1.0;
        vec![wrong]
    });
    assert_eq!(distance(&case).ulps, 1.0);
}

#[test]
fn inputs_are_the_same_every_time_and_differ_by_seed() {
    let case = passthrough();
    assert_eq!(case.operands[1].role, Role::Out);
    let bytes = |seed| {
        to_bytes(
            case.operands[0].elem,
            &case.inputs(Pattern::Random, seed)[0],
        )
    };
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}
