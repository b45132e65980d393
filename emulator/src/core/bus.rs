//! What a core sees of the world: data memory, locks, streams and cascades.

use std::fmt;

use arch::array::memory::CORE_OWN;

/// Why the world refused an access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusError {
    /// What is wrong, such as `no tile lies south of this one`.
    pub reason: String,
}

impl BusError {
    /// An error with this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

impl fmt::Display for BusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// The surroundings of one core. A core calls it while it steps; every call belongs to the cycle
/// that is being stepped.
///
/// Addresses are those of the core's data window: south 0x40000, west 0x50000, north 0x60000, own
/// memory 0x70000, each 64 KiB. The core has checked alignment and the window 0x40000..0x80000; an
/// access is 1, 2, 4, 8, 16 or 32 bytes and never crosses a 32-byte boundary.
///
/// Lock numbers are 0..=15 south, 16..=31 west, 32..=47 north, 48..=63 own tile.
pub trait CoreBus {
    /// Fills `out` with the bytes at `addr`.
    ///
    /// # Errors
    /// When there is no memory behind the address.
    fn load(&mut self, addr: u32, out: &mut [u8]) -> Result<(), BusError>;

    /// Writes `data` to `addr`.
    ///
    /// # Errors
    /// When there is no memory behind the address.
    fn store(&mut self, addr: u32, data: &[u8]) -> Result<(), BusError>;

    /// Tries to acquire a lock, once. `value` is the instruction's operand: below 0, succeed when
    /// the lock is at least `-value` and subtract that; from 0 on, succeed when the lock equals
    /// `value` and leave it as it is. `false` stalls the core, which asks again in the next cycle.
    ///
    /// Source: AMD UG1583 "Locks": `acquire_equal` does not modify the lock's value.
    ///
    /// # Errors
    /// When there is no such lock.
    fn acquire(&mut self, lock: u8, value: i32) -> Result<bool, BusError>;

    /// Adds `value` to a lock.
    ///
    /// # Errors
    /// When there is no such lock, or its value leaves its range.
    fn release(&mut self, lock: u8, value: i32) -> Result<(), BusError>;

    /// Takes one 512-bit word from the cascade input; `None` stalls the core.
    ///
    /// # Errors
    /// When the cascade input is not connected.
    fn cascade_read(&mut self) -> Result<Option<[u8; 64]>, BusError> {
        Err(BusError::new("the cascade input is not connected"))
    }

    /// Offers one 512-bit word to the cascade output; `false` (full) stalls the core.
    ///
    /// # Errors
    /// When the cascade output is not connected.
    fn cascade_write(&mut self, _word: &[u8; 64]) -> Result<bool, BusError> {
        Err(BusError::new("the cascade output is not connected"))
    }

    /// Takes one word from the core's input stream, with the mark of a transfer's end; `None` stalls
    /// the core, unless the instruction is a non-blocking one.
    ///
    /// # Errors
    /// When no stream is connected.
    fn stream_read(&mut self) -> Result<Option<(u32, bool)>, BusError> {
        Err(BusError::new("no stream is connected to the core's input"))
    }

    /// Offers one word to the core's output stream, `last` marks the end of a transfer; `false`
    /// (full) stalls the core, unless the instruction is a non-blocking one.
    ///
    /// # Errors
    /// When no stream is connected.
    fn stream_write(&mut self, _word: u32, _last: bool) -> Result<bool, BusError> {
        Err(BusError::new("no stream is connected to the core's output"))
    }

    /// A user event (0..=3) is pulsed.
    fn event(&mut self, _number: u8) {}
}

/// A core's own data memory and nothing else.
pub(crate) struct OwnMemory<'a> {
    pub(crate) bytes: &'a mut [u8],
}

impl OwnMemory<'_> {
    #[inline]
    fn at(&mut self, addr: u32, len: usize) -> Result<&mut [u8], BusError> {
        let at = addr.wrapping_sub(CORE_OWN) as usize;
        let bytes = self.bytes.get_mut(at..at + len);
        bytes.ok_or_else(|| BusError::new("it is not in the core's own memory"))
    }
}

impl CoreBus for OwnMemory<'_> {
    #[inline]
    fn load(&mut self, addr: u32, out: &mut [u8]) -> Result<(), BusError> {
        out.copy_from_slice(self.at(addr, out.len())?);
        Ok(())
    }

    #[inline]
    fn store(&mut self, addr: u32, data: &[u8]) -> Result<(), BusError> {
        self.at(addr, data.len())?.copy_from_slice(data);
        Ok(())
    }

    fn acquire(&mut self, _lock: u8, _value: i32) -> Result<bool, BusError> {
        Ok(false)
    }

    fn release(&mut self, _lock: u8, _value: i32) -> Result<(), BusError> {
        Err(BusError::new("no lock is within reach"))
    }
}

/// What one cycle of a core came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The pipeline advanced by one cycle.
    Ran,
    /// The whole core is frozen, waiting.
    Stalled(Wait),
    /// The program has executed `done`; nothing happens until the core is enabled again.
    Done,
    /// The core is not enabled.
    Idle,
}

/// What a stalled core waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wait {
    /// To acquire a lock with this operand.
    Lock {
        /// Lock number as the core sees it, 0..=63.
        lock: u8,
        /// The instruction's operand, see [`CoreBus::acquire`].
        value: i32,
    },
    /// For a memory bank, which another access of the core uses in this cycle.
    Memory,
    /// For a word on the cascade input.
    CascadeInput,
    /// For room on the cascade output.
    CascadeOutput,
    /// For a word on the input stream.
    StreamInput,
    /// For room on the output stream.
    StreamOutput,
}
