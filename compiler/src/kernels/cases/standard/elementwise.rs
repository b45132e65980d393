//! Kernels that take element by element, or move them.

use super::{Case, Elem, KernelError, Role, Work, operand};
use crate::kernels::{Addend, Transpose, add, passthrough, scale_bf16, scale_i16, transpose};

pub(super) fn cases() -> Result<Vec<Case>, KernelError> {
    let mut cases = vec![
        case_passthrough(4096)?,
        scale(2048, 321, 9)?,
        case_scale_bf16(2048)?,
    ];
    for addend in Addend::ALL {
        cases.push(case_add(addend, 2048)?);
    }
    for wide in [false, true] {
        cases.push(case_transpose(wide)?);
    }
    Ok(cases)
}

fn case_passthrough(bytes: u32) -> Result<Case, KernelError> {
    let len = u64::from(bytes);
    Ok(Case {
        kernel: "passthrough",
        shape: format!("{bytes} bytes"),
        code: passthrough(bytes)?.into(),
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

/// [`scale_i16()`] of any size, factor and shift.
///
/// # Errors
/// What the kernel does not take.
pub fn scale(elements: u32, factor: i16, shift: u32) -> Result<Case, KernelError> {
    let len = u64::from(elements);
    Ok(Case {
        kernel: "scale_i16",
        shape: elements.to_string(),
        code: scale_i16(elements, factor, shift)?.into(),
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
        exact: Box::new(move |operands| {
            let factor = f64::from(factor) / f64::from(shift).exp2();
            vec![operands[0].iter().map(|v| v * factor).collect()]
        }),
    })
}

fn case_scale_bf16(elements: u32) -> Result<Case, KernelError> {
    let factor = half::bf16::from_f32(0.3);
    let len = u64::from(elements);
    Ok(Case {
        kernel: "scale_bf16",
        shape: elements.to_string(),
        code: scale_bf16(elements, factor)?.into(),
        operands: vec![
            operand("src", Elem::Bf16, len, 64, Role::In),
            operand("dst", Elem::Bf16, len, 64, Role::Out),
        ],
        work: Work {
            loads: len / 16,
            stores: len / 16,
            vector: len / 16,
            ..Work::default()
        },
        exact: Box::new(move |operands| {
            let scaled = operands[0].iter().map(|v| v * f64::from(factor));
            vec![scaled.collect()]
        }),
    })
}

fn case_add(addend: Addend, elements: u32) -> Result<Case, KernelError> {
    let (len, elem) = (u64::from(elements), addend.elem());
    let vectors = len * u64::from(elem.bytes()) / 32;
    // Per 16 elements: a sum of i32 is a move; one of f32 writes and reads accumulators by two ports, and
    // what does not load or store them is moved, seven of the three together in three sums.
    let moves = match addend {
        Addend::I8 | Addend::Bf16 => 0,
        Addend::I32 => len / 16,
        Addend::F32 => (len / 16 * 7).div_ceil(3),
    };
    Ok(Case {
        kernel: addend.name(),
        shape: elements.to_string(),
        code: add(addend, elements)?.into(),
        operands: vec![
            operand("x", elem, len, 64, Role::In),
            operand("y", elem, len, 64, Role::In),
            operand("z", elem, len, 64, Role::Out),
        ],
        work: Work {
            loads: 2 * vectors,
            stores: vectors,
            vector: match addend {
                Addend::I32 => 0,
                _ => len / u64::from(addend.lanes()),
            },
            moves,
            ..Work::default()
        },
        exact: Box::new(|operands| {
            let pairs = operands[0].iter().zip(&operands[1]);
            vec![pairs.map(|(x, y)| x + y).collect()]
        }),
    })
}

fn case_transpose(wide: bool) -> Result<Case, KernelError> {
    let (m, n) = (64, 96);
    let shape = Transpose { m, n, wide };
    let elem = shape.elem();
    let len = u64::from(m * n);
    let vectors = len * u64::from(elem.bytes()) / 32;
    Ok(Case {
        kernel: shape.name(),
        shape: format!("{m}x{n}"),
        code: transpose(shape)?.into(),
        operands: vec![
            operand("src", elem, len, 8, Role::In),
            operand("dst", elem, len, 8, Role::Out),
        ],
        work: Work {
            loads: vectors,
            stores: vectors,
            moves: vectors / 2 * if wide { 2 } else { 1 },
            ..Work::default()
        },
        exact: Box::new(move |operands| {
            let matrix = shape.source().unpack(&operands[0]);
            let (m, n) = (m as usize, n as usize);
            let turned = (0..m * n).map(|index| matrix[index % m * n + index / m]);
            vec![shape.target().pack(&turned.collect::<Vec<f64>>())]
        }),
    })
}
