//! Tables, the cascade and the streams.

use inkwell::values::BasicValueEnum;
use npuc::kernel::ir::{Inst, PortOp, TableOp};
use npuc::kernel::types::Type;

use super::Error;
use super::func::{Leave, Lower};

/// Bits of a word of the cascade.
const WORD: u32 = 512;

/// Permutations that bring the low 32 and the low 16 bits of every 64 together: `T32_16x2_lo` and
/// `T16_16x4_lo`.
const LOW_32: i32 = 4;
const LOW_16: i32 = 24;

impl<'c> Lower<'c, '_> {
    pub(super) fn table(&mut self, inst: &Inst, op: &TableOp) -> Result<(), Error> {
        let value = match op {
            TableOp::Bases { ab, cd } => {
                let i32 = self.context.i32_type();
                let pointers = [self.data(inst, ab)?, self.data(inst, cd)?];
                let mut bases = pointers.map(|pointer| pointer.const_to_int(i32));
                if let super::Space::Native(_) = self.space {
                    // What is looked up natively has the core's address.
                    bases = [ab, cd].map(|name| self.constant(self.place_of(name)));
                }
                let lanes: Vec<_> = (0..16).map(|lane| bases[lane / 2 % 2]).collect();
                inkwell::types::VectorType::const_vector(&lanes).into()
            }
            TableOp::Lookup { ty, at } => {
                let entry = TableOp::entry_bytes(*ty, self.ty(*at));
                // The verifier has seen to it that the core has such a look-up.
                let bits = 8 * entry.unwrap_or(2);
                let eights = self.split(self.get(*at), self.ty(*at).bits() / 256)?;
                let mut found = Vec::new();
                for eight in eights {
                    let [lo, hi] = ["lo", "hi"]
                        .map(|half| self.intrinsic(&format!("load.4x{bits}.{half}"), &[eight]));
                    found.push(self.concat(lo?, hi?)?);
                }
                let mode = match bits {
                    64 => None,
                    32 => Some(LOW_32),
                    _ => Some(LOW_16),
                };
                let (first, last) = (found[0], found[found.len() - 1]);
                let whole = match mode {
                    None => first,
                    Some(mode) => {
                        let mode = self.constant(mode).into();
                        self.intrinsic("vshuffle", &[first, last, mode])?
                    }
                };
                self.resize(whole, ty.bits())?
            }
        };
        self.set(inst.results[0], value)
    }

    pub(super) fn port(&mut self, inst: &Inst, op: &PortOp) -> Result<(), Error> {
        let enable: BasicValueEnum<'c> = self.constant(1).into();
        match op {
            PortOp::CascadePut { value } => {
                let ty = self.ty(*value);
                let name = format!("mcd.write.{}", register(ty));
                for word in self.split(self.get(*value), ty.bits() / WORD)? {
                    self.effect(&name, &[word, enable])?;
                }
                self.leave_when(Leave::Waiting)
            }
            PortOp::CascadeGet { ty } => {
                let name = format!("scd.read.{}", register(*ty));
                let words = (0..ty.bits() / WORD).map(|_| self.intrinsic(&name, &[enable]));
                let words: Vec<_> = words.collect::<Result<_, _>>()?;
                self.leave_when(Leave::Waiting)?;
                let value = self.join(&words)?;
                self.set(inst.results[0], value)
            }
            PortOp::StreamPut { value, last } => {
                let last = self.constant(i32::from(*last)).into();
                self.effect("put.ms", &[self.get(*value), last])?;
                self.leave_when(Leave::Waiting)
            }
            PortOp::StreamGet => {
                let word = self.intrinsic("get.ss", &[])?;
                self.leave_when(Leave::Waiting)?;
                self.set(inst.results[0], word)
            }
        }
    }
}

/// What intrinsics of the cascade call the register of a type.
fn register(ty: Type) -> &'static str {
    match ty {
        Type::Acc { .. } => "acc32",
        _ => "vec",
    }
}
