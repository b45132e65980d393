//! Activation functions: where results vanish, and for every element.

use npuc::kernel::types::Elem;
use npuc::kernels::cases::standard;
use npuc::kernels::cases::values::{Pattern, from_bytes, to_bytes, ulps};
use npuc::kernels::silu;

use super::{run, verified};

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

#[test]
fn silu_is_near_for_every_element() {
    let elements = (0..=u16::MAX).map(half::bf16::from_bits);
    let elements: Vec<f64> = elements
        .filter(|x| x.is_finite())
        .map(half::bf16::to_f64)
        .collect();
    let half = elements.len() / 2;
    let module = verified(silu(half as u32).unwrap());
    for elements in elements.chunks(half) {
        let bytes = to_bytes(Elem::Bf16, elements);
        let none = Err(bytes.len());
        let (after, _) = run(&module, &[Ok(bytes), none.clone(), none]);
        let results = from_bytes(Elem::Bf16, &after[2]);
        for (x, got) in elements.iter().zip(results) {
            let exact = x / (1.0 + (-x).exp());
            // The sigmoid is less than the least normal number.
            let vanishes = *x < -87.0 && got <= 0.0 && got > -1e-35;
            let near = ulps(Elem::Bf16, got, exact) <= 2.0;
            assert!(near || vanishes, "silu({x:e}) is {exact:e}, not {got:e}");
        }
    }
}
