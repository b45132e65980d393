//! Buffers that a device reads and writes.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::Error;
use crate::storage::Storage;

/// Bytes of a buffer; absent while a run has them.
#[derive(Clone, Debug)]
pub struct Slot(Arc<Mutex<Option<Storage>>>);

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Storage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells slots apart.
    pub(crate) fn key(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

/// An array of `T` that a device can read and write. Clones are handles of the same array.
///
/// A buffer is made without a device. The first run that passes it moves it to where that run's
/// device reaches it, and there it stays: later runs copy nothing.
///
/// A run has its buffers until it has been waited for. Until then reading, writing and passing them
/// to another run is an error, not a wait, so a buffer is never used twice at once.
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
            slot: Slot(Arc::new(Mutex::new(Some(Storage::Host(bytes))))),
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
    /// [`Error::BufferBusy`] while a run has the buffer, [`Error::Driver`] when the driver cannot make
    /// the device's writes visible.
    pub fn read(&self) -> Result<Vec<T>, Error> {
        let mut bytes = vec![0; self.len * size_of::<T>()];
        self.free(|storage| storage.read(&mut bytes))?;
        let elements = bytes.chunks_exact(size_of::<T>().max(1));
        Ok(elements
            .filter_map(|e| T::read_from_bytes(e).ok())
            .collect())
    }

    /// Copies the contents into a slice.
    ///
    /// # Errors
    /// As for [`Buffer::read`], and [`Error::WrongLength`] when `out` is not as long as the buffer.
    pub fn read_into(&self, out: &mut [T]) -> Result<(), Error> {
        self.check_len(out.len())?;
        self.free(|storage| storage.read(out.as_mut_bytes()))
    }

    /// Replaces the contents.
    ///
    /// # Errors
    /// [`Error::BufferBusy`] while a run has the buffer, [`Error::WrongLength`] when `data` is not as
    /// long as the buffer, [`Error::Driver`] as for [`Buffer::read`].
    pub fn write(&self, data: &[T]) -> Result<(), Error> {
        self.check_len(data.len())?;
        self.free(|storage| storage.write(data.as_bytes()))
    }

    fn check_len(&self, given: usize) -> Result<(), Error> {
        let held = self.len;
        if given == held {
            Ok(())
        } else {
            Err(Error::WrongLength { given, held })
        }
    }

    /// Does something with the bytes, if no run has them.
    fn free(&self, f: impl FnOnce(&mut Storage) -> Result<(), Error>) -> Result<(), Error> {
        let mut slot = self.slot.lock();
        f(slot.as_mut().ok_or(Error::BufferBusy)?)
    }
}

mod sealed {
    pub trait Sealed: Send + Sync {
        fn slot(&self) -> &super::Slot;
    }
}

/// A buffer of any element type, as an argument of a run.
pub trait Argument: sealed::Sealed {}

impl<T: Send + Sync> sealed::Sealed for Buffer<T> {
    fn slot(&self) -> &Slot {
        &self.slot
    }
}

impl<T: Send + Sync> Argument for Buffer<T> {}

/// The slot of an argument.
pub(crate) fn slot_of(argument: &dyn Argument) -> &Slot {
    argument.slot()
}

/// Takes the bytes of every slot, or of none when one is busy; then the error is its index.
pub(crate) fn take(slots: &[Slot]) -> Result<Vec<Storage>, usize> {
    let mut taken = Vec::with_capacity(slots.len());
    for (index, slot) in slots.iter().enumerate() {
        // Unlocked before anything is given back: a slot may be there twice.
        let storage = slot.lock().take();
        let Some(storage) = storage else {
            give_back(slots, taken);
            return Err(index);
        };
        taken.push(storage);
    }
    Ok(taken)
}

/// Puts the bytes of finished work back.
pub(crate) fn give_back(slots: &[Slot], storages: Vec<Storage>) {
    for (slot, storage) in slots.iter().zip(storages) {
        *slot.lock() = Some(storage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealed::Sealed;

    #[test]
    fn contents_round_trip() {
        let buffer = Buffer::from_slice(&[1i16, -2, 3]);
        assert_eq!(buffer.read().unwrap(), [1, -2, 3]);
        buffer.write(&[4, 5, 6]).unwrap();
        assert_eq!(buffer.clone().read().unwrap(), [4, 5, 6]);
        let mut out = [0; 3];
        buffer.read_into(&mut out).unwrap();
        assert_eq!(out, [4, 5, 6]);
        for refused in [buffer.write(&[1]), buffer.read_into(&mut [0])] {
            assert!(matches!(
                refused,
                Err(Error::WrongLength { given: 1, held: 3 })
            ));
        }
        assert_eq!(Buffer::<f32>::zeroed(2).read().unwrap(), [0.0, 0.0]);
    }

    #[test]
    fn a_busy_buffer_is_neither_read_nor_taken_again() {
        let (a, b) = (Buffer::from_slice(&[1u8]), Buffer::from_slice(&[2u8]));
        let slot = |b: &Buffer<u8>| b.slot().clone();
        let only_a = [slot(&a)];
        let taken = take(&only_a).unwrap();
        assert!(matches!(a.read(), Err(Error::BufferBusy)));
        assert!(matches!(a.write(&[3]), Err(Error::BufferBusy)));
        assert_eq!(take(&[slot(&b), slot(&a)]).unwrap_err(), 1);
        assert_eq!(b.read().unwrap(), [2], "nothing is taken when one is busy");
        give_back(&only_a, taken);
        assert_eq!(a.read().unwrap(), [1]);
        assert_eq!(take(&[slot(&a), slot(&a)]).unwrap_err(), 1);
        assert_eq!(a.read().unwrap(), [1]);
    }
}
