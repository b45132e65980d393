//! Constant data: arrays that a program brings along.

use crate::types::Elem;
use arch::limits::VECTOR_ALIGN;

/// An array in a core's own data memory that is there when the program begins and that nobody writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// Name, without the `@` of the text form.
    pub name: String,
    /// Type of the elements.
    pub elem: Elem,
    /// Elements one after the other, each little endian.
    pub bytes: Vec<u8>,
    /// Its address is a multiple of this, bytes; a power of two.
    pub align: u32,
    /// The logical bank of data memory that holds all of it, 0..=3; any, where there is none.
    pub bank: Option<u8>,
}

impl Data {
    /// An array that vectors can be loaded from, in any bank.
    pub fn new(name: impl Into<String>, elem: Elem, bytes: Vec<u8>) -> Self {
        Data {
            name: name.into(),
            elem,
            bytes,
            align: VECTOR_ALIGN,
            bank: None,
        }
    }

    /// The same array, all of it in one bank.
    pub fn in_bank(mut self, bank: u8) -> Self {
        self.bank = Some(bank);
        self
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.bytes.len() / self.elem.bytes() as usize
    }
}
