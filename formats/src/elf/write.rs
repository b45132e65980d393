//! Writing a core's ELF.

use object::elf;
use object::endian::Endianness;
use object::write::elf::{FileHeader, ProgramHeader, SectionHeader, SectionIndex, Sym, Writer};
use object::write::{Error, StringId};

use super::{CoreElf, ElfError, Fill, MACHINE, Segment, Symbol, SymbolKind, check_overlap};

/// Alignment of segments in the file, relative to their addresses: the width of an instruction
/// fetch and of a half vector.
const ALIGN: u64 = 16;

impl CoreElf {
    /// The bytes of the file: a PT_LOAD segment and a section for each segment, and a symbol table
    /// with local symbols before global ones.
    ///
    /// # Errors
    /// [`ElfError::Placement`] and [`ElfError::Overlap`] for segments outside the core's memories
    /// or sharing addresses, [`ElfError::SymbolName`] for a name that ELF cannot hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ElfError> {
        let ranges = self
            .segments
            .iter()
            .map(Segment::place)
            .collect::<Result<_, _>>()?;
        check_overlap(ranges)?;
        if let Some(bad) = self
            .symbols
            .iter()
            .find(|s| s.name.is_empty() || s.name.contains('\0'))
        {
            return Err(ElfError::SymbolName {
                name: bad.name.clone(),
            });
        }
        let mut out = Vec::new();
        lay_out(self, &mut out).map_err(|e| ElfError::Format {
            message: e.to_string(),
        })?;
        Ok(out)
    }
}

/// Where a segment goes in the file.
struct Slot<'a> {
    segment: &'a Segment,
    name: StringId,
    section: SectionIndex,
    offset: u64,
}

fn lay_out(program: &CoreElf, out: &mut Vec<u8>) -> Result<(), Error> {
    let mut writer = Writer::new(Endianness::Little, false, out);
    writer.reserve_file_header();
    let loaded: Vec<&Segment> = program.segments.iter().filter(|s| s.size() > 0).collect();
    writer.reserve_program_headers(loaded.len() as u32);
    writer.reserve_null_section_index();

    let mut slots = Vec::with_capacity(loaded.len());
    for segment in loaded {
        let gap = (u64::from(segment.addr) + ALIGN - writer.reserved_len() % ALIGN) % ALIGN;
        let offset = writer.reserved_len() + gap;
        writer.reserve_until(offset);
        if let Fill::Bytes(bytes) = &segment.fill {
            writer.reserve(bytes.len() as u64, 1);
        }
        slots.push(Slot {
            segment,
            name: writer.add_section_name(section_name(segment)),
            section: writer.reserve_section_index(),
            offset,
        });
    }

    let mut symbols: Vec<&Symbol> = program.symbols.iter().collect();
    symbols.sort_by_key(|s| s.global);
    let locals = symbols.iter().filter(|s| !s.global).count() as u32;
    writer.reserve_null_symbol_index();
    let names: Vec<StringId> = symbols
        .iter()
        .map(|symbol| {
            writer.reserve_symbol_index(section_of(&slots, symbol.addr));
            writer.add_string(symbol.name.as_bytes())
        })
        .collect();
    writer.reserve_symtab_section_index();
    writer.reserve_symtab();
    writer.require_strtab();
    writer.reserve_strtab_section_index();
    writer.reserve_strtab()?;
    writer.reserve_shstrtab_section_index();
    writer.reserve_shstrtab()?;
    writer.reserve_section_headers();

    writer.write_file_header(&FileHeader {
        os_abi: elf::ELFOSABI_NONE,
        abi_version: 0,
        e_type: elf::ET_EXEC,
        e_machine: elf::Machine(MACHINE),
        e_entry: u64::from(program.entry),
        e_flags: elf::FileFlags(0),
    })?;
    for slot in &slots {
        writer.write_program_header(&program_header(slot));
    }
    for slot in &slots {
        writer.pad_until(slot.offset);
        if let Fill::Bytes(bytes) = &slot.segment.fill {
            writer.write(bytes);
        }
    }
    writer.write_null_symbol();
    for (symbol, name) in symbols.iter().zip(names) {
        let section = section_of(&slots, symbol.addr);
        let sym = Sym {
            section: section.map(|s| s.0),
            st_name: writer.string_offset(Some(name)),
            st_info: elf::SymbolInfo::new(bind(symbol), kind(symbol)),
            st_other: elf::SymbolOther(0),
            st_shndx: elf::SHN_ABS,
            st_value: u64::from(symbol.addr),
            st_size: u64::from(symbol.size),
        };
        writer.write_symbol(&sym);
    }
    writer.write_strtab();
    writer.write_shstrtab();
    writer.write_null_section_header();
    for slot in &slots {
        let name = writer.section_name_offset(Some(slot.name));
        writer.write_section_header(&section_header(slot, name));
    }
    writer.write_symtab_section_header(locals + 1);
    writer.write_strtab_section_header();
    writer.write_shstrtab_section_header();
    Ok(())
}

fn section_name(segment: &Segment) -> &'static [u8] {
    match (&segment.fill, segment.is_program()) {
        (Fill::Bytes(_), true) => b".text",
        (Fill::Bytes(_), false) => b".data",
        (Fill::Zeros(_), _) => b".bss",
    }
}

/// The section that holds an address, or whose end it is; `None` makes the symbol absolute.
fn section_of(slots: &[Slot<'_>], addr: u32) -> Option<SectionIndex> {
    let holds = |slot: &&Slot<'_>| {
        let from = slot.segment.addr;
        addr >= from && ((addr - from) as usize) < slot.segment.size()
    };
    slots.iter().find(holds).map(|slot| slot.section)
}

fn bind(symbol: &Symbol) -> elf::SymbolBind {
    if symbol.global {
        elf::STB_GLOBAL
    } else {
        elf::STB_LOCAL
    }
}

fn kind(symbol: &Symbol) -> elf::SymbolType {
    match symbol.kind {
        SymbolKind::None => elf::STT_NOTYPE,
        SymbolKind::Function => elf::STT_FUNC,
        SymbolKind::Object => elf::STT_OBJECT,
    }
}

fn file_size(segment: &Segment) -> u64 {
    match &segment.fill {
        Fill::Bytes(bytes) => bytes.len() as u64,
        Fill::Zeros(_) => 0,
    }
}

fn program_header(slot: &Slot<'_>) -> ProgramHeader {
    let segment = slot.segment;
    let access = if segment.is_program() {
        elf::PF_X
    } else {
        elf::PF_W
    };
    ProgramHeader {
        p_type: elf::PT_LOAD,
        p_flags: elf::PF_R | access,
        p_offset: slot.offset,
        p_vaddr: u64::from(segment.addr),
        p_paddr: u64::from(segment.addr),
        p_filesz: file_size(segment),
        p_memsz: segment.size() as u64,
        p_align: ALIGN,
    }
}

fn section_header(slot: &Slot<'_>, name: u32) -> SectionHeader {
    let segment = slot.segment;
    let access = if segment.is_program() {
        elf::SHF_EXECINSTR
    } else {
        elf::SHF_WRITE
    };
    SectionHeader {
        sh_name: name,
        sh_type: match segment.fill {
            Fill::Bytes(_) => elf::SHT_PROGBITS,
            Fill::Zeros(_) => elf::SHT_NOBITS,
        },
        sh_flags: elf::SHF_ALLOC | access,
        sh_addr: u64::from(segment.addr),
        sh_offset: slot.offset,
        sh_size: segment.size() as u64,
        sh_link: 0,
        sh_info: 0,
        sh_addralign: 1,
        sh_entsize: 0,
    }
}
