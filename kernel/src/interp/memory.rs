//! Data memory as the interpreter sees it: named regions at core addresses.

use std::ops::Range;

use thiserror::Error;

use crate::data::{STACK, place};
use crate::ir::Data;
use crate::types::DATA_SPACE;

/// The memory of one run. Whatever no region covers cannot be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    regions: Vec<Region>,
    /// Constant data: read, and never written.
    constants: Vec<Region>,
}

/// A buffer in data memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    name: String,
    base: u32,
    bytes: Vec<u8>,
    /// Which bytes have a value.
    written: Vec<bool>,
}

impl Region {
    /// Name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Address of the first byte.
    pub fn base(&self) -> u32 {
        self.base
    }

    /// Contents; bytes without a value read as zero here.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether every byte has a value.
    pub fn is_written(&self) -> bool {
        self.written.iter().all(|w| *w)
    }

    /// Gives every byte from `at` on a value, as a DMA does; bytes that do not fit are left out.
    pub fn fill(&mut self, at: usize, bytes: &[u8]) {
        let end = self.bytes.len().min(at.saturating_add(bytes.len()));
        if at < end {
            self.bytes[at..end].copy_from_slice(&bytes[..end - at]);
            self.written[at..end].fill(true);
        }
    }

    fn range(&self) -> Range<u64> {
        let base = u64::from(self.base);
        base..base + self.bytes.len() as u64
    }
}

/// Why a region cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MapError {
    /// It is not within the data space.
    #[error("region {name} at {base:#x} of {bytes} bytes leaves the data space {:#x}..={:#x}", DATA_SPACE.start(), DATA_SPACE.end())]
    OutsideDataSpace {
        /// Region.
        name: String,
        /// Its address.
        base: u32,
        /// Its size.
        bytes: usize,
    },
    /// It overlaps another.
    #[error(
        "region {name} at {base:#x} of {bytes} bytes overlaps region {other} at {other_base:#x}"
    )]
    Overlap {
        /// Region.
        name: String,
        /// Its address.
        base: u32,
        /// Its size.
        bytes: usize,
        /// The other region.
        other: String,
        /// Its address.
        other_base: u32,
    },
    /// Its name is taken.
    #[error("region {name} exists already\nhelp: name each region once")]
    NameTaken {
        /// Name.
        name: String,
    },
}

/// Why memory cannot be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    OutOfRange,
    Misaligned,
    /// The first byte read that has no value.
    Uninitialised(u32),
    /// A write to constant data.
    Constant,
}

impl Memory {
    /// No regions.
    pub fn new() -> Self {
        Memory::default()
    }

    /// Adds a region without values: reading a byte before it is written is an error.
    ///
    /// # Errors
    /// A region outside the data space, one that overlaps another, a name twice.
    pub fn map(&mut self, name: &str, base: u32, bytes: usize) -> Result<(), MapError> {
        let region = Region {
            name: name.into(),
            base,
            bytes: Vec::new(),
            written: Vec::new(),
        };
        self.add(region, bytes)
    }

    /// Adds a region with values.
    ///
    /// # Errors
    /// As [`Memory::map`].
    pub fn map_with(&mut self, name: &str, base: u32, bytes: &[u8]) -> Result<(), MapError> {
        self.map(name, base, bytes.len())?;
        if let Some(region) = self.regions.last_mut() {
            region.fill(0, bytes);
        }
        Ok(())
    }

    fn add(&mut self, mut region: Region, bytes: usize) -> Result<(), MapError> {
        let (name, base) = (region.name.clone(), region.base);
        let end = u64::from(base) + bytes as u64;
        if !DATA_SPACE.contains(&base) || end > u64::from(*DATA_SPACE.end()) + 1 {
            return Err(MapError::OutsideDataSpace { name, base, bytes });
        }
        for other in &self.regions {
            if other.name == name {
                return Err(MapError::NameTaken { name });
            }
            let range = other.range();
            if u64::from(base) < range.end && range.start < end {
                return Err(MapError::Overlap {
                    name,
                    base,
                    bytes,
                    other: other.name.clone(),
                    other_base: other.base,
                });
            }
        }
        region.bytes = vec![0; bytes];
        region.written = vec![false; bytes];
        self.regions.push(region);
        Ok(())
    }

    /// Takes constant data of a program in, in place of any other.
    ///
    /// # Errors
    /// Data that lies where a region is.
    pub(super) fn set_constants(&mut self, data: &[Data]) -> Result<(), MapError> {
        self.constants.clear();
        // The verifier has seen to it that there is room.
        let addresses = place(data, &[STACK]).unwrap_or_default();
        for (data, base) in data.iter().zip(addresses) {
            let name = format!("@{}", data.name);
            let end = u64::from(base) + data.bytes.len() as u64;
            let meets = |r: &&Region| u64::from(base) < r.range().end && r.range().start < end;
            if let Some(other) = self.regions.iter().find(meets) {
                return Err(MapError::Overlap {
                    name,
                    base,
                    bytes: data.bytes.len(),
                    other: other.name.clone(),
                    other_base: other.base,
                });
            }
            self.constants.push(Region {
                name,
                base,
                bytes: data.bytes.clone(),
                written: vec![true; data.bytes.len()],
            });
        }
        Ok(())
    }

    /// Reads constant data at an address of any alignment; whether all of it is such.
    pub(super) fn look_up(&self, addr: u32, to: &mut [u8]) -> bool {
        let found = Self::find(&self.constants, addr, 1, to.len());
        if let Ok((region, at)) = found {
            to.copy_from_slice(&self.constants[region].bytes[at..at + to.len()]);
        }
        found.is_ok()
    }

    /// Every region, in the order in which they were added.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// The region called `name`.
    pub fn region(&self, name: &str) -> Option<&Region> {
        self.regions.iter().find(|r| r.name == name)
    }

    /// The region called `name`, to change it.
    pub fn region_mut(&mut self, name: &str) -> Option<&mut Region> {
        self.regions.iter_mut().find(|r| r.name == name)
    }

    pub(super) fn load(&self, addr: u32, align: u32, to: &mut [u8]) -> Result<(), Fault> {
        let (region, at) = match Self::find(&self.regions, addr, align, to.len()) {
            Err(Fault::OutOfRange) => Self::find(&self.constants, addr, align, to.len())
                .map(|(region, at)| (&self.constants[region], at))?,
            found => found.map(|(region, at)| (&self.regions[region], at))?,
        };
        let range = at..at + to.len();
        if let Some(first) = region.written[range.clone()].iter().position(|w| !w) {
            return Err(Fault::Uninitialised(addr + first as u32));
        }
        to.copy_from_slice(&region.bytes[range]);
        Ok(())
    }

    pub(super) fn store(&mut self, addr: u32, align: u32, from: &[u8]) -> Result<(), Fault> {
        match Self::find(&self.regions, addr, align, from.len()) {
            Ok((region, at)) => self.regions[region].fill(at, from),
            Err(Fault::OutOfRange)
                if Self::find(&self.constants, addr, align, from.len()).is_ok() =>
            {
                return Err(Fault::Constant);
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    /// The region that holds all of an access, and where in it.
    fn find(
        regions: &[Region],
        addr: u32,
        align: u32,
        bytes: usize,
    ) -> Result<(usize, usize), Fault> {
        if !addr.is_multiple_of(align) {
            return Err(Fault::Misaligned);
        }
        let (start, end) = (u64::from(addr), u64::from(addr) + bytes as u64);
        let holds = |r: &Region| r.range().start <= start && end <= r.range().end;
        let region = regions.iter().position(holds);
        let region = region.ok_or(Fault::OutOfRange)?;
        Ok((region, (addr - regions[region].base) as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_lie_apart_within_the_data_space() {
        let mut memory = Memory::new();
        memory.map("a", 0x70000, 64).unwrap();
        memory.map_with("b", 0x70040, &[1, 2, 3, 4]).unwrap();
        memory.map("top", 0x7ffe0, 32).unwrap();
        let errors = [
            memory.map("c", 0x70020, 64),
            memory.map("a", 0x40000, 4),
            memory.map("low", 0x3fff0, 32),
            memory.map("high", 0x7fff0, 32),
        ];
        let errors = errors.map(|e| e.unwrap_err().to_string());
        assert_eq!(
            errors,
            [
                "region c at 0x70020 of 64 bytes overlaps region a at 0x70000",
                "region a exists already\nhelp: name each region once",
                "region low at 0x3fff0 of 32 bytes leaves the data space 0x40000..=0x7ffff",
                "region high at 0x7fff0 of 32 bytes leaves the data space 0x40000..=0x7ffff",
            ]
        );
    }

    #[test]
    fn bytes_without_a_value_are_found() {
        let mut memory = Memory::new();
        memory.map("a", 0x70000, 64).unwrap();
        memory.store(0x70000, 4, &[7; 4]).unwrap();
        let mut word = [0; 4];
        assert_eq!(memory.load(0x70000, 4, &mut word), Ok(()));
        assert_eq!(word, [7; 4]);
        let mut vector = [0; 32];
        let first = Fault::Uninitialised(0x70004);
        assert_eq!(memory.load(0x70000, 32, &mut vector), Err(first));
        assert_eq!(memory.load(0x70002, 4, &mut word), Err(Fault::Misaligned));
        assert_eq!(memory.load(0x70040, 4, &mut word), Err(Fault::OutOfRange));
        assert!(!memory.region("a").unwrap().is_written());
    }
}
