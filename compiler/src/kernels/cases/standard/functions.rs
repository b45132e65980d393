//! Functions of elements and of rows.

use super::{Case, Elem, KernelError, Operand, Role, Values, Work, operand};
use crate::kernels::exp;

pub(super) fn cases() -> Result<Vec<Case>, KernelError> {
    Ok(vec![case_exp(4096)?])
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
        func: exp(elements)?,
        operands: vec![
            rows("x", 1, elements, Role::In, values),
            rows("work", 1, elements, Role::Work, values),
            rows("y", 1, elements, Role::Out, values),
        ],
        work: work(u64::from(elements) / 32, [12, 12, 13, 8]),
        exact: Box::new(|operands| vec![operands[0].iter().map(|x| x.exp()).collect()]),
    })
}
