//! Sums and maxima over logits.

use rten_simd::SimdOp;
use rten_vecmath::{MaxNum, SumExpSub};

/// The largest value, or minus infinity where there is none.
pub(super) fn highest(logits: &[f32]) -> f32 {
    if logits.is_empty() {
        f32::NEG_INFINITY
    } else {
        MaxNum::new(logits).dispatch()
    }
}

/// The logarithm of the sum of exponentials.
pub(super) fn log_sum_exp(logits: &[f32]) -> f32 {
    let top = highest(logits);
    if top == f32::NEG_INFINITY {
        return top;
    }
    top + SumExpSub::new(logits, top).dispatch().ln()
}

/// Where the largest value is, the first of equals.
pub(super) fn position_of_highest(logits: &[f32]) -> usize {
    let top = highest(logits);
    logits.iter().position(|&l| l == top).unwrap_or(0)
}

/// The `count` largest values with their positions, largest first, earlier ones first where equal.
pub(super) fn largest(logits: &[f32], count: usize) -> Vec<(usize, f32)> {
    let mut best: Vec<(usize, f32)> = Vec::with_capacity(count + 1);
    let mut bar = f32::NEG_INFINITY;
    for (at, &value) in logits.iter().enumerate() {
        if best.len() == count && (value <= bar || value.is_nan()) {
            continue;
        }
        let place = best.partition_point(|&(_, other)| other >= value);
        best.insert(place, (at, value));
        best.truncate(count);
        bar = best.last().map_or(bar, |&(_, v)| v);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forbidden_tokens_weigh_nothing() {
        let never = f32::NEG_INFINITY;
        assert!((log_sum_exp(&[0.0, never, 0.0]) - 2.0f32.ln()).abs() < 1e-6);
        assert_eq!(log_sum_exp(&[never, never]), never);
        assert_eq!(log_sum_exp(&[]), never);
        assert_eq!(position_of_highest(&[1.0, never, 3.0, 3.0]), 2);
    }

    proptest! {
        #[test]
        fn the_largest_are_those_of_a_sort(
            values in proptest::collection::vec(-5i32..5, 1..60), count in 1usize..8
        ) {
            let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
            let mut sorted: Vec<(usize, f32)> = values.iter().copied().enumerate().collect();
            sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
            sorted.truncate(count);
            prop_assert_eq!(largest(&values, count), sorted);
        }
    }
}
