//! Bundles: the instructions that issue together, and the formats that hold them.

use core::fmt;

use super::desc::Opcode;
use super::encode::{decode_inst, encode_inst};
use super::error::{DecodeError, EncodeError};
use super::inst::Inst;
use super::slots::SlotSet;
use super::tables::{FORMATS, LENGTHS, SMALLEST, Slot};

/// How a bundle lays out its slots.
pub struct Format {
    pub(crate) name: &'static str,
    pub(crate) bytes: u8,
    pub(crate) mask: u128,
    pub(crate) value: u128,
    pub(crate) slots: SlotSet,
    pub(crate) fields: &'static [(Slot, u8)],
}

impl Format {
    /// Every format, by size.
    pub fn all() -> &'static [Format] {
        &FORMATS
    }

    /// The format called `name`, for example `I48_LDA_MV`.
    pub fn from_name(name: &str) -> Option<&'static Format> {
        FORMATS.iter().find(|f| f.name == name)
    }

    /// The smallest format that has `slots`, and of those the one with fewest slots.
    pub fn smallest(slots: SlotSet) -> Option<&'static Format> {
        FORMATS.get(usize::from(SMALLEST[usize::from(slots.0)]))
    }

    /// The format of exactly `bytes` bytes that has `slots`, and of those the one with fewest slots.
    pub fn of_size(slots: SlotSet, bytes: usize) -> Option<&'static Format> {
        let fitting = Format::holding(slots).filter(|f| f.bytes() == bytes);
        fitting.min_by_key(|f| f.slots.len())
    }

    /// The formats that have all of `slots`.
    pub fn holding(slots: SlotSet) -> impl Iterator<Item = &'static Format> {
        FORMATS.iter().filter(move |f| slots.is_subset(f.slots))
    }

    /// The name in the data file.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Size in bytes: 2 or 4 to 16, even.
    pub fn bytes(&self) -> usize {
        usize::from(self.bytes)
    }

    /// The slots it has.
    pub fn slots(&self) -> SlotSet {
        self.slots
    }

    /// The slots in the order of assembler text, each with the position of its lowest bit.
    pub fn fields(&self) -> &'static [(Slot, u8)] {
        self.fields
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Format) -> bool {
        self.name == other.name
    }
}

impl Eq for Format {}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

/// The bytes of a bundle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EncodedBundle {
    bytes: [u8; 16],
    len: u8,
}

impl core::ops::Deref for EncodedBundle {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Instructions that issue together: one for each slot of the format, nops included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    format: &'static Format,
    insts: Vec<Inst>,
}

impl Bundle {
    /// Puts `insts` into `format`, or into the smallest format that has their slots. Other slots get
    /// their nop. No instruction at all makes the 16-bit `nop`.
    ///
    /// # Errors
    /// When two instructions need the same slot or no format has all slots.
    pub fn new(insts: &[Inst], format: Option<&'static Format>) -> Result<Bundle, EncodeError> {
        let slots = slots_of(insts)?;
        let format = match format {
            Some(format) if slots.is_subset(format.slots) => format,
            Some(format) => {
                let lacking = slots.iter().filter(|s| !format.slots.contains(*s));
                return Err(EncodeError::FormatLacks {
                    format,
                    slots: lacking.collect(),
                });
            }
            None => Format::smallest(slots).ok_or(EncodeError::NoFormat { slots, bytes: None })?,
        };
        let find = |slot| insts.iter().find(|i| i.slot() == slot).copied();
        let fields = format.fields.iter();
        let insts = fields.map(|(slot, _)| find(*slot).unwrap_or_else(|| slot.nop()));
        Ok(Bundle {
            format,
            insts: insts.collect(),
        })
    }

    /// Its format.
    pub fn format(&self) -> &'static Format {
        self.format
    }

    /// Its instructions in the order of assembler text, nops included.
    pub fn insts(&self) -> &[Inst] {
        &self.insts
    }

    /// The instruction in `slot`.
    pub fn get(&self, slot: Slot) -> Option<&Inst> {
        self.insts.iter().find(|i| i.slot() == slot)
    }

    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        self.format.bytes()
    }

    /// The slots that hold something other than a nop.
    pub fn occupied(&self) -> SlotSet {
        let busy = self.insts.iter().filter(|i| !i.op().is_nop());
        busy.map(Inst::slot).collect()
    }

    /// The same instructions in a format of exactly `bytes` bytes, to align what follows.
    ///
    /// # Errors
    /// When no format of that size holds them.
    pub fn with_size(&self, bytes: usize) -> Result<Bundle, EncodeError> {
        let slots = self.occupied();
        let format = Format::of_size(slots, bytes).ok_or(EncodeError::NoFormat {
            slots,
            bytes: Some(bytes),
        })?;
        let busy: Vec<Inst> = self
            .insts
            .iter()
            .copied()
            .filter(|i| !i.op().is_nop())
            .collect();
        Bundle::new(&busy, Some(format))
    }

    /// Its bytes.
    pub fn encode(&self) -> EncodedBundle {
        encode_into(self.format, &self.insts)
    }
}

/// Encodes `insts` in `format`, or in the smallest format that has their slots.
///
/// # Errors
/// When two instructions need the same slot or no format has all slots.
pub fn encode_bundle(
    insts: &[Inst],
    format: Option<&'static Format>,
) -> Result<EncodedBundle, EncodeError> {
    Bundle::new(insts, format).map(|bundle| bundle.encode())
}

/// Decodes the bundle at the start of `bytes` and gives its size in bytes.
///
/// # Errors
/// When the bytes end early, or are no format or no instruction.
pub fn decode_bundle(bytes: &[u8]) -> Result<(Bundle, usize), DecodeError> {
    let first = bytes
        .first()
        .ok_or(DecodeError::Truncated { needed: 2, have: 0 })?;
    let size = usize::from(LENGTHS[usize::from(first & 15)]);
    let bytes = bytes.get(..size).ok_or(DecodeError::Truncated {
        needed: size,
        have: bytes.len(),
    })?;
    let mut buffer = [0; 16];
    buffer[..size].copy_from_slice(bytes);
    let bits = u128::from_le_bytes(buffer);
    let mut formats = FORMATS.iter();
    let format = formats
        .find(|f| f.bytes() == size && bits & f.mask == f.value)
        .ok_or(DecodeError::UnknownFormat { size, bits })?;
    let word = |at: u8| (bits >> at) as u64;
    let fields = format.fields.iter();
    let insts: Result<Vec<Inst>, _> = fields.map(|(s, at)| decode_inst(*s, word(*at))).collect();
    let insts = insts?;
    Ok((Bundle { format, insts }, size))
}

fn slots_of(insts: &[Inst]) -> Result<SlotSet, EncodeError> {
    let mut slots = SlotSet::EMPTY;
    for inst in insts {
        let slot = inst.slot();
        if slots.contains(slot) {
            let first: Option<Opcode> = insts.iter().find(|i| i.slot() == slot).map(Inst::op);
            return Err(EncodeError::SlotTwice {
                slot,
                first: first.unwrap_or(inst.op()),
                second: inst.op(),
            });
        }
        slots = slots.with(slot);
    }
    Ok(slots)
}

/// `insts` holds one instruction for each field of `format`, in that order.
fn encode_into(format: &Format, insts: &[Inst]) -> EncodedBundle {
    let fields = format.fields.iter().zip(insts);
    let bits = fields.fold(format.value, |bits, ((_, at), inst)| {
        bits | u128::from(encode_inst(inst)) << at
    });
    EncodedBundle {
        bytes: bits.to_le_bytes(),
        len: format.bytes,
    }
}
