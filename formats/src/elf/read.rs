//! Reading a core's ELF.

use object::elf::{self, FileHeader32};
use object::read::elf::{FileHeader as _, ProgramHeader as _, Sym as _};
use object::{LittleEndian, read};

use super::{CoreElf, ElfError, Fill, MACHINE, Segment, Symbol, SymbolKind, check_overlap, place};

/// How many times the file's length all symbol names together may have: names may share bytes in
/// the string table, but a damaged file must not make a small file ask for much memory.
const NAME_SHARING: usize = 16;

impl CoreElf {
    /// Reads a linked program: its PT_LOAD segments (by physical address) and named symbols.
    ///
    /// A segment with fewer bytes in the file than in memory becomes two, bytes and zeros.
    ///
    /// # Errors
    /// [`ElfError`] for files that are not 32-bit little-endian executables for machine 264, and
    /// for segments outside the core's memories, overlapping, or not in the file.
    pub fn parse(file: &[u8]) -> Result<Self, ElfError> {
        let header = FileHeader32::<LittleEndian>::parse(file).map_err(format_error)?;
        let endian = header.endian().map_err(format_error)?;
        let machine = header.e_machine(endian).0;
        if machine != MACHINE {
            return Err(ElfError::Machine { found: machine });
        }
        let kind = header.e_type(endian);
        if kind != elf::ET_EXEC {
            return Err(ElfError::NotExecutable { found: kind.0 });
        }
        Ok(CoreElf {
            entry: header.e_entry(endian),
            segments: segments(file, header, endian)?,
            symbols: symbols(file, header, endian)?,
        })
    }
}

fn format_error(error: read::Error) -> ElfError {
    ElfError::Format {
        message: error.to_string(),
    }
}

fn segments(
    file: &[u8],
    header: &FileHeader32<LittleEndian>,
    endian: LittleEndian,
) -> Result<Vec<Segment>, ElfError> {
    let headers = header.program_headers(endian, file).map_err(format_error)?;
    let loads = headers
        .iter()
        .filter(|p| p.p_type(endian) == elf::PT_LOAD && p.p_memsz(endian) > 0);
    let ranges = loads
        .clone()
        .map(|p| place(p.p_paddr(endian), u64::from(p.p_memsz(endian))))
        .collect::<Result<_, _>>()?;
    // Before any byte is copied: disjoint ranges bound the memory by the core's address space.
    check_overlap(ranges)?;

    let mut segments = Vec::new();
    for load in loads {
        let addr = load.p_paddr(endian);
        let (offset, size) = (load.p_offset(endian), load.p_filesz(endian));
        let memory = load.p_memsz(endian);
        let Some(zeros) = memory.checked_sub(size) else {
            return Err(ElfError::SegmentSize {
                addr,
                file: size,
                memory,
            });
        };
        if size > 0 {
            let bytes = (offset as usize)
                .checked_add(size as usize)
                .and_then(|end| file.get(offset as usize..end))
                .ok_or(ElfError::SegmentRange {
                    addr,
                    offset,
                    size,
                    total: file.len(),
                })?;
            segments.push(Segment::bytes(addr, bytes.to_vec()));
        }
        if zeros > 0 {
            segments.push(Segment {
                addr: addr + size,
                fill: Fill::Zeros(zeros),
            });
        }
    }
    Ok(segments)
}

fn symbols(
    file: &[u8],
    header: &FileHeader32<LittleEndian>,
    endian: LittleEndian,
) -> Result<Vec<Symbol>, ElfError> {
    let sections = header.sections(endian, file).map_err(format_error)?;
    let table = sections
        .symbols(endian, file, elf::SHT_SYMTAB)
        .map_err(format_error)?;
    let limit = file.len().saturating_mul(NAME_SHARING);
    let mut left = limit;
    let mut symbols = Vec::new();
    for symbol in table.iter() {
        let kind = match symbol.st_type() {
            elf::STT_NOTYPE => SymbolKind::None,
            elf::STT_FUNC => SymbolKind::Function,
            elf::STT_OBJECT => SymbolKind::Object,
            _ => continue,
        };
        if symbol.st_shndx(endian) == elf::SHN_UNDEF {
            continue;
        }
        let name = table.symbol_name(endian, symbol).map_err(format_error)?;
        left = left
            .checked_sub(name.len())
            .ok_or(ElfError::SymbolNames { limit })?;
        if name.is_empty() {
            continue;
        }
        let name = str::from_utf8(name).map_err(|e| ElfError::Format {
            message: format!("symbol name {name:?} is not text: {e}"),
        })?;
        symbols.push(Symbol {
            name: name.to_string(),
            addr: symbol.st_value(endian),
            size: symbol.st_size(endian),
            kind,
            global: symbol.st_bind() != elf::STB_LOCAL,
        });
    }
    Ok(symbols)
}
