//! What holds of whole rows.

use npuc::kernel::types::Elem;
use npuc::kernels::cases::values::{Pattern, ulps};
use npuc::kernels::cases::{Case, Function, case_layernorm, function, standard};
use npuc::kernels::layernorm::EPSILON;

fn cases_of(kernel: &str) -> Vec<Case> {
    let cases = standard().unwrap().into_iter();
    cases.filter(|case| case.kernel == kernel).collect()
}

/// Calls `f` with the operands of a case before the call and its results, for every pattern.
fn for_each_run(case: &Case, mut f: impl FnMut(&[Vec<f64>], &[f64])) {
    let machine = case
        .machine()
        .unwrap_or_else(|e| panic!("{}: {e}", case.shape));
    for (pattern, _) in Pattern::ALL {
        let outcome = case.run(&machine, pattern, 3);
        let outcome = outcome.unwrap_or_else(|e| panic!("{e}"));
        f(&case.inputs(pattern, 3), &outcome.results[0]);
    }
}

#[test]
fn rows_of_softmax_are_near_and_sum_to_one() {
    // Rows that fill no group.
    let others = [(1, 32), (3, 64), (6, 96)];
    let others = others.map(|(rows, columns)| function(Function::Softmax, rows, columns).unwrap());
    for case in cases_of("softmax").into_iter().chain(others) {
        for_each_run(&case, |operands, results| {
            let exact = (case.exact)(operands);
            for (got, exact) in results.iter().zip(&exact[0]) {
                assert!(ulps(Elem::Bf16, *got, *exact) <= 2.0, "{exact}, not {got}");
            }
            for row in results.chunks(case.operands[0].row) {
                let sum: f64 = row.iter().sum();
                assert!((sum - 1.0).abs() < 1e-2, "{sum}");
            }
        });
    }
}

/// Whether rows of layernorm are as near as the larger of both terms and 2^-8 of gamma allow.
fn assert_near(columns: usize, x: &[f64], terms: &[f64], y: &[f64]) {
    for (x, y) in x.chunks(columns).zip(y.chunks(columns)) {
        let mean = x.iter().sum::<f64>() / columns as f64;
        let squares = x.iter().map(|x| (x - mean) * (x - mean));
        let variance = squares.sum::<f64>() / columns as f64;
        let scale = 1.0 / (variance + f64::from(EPSILON)).sqrt();
        for (k, (x, y)) in x.iter().zip(y).enumerate() {
            let at = k / 16 * 32 + k % 16;
            let (gamma, beta) = (terms[at], terms[at + 16]);
            let normal = (x - mean) * scale * gamma;
            let larger = normal.abs().max(beta.abs());
            // A unit of the last place is at most 2^-7 of a bf16.
            let off = (y - (normal + beta)).abs();
            let allowed = larger * (-6f64).exp2() + gamma.abs() * (-8f64).exp2();
            assert!(off <= allowed, "{k}: {y}, {normal} + {beta}");
        }
    }
}

#[test]
fn layernorm_is_as_near_as_the_larger_of_its_terms_allows() {
    // Rows that fill no group, and groups that fill no pass.
    let others = [(1, 32), (6, 64), (13, 96)];
    let others = others.map(|(rows, columns)| case_layernorm(rows, columns).unwrap());
    for case in cases_of("layernorm").into_iter().chain(others) {
        let columns = case.operands[0].row;
        for_each_run(&case, |operands, results| {
            assert_near(columns, &operands[0], &operands[1], results);
        });
    }
}

#[test]
fn layernorm_sees_the_least_difference_between_elements() {
    // By the parts that rows of these lengths have.
    for columns in [384, 1024, 1280, 2080, 4096] {
        let middles = [1.9921875, 8e14, -250.0, 255.0, 1.0, 1e-3];
        let case = case_layernorm((8192 / columns).min(6), columns).unwrap();
        let machine = case.machine().unwrap_or_else(|e| panic!("{columns}: {e}"));
        let mut inputs = case.inputs(Pattern::Random, 3);
        // The first, the last, or one amid, differs by a unit of the last place.
        for (k, row) in inputs[0].chunks_mut(columns as usize).enumerate() {
            let middle = half::bf16::from_f64(middles[k]);
            row.fill(middle.to_f64());
            let place = [0, row.len() - 1, row.len() / 3][k % 3];
            row[place] = half::bf16::from_bits(middle.to_bits() + 1).to_f64();
        }
        let outcome = case.run_on(&machine, &inputs);
        let outcome = outcome.unwrap_or_else(|e| panic!("{e}"));
        assert_near(
            columns as usize,
            &inputs[0],
            &inputs[1],
            &outcome.results[0],
        );
    }
}
