//! Buffers that a device reads and writes.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::Error;

/// Bytes of a buffer; absent while a run has them.
pub(crate) type Slot = Arc<Mutex<Option<Vec<u8>>>>;

/// An array of `T` that a device can read and write. Clones are handles of the same array.
///
/// While a run has the buffer, reading and writing it is an error, not a wait.
#[derive(Clone, Debug)]
pub struct Buffer<T> {
    slot: Slot,
    len: usize,
    element: PhantomData<T>,
}

impl<T: FromBytes + IntoBytes + Immutable> Buffer<T> {
    /// A buffer with the contents of a slice.
    pub fn from_slice(data: &[T]) -> Self {
        Buffer::from_bytes(data.as_bytes().to_vec(), data.len())
    }

    /// A buffer of `len` zeros.
    pub fn zeroed(len: usize) -> Self {
        Buffer::from_bytes(vec![0; len * size_of::<T>()], len)
    }

    fn from_bytes(bytes: Vec<u8>, len: usize) -> Self {
        Buffer {
            slot: Arc::new(Mutex::new(Some(bytes))),
            len,
            element: PhantomData,
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A copy of the contents.
    ///
    /// # Errors
    /// [`Error::BufferBusy`] while a run has the buffer.
    pub fn read(&self) -> Result<Vec<T>, Error> {
        let slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = slot.as_ref().ok_or(Error::BufferBusy)?;
        let elements = bytes.chunks_exact(size_of::<T>());
        Ok(elements
            .filter_map(|e| T::read_from_bytes(e).ok())
            .collect())
    }

    /// Replaces the contents.
    ///
    /// # Errors
    /// [`Error::BufferBusy`] while a run has the buffer, [`Error::WrongLength`] when `data` is not as
    /// long as the buffer.
    pub fn write(&self, data: &[T]) -> Result<(), Error> {
        if data.len() != self.len {
            let (given, held) = (data.len(), self.len);
            return Err(Error::WrongLength { given, held });
        }
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = slot.as_mut().ok_or(Error::BufferBusy)?;
        bytes.copy_from_slice(data.as_bytes());
        Ok(())
    }
}

mod sealed {
    pub trait Sealed {
        fn slot(&self) -> &super::Slot;
    }
}

/// A buffer of any element type, as an argument of a run.
pub trait Argument: sealed::Sealed {}

impl<T> sealed::Sealed for Buffer<T> {
    fn slot(&self) -> &Slot {
        &self.slot
    }
}

impl<T> Argument for Buffer<T> {}

/// Takes the bytes of every argument, or none of them when one is busy.
pub(crate) fn take(args: &[&dyn Argument]) -> Result<Vec<(Slot, Vec<u8>)>, Error> {
    let mut taken: Vec<(Slot, Vec<u8>)> = Vec::with_capacity(args.len());
    for (index, arg) in args.iter().enumerate() {
        let slot = arg.slot();
        // Unlocked before anything is given back: the same buffer may have been passed twice.
        let bytes = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(bytes) = bytes else {
            give_back(taken);
            return Err(Error::ArgumentBusy { index });
        };
        taken.push((slot.clone(), bytes));
    }
    Ok(taken)
}

/// Puts the bytes of a finished run back.
pub(crate) fn give_back(taken: Vec<(Slot, Vec<u8>)>) {
    for (slot, bytes) in taken {
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_round_trip() {
        let buffer = Buffer::from_slice(&[1i16, -2, 3]);
        assert_eq!(buffer.read().unwrap(), [1, -2, 3]);
        buffer.write(&[4, 5, 6]).unwrap();
        assert_eq!(buffer.clone().read().unwrap(), [4, 5, 6]);
        assert!(matches!(
            buffer.write(&[1]),
            Err(Error::WrongLength { given: 1, held: 3 })
        ));
        assert_eq!(Buffer::<f32>::zeroed(2).read().unwrap(), [0.0, 0.0]);
    }

    #[test]
    fn a_busy_buffer_is_neither_read_nor_passed_again() {
        let (a, b) = (Buffer::from_slice(&[1u8]), Buffer::from_slice(&[2u8]));
        let taken = take(&[&a]).unwrap();
        assert!(matches!(a.read(), Err(Error::BufferBusy)));
        assert!(matches!(a.write(&[3]), Err(Error::BufferBusy)));
        assert!(matches!(
            take(&[&b, &a]),
            Err(Error::ArgumentBusy { index: 1 })
        ));
        assert_eq!(b.read().unwrap(), [2], "nothing is taken when one is busy");
        give_back(taken);
        assert_eq!(a.read().unwrap(), [1]);
        assert!(matches!(
            take(&[&a, &a]),
            Err(Error::ArgumentBusy { index: 1 })
        ));
    }
}
