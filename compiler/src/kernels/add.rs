//! Sums of two tensors, element by element.

use super::error::{KernelError, blocks, fits};
use super::unroll::unrolled;
use kernel::builder::FuncBuilder;
use kernel::ir::{Func, MacMode, SrsMode, Value};
use kernel::types::{AccLane, Elem, Rounding, Saturation, Type};

/// Bytes of one load and of one store.
const STEP: i32 = 32;

/// What is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addend {
    /// i8, clamped to -128..=127.
    I8,
    /// bf16, added in f32 and rounded to nearest, ties to even.
    Bf16,
    /// f32, as the core adds: to nearest, with 23 bits below the larger operand.
    F32,
    /// i32, wraps.
    I32,
}

impl Addend {
    /// Every one.
    pub const ALL: [Addend; 4] = [Addend::I8, Addend::Bf16, Addend::F32, Addend::I32];

    /// Element type.
    pub const fn elem(self) -> Elem {
        match self {
            Addend::I8 => Elem::I8,
            Addend::Bf16 => Elem::Bf16,
            Addend::F32 => Elem::F32,
            Addend::I32 => Elem::I32,
        }
    }

    /// Symbol of the kernel.
    pub const fn name(self) -> &'static str {
        match self {
            Addend::I8 => "add_i8",
            Addend::Bf16 => "add_bf16",
            Addend::F32 => "add_f32",
            Addend::I32 => "add_i32",
        }
    }

    /// Elements of one sum; the number of elements is a multiple.
    pub const fn lanes(self) -> u32 {
        match self {
            Addend::I8 => 32,
            _ => 16,
        }
    }
}

/// `add_TYPE(x: ptr, y: ptr, z: ptr)`: `z[i] = x[i] + y[i]` for `elements` elements, a multiple of
/// [`Addend::lanes`]; a shorter tensor is padded with what its caller likes, as elements do not meet.
///
/// Bound: one cycle for 32 bytes of z, by the stores; for f32 a sixth more, as accumulators are written
/// twice by the loads of a sum or once by a move, and read twice by its stores or once by a move.
///
/// # Errors
/// A size of 0, one that is not a multiple of the lanes, or an operand beyond a data memory.
pub fn add(addend: Addend, elements: u32) -> Result<Func, KernelError> {
    let (name, elem) = (addend.name(), addend.elem());
    blocks(name, "number of elements", elements, addend.lanes())?;
    fits(name, "x", u64::from(elements) * u64::from(elem.bytes()))?;
    let mut b = FuncBuilder::new(name);
    let pointers = [b.ptr_param(), b.ptr_param(), b.ptr_param()];
    let constants = Constants::new(&mut b, addend);
    let sums = elements / addend.lanes();
    let ways = match addend {
        Addend::F32 => &Way::ALL[..],
        _ => &Way::ALL[..1],
    };
    unrolled(
        &mut b,
        sums,
        ways.len() as u32,
        &pointers,
        |b, steps, pointers| {
            let (mut x, mut y, mut z) = (pointers[0], pointers[1], pointers[2]);
            for way in &ways[..steps as usize] {
                let sum = constants.sum(b, addend, [&mut x, &mut y], *way);
                let step = b.ty(sum).bytes() as i32;
                z = b.store_post(sum, z, step);
            }
            vec![x, y, z]
        },
    );
    Ok(b.finish())
}

/// How f32 go to accumulators and back: taken in turn, so that neither moves nor the ports of the
/// accumulators are all the work.
#[derive(Clone, Copy)]
enum Way {
    /// Loads fill an accumulator, only the other term is moved.
    Loaded,
    /// Stores empty an accumulator.
    Stored,
    /// Everything is moved.
    Moved,
}

impl Way {
    const ALL: [Way; 3] = [Way::Loaded, Way::Stored, Way::Moved];
}

/// What every sum needs.
struct Constants {
    /// A one in every lane, where sums are products with it.
    ones: Option<Value>,
    zero: Value,
}

impl Constants {
    fn new(b: &mut FuncBuilder, addend: Addend) -> Self {
        let one = match addend {
            Addend::I8 => Some((Type::vec(Elem::I8, 64), 1)),
            // 1.0
            Addend::Bf16 => Some((Type::vec(Elem::Bf16, 32), 0x3f80)),
            Addend::F32 | Addend::I32 => None,
        };
        let ones = one.map(|(ty, one)| {
            let one = b.iconst(one);
            b.splat(ty, one)
        });
        let zero = b.iconst(0);
        Constants { ones, zero }
    }

    /// The sum of the elements at two pointers, which move past them.
    ///
    /// Narrow elements are the two terms of an elementwise product with ones.
    fn sum(&self, b: &mut FuncBuilder, addend: Addend, [x, y]: [&mut Value; 2], way: Way) -> Value {
        let load = |b: &mut FuncBuilder, ty: Type, from: &mut Value| {
            let (value, next) = b.load_post(ty, *from, ty.bytes() as i32);
            *from = next;
            value
        };
        let half = Type::vec(addend.elem(), (STEP as u32 / addend.elem().bytes()) as u16);
        match (addend, self.ones) {
            (Addend::I8, Some(ones)) => {
                let (lo, hi) = (load(b, half, x), load(b, half, y));
                let both = b.concat(lo, hi);
                let sum = b.mul(MacMode::I8E32, both, ones);
                let mode = SrsMode {
                    rounding: Rounding::ConvEven,
                    range: Saturation::Saturate,
                    signed: true,
                };
                b.srs(half, sum, self.zero, mode)
            }
            (Addend::Bf16, Some(ones)) => {
                let (lo, hi) = (load(b, half, x), load(b, half, y));
                let both = b.concat(lo, hi);
                let sum = b.mul(MacMode::Bf16E16, both, ones);
                b.to_bf16(sum, Rounding::ConvEven)
            }
            (Addend::I32, _) => {
                let whole = Type::vec(Elem::I32, 16);
                let (left, right) = (load(b, whole, x), load(b, whole, y));
                b.vadd(left, right)
            }
            _ => {
                let (whole, acc) = (Type::vec(Elem::F32, 16), Type::acc(AccLane::F32, 16));
                let left = match way {
                    Way::Loaded => load(b, acc, x),
                    Way::Stored | Way::Moved => {
                        let left = load(b, whole, x);
                        b.cast(acc, left)
                    }
                };
                let right = load(b, whole, y);
                let right = b.cast(acc, right);
                let sum = b.acc_add(left, right);
                match way {
                    Way::Stored => sum,
                    Way::Loaded | Way::Moved => b.cast(whole, sum),
                }
            }
        }
    }
}
