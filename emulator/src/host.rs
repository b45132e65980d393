//! Host buffers: the arguments of a dispatch, as shim DMAs address them.
//!
//! Every argument gets its own range of the 48-bit address space. The range also tells the dispatch,
//! so that a transfer left over from an earlier one cannot touch the buffers of the next.

use crate::ddr::Ddr;
use crate::error::{ChannelId, EmuError};
use crate::timing::ClockMhz;

const ARG_SHIFT: u32 = 34;
const RUN_SHIFT: u32 = 40;
/// Arguments a dispatch can have.
pub(crate) const MAX_ARGS: usize = (1 << (RUN_SHIFT - ARG_SHIFT)) - 1;
/// Bytes an argument can have.
pub(crate) const MAX_ARG_BYTES: u64 = 1 << ARG_SHIFT;

#[derive(Debug)]
pub(crate) struct Host {
    /// What limits the shim channels together.
    pub(crate) ddr: Ddr,
    args: Vec<Vec<u8>>,
    run: u8,
}

impl Default for Host {
    fn default() -> Self {
        Host {
            ddr: Ddr::new(ClockMhz::default()),
            args: Vec::new(),
            run: 0,
        }
    }
}

impl Host {
    /// Takes over the buffers of a dispatch.
    pub(crate) fn begin(&mut self, args: Vec<Vec<u8>>) {
        self.args = args;
        self.run = self.run.wrapping_add(1);
    }

    /// Hands the buffers back.
    pub(crate) fn end(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.args)
    }

    /// Number of arguments.
    pub(crate) fn arg_count(&self) -> usize {
        self.args.len()
    }

    /// Address of byte `offset` of an argument.
    pub(crate) fn address(&self, arg: usize, offset: u64) -> u64 {
        u64::from(self.run) << RUN_SHIFT | (arg as u64 + 1) << ARG_SHIFT | offset
    }

    fn place(&self, channel: ChannelId, addr: u64) -> Result<(usize, usize), EmuError> {
        let bad = |why| EmuError::HostAddress { channel, addr, why };
        let arg = (addr >> ARG_SHIFT) as usize & MAX_ARGS;
        let Some(arg) = arg.checked_sub(1) else {
            return Err(bad(
                "no argument is there\nhelp: the instruction stream has no DDR_PATCH for this descriptor",
            ));
        };
        if (addr >> RUN_SHIFT) as u8 != self.run || self.args.is_empty() {
            return Err(bad(
                "it belongs to an earlier dispatch, whose transfer still runs\n\
                 help: wait for every transfer's token before the instruction stream ends",
            ));
        }
        let offset = addr & (MAX_ARG_BYTES - 1);
        let size = self.args.get(arg).map_or(0, Vec::len);
        if offset + 4 > size as u64 {
            return Err(EmuError::HostRange {
                channel,
                arg,
                offset,
                size,
            });
        }
        Ok((arg, offset as usize))
    }

    /// Reads a word.
    ///
    /// # Errors
    /// When no argument covers the address.
    pub(crate) fn word(&self, channel: ChannelId, addr: u64) -> Result<u32, EmuError> {
        let (arg, at) = self.place(channel, addr)?;
        let bytes = &self.args[arg][at..at + 4];
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// Writes a word.
    ///
    /// # Errors
    /// When no argument covers the address.
    pub(crate) fn set_word(
        &mut self,
        channel: ChannelId,
        addr: u64,
        value: u32,
    ) -> Result<(), EmuError> {
        let (arg, at) = self.place(channel, addr)?;
        self.args[arg][at..at + 4].copy_from_slice(&value.to_le_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arch::Tile;
    use arch::array::Direction;

    const CHANNEL: ChannelId = ChannelId {
        tile: Tile::new(2, 0),
        dir: Direction::S2mm,
        number: 1,
    };

    #[test]
    fn accesses_are_checked() {
        let mut host = Host::default();
        host.begin(vec![vec![0; 8], vec![0; 16]]);
        let at = |h: &Host, arg, offset| h.address(arg, offset);
        let addr = at(&host, 1, 12);
        host.set_word(CHANNEL, addr, 7).unwrap();
        assert_eq!(host.word(CHANNEL, addr), Ok(7));
        let err = host.set_word(CHANNEL, at(&host, 0, 8), 1).unwrap_err();
        assert_eq!(
            err.to_string(),
            "DMA S2MM1 of shim tile (2,0) writes byte 8 of argument 0, which has 8 bytes\n\
             help: the transfer's offset, sizes and strides reach past the buffer"
        );
        let err = host.word(CHANNEL, at(&host, 2, 0)).unwrap_err();
        assert!(matches!(
            err,
            EmuError::HostRange {
                arg: 2,
                size: 0,
                ..
            }
        ));
        let err = host.word(CHANNEL, 0x40).unwrap_err();
        assert!(err.to_string().contains("DDR_PATCH"), "{err}");
        let args = host.end();
        assert_eq!(args[1][12], 7);
        host.begin(vec![vec![0; 16], vec![0; 16]]);
        let err = host.word(CHANNEL, addr).unwrap_err();
        assert!(err.to_string().contains("earlier dispatch"), "{err}");
    }
}
