//! Bit fields of registers: range-checked writing, plain reading.
//!
//! A layout is stated once as a table, one row a field: name, word, bits and coding. The macro makes
//! a struct of it with `encode` (refuses what does not fit) and `decode` (total).

use core::fmt;

/// A value that does not fit its register field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Layout the field belongs to, such as `core BD`.
    pub layout: &'static str,
    /// Name of the field.
    pub field: &'static str,
    /// The refused value.
    pub value: i64,
    /// Smallest value the field holds.
    pub min: i64,
    /// Largest value the field holds.
    pub max: i64,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FieldError {
            layout,
            field,
            value,
            min,
            max,
        } = self;
        write!(
            f,
            "{layout} field {field} is {value}, the hardware holds {min} to {max}\n\
             help: bring the value into this range, or split the transfer"
        )
    }
}

impl std::error::Error for FieldError {}

/// How a field's bits stand for its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// One bit, a truth value.
    Flag,
    /// Unsigned number.
    Uint,
    /// Two's complement number.
    Sint,
    /// Unsigned number stored less one: all-zero bits mean 1.
    Less1,
}

/// One field of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name of the field.
    pub name: &'static str,
    /// Index of the 32-bit word.
    pub word: usize,
    /// Most significant bit.
    pub msb: u32,
    /// Least significant bit.
    pub lsb: u32,
    /// How bits become a value.
    pub coding: Coding,
}

impl Field {
    /// Bits of the field, at its place in the word.
    pub const fn mask(&self) -> u32 {
        let width = self.msb - self.lsb + 1;
        (u32::MAX >> (32 - width)) << self.lsb
    }

    /// Smallest and largest value the field holds.
    pub const fn range(&self) -> (i64, i64) {
        let width = self.msb - self.lsb + 1;
        match self.coding {
            Coding::Flag | Coding::Uint => (0, (1i64 << width) - 1),
            Coding::Less1 => (1, 1i64 << width),
            Coding::Sint => (-(1i64 << (width - 1)), (1i64 << (width - 1)) - 1),
        }
    }

    /// The field's value in `words`.
    pub const fn get(&self, words: &[u32]) -> i64 {
        let bits = ((words[self.word] & self.mask()) >> self.lsb) as i64;
        match self.coding {
            Coding::Flag | Coding::Uint => bits,
            Coding::Less1 => bits + 1,
            Coding::Sint => {
                let width = self.msb - self.lsb + 1;
                if bits >> (width - 1) != 0 {
                    bits - (1i64 << width)
                } else {
                    bits
                }
            }
        }
    }

    /// Writes `value` into `words`.
    ///
    /// # Errors
    /// When the value does not fit the field.
    pub fn put(
        &self,
        layout: &'static str,
        words: &mut [u32],
        value: i64,
    ) -> Result<(), FieldError> {
        let (min, max) = self.range();
        if value < min || value > max {
            return Err(FieldError {
                layout,
                field: self.name,
                value,
                min,
                max,
            });
        }
        let bits = match self.coding {
            Coding::Less1 => value - 1,
            _ => value,
        };
        words[self.word] =
            (words[self.word] & !self.mask()) | (((bits as u32) << self.lsb) & self.mask());
        Ok(())
    }
}

macro_rules! coding {
    (flag) => {
        $crate::array::field::Coding::Flag
    };
    (uint) => {
        $crate::array::field::Coding::Uint
    };
    (sint) => {
        $crate::array::field::Coding::Sint
    };
    (less1) => {
        $crate::array::field::Coding::Less1
    };
}

macro_rules! field_type {
    (flag) => {
        bool
    };
    (uint) => {
        u32
    };
    (sint) => {
        i32
    };
    (less1) => {
        u32
    };
}

macro_rules! from_value {
    (flag, $v:expr) => {
        $v != 0
    };
    (uint, $v:expr) => {
        $v as u32
    };
    (sint, $v:expr) => {
        $v as i32
    };
    (less1, $v:expr) => {
        $v as u32
    };
}

/// Declares a register layout: struct, field table, `encode` and `decode`.
macro_rules! layout {
    (
        $(#[$meta:meta])*
        $name:ident, $label:literal, $words:literal words {
            $( $(#[$fmeta:meta])* $field:ident = $word:literal [ $msb:literal : $lsb:literal ] $coding:ident; )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            $( $(#[$fmeta])* pub $field: $crate::array::field::field_type!($coding), )*
        }

        impl $name {
            /// Name of the layout in errors.
            pub const LABEL: &'static str = $label;
            /// Number of 32-bit words.
            pub const WORDS: usize = $words;
            /// Every field, in the order of the table.
            pub const FIELDS: &'static [$crate::array::field::Field] = &[
                $( $crate::array::field::Field {
                    name: stringify!($field),
                    word: $word,
                    msb: $msb,
                    lsb: $lsb,
                    coding: $crate::array::field::coding!($coding),
                }, )*
            ];

            /// The register words.
            ///
            /// # Errors
            /// When a value does not fit its field; names the field and its range.
            pub fn encode(&self) -> Result<[u32; $words], $crate::array::FieldError> {
                let mut words = [0u32; $words];
                let mut fields = Self::FIELDS.iter();
                $(
                    if let Some(field) = fields.next() {
                        field.put(Self::LABEL, &mut words, i64::from(self.$field))?;
                    }
                )*
                Ok(words)
            }

            /// Reads the register words; bits outside the fields are ignored.
            pub fn decode(words: [u32; $words]) -> Self {
                let mut fields = Self::FIELDS.iter();
                let mut next = || fields.next().map_or(0, |field| field.get(&words));
                $name {
                    $( $field: $crate::array::field::from_value!($coding, next()), )*
                }
            }
        }

        impl Default for $name {
            /// The layout with every register bit zero.
            fn default() -> Self {
                Self::decode([0; $words])
            }
        }
    };
}

/// Declares a layout of one register word, with `to_word` and `from_word`.
macro_rules! word_layout {
    (
        $(#[$meta:meta])*
        $name:ident, $label:literal {
            $( $(#[$fmeta:meta])* $field:ident = [ $msb:literal : $lsb:literal ] $coding:ident; )*
        }
    ) => {
        $crate::array::field::layout! {
            $(#[$meta])*
            $name, $label, 1 words {
                $( $(#[$fmeta])* $field = 0 [$msb:$lsb] $coding; )*
            }
        }

        impl $name {
            /// The register word.
            ///
            /// # Errors
            /// When a value does not fit its field; names the field and its range.
            pub fn to_word(&self) -> Result<u32, $crate::array::FieldError> {
                self.encode().map(|[word]| word)
            }

            /// Reads the register word; bits outside the fields are ignored.
            pub fn from_word(word: u32) -> Self {
                Self::decode([word])
            }
        }
    };
}

pub(crate) use {coding, field_type, from_value, layout, word_layout};

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: Field = Field {
        name: "value",
        word: 0,
        msb: 11,
        lsb: 5,
        coding: Coding::Sint,
    };

    #[test]
    fn signed_fields_round_trip_over_their_range() {
        for value in -64..=63 {
            let mut words = [u32::MAX];
            SIGNED.put("test", &mut words, value).unwrap();
            assert_eq!(SIGNED.get(&words), value);
            assert_eq!(words[0] | SIGNED.mask(), u32::MAX);
        }
    }

    #[test]
    fn refusal_names_field_value_and_range() {
        let err = SIGNED.put("core BD", &mut [0], 64).unwrap_err();
        assert_eq!(
            err.to_string(),
            "core BD field value is 64, the hardware holds -64 to 63\n\
             help: bring the value into this range, or split the transfer"
        );
    }
}
