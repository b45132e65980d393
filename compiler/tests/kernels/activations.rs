//! Activation functions whose results vanish.

use npuc::kernel::types::Elem;
use npuc::kernels::cases::standard;
use npuc::kernels::cases::values::{Pattern, ulps};

#[test]
fn gelu_is_that_of_the_error_function_down_to_where_it_vanishes() {
    let mut cases = standard().unwrap().into_iter();
    let case = cases.find(|case| case.kernel == "gelu").unwrap();
    let machine = case.machine().unwrap_or_else(|e| panic!("{e}"));
    for (pattern, name) in Pattern::ALL {
        let outcome = case.run(&machine, pattern, 5);
        let outcome = outcome.unwrap_or_else(|e| panic!("{e}"));
        let inputs = case.inputs(pattern, 5);
        let exact = (case.exact)(&inputs);
        for ((x, got), exact) in inputs[0].iter().zip(&outcome.results[0]).zip(&exact[0]) {
            let off = match *x < -3.0 {
                true => (got - exact).abs() / 1e-4,
                false => ulps(Elem::Bf16, *got, *exact) / 4.0,
            };
            assert!(off <= 1.0, "{name}: gelu({x}) is {exact}, not {got}");
        }
    }
}
