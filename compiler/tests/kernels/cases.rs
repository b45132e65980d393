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

#[test]
fn compiled_kernels_do_what_the_interpreter_does() {
    for case in standard().unwrap() {
        let distance = distance(&case);
        assert_eq!(distance, 0.0, "{} {}", case.kernel, case.shape);
    }
}

#[test]
fn a_wrong_result_is_seen() {
    let mut case = standard().unwrap().remove(0);
    case.exact = Box::new(|operands| {
        let mut wrong = operands[0].clone();
        wrong[5] += 1.0;
        vec![wrong]
    });
    assert_eq!(distance(&case), 1.0);
}

#[test]
fn inputs_are_the_same_every_time_and_differ_by_seed() {
    let case = standard().unwrap().remove(0);
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
