//! Every kernel of the registry in its standard shapes: the compiled code leaves what the interpreter
//! leaves, bit by bit, and both are as near to the exact result as the kernel says.

use npuc::kernels::cases::values::{Pattern, to_bytes};
use npuc::kernels::cases::{Case, Role, interpret, standard};

/// Runs a case on the inputs of every pattern; the greatest distance from the exact result, in units
/// of the last place.
fn distance(case: &Case) -> f64 {
    let machine = case.machine().unwrap_or_else(|e| panic!("{e}"));
    let mut distance = 0f64;
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
        distance = distance.max(outcome.max_ulps);
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
        "exp" | "softmax" => Some(2.0),
        "silu" => Some(3.0),
        _ => None,
    }
}

#[test]
fn compiled_kernels_do_what_the_interpreter_does() {
    for case in standard().unwrap() {
        let distance = distance(&case);
        let limit = limit(case.kernel).unwrap_or(f64::INFINITY);
        assert!(
            distance <= limit,
            "{} {}: {distance}",
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
    assert_eq!(distance(&case), 1.0);
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
