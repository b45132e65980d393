//! Programmable device images (PDI): the container in which firmware takes a CDO.
//!
//! npu1 images hold one image with one partition, made by
//! `bootgen -arch versal -image design.bif -o x.pdi -w` from one or more CDO files:
//!
//! | offset | content |
//! |---|---|
//! | 0x000 | 4 words of a fixed pattern that tells the bus width |
//! | 0x010 | image header table, 32 words |
//! | 0x090 | image header, 16 words |
//! | 0x0d0 | partition header, 32 words |
//! | 0x150 | the merged CDO, zero padded to 16 bytes |
//!
//! The last word of each header is the complement of the sum of its other words.
//!
//! Sources: Xilinx/bootgen `imageheadertable-versal.cpp`, `partitionheadertable-versal.cpp`,
//! `bootheader-versal.cpp`, `cdo-binary.c`.

use std::fmt::Write as _;

use thiserror::Error;

use crate::cdo::{Cdo, CdoError, Command, Form};
use crate::words;

/// The words in front of the headers.
const WIDTH_PATTERN: [u32; 4] = [0x0000_00dd, 0x1122_3344, 0x5566_7788, 0x99aa_bbcc];
const IHT_WORDS: usize = 32;
const IH_WORDS: usize = 16;
const PH_WORDS: usize = 32;
const IHT_AT: usize = WIDTH_PATTERN.len();
const IH_AT: usize = IHT_AT + IHT_WORDS;
const PH_AT: usize = IH_AT + IH_WORDS;
const DATA_AT: usize = PH_AT + PH_WORDS;
/// The partition's data is padded to this many words.
const DATA_ALIGN: usize = 4;
/// "IDPP".
const IDENTIFICATION: u32 = 0x5050_4449;
/// Sizes of the three headers in words, one byte each from the low end: table, image, partition.
const HEADER_SIZES: u32 = (PH_WORDS as u32) << 16 | (IH_WORDS as u32) << 8 | IHT_WORDS as u32;
const META_WORDS: u32 = (IH_WORDS + PH_WORDS) as u32;
/// `bootgen` treats block writes from here on as NPI writes and splits them; no npu1 tile is here.
const NPI_BASE: u32 = 0xf600_0000;

/// The values of the headers that a design (or its tools) may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Format version of the image header table.
    pub version: u32,
    /// Device id code.
    pub id_code: u32,
    /// Extended device id code.
    pub extended_id_code: u32,
    /// Name of the image, at most 16 bytes.
    pub image_name: String,
    /// Id of the image.
    pub image_id: u32,
    /// Attributes of the partition; bits 24 to 26 are its type, 2 = CDO.
    pub partition_attributes: u32,
    /// Address to load the partition to; all ones = none.
    pub load_address: u64,
}

impl Default for Header {
    /// What every npu1 tool writes.
    fn default() -> Self {
        Header {
            version: 0x0004_0000,
            id_code: 0x14ca_8093,
            extended_id_code: 1,
            image_name: "aie_image".to_string(),
            image_id: 0x1c00_0000,
            partition_attributes: 0x0200_0006,
            load_address: u64::MAX,
        }
    }
}

/// A PDI with one CDO partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdi {
    header: Header,
    cdo: Cdo,
}

/// Why bytes are not a PDI, or why one cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PdiError {
    /// The length is no multiple of 4.
    #[error(
        "a PDI of {bytes} bytes is not whole 32-bit words\nhelp: the file is cut off or not a PDI"
    )]
    PartWord {
        /// Length of the input in bytes.
        bytes: usize,
    },
    /// Fewer words than the headers take.
    #[error(
        "a PDI of {words} words has no room for its headers of {DATA_AT} words\nhelp: the file is cut off or not a PDI"
    )]
    NoHeader {
        /// Length of the input in words.
        words: usize,
    },
    /// A header field has another value than a PDI with one CDO partition has.
    #[error(
        "PDI {part} field {name} (byte {offset:#x}) is {found:#010x}, must be {expected:#010x}\nhelp: only PDIs with one image of one CDO partition are read, as made for npu1"
    )]
    Field {
        /// Which header.
        part: &'static str,
        /// Name of the field.
        name: &'static str,
        /// Offset in the file, in bytes.
        offset: usize,
        /// Value in the file.
        found: u32,
        /// Value it must have.
        expected: u32,
    },
    /// A header's checksum does not fit.
    #[error(
        "PDI {part} checksum (byte {offset:#x}) is {found:#010x}, its words give {expected:#010x}\nhelp: the header was changed or damaged"
    )]
    Checksum {
        /// Which header.
        part: &'static str,
        /// Offset of the checksum in the file, in bytes.
        offset: usize,
        /// Value in the file.
        found: u32,
        /// Value computed from the other words.
        expected: u32,
    },
    /// The partition's lengths do not fit the file.
    #[error(
        "PDI partition has {used} words of data padded to {total}, the file holds {actual}\nhelp: the file is cut off or has something appended"
    )]
    Length {
        /// Words of the CDO.
        used: u32,
        /// Words with padding.
        total: u32,
        /// Words in the file behind the headers.
        actual: usize,
    },
    /// A padding word that is not zero.
    #[error(
        "PDI padding at byte {offset:#x} is {found:#010x}, must be 0\nhelp: the file is damaged"
    )]
    Padding {
        /// Offset in the file, in bytes.
        offset: usize,
        /// Value in the file.
        found: u32,
    },
    /// The image name is not text.
    #[error("PDI image name {bytes:02x?} is not zero-padded ASCII\nhelp: the file is damaged")]
    ImageName {
        /// The 16 bytes of the name.
        bytes: [u8; 16],
    },
    /// An image name that does not fit.
    #[error(
        "image name {name:?} has {} bytes, a PDI has room for 16 ASCII bytes without zeros\nhelp: choose a shorter name",
        name.len()
    )]
    LongImageName {
        /// The name.
        name: String,
    },
    /// The CDO inside, or one of the input files, is bad.
    #[error("in {place}: {source}")]
    Cdo {
        /// Which CDO.
        place: String,
        /// What is wrong with it.
        source: CdoError,
    },
    /// Nothing to put into the image.
    #[error("a PDI needs at least one CDO\nhelp: pass the CDO files in the order they are to run")]
    Empty,
    /// A block write to addresses that `bootgen` rewrites.
    #[error(
        "block write to {addr:#010x} is outside the array: addresses from {NPI_BASE:#010x} mean the platform's NPI registers\nhelp: addresses are partition relative, col << 25 | row << 20 | offset"
    )]
    Npi {
        /// Address of the block write.
        addr: u32,
    },
}

impl Pdi {
    /// Merges CDOs, as the toolchain would write them to files, the way `bootgen` does.
    ///
    /// # Errors
    /// [`PdiError::Empty`] without CDOs, [`PdiError::Npi`] for addresses far outside the array.
    pub fn from_cdos(cdos: &[&Cdo]) -> Result<Self, PdiError> {
        Pdi::merge(cdos.iter().map(|cdo| cdo.aligned()).collect())
    }

    /// Merges CDO files of either form. Their NOPs count as they stand.
    ///
    /// # Errors
    /// As [`Pdi::from_cdos`], and [`PdiError::Cdo`] for a file that is no CDO.
    pub fn build(files: &[&[u8]]) -> Result<Self, PdiError> {
        let cdos = files
            .iter()
            .enumerate()
            .map(|(index, bytes)| {
                Cdo::parse(bytes).map_err(|source| PdiError::Cdo {
                    place: format!("CDO file {index}"),
                    source,
                })
            })
            .collect::<Result<_, _>>()?;
        Pdi::merge(cdos)
    }

    fn merge(cdos: Vec<Cdo>) -> Result<Self, PdiError> {
        if cdos.is_empty() {
            return Err(PdiError::Empty);
        }
        let commands: Vec<Command> = cdos.iter().flat_map(Cdo::bootgen_form).collect();
        for command in &commands {
            if let Command::DmaWrite { addr, .. } = command
                && *addr >= NPI_BASE
            {
                return Err(PdiError::Npi { addr: *addr });
            }
        }
        Ok(Pdi {
            header: Header::default(),
            cdo: Cdo::new(commands),
        })
    }

    /// The same image with other header values.
    ///
    /// # Errors
    /// [`PdiError::LongImageName`] for a name that does not fit its field.
    pub fn with_header(mut self, header: Header) -> Result<Self, PdiError> {
        let name = &header.image_name;
        if name.len() > 16 || !name.is_ascii() || name.contains('\0') {
            return Err(PdiError::LongImageName { name: name.clone() });
        }
        self.header = header;
        Ok(self)
    }

    /// The header values.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The merged commands, in the order firmware runs them.
    pub fn cdo(&self) -> &Cdo {
        &self.cdo
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let cdo = self.cdo.encode(Form::Firmware);
        let used = cdo.len() / 4;
        let total = used.next_multiple_of(DATA_ALIGN);

        let mut out = WIDTH_PATTERN.to_vec();
        out.extend(self.image_header_table());
        out.extend(self.image_header());
        out.extend(self.partition_header(used as u32, total as u32));
        let mut bytes = words::to_bytes(&out);
        bytes.extend(cdo);
        bytes.resize((DATA_AT + total) * 4, 0);
        bytes
    }

    fn image_header_table(&self) -> [u32; IHT_WORDS] {
        let mut t = [0; IHT_WORDS];
        t[0] = self.header.version;
        t[1] = 1;
        t[2] = IH_AT as u32;
        t[3] = 1;
        t[4] = PH_AT as u32;
        t[6] = self.header.id_code;
        t[10] = IDENTIFICATION;
        t[11] = HEADER_SIZES;
        t[12] = META_WORDS;
        t[17] = self.header.extended_id_code;
        sealed(t)
    }

    fn image_header(&self) -> [u32; IH_WORDS] {
        let mut h = [0; IH_WORDS];
        h[0] = PH_AT as u32;
        h[1] = 1;
        let mut name = [0u8; 16];
        name[..self.header.image_name.len()].copy_from_slice(self.header.image_name.as_bytes());
        for (word, bytes) in h[4..8].iter_mut().zip(name.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        h[8] = self.header.image_id;
        sealed(h)
    }

    fn partition_header(&self, used: u32, total: u32) -> [u32; PH_WORDS] {
        let mut h = [0; PH_WORDS];
        h[0] = total;
        h[1] = used;
        h[2] = total;
        h[6] = self.header.load_address as u32;
        h[7] = (self.header.load_address >> 32) as u32;
        h[8] = DATA_AT as u32;
        h[9] = self.header.partition_attributes;
        h[10] = 1;
        sealed(h)
    }

    /// Reads a PDI and verifies the pattern, every header field, all checksums and the padding.
    ///
    /// # Errors
    /// [`PdiError`] names the header and field where the input is not a PDI of one CDO partition.
    pub fn parse(bytes: &[u8]) -> Result<Self, PdiError> {
        let words = words::from_bytes(bytes).ok_or(PdiError::PartWord { bytes: bytes.len() })?;
        if words.len() < DATA_AT {
            return Err(PdiError::NoHeader { words: words.len() });
        }
        let part = |name, at, len| Part {
            name,
            at,
            words: &words[at..at + len],
        };
        for (word, expected) in WIDTH_PATTERN.iter().enumerate() {
            part("prefix", 0, WIDTH_PATTERN.len()).expect("width pattern", word, *expected)?;
        }
        let table = part("image header table", IHT_AT, IHT_WORDS);
        let image = part("image header", IH_AT, IH_WORDS);
        let partition = part("partition header", PH_AT, PH_WORDS);
        for header in [&table, &image, &partition] {
            header.verify_checksum()?;
        }

        table.expect("image count", 1, 1)?;
        table.expect("first image header", 2, IH_AT as u32)?;
        table.expect("partition count", 3, 1)?;
        table.expect("first partition header", 4, PH_AT as u32)?;
        table.expect("identification", 10, IDENTIFICATION)?;
        table.expect("header sizes", 11, HEADER_SIZES)?;
        table.expect("meta header length", 12, META_WORDS)?;
        table.expect_zero(&[5, 7, 8, 9, 13, 14, 15, 16])?;
        table.expect_zero(&[18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30])?;

        image.expect("first partition header", 0, PH_AT as u32)?;
        image.expect("partition count", 1, 1)?;
        image.expect_zero(&[2, 3, 9, 10, 11, 12, 13, 14])?;

        let [total, used] = [partition.words[2], partition.words[1]];
        partition.expect("encrypted length", 0, total)?;
        partition.expect("data offset", 8, DATA_AT as u32)?;
        partition.expect("section count", 10, 1)?;
        let kind = partition.words[9] >> 24 & 7;
        if kind != 2 {
            return Err(partition.field("partition type", 9, 2).with_found(kind));
        }
        partition.expect_zero(&[3, 4, 5, 11, 12])?;
        partition.expect_zero(&(13..PH_WORDS - 1).collect::<Vec<_>>())?;

        let data = &words[DATA_AT..];
        let used_words = used as usize;
        if total as usize != data.len() || used_words.next_multiple_of(DATA_ALIGN) != data.len() {
            return Err(PdiError::Length {
                used,
                total,
                actual: data.len(),
            });
        }
        for (index, &found) in data.iter().enumerate().skip(used_words) {
            if found != 0 {
                return Err(PdiError::Padding {
                    offset: (DATA_AT + index) * 4,
                    found,
                });
            }
        }
        let cdo_bytes = &bytes[DATA_AT * 4..(DATA_AT + used_words) * 4];
        let cdo = Cdo::parse(cdo_bytes).map_err(|source| PdiError::Cdo {
            place: "the CDO partition".to_string(),
            source,
        })?;
        Ok(Pdi {
            header: Header {
                version: table.words[0],
                id_code: table.words[6],
                extended_id_code: table.words[17],
                image_name: image_name(&image.words[4..8])?,
                image_id: image.words[8],
                partition_attributes: partition.words[9],
                load_address: u64::from(partition.words[7]) << 32 | u64::from(partition.words[6]),
            },
            cdo,
        })
    }

    /// A readable listing: the header values, then one command a line.
    pub fn dump(&self) -> String {
        let h = &self.header;
        let mut out = String::new();
        let _ = writeln!(
            out,
            "pdi {:?} image id {:#010x} id code {:#010x}+{:#x} version {:#010x} attributes {:#010x}",
            h.image_name,
            h.image_id,
            h.id_code,
            h.extended_id_code,
            h.version,
            h.partition_attributes
        );
        out + &self.cdo.dump()
    }
}

fn sealed<const N: usize>(mut words: [u32; N]) -> [u32; N] {
    words[N - 1] = words::checksum(&words[..N - 1]);
    words
}

fn image_name(words: &[u32]) -> Result<String, PdiError> {
    let mut bytes = [0u8; 16];
    for (chunk, word) in bytes.chunks_exact_mut(4).zip(words) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    let len = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let (name, rest) = bytes.split_at(len);
    if !name.is_ascii() || rest.iter().any(|b| *b != 0) {
        return Err(PdiError::ImageName { bytes });
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// One header with its place in the file, for errors.
struct Part<'a> {
    name: &'static str,
    at: usize,
    words: &'a [u32],
}

impl Part<'_> {
    fn field(&self, name: &'static str, word: usize, expected: u32) -> PdiError {
        PdiError::Field {
            part: self.name,
            name,
            offset: (self.at + word) * 4,
            found: self.words[word],
            expected,
        }
    }

    fn expect(&self, name: &'static str, word: usize, expected: u32) -> Result<(), PdiError> {
        if self.words[word] == expected {
            Ok(())
        } else {
            Err(self.field(name, word, expected))
        }
    }

    fn expect_zero(&self, words: &[usize]) -> Result<(), PdiError> {
        words
            .iter()
            .try_for_each(|&word| self.expect("unused", word, 0))
    }

    fn verify_checksum(&self) -> Result<(), PdiError> {
        let last = self.words.len() - 1;
        let expected = words::checksum(&self.words[..last]);
        if self.words[last] == expected {
            return Ok(());
        }
        Err(PdiError::Checksum {
            part: self.name,
            offset: (self.at + last) * 4,
            found: self.words[last],
            expected,
        })
    }
}

impl PdiError {
    /// Replaces the found value of a field error by the part of it that was compared.
    fn with_found(mut self, value: u32) -> Self {
        if let PdiError::Field { found, .. } = &mut self {
            *found = value;
        }
        self
    }
}
