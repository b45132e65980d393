//! The kernels of the library in their standard shapes.

mod elementwise;
mod functions;
mod products;

pub use elementwise::scale;
pub use functions::{Function, case_layernorm, function};

use super::values::Values;
use super::{Case, Operand, Role, Work};
use crate::kernels::KernelError;
use kernel::types::Elem;

/// Every kernel in its standard shapes, in the order of the tables.
///
/// # Errors
/// None but a fault of a kernel: all shapes are ones that it takes.
pub fn standard() -> Result<Vec<Case>, KernelError> {
    let mut cases = products::cases()?;
    cases.extend(elementwise::cases()?);
    cases.extend(functions::cases()?);
    Ok(cases)
}

/// Integers over the whole range of a type, those of 32 bits over a part that sums leave room to; floats
/// whose products stay in range.
fn whole(elem: Elem) -> Values {
    let (usual, huge, tiny) = match elem {
        Elem::I8 => (127.0, 128.0, 1.0),
        Elem::I16 => (32767.0, 32768.0, 1.0),
        Elem::I32 => (1e6, 1e8, 1.0),
        Elem::Bf16 | Elem::F32 => (1.0, 1e15, 1e-15),
    };
    Values::Signed { usual, huge, tiny }
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
