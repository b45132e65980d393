//! Arithmetic of the scalar unit beyond what Rust's integers do: bit-serial division, and single
//! precision reciprocal and roots in integers.
//!
//! The scalar unit has no floating point. [`recip`], [`rsqrt`] and [`sqrt`] take and make the bits
//! of an f32 with the operations that the unit has: products of which the low 32 bits are kept,
//! shifts, comparisons, steps of a division. Compiled code does the same step for step. Numbers
//! below the least normal one count as zero, as operands and as results.

/// Bits of f32 infinity.
pub const INFINITY: u32 = 0x7f80_0000;
/// Bits of the f32 that is no number, as the functions here make it.
pub const NAN: u32 = 0x7fc0_0000;
/// Bits of the least normal f32.
pub const LEAST_NORMAL: u32 = 0x0080_0000;
/// Bits of 2^126, the greatest f32 whose reciprocal is a normal number.
pub const GREATEST_RECIP: u32 = 0x7e80_0000;

/// Steps of a division of 32 bits.
pub const DIVIDE_STEPS: u32 = 32;
/// Steps of the division in [`recip`].
pub const RECIP_STEPS: u32 = 25;
/// What the division in [`recip`] begins with as its remainder.
pub const RECIP_START: u32 = 1 << 22;
/// Steps of Newton's iteration in [`rsqrt`] and [`sqrt`].
pub const NEWTON_STEPS: u32 = 3;
/// The first guess of a reciprocal root is `ROOT_GUESS.0 - ROOT_GUESS.1 * m`, in units of 2^-15: of
/// the lines over 1..4 the one that leaves the least error, 2^-12, after two steps.
pub const ROOT_GUESS: (u32, u32) = (35000, 5050);

/// One step of a bit-serial division: the dividend's highest bit moves into the remainder, which
/// gives up the divisor if it can, and the dividend takes in the quotient's bit.
///
/// Source of the operands: Xilinx/llvm-aie llvm/lib/Target/AIE/aie2/AIE2GenInstrInfo.td, DIVS; that a
/// step restores the remainder is inferred.
pub const fn divide_step(value: u32, remainder: u32, by: u32) -> (u32, u32) {
    let shifted = (remainder as u64) << 1 | (value >> 31) as u64;
    let fits = shifted >= by as u64;
    let rest = if fits { shifted - by as u64 } else { shifted };
    (value << 1 | fits as u32, rest as u32)
}

/// Quotient and remainder as [`DIVIDE_STEPS`] steps make them: by zero they are 2^32 - 1 and the
/// dividend.
pub const fn divide(value: u32, by: u32) -> (u32, u32) {
    match by {
        0 => (u32::MAX, value),
        _ => (value / by, value % by),
    }
}

/// Quotient and remainder of signed numbers, toward zero: those of the magnitudes, with signs put
/// back.
pub const fn divide_signed(value: i32, by: i32) -> (i32, i32) {
    let (quotient, remainder) = divide(value.unsigned_abs(), by.unsigned_abs());
    let (quotient, remainder) = (quotient as i32, remainder as i32);
    (
        if (value ^ by) < 0 {
            quotient.wrapping_neg()
        } else {
            quotient
        },
        if value < 0 {
            remainder.wrapping_neg()
        } else {
            remainder
        },
    )
}

/// One divided by an f32, rounded to the nearest.
///
/// Zero gives infinity, what lies beyond 2^126 gives zero, both with the operand's sign; what is no
/// number stays as it is.
pub const fn recip(x: u32) -> u32 {
    let (sign, magnitude) = (x & 0x8000_0000, x & 0x7fff_ffff);
    if magnitude > INFINITY {
        return x;
    }
    if magnitude < LEAST_NORMAL {
        return sign | INFINITY;
    }
    if magnitude > GREATEST_RECIP {
        return sign;
    }
    let exponent = magnitude >> 23;
    let by = magnitude & 0x007f_ffff | 0x0080_0000;
    let (mut quotient, mut rest) = (0, RECIP_START);
    let mut step = 0;
    while step < RECIP_STEPS {
        (quotient, rest) = divide_step(quotient, rest, by);
        step += 1;
    }
    // 2^48 is no odd multiple of a number of 24 bits: there is no tie.
    let rounded = quotient + (2 * rest >= by) as u32;
    // The quotient of 2^47 has its highest bit at 23, which counts as one in the exponent.
    sign | (252u32.wrapping_sub(exponent) << 23).wrapping_add(rounded)
}

/// A number as m * 4^half, m of 1..4: m in units of 2^-23, the biased exponent with the parity that
/// makes it even taken off, and the reciprocal root of m in units of 2^-15, to 2^-14.
const fn root_parts(magnitude: u32) -> (u32, u32, u32) {
    let exponent = magnitude >> 23;
    // The bias is odd.
    let odd = (exponent & 1) ^ 1;
    let m = (magnitude & 0x007f_ffff | 0x0080_0000) << odd;
    let short = m >> 9;
    let mut y = ROOT_GUESS.0 - ((ROOT_GUESS.1 * short) >> 14);
    let mut step = 0;
    while step < NEWTON_STEPS {
        let square = (y * y) >> 15;
        let product = (short * square) >> 14;
        y = (y * ((3 << 15) - product)) >> 16;
        step += 1;
    }
    (m, (exponent - odd) >> 1, y)
}

/// One divided by the square root of an f32, within 0.66 units in the last place.
///
/// Zero of either sign gives infinity, infinity gives zero, a number below zero and what is no
/// number give [`NAN`].
pub const fn rsqrt(x: u32) -> u32 {
    if x & 0x7fff_ffff < LEAST_NORMAL {
        return INFINITY;
    }
    if x > INFINITY {
        return NAN;
    }
    if x == INFINITY {
        return 0;
    }
    let (m, half, y) = root_parts(x);
    // What m * y^2 misses of one, in units of 2^-38: its higher bits are known to be its sign.
    let square = y * y;
    let (high, low) = (square >> 15, square & 0x7fff);
    let product = m
        .wrapping_mul(high)
        .wrapping_add(((m >> 8).wrapping_mul(low)) >> 7);
    let missing = (product as i32).wrapping_neg();
    let correction = (y as i32).wrapping_mul(missing >> 12) >> 11;
    let root = (y << 16).wrapping_add(correction as u32);
    // A root of 1/2..1 has its highest bit at 23, which counts as one in the exponent.
    ((188 - half) << 23) + ((root + 64) >> 7)
}

/// The square root of an f32, within 0.77 units in the last place.
///
/// Zero of either sign gives zero, infinity gives infinity, a number below zero and what is no number
/// give [`NAN`].
pub const fn sqrt(x: u32) -> u32 {
    if x & 0x7fff_ffff < LEAST_NORMAL {
        return 0;
    }
    if x > INFINITY {
        return NAN;
    }
    if x == INFINITY {
        return INFINITY;
    }
    let (m, half, y) = root_parts(x);
    let root = (m >> 9).wrapping_mul(y) >> 14;
    // What the root's square misses of m, in units of 2^-30.
    let missing = (m << 7).wrapping_sub(root.wrapping_mul(root)) as i32;
    let correction = (missing >> 6).wrapping_mul(y as i32) >> 10;
    let root = (root << 15).wrapping_add(correction as u32);
    ((half + 63) << 23) + ((root + 64) >> 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inputs with every exponent, and mantissas in steps.
    fn inputs() -> impl Iterator<Item = u32> {
        let mantissas = (0..1 << 23).step_by(8171).chain([1, (1 << 23) - 1]);
        mantissas.flat_map(|m| (1..255).map(move |e| e << 23 | m))
    }

    /// Error in units in the last place of the result.
    fn ulp(bits: u32, exact: f64) -> f64 {
        let unit = 2f64.powi((bits >> 23 & 0xff) as i32 - 150);
        (f64::from(f32::from_bits(bits)) - exact).abs() / unit
    }

    #[test]
    fn division_is_its_steps() {
        let numbers = [0, 1, 2, 3, 7, 10, 0x7fff_ffff, 0x8000_0000, u32::MAX];
        for (a, b) in numbers.iter().flat_map(|a| numbers.map(|b| (*a, b))) {
            let (mut value, mut rest) = (a, 0);
            for _ in 0..DIVIDE_STEPS {
                (value, rest) = divide_step(value, rest, b);
            }
            assert_eq!(divide(a, b), (value, rest), "{a} / {b}");
        }
        assert_eq!(divide_signed(-7, 2), (-3, -1));
        assert_eq!(divide_signed(i32::MIN, -1), (i32::MIN, 0));
        assert_eq!(divide_signed(-7, 0), (1, -7));
    }

    #[test]
    fn the_reciprocal_is_the_nearest() {
        for x in inputs().filter(|x| *x <= GREATEST_RECIP) {
            let exact = 1.0 / f64::from(f32::from_bits(x));
            assert_eq!(recip(x), (exact as f32).to_bits(), "{x:#x}");
            assert_eq!(recip(x | 1 << 31), (-exact as f32).to_bits(), "{x:#x}");
        }
        let of = |x: f32| f32::from_bits(recip(x.to_bits()));
        assert_eq!((of(0.0), of(-1e-40)), (f32::INFINITY, f32::NEG_INFINITY));
        assert_eq!((of(f32::INFINITY), of(f32::MAX)), (0.0, 0.0));
        assert!(of(f32::NAN).is_nan());
    }

    #[test]
    fn roots_are_within_their_bounds() {
        for x in inputs() {
            let exact = f64::from(f32::from_bits(x)).sqrt();
            let (error, inverse) = (ulp(sqrt(x), exact), ulp(rsqrt(x), 1.0 / exact));
            assert!(error < 0.77, "sqrt {x:#x}: {error}");
            assert!(inverse < 0.66, "rsqrt {x:#x}: {inverse}");
        }
        for x in [-1.0, f32::NAN, f32::NEG_INFINITY, -f32::NAN] {
            assert_eq!((sqrt(x.to_bits()), rsqrt(x.to_bits())), (NAN, NAN));
        }
        assert_eq!((sqrt(INFINITY), rsqrt(INFINITY)), (INFINITY, 0));
        assert_eq!((sqrt(1 << 31), rsqrt(1 << 31)), (0, INFINITY));
        assert_eq!(
            (sqrt(0x3f80_0000), rsqrt(0x3f80_0000)),
            (0x3f80_0000, 0x3f80_0000)
        );
    }
}
