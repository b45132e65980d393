//! Functions of elements and of rows.

use super::{Case, Elem, KernelError, Operand, Role, Values, Work, operand};
use crate::kernels::layernorm::EPSILON;
use crate::kernels::{exp, gelu, layernorm, silu, softmax};

pub(super) fn cases() -> Result<Vec<Case>, KernelError> {
    Ok(vec![
        case_exp(4096)?,
        case_gelu(4096)?,
        case_silu(4096)?,
        case_softmax(4, 1536)?,
        case_layernorm(8, 384)?,
        case_layernorm(4, 1280)?,
    ])
}

/// A function of elements or rows, with the operands x, work for most, and y, for rows of another shape.
///
/// # Errors
/// Shapes that the kernel does not take.
pub fn function(of: Function, rows: u32, columns: u32) -> Result<Case, KernelError> {
    match of {
        Function::Exp => case_exp(rows.saturating_mul(columns)),
        Function::Gelu => case_gelu(rows.saturating_mul(columns)),
        Function::Silu => case_silu(rows.saturating_mul(columns)),
        Function::Softmax => case_softmax(rows, columns),
    }
}

/// See [`function`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// [`exp()`].
    Exp,
    /// [`gelu()`].
    Gelu,
    /// [`silu()`].
    Silu,
    /// [`softmax()`].
    Softmax,
}

/// An operand of bf16 in rows.
fn rows(name: &'static str, rows: u32, columns: u32, role: Role, values: Values) -> Operand {
    let len = u64::from(rows) * u64::from(columns);
    Operand {
        values,
        ..operand(name, Elem::Bf16, len, columns, role)
    }
}

fn signed(usual: f64, huge: f64, tiny: f64) -> Values {
    Values::Signed { usual, huge, tiny }
}

/// Issues for 32 elements, so many times.
fn work(vectors: u64, [vector, stores, moves, loads]: [u64; 4]) -> Work {
    Work {
        loads: vectors * loads,
        stores: vectors * stores,
        vector: vectors * vector,
        moves: vectors * moves,
        ..Work::default()
    }
}

fn case_exp(elements: u32) -> Result<Case, KernelError> {
    let values = signed(3.0, 80.0, 1e-30);
    Ok(Case {
        kernel: "exp",
        shape: elements.to_string(),
        code: exp(elements)?.into(),
        operands: vec![
            rows("x", 1, elements, Role::In, values),
            rows("y", 1, elements, Role::Out, values),
        ],
        work: work(u64::from(elements) / 32, [6, 4, 5, 4]),
        exact: Box::new(|operands| vec![operands[0].iter().map(|x| x.exp()).collect()]),
    })
}

/// The complementary error function of a number that is not negative.
///
/// The series of erf up to 3, beyond it the continued fraction of erfc (Abramowitz and Stegun 7.1.5 and
/// 7.1.14).
fn erfc(a: f64) -> f64 {
    if a < 3.0 {
        let terms = (1..100).scan(a, |term, k| {
            let k = f64::from(k);
            *term *= -a * a / k;
            Some(*term / (2.0 * k + 1.0))
        });
        return 1.0 - (a + terms.sum::<f64>()) * std::f64::consts::FRAC_2_SQRT_PI;
    }
    let fraction = (1..200)
        .rev()
        .fold(a, |below, k| a + f64::from(k) / 2.0 / below);
    (-a * a).exp() / fraction / std::f64::consts::PI.sqrt()
}

fn case_gelu(elements: u32) -> Result<Case, KernelError> {
    let values = signed(2.0, 1e30, 1e-30);
    Ok(Case {
        kernel: "gelu",
        shape: elements.to_string(),
        code: gelu(elements)?.into(),
        operands: vec![
            rows("x", 1, elements, Role::In, values),
            rows("work", 1, gelu::WORK, Role::Work, values),
            rows("y", 1, elements, Role::Out, values),
        ],
        work: work(u64::from(elements) / 32, [14, 14, 6, 24]),
        exact: Box::new(|operands| {
            let gelu = operands[0].iter().map(|x| {
                let tail = erfc(x.abs() / std::f64::consts::SQRT_2) / 2.0;
                match *x > 0.0 {
                    true => x * (1.0 - tail),
                    false => x * tail,
                }
            });
            vec![gelu.collect()]
        }),
    })
}

fn case_silu(elements: u32) -> Result<Case, KernelError> {
    let values = signed(2.0, 1e30, 1e-30);
    Ok(Case {
        kernel: "silu",
        shape: elements.to_string(),
        code: silu(elements)?.into(),
        operands: vec![
            rows("x", 1, elements, Role::In, values),
            rows("work", 1, elements, Role::Work, values),
            rows("y", 1, elements, Role::Out, values),
        ],
        work: work(u64::from(elements) / 32, [12, 10, 10, 14]),
        exact: Box::new(|operands| {
            let silu = operands[0].iter().map(|x| x / (1.0 + (-x).exp()));
            vec![silu.collect()]
        }),
    })
}

fn case_softmax(count: u32, columns: u32) -> Result<Case, KernelError> {
    let values = signed(3.0, 1e30, 1e-30);
    Ok(Case {
        kernel: "softmax",
        shape: format!("{count}x{columns}"),
        code: softmax(count, columns)?.into(),
        operands: vec![
            rows("x", count, columns, Role::In, values),
            rows("work", 1, softmax::work(count, columns), Role::Work, values),
            rows("y", count, columns, Role::Out, values),
        ],
        work: work(u64::from(count * columns) / 32, [9, 7, 6, 8]),
        exact: Box::new(move |operands| {
            let rows = operands[0].chunks(columns as usize);
            let softmax = rows.flat_map(|row| {
                let max = row.iter().copied().fold(f64::MIN, f64::max);
                let powers: Vec<f64> = row.iter().map(|x| (x - max).exp()).collect();
                let sum: f64 = powers.iter().sum();
                powers.into_iter().map(move |power| power / sum)
            });
            vec![softmax.collect()]
        }),
    })
}

/// The case of layernorm for other shapes.
///
/// # Errors
/// As [`layernorm()`].
pub fn case_layernorm(count: u32, columns: u32) -> Result<Case, KernelError> {
    let values = signed(2.0, 1e15, 1e-15);
    let around = |middle, spread| Values::Around { middle, spread };
    Ok(Case {
        kernel: "layernorm",
        shape: format!("{count}x{columns}"),
        code: layernorm(count, columns)?.into(),
        operands: vec![
            rows("x", count, columns, Role::In, values),
            rows("terms", 2, columns, Role::In, around(0.5, 1.0)),
            rows("work", 1, layernorm::work(count), Role::Work, values),
            rows("y", count, columns, Role::Out, values),
        ],
        work: work(u64::from(count * columns) / 32, [6, 4, 0, 6]),
        exact: Box::new(move |operands| {
            let rows = operands[0].chunks(columns as usize);
            let normal = rows.flat_map(|row| {
                let share = 1.0 / row.len() as f64;
                let mean = row.iter().sum::<f64>() * share;
                let square = |x: &f64| (x - mean) * (x - mean);
                let variance = row.iter().map(square).sum::<f64>() * share;
                let scale = 1.0 / (variance + f64::from(EPSILON)).sqrt();
                let blocks = row.chunks(16).zip(operands[1].chunks(32));
                let columns = blocks.flat_map(|(x, terms)| {
                    let (gamma, beta) = terms.split_at(16);
                    x.iter().zip(gamma).zip(beta)
                });
                columns.map(move |((x, gamma), beta)| (x - mean) * scale * gamma + beta)
            });
            vec![normal.collect()]
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_is_that_of_tables() {
        // Abramowitz and Stegun, table 7.1, and erfc(4).
        for (x, y) in [
            (0.0, 1.0),
            (0.5, 0.479_500_122),
            (1.0, 0.157_299_207),
            (4.0, 1.541_725_79e-8),
        ] {
            assert!((erfc(x) / y - 1.0).abs() < 1e-8, "{x}: {}", erfc(x));
        }
        assert!((erfc(2.999_999) / erfc(3.0) - 1.0).abs() < 1e-4);
    }
}
