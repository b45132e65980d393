//! The kernels of the library in their standard shapes.

use super::values::Values;
use super::{Case, Operand, Role, Work};
use crate::kernel::types::Elem;
use crate::kernels::matmul_i8::{pack_c, unpack_a, unpack_b, unpack_c};
use crate::kernels::{KernelError, MatmulI8, matmul_i8, passthrough, scale_i16};

/// Every kernel in its standard shapes, in the order of the tables.
///
/// # Errors
/// None but a fault of a kernel: all shapes are ones that it takes.
pub fn standard() -> Result<Vec<Case>, KernelError> {
    Ok(vec![
        case_passthrough(4096)?,
        case_scale(2048)?,
        case_matmul_i8(64, 64, 64, false)?,
        case_matmul_i8(64, 64, 64, true)?,
        case_matmul_i8(32, 384, 32, false)?,
    ])
}

/// Integers over the whole range of a type.
fn whole(elem: Elem) -> Values {
    let greatest = match elem {
        Elem::I8 => 127.0,
        Elem::I16 => 32767.0,
        _ => 1e6,
    };
    Values::Signed {
        usual: greatest,
        huge: greatest + 1.0,
        tiny: 1.0,
    }
}

fn operand(name: &'static str, elem: Elem, len: u64, row: u32, role: Role) -> Operand {
    Operand {
        name,
        elem,
        len: len as usize,
        row: row as usize,
        role,
        values: whole(elem),
    }
}

fn case_passthrough(bytes: u32) -> Result<Case, KernelError> {
    let len = u64::from(bytes);
    Ok(Case {
        kernel: "passthrough",
        shape: format!("{bytes} bytes"),
        func: passthrough(bytes)?,
        operands: vec![
            operand("src", Elem::I8, len, 64, Role::In),
            operand("dst", Elem::I8, len, 64, Role::Out),
        ],
        work: Work {
            loads: len / 32,
            stores: len / 32,
            ..Work::default()
        },
        exact: Box::new(|operands| vec![operands[0].clone()]),
    })
}

fn case_scale(elements: u32) -> Result<Case, KernelError> {
    const FACTOR: i16 = 321;
    const SHIFT: u32 = 9;
    let len = u64::from(elements);
    Ok(Case {
        kernel: "scale_i16",
        shape: format!("{elements}"),
        func: scale_i16(elements, FACTOR, SHIFT)?,
        operands: vec![
            operand("src", Elem::I16, len, 64, Role::In),
            operand("dst", Elem::I16, len, 64, Role::Out),
        ],
        work: Work {
            loads: len / 16,
            stores: len / 16,
            vector: len / 32,
            ..Work::default()
        },
        exact: Box::new(|operands| {
            let factor = f64::from(FACTOR) / f64::from(1 << SHIFT);
            vec![operands[0].iter().map(|v| v * factor).collect()]
        }),
    })
}

fn case_matmul_i8(m: u32, k: u32, n: u32, accumulate: bool) -> Result<Case, KernelError> {
    let shape = MatmulI8 {
        m,
        k,
        n,
        accumulate,
    };
    let role = match accumulate {
        true => Role::InOut,
        false => Role::Out,
    };
    // Each tile of 16x16 reads its 16 rows of A and 16 columns of B.
    let reads = u64::from(m / 16 * (n / 16)) * u64::from(k);
    Ok(Case {
        kernel: shape.name(),
        shape: format!("{m}x{k}x{n}"),
        func: matmul_i8(shape)?,
        operands: vec![
            operand("a", Elem::I8, shape.a_bytes(), 8, Role::In),
            operand("b", Elem::I8, shape.b_bytes(), 8, Role::In),
            operand("c", Elem::I32, shape.c_bytes() / 4, 8, role),
        ],
        work: Work {
            loads: reads + u64::from(accumulate) * shape.c_bytes() / 32,
            stores: shape.c_bytes() / 32,
            vector: shape.macs() / 256,
            macs: shape.macs(),
            ..Work::default()
        },
        exact: Box::new(move |operands| {
            let ints = |values: &[f64]| values.iter().map(|v| *v as i8).collect::<Vec<i8>>();
            let a = unpack_a(&shape, &ints(&operands[0]));
            let b = unpack_b(&shape, &ints(&operands[1]));
            let start: Vec<i32> = operands[2].iter().map(|v| *v as i32).collect();
            let mut c = unpack_c(&shape, &start);
            let (k, n) = (k as usize, n as usize);
            for (index, sum) in c.iter_mut().enumerate() {
                let (row, column) = (index / n, index % n);
                for step in 0..k {
                    *sum += i32::from(a[row * k + step]) * i32::from(b[step * n + column]);
                }
            }
            let c = pack_c(&shape, &c);
            vec![c.into_iter().map(f64::from).collect()]
        }),
    })
}
