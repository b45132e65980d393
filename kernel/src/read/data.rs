//! Tokens to constant data.

use arch::limits::VECTOR_ALIGN;
use arch::num::{Rounding, f32_to_bf16};

use super::func::{Reader, Result};
use super::lex::{Kind, Token};
use super::{ReadError, ReadErrorKind};
use crate::ir::Data;
use crate::types::Elem;
use crate::verify::Pos;

/// Elements that constant data has at most: as many bytes as a core has of data memory.
const MAX_COUNT: i64 = arch::limits::CORE_DATA_BYTES as i64;

impl Reader<'_> {
    /// Whether constant data comes next.
    pub(super) fn is_data(&self) -> bool {
        self.next.kind == Kind::Word && self.next.text == "const"
    }

    /// Constant data, and where its name stands.
    pub(super) fn data(&mut self) -> Result<(Data, Pos)> {
        self.take()?;
        let name = self.expect(Kind::Func, "a name such as `@table`")?;
        self.punct(":")?;
        let elems = Elem::ALL.map(|(_, name)| name);
        let word = self.word("an element type such as `i16`", &elems)?;
        let elem = Elem::ALL.into_iter().find(|(_, name)| *name == word.text);
        let elem = elem.map_or(Elem::I8, |(elem, _)| elem);
        self.punct("[")?;
        let expected = self.int("number of elements", 0, MAX_COUNT)? as usize;
        self.punct("]")?;
        let (mut align, mut bank) = (VECTOR_ALIGN, None);
        while !self.at("=") {
            match self
                .word("`align`, `bank` or `=`", &["align", "bank"])?
                .text
            {
                "align" => align = self.int("alignment", 0, u32::MAX.into())? as u32,
                _ => bank = Some(self.int("bank", 0, u8::MAX.into())? as u8),
            }
        }
        self.punct("=")?;
        let mut bytes = Vec::new();
        loop {
            let token = self.next;
            let bits = match elem {
                Elem::I8 | Elem::I16 | Elem::I32 => self.element(elem)?,
                Elem::Bf16 | Elem::F32 if token.text.starts_with("0x") => self.element(elem)?,
                Elem::Bf16 => {
                    let bits = self.float(token)?.to_bits();
                    f32_to_bf16(bits, Rounding::ConvEven).into()
                }
                Elem::F32 => self.float(token)?.to_bits(),
            };
            bytes.extend(&bits.to_le_bytes()[..elem.bytes() as usize]);
            if self.next.kind == Kind::Int {
                return Err(self.unexpected("a comma between elements"));
            }
            if !self.at(",") {
                break;
            }
            self.take()?;
        }
        let data = Data {
            name: name.text.into(),
            elem,
            bytes,
            align,
            bank,
        };
        match data.count() {
            found if found == expected => Ok((data, name.pos)),
            found => Err(ReadError::at(name.pos).kind(ReadErrorKind::DataCount {
                name: data.name,
                found,
                expected,
            })),
        }
    }

    /// The bits of an element, signed or not.
    fn element(&mut self, elem: Elem) -> Result<u32> {
        let max = (1 << elem.bits()) - 1;
        Ok(self.int("element", -(1 << (elem.bits() - 1)), max)? as u32)
    }

    /// A decimal, rounded to f32.
    fn float(&mut self, token: Token<'_>) -> Result<f32> {
        match token.text.parse::<f32>() {
            Ok(float) if token.kind == Kind::Int && float.is_finite() => {
                self.take()?;
                Ok(float)
            }
            _ => {
                Err(self.unexpected("a number such as `-0.5` or the bits of one such as `0x3f80`"))
            }
        }
    }
}
