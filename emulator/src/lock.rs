//! The locks of all tiles: counting semaphores of 0..63.

use arch::Tile;
use arch::limits::MAX_LOCK_VALUE;

use crate::error::{EmuError, TILES, tile_index};
use crate::wake::Wakes;

/// A lock, as an index over all tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LockRef {
    index: u16,
}

#[derive(Debug)]
pub(crate) struct Locks {
    values: Vec<u8>,
    /// Who sleeps until the lock changes.
    sleepers: Vec<Wakes>,
    base: [u16; TILES],
}

impl Locks {
    pub(crate) fn new() -> Self {
        let mut base = [0; TILES];
        let mut next = 0;
        for tile in Tile::all() {
            base[tile_index(tile)] = next;
            next += u16::from(tile.kind().locks());
        }
        Locks {
            values: vec![0; usize::from(next)],
            sleepers: vec![Wakes::default(); usize::from(next)],
            base,
        }
    }

    /// The lock `id` of a tile; `None` when the tile has no such lock.
    pub(crate) fn find(&self, tile: Tile, id: u8) -> Option<LockRef> {
        (tile.exists() && id < tile.kind().locks()).then(|| LockRef {
            index: self.base[tile_index(tile)] + u16::from(id),
        })
    }

    /// The lock with this index in [`Locks::values`].
    pub(crate) fn at(&self, index: usize) -> LockRef {
        LockRef {
            index: index as u16,
        }
    }

    /// Tile and id of a lock.
    pub(crate) fn name(&self, lock: LockRef) -> (Tile, u8) {
        Tile::all()
            .find_map(|tile| {
                let id = lock.index.checked_sub(self.base[tile_index(tile)])?;
                (id < u16::from(tile.kind().locks())).then_some((tile, id as u8))
            })
            .unwrap_or((Tile::new(0, 0), 0))
    }

    /// The values of all locks, by index.
    pub(crate) fn values(&self) -> &[u8] {
        &self.values
    }

    pub(crate) fn value(&self, lock: LockRef) -> u8 {
        self.values[usize::from(lock.index)]
    }

    /// Sets a lock to a value that was checked to be at most 63, and wakes who waits for it.
    pub(crate) fn set(&mut self, lock: LockRef, value: u8, wakes: &mut Wakes) {
        let at = usize::from(lock.index);
        self.values[at] = value;
        wakes.add(std::mem::take(&mut self.sleepers[at]));
    }

    /// Puts someone to sleep until the lock changes.
    pub(crate) fn sleep(&mut self, lock: LockRef, who: Wakes) {
        self.sleepers[usize::from(lock.index)].add(who);
    }

    /// Tries to acquire: -N waits for N or more and subtracts N, N >= 0 waits for exactly N and
    /// leaves the lock as it is. Returns whether it was granted.
    pub(crate) fn acquire(&mut self, lock: LockRef, value: i32, wakes: &mut Wakes) -> bool {
        let now = i32::from(self.value(lock));
        if value >= 0 {
            return now == value;
        }
        let granted = now + value >= 0;
        if granted {
            self.set(lock, (now + value) as u8, wakes);
        }
        granted
    }

    /// Releases: adds `by`.
    ///
    /// # Errors
    /// When the lock would leave 0..=63; `user` says who releases.
    pub(crate) fn release(
        &mut self,
        lock: LockRef,
        by: i32,
        wakes: &mut Wakes,
        user: impl FnOnce() -> String,
    ) -> Result<(), EmuError> {
        let value = self.value(lock);
        match u8::try_from(i32::from(value) + by) {
            Ok(sum) if sum <= MAX_LOCK_VALUE => {
                self.set(lock, sum, wakes);
                Ok(())
            }
            _ => {
                let (tile, id) = self.name(lock);
                Err(EmuError::LockRange {
                    user: user(),
                    tile,
                    id,
                    value,
                    by,
                })
            }
        }
    }

    /// What an acquire of `value` waits for, in words.
    pub(crate) fn wait_text(&self, lock: LockRef, value: i32) -> String {
        let (tile, id) = self.name(lock);
        let need = if value < 0 {
            format!("{} or more", -value)
        } else {
            format!("exactly {value}")
        };
        format!(
            "waits for lock {id} of {} {tile} to be {need}, it is {}",
            tile.kind(),
            self.value(lock)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(locks: &Locks) -> LockRef {
        locks.find(Tile::new(1, 1), 63).unwrap()
    }

    #[test]
    fn greater_equal_subtracts() {
        let (mut locks, mut w) = (Locks::new(), Wakes::default());
        let l = lock(&locks);
        assert!(!locks.acquire(l, -1, &mut w));
        locks.release(l, 2, &mut w, String::new).unwrap();
        assert!(!locks.acquire(l, -3, &mut w));
        assert!(locks.acquire(l, -2, &mut w));
        assert_eq!(locks.value(l), 0);
    }

    #[test]
    fn equal_leaves_the_value() {
        let (mut locks, mut w) = (Locks::new(), Wakes::default());
        let l = lock(&locks);
        assert!(locks.acquire(l, 0, &mut w));
        locks.set(l, 5, &mut w);
        assert!(!locks.acquire(l, 4, &mut w));
        assert!(locks.acquire(l, 5, &mut w));
        assert_eq!(locks.value(l), 5);
    }

    #[test]
    fn range_is_kept() {
        let (mut locks, mut w) = (Locks::new(), Wakes::default());
        let l = lock(&locks);
        locks.set(l, 63, &mut w);
        let err = locks
            .release(l, 1, &mut w, || "core (1,2)".into())
            .unwrap_err();
        assert_eq!(
            err.to_string(),
            "core (1,2) releases lock 63 of memory tile (1,1) by 1: it is 63 and would leave 0 to 63\n\
             help: a release without its acquire, or a wrong initial value"
        );
        assert!(locks.release(l, -64, &mut w, String::new).is_err());
        assert_eq!(locks.value(l), 63);
        assert!(locks.find(Tile::new(0, 2), 16).is_none());
        assert_eq!(locks.name(l), (Tile::new(1, 1), 63));
    }

    #[test]
    fn sleepers_wake_once() {
        let (mut locks, mut w) = (Locks::new(), Wakes::default());
        let l = lock(&locks);
        locks.sleep(l, Wakes::channel(3));
        locks.sleep(l, Wakes::core(5));
        assert!(!locks.acquire(l, -1, &mut w));
        assert_eq!(w, Wakes::default(), "a failed acquire changes nothing");
        locks.release(l, 1, &mut w, String::new).unwrap();
        assert_eq!((w.channels, w.cores), (1 << 3, 1 << 5));
        w = Wakes::default();
        locks.set(l, 0, &mut w);
        assert_eq!(w, Wakes::default());
    }
}
