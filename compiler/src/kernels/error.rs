//! Shapes that a kernel does not take.

use arch::limits::CORE_DATA_BYTES;
use thiserror::Error;

/// Why a kernel cannot be built for a shape.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KernelError {
    /// A size that blocks do not fill.
    #[error("{kernel}: {what} is {value}, not a multiple of {block}\nhelp: pad it to {}", padded(*.value, *.block))]
    NotMultiple {
        /// Kernel.
        kernel: &'static str,
        /// Parameter.
        what: &'static str,
        /// Its value.
        value: u32,
        /// Block size.
        block: u32,
    },
    /// A size of nothing.
    #[error("{kernel}: {what} is 0, the least is {block}\nhelp: leave the call out")]
    Zero {
        /// Kernel.
        kernel: &'static str,
        /// Parameter.
        what: &'static str,
        /// Block size.
        block: u32,
    },
    /// An operand that no data memory holds.
    #[error(
        "{kernel}: {operand} has {bytes} bytes, a data memory {CORE_DATA_BYTES}\nhelp: split the work into smaller tiles"
    )]
    TooLarge {
        /// Kernel.
        kernel: &'static str,
        /// Operand.
        operand: &'static str,
        /// Its size.
        bytes: u64,
    },
    /// A factor that is no number.
    #[error(
        "{kernel}: {what} is {value}, which is no finite number\nhelp: give one between -3.3e38 and 3.3e38"
    )]
    NotFinite {
        /// Kernel.
        kernel: &'static str,
        /// Parameter.
        what: &'static str,
        /// Its value.
        value: String,
    },
    /// A number out of range.
    #[error("{kernel}: {what} is {value}, the range is 0..={max}\nhelp: {help}")]
    OutOfRange {
        /// Kernel.
        kernel: &'static str,
        /// Parameter.
        what: &'static str,
        /// Its value.
        value: u32,
        /// Greatest.
        max: u32,
        /// What to do.
        help: &'static str,
    },
}

fn padded(value: u32, block: u32) -> u64 {
    u64::from(value).next_multiple_of(u64::from(block))
}

/// Checks that a size is whole blocks, at least one.
pub(crate) fn blocks(
    kernel: &'static str,
    what: &'static str,
    value: u32,
    block: u32,
) -> Result<(), KernelError> {
    if value == 0 {
        return Err(KernelError::Zero {
            kernel,
            what,
            block,
        });
    }
    if !value.is_multiple_of(block) {
        return Err(KernelError::NotMultiple {
            kernel,
            what,
            value,
            block,
        });
    }
    Ok(())
}

/// Checks that a number is in the range 0..=`max`.
pub(super) fn at_most(
    kernel: &'static str,
    what: &'static str,
    value: u32,
    max: u32,
) -> Result<(), KernelError> {
    match value <= max {
        true => Ok(()),
        false => Err(KernelError::OutOfRange {
            kernel,
            what,
            value,
            max,
            help: "sums and products have 32 bits; more leaves nothing of them",
        }),
    }
}

/// Checks that an operand fits one data memory.
pub(crate) fn fits(
    kernel: &'static str,
    operand: &'static str,
    bytes: u64,
) -> Result<(), KernelError> {
    match bytes <= u64::from(CORE_DATA_BYTES) {
        true => Ok(()),
        false => Err(KernelError::TooLarge {
            kernel,
            operand,
            bytes,
        }),
    }
}

/// Checks that a number is finite.
pub(super) fn finite(
    kernel: &'static str,
    what: &'static str,
    value: half::bf16,
) -> Result<(), KernelError> {
    match value.is_finite() {
        true => Ok(()),
        false => Err(KernelError::NotFinite {
            kernel,
            what,
            value: value.to_string(),
        }),
    }
}
