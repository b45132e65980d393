//! Names of places in a core's program.

use std::fmt;

use formats::elf::{CoreElf, Fill, SymbolKind};

/// The functions of a program, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbols {
    /// First address, size (0: unknown) and name, by address.
    functions: Vec<(u32, u32, String)>,
}

/// A place in a program: a function and the bytes from its begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The function's name.
    pub function: String,
    /// Bytes from its begin.
    pub offset: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:#x}", self.function, self.offset)
    }
}

impl Symbols {
    /// The functions that a core's ELF names.
    pub fn of(elf: &CoreElf) -> Self {
        let named = elf.symbols.iter();
        let functions = named.filter(|s| s.kind == SymbolKind::Function);
        let mut functions: Vec<_> = functions
            .map(|s| (s.addr, s.size, s.name.clone()))
            .collect();
        functions.sort();
        Symbols { functions }
    }

    /// Names of the functions, in the order of their addresses.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.functions.iter().map(|(.., name)| name.as_str())
    }

    /// Position of the function that begins last at or before an address.
    pub(crate) fn position(&self, pc: u32) -> Option<usize> {
        let after = self.functions.partition_point(|(addr, ..)| *addr <= pc);
        after.checked_sub(1)
    }

    /// The place of a program address; `None` outside every function.
    pub fn place(&self, pc: u32) -> Option<Place> {
        let (addr, size, name) = &self.functions[self.position(pc)?];
        let offset = pc - addr;
        (*size == 0 || offset < *size).then(|| Place {
            function: name.clone(),
            offset,
        })
    }
}

/// Whether the program that the ELF loads is what `program` holds: names of another one mislead.
pub(crate) fn is_program_of(elf: &CoreElf, program: &[u8]) -> bool {
    let parts = elf.segments.iter().filter(|s| s.is_program());
    parts.clone().count() > 0
        && parts.into_iter().all(|part| match &part.fill {
            Fill::Bytes(bytes) => {
                let at = part.addr as usize;
                program.get(at..at + bytes.len()) == Some(bytes)
            }
            Fill::Zeros(_) => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lie_inside_functions() {
        let name = |s: &str| s.to_string();
        let symbols = Symbols {
            functions: vec![
                (0, 16, name("start")),
                (32, 8, name("kernel")),
                (64, 0, name("tail")),
            ],
        };
        let text = |pc| symbols.place(pc).map(|place| place.to_string());
        assert_eq!(text(0), Some(name("start+0x0")));
        assert_eq!(text(15), Some(name("start+0xf")));
        assert_eq!(text(16), None);
        assert_eq!(text(38), Some(name("kernel+0x6")));
        assert_eq!(text(4000), Some(name("tail+0xf60")));
        assert_eq!(Symbols::default().place(0), None);
    }
}
