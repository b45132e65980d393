//! Products of matrices.

use super::{Case, Elem, KernelError, Operand, Role, Values, Work, operand};
use crate::kernels::matmul::bf16::Sum;
use crate::kernels::matmul::layout::Blocked;
use crate::kernels::matmul::requant::To;
use crate::kernels::{MatmulBf16, MatmulI8, Requant, matmul_bf16, matmul_i8, matmul_i8_requant};

pub(super) fn cases() -> Result<Vec<Case>, KernelError> {
    let mut cases = vec![
        case_i8([64; 3], false)?,
        case_i8([64; 3], true)?,
        case_i8([32, 384, 32], false)?,
    ];
    for to in [To::I8, To::Bf16 { exponent: 10 }] {
        for accumulate in [false, true] {
            cases.push(case_requant([64; 3], to, accumulate)?);
        }
        cases.push(case_requant([64, 128, 64], to, false)?);
    }
    cases.push(case_requant([32, 256, 64], To::I8, true)?);
    for sum in [Sum::Bf16, Sum::F32, Sum::Accumulate, Sum::PartialToBf16] {
        cases.push(case_bf16([64; 3], sum)?);
    }
    cases.push(case_bf16([32, 256, 32], Sum::Bf16)?);
    Ok(cases)
}

/// Work of the products: what is multiplied at once, a `whole` tile (16x16) or half of one (16x8), reads its
/// rows of A and columns of B.
fn work([m, k, n]: [u32; 3], element: u64, macs_per_issue: u64, whole: bool) -> Work {
    let tiles = u64::from(m / 16 * (n / 16));
    let macs = u64::from(m) * u64::from(k) * u64::from(n);
    let columns = if whole { 16 + 16 } else { 2 * (16 + 8) };
    Work {
        loads: tiles * u64::from(k) * element * columns / 32,
        vector: macs / macs_per_issue,
        macs,
        ..Work::default()
    }
}

/// The product of matrices stored row by row, added to `start`.
fn product([m, k, n]: [u32; 3], a: &[f64], b: &[f64], start: &[f64]) -> Vec<f64> {
    let (m, k, n) = (m as usize, k as usize, n as usize);
    let mut out = start.to_vec();
    out.resize(m * n, 0.0);
    for row in 0..m {
        for step in 0..k {
            let factor = a[row * k + step];
            for column in 0..n {
                out[row * n + column] += factor * b[step * n + column];
            }
        }
    }
    out
}

fn case_i8([m, k, n]: [u32; 3], accumulate: bool) -> Result<Case, KernelError> {
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
    let c_vectors = shape.c_bytes() / 32;
    let mut work = work([m, k, n], 1, 256, k > 64);
    work.loads += u64::from(accumulate) * c_vectors;
    work.stores = c_vectors;
    Ok(Case {
        kernel: shape.name(),
        shape: format!("{m}x{k}x{n}"),
        code: matmul_i8(shape)?.into(),
        operands: vec![
            operand("a", Elem::I8, shape.a_bytes(), 8, Role::In),
            operand("b", Elem::I8, shape.b_bytes(), 8, Role::In),
            operand("c", Elem::I32, shape.c_bytes() / 4, 8, role),
        ],
        work,
        exact: Box::new(move |operands| {
            let a = Blocked::a(m, k).unpack(&operands[0]);
            let b = Blocked::b(k, n, 8).unpack(&operands[1]);
            let order = Blocked::c(m, n, 8);
            let c = product([m, k, n], &a, &b, &order.unpack(&operands[2]));
            vec![order.pack(&c)]
        }),
    })
}

fn case_requant(sizes: [u32; 3], to: To, accumulate: bool) -> Result<Case, KernelError> {
    let [m, k, n] = sizes;
    let shape = MatmulI8 {
        m,
        k,
        n,
        accumulate,
    };
    // Sums of 64 random products have a deviation of about 43000.
    let (shift_in, shift_out, elem, sums, point) = match to {
        To::I8 => (3, 21, Elem::I8, 1, 1.0),
        To::Bf16 { exponent } => (3, 14, Elem::Bf16, 4, f64::from(exponent).exp2()),
    };
    let requant = Requant {
        shift_in,
        shift_out,
        to,
    };
    let elements = u64::from(m) * u64::from(n);
    let around = |middle: f64, spread: f64| Values::Around { middle, spread };
    let column = |name, elem, values| Operand {
        values,
        ..operand(name, elem, 4 * u64::from(n), 8, Role::In)
    };
    let mut operands = vec![
        operand("a", Elem::I8, shape.a_bytes(), 8, Role::In),
        operand("b", Elem::I8, shape.b_bytes(), 8, Role::In),
        column("bias", Elem::I32, around(0.0, 20_000.0)),
        column("scale", Elem::I16, around(16_384.0, 8_192.0)),
        // Its rows are cut into blocks: what a result may be off is measured by the whole.
        operand("c", elem, elements, elements as u32, Role::Out),
    ];
    let mut work = work(sizes, 1, 256, false);
    // Bias (four) and scale (two) are loaded once for the four blocks of a column of a tile.
    work.loads += elements / 128 * 6;
    // Shifts to registers share the slot of the stores: one a block for 8-bit results, two for bf16.
    let shifts = elements / 32 * u64::from(elem.bytes());
    work.stores = elements * u64::from(elem.bytes()) / 32 + shifts;
    work.vector += elements / 32 * (sums + u64::from(accumulate));
    if accumulate {
        operands.push(Operand {
            values: around(0.0, 50_000.0),
            ..operand("partial", Elem::I32, elements, 8, Role::In)
        });
        work.loads += elements / 8;
    }
    Ok(Case {
        kernel: requant.name(accumulate),
        shape: format!("{m}x{k}x{n}"),
        code: matmul_i8_requant(shape, requant)?.into(),
        operands,
        work,
        exact: Box::new(move |operands| {
            let a = Blocked::a(m, k).unpack(&operands[0]);
            let b = Blocked::b(k, n, 8).unpack(&operands[1]);
            let order = Blocked::c(m, n, 8);
            let partial = operands.get(5).map(|p| order.unpack(p));
            let sums = product(sizes, &a, &b, &partial.unwrap_or_default());
            let sums = order.pack(&sums);
            let scaled = sums.iter().enumerate().map(|(index, sum)| {
                // Blocks of 4x8 of one column of blocks follow each other in tiles of 16 rows.
                let group = index / (16 * 8) % (n as usize / 8);
                let column = group * 32 + index % 32;
                let (bias, scale) = (operands[2][column], operands[3][column]);
                let sum = (sum + bias) / f64::from(1 << shift_in);
                let r = sum.clamp(-32768.0, 32767.0) * scale / f64::from(1 << shift_out);
                r.clamp(-32768.0, 32767.0) / point
            });
            vec![scaled.collect()]
        }),
    })
}

fn case_bf16(sizes: [u32; 3], sum: Sum) -> Result<Case, KernelError> {
    let [m, k, n] = sizes;
    let shape = MatmulBf16 { m, k, n, sum };
    let elements = u64::from(m) * u64::from(n);
    let (elem, role) = match sum {
        Sum::F32 => (Elem::F32, Role::Out),
        Sum::Accumulate => (Elem::F32, Role::InOut),
        Sum::Bf16 | Sum::PartialToBf16 => (Elem::Bf16, Role::Out),
    };
    let mut operands = vec![
        operand("a", Elem::Bf16, u64::from(m * k), 8, Role::In),
        operand("b", Elem::Bf16, u64::from(k * n), 4, Role::In),
        operand("c", elem, elements, 4, role),
    ];
    let mut work = work(sizes, 2, 128, false);
    work.stores = elements * u64::from(elem.bytes()) / 32;
    if sum == Sum::PartialToBf16 {
        operands.push(operand("partial", Elem::F32, elements, 4, Role::In));
    }
    if matches!(sum, Sum::PartialToBf16 | Sum::Accumulate) {
        work.loads += elements / 8;
    }
    Ok(Case {
        kernel: shape.name(),
        shape: format!("{m}x{k}x{n}"),
        code: matmul_bf16(shape)?.into(),
        operands,
        work,
        exact: Box::new(move |operands| {
            let (a, b) = (
                shape.a().unpack(&operands[0]),
                shape.b().unpack(&operands[1]),
            );
            let start = match sum {
                Sum::F32 | Sum::Bf16 => Vec::new(),
                Sum::Accumulate => shape.c().unpack(&operands[2]),
                Sum::PartialToBf16 => shape.c().unpack(&operands[3]),
            };
            vec![shape.c().pack(&product(sizes, &a, &b, &start))]
        }),
    })
}
