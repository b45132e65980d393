//! Emission: a program at its places, as bytes, symbols and an ELF.

use arch::aie2::{EncodeError, EncodedBundle, Format, Inst, Operand, SlotSet, encode_bundle};
use formats::elf::{CoreElf, Segment, Symbol, SymbolKind};

use super::layout::LayoutMap;
use super::mir::{Label, MBlock, MData, MInst, MOperand, Program};

/// A core's program memory, from address 0 on, and its constant data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Bundles, one after the other.
    pub text: Vec<u8>,
    /// Constant data, which lies in data memory.
    pub data: Vec<MData>,
    /// Functions in the order of their addresses, then constant data.
    pub symbols: Vec<Symbol>,
}

impl Image {
    /// The program as an executable for one core.
    pub fn to_elf(&self) -> CoreElf {
        let data = self.data.iter();
        let data = data.map(|data| Segment::bytes(data.address, data.bytes.clone()));
        let text = Segment::bytes(0, self.text.clone());
        CoreElf {
            entry: 0,
            segments: std::iter::once(text).chain(data).collect(),
            symbols: self.symbols.clone(),
        }
    }
}

/// Why a program cannot be written.
#[derive(Clone, Debug, thiserror::Error)]
#[error("function `{func}`, block {block}, address {address:#06x}: {cause}")]
pub struct EmitError {
    /// Function.
    pub func: String,
    /// Block, by its position in the function.
    pub block: usize,
    /// Address of the bundle.
    pub address: u32,
    /// What is wrong with it.
    pub cause: EmitCause,
}

/// What is wrong with a bundle that cannot be written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EmitCause {
    /// A label names nothing.
    #[error("{0:?} has no bundle\nhelp: define it in this program")]
    NoPlace(Label),
    /// An instruction or bundle has no encoding.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The layout names a cycle or an instruction that the program lacks, or the other way round.
    #[error(
        "the layout belongs to another program\nhelp: lay the program out again after changing it"
    )]
    Layout,
    /// No format of the size that layout chose holds the bundle.
    #[error(
        "no format of {size} bytes holds {slots}\nhelp: lay the program out again after changing it"
    )]
    NoFormat {
        /// Size that layout chose.
        size: u32,
        /// Slots of the bundle.
        slots: SlotSet,
    },
}

/// Writes `program` at the places of `map`.
///
/// # Errors
/// [`EmitError`] names the bundle that cannot be written.
pub fn emit(program: &Program, map: &LayoutMap) -> Result<Image, EmitError> {
    let mut text = Vec::with_capacity(map.size as usize);
    for (f, (func, place)) in program.funcs.iter().zip(&map.funcs).enumerate() {
        for (b, (block, bundles)) in func.blocks.iter().zip(&place.blocks).enumerate() {
            for bundle in &bundles.bundles {
                let bytes = encode(map, f, block, bundle.cycle, bundle.size);
                text.extend_from_slice(&bytes.map_err(|cause| EmitError {
                    func: func.name.clone(),
                    block: b,
                    address: bundle.address,
                    cause,
                })?);
            }
        }
    }
    let symbols = map.funcs.iter().map(|f| Symbol {
        name: f.name.clone(),
        addr: f.start,
        size: f.end - f.start,
        kind: SymbolKind::Function,
        global: true,
    });
    let data = program.data.iter().map(|data| Symbol {
        name: data.name.clone(),
        addr: data.address,
        size: data.bytes.len() as u32,
        kind: SymbolKind::Object,
        global: true,
    });
    Ok(Image {
        text,
        symbols: symbols.chain(data).collect(),
        data: program.data.clone(),
    })
}

fn encode(
    map: &LayoutMap,
    func: usize,
    block: &MBlock,
    cycle: Option<usize>,
    size: u32,
) -> Result<EncodedBundle, EmitCause> {
    let mut insts = Vec::new();
    if let Some(cycle) = cycle {
        for k in block.cycles.get(cycle).ok_or(EmitCause::Layout)? {
            insts.push(resolve(
                map,
                func,
                block.insts.get(*k).ok_or(EmitCause::Layout)?,
            )?);
        }
    }
    let slots: SlotSet = insts.iter().map(Inst::slot).collect();
    let format = Format::of_size(slots, size as usize);
    Ok(encode_bundle(
        &insts,
        Some(format.ok_or(EmitCause::NoFormat { size, slots })?),
    )?)
}

/// The machine instruction that `inst` is at its place.
fn resolve(map: &LayoutMap, func: usize, inst: &MInst) -> Result<Inst, EmitCause> {
    let mut operands = Vec::with_capacity(inst.operands.len());
    for operand in &inst.operands {
        operands.push(match operand {
            MOperand::Reg { reg, .. } => Operand::Reg(*reg),
            MOperand::Imm(value) => Operand::Imm(*value),
            MOperand::Label(label) => {
                let address = map.resolve(func, label);
                Operand::Imm(i64::from(
                    address.ok_or_else(|| EmitCause::NoPlace(label.clone()))?,
                ))
            }
        });
    }
    Ok(Inst::new(inst.op, &operands)?)
}
