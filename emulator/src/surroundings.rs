//! What a core sees of the array: the memories and locks of its neighbours, streams, cascades.

use arch::Tile;
use arch::array::lock::core_lock_target;
use arch::array::memory::{CORE_WINDOWS, core_neighbour};
use arch::limits::CORE_DATA_BYTES;

use crate::cascade::Cascades;
use crate::core::{BusError, CoreBus};
use crate::link::{Link, Word};
use crate::lock::Locks;
use crate::memory::{Memory, Place};
use crate::wake::Wakes;

/// Places of the memories behind a core's windows: south, west, north, own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows([Option<Place>; 4]);

impl Windows {
    pub(crate) fn of(tile: Tile, memory: &Memory) -> Self {
        Windows(std::array::from_fn(|window| {
            core_neighbour(tile, window as u8).and_then(|neighbour| memory.base(neighbour))
        }))
    }

    /// Place of an address; the core has checked that it is in one of the windows.
    #[inline]
    fn place(&self, addr: u32) -> Result<Place, BusError> {
        let at = addr.wrapping_sub(CORE_WINDOWS[0]);
        let window = (at / CORE_DATA_BYTES) as usize;
        match self.0.get(window) {
            Some(Some(base)) => Ok(base + at % CORE_DATA_BYTES),
            Some(None) => Err(BusError::new(format!(
                "no core tile lies {} of this one",
                ["south", "west", "north", "here"][window]
            ))),
            None => Err(BusError::new("no memory is there")),
        }
    }
}

/// The array, lent to one core for one cycle.
pub(crate) struct CoreSurroundings<'a> {
    pub(crate) tile: Tile,
    pub(crate) now: u64,
    pub(crate) windows: &'a Windows,
    pub(crate) memory: &'a mut Memory,
    pub(crate) locks: &'a mut Locks,
    pub(crate) cascades: &'a mut Cascades,
    pub(crate) links: &'a mut [Link],
    pub(crate) wakes: &'a mut Wakes,
    /// The core's slot, under which it sleeps.
    pub(crate) slot: usize,
    /// Link and receiver of the core's input stream.
    pub(crate) stream_in: Option<(usize, usize)>,
    /// Link of the core's output stream.
    pub(crate) stream_out: Option<usize>,
}

impl CoreSurroundings<'_> {
    fn lock(&self, lock: u8) -> Result<crate::lock::LockRef, BusError> {
        core_lock_target(self.tile, lock)
            .and_then(|(tile, id)| self.locks.find(tile, id))
            .ok_or_else(|| BusError::new("no core tile with this lock is next to this one"))
    }
}

impl CoreBus for CoreSurroundings<'_> {
    #[inline]
    fn load(&mut self, addr: u32, out: &mut [u8]) -> Result<(), BusError> {
        let place = self.windows.place(addr)?;
        out.copy_from_slice(self.memory.bytes(place, out.len()));
        Ok(())
    }

    #[inline]
    fn store(&mut self, addr: u32, data: &[u8]) -> Result<(), BusError> {
        let place = self.windows.place(addr)?;
        self.memory
            .bytes_mut(place, data.len())
            .copy_from_slice(data);
        Ok(())
    }

    fn acquire(&mut self, lock: u8, value: i32) -> Result<bool, BusError> {
        let lock = self.lock(lock)?;
        let granted = self.locks.acquire(lock, value, self.wakes);
        if !granted {
            self.locks.sleep(lock, Wakes::core(self.slot));
        }
        Ok(granted)
    }

    fn release(&mut self, lock: u8, value: i32) -> Result<(), BusError> {
        let lock = self.lock(lock)?;
        let tile = self.tile;
        self.locks
            .release(lock, value, self.wakes, || format!("core {tile}"))
            .map_err(|e| BusError::new(e.to_string()))
    }

    fn cascade_read(&mut self) -> Result<Option<[u8; 64]>, BusError> {
        let word = self.cascades.receive(self.tile, self.now);
        word.map_err(BusError::new)
    }

    fn cascade_write(&mut self, word: &[u8; 64]) -> Result<bool, BusError> {
        let sent = self.cascades.send(self.tile, self.now, word);
        sent.map_err(BusError::new)
    }

    fn stream_read(&mut self) -> Result<Option<(u32, bool)>, BusError> {
        let Some((link, reader)) = self.stream_in else {
            return Err(BusError::new("no stream is connected to the core's input"));
        };
        let word = self.links[link].peek(reader, self.now);
        if word.is_some() {
            self.links[link].take(reader, self.wakes);
        }
        Ok(word.map(|w| (w.data, w.last)))
    }

    fn stream_write(&mut self, word: u32, last: bool) -> Result<bool, BusError> {
        let Some(link) = self.stream_out else {
            return Err(BusError::new("no stream is connected to the core's output"));
        };
        let link = &mut self.links[link];
        let room = link.can_send();
        if room {
            link.send(self.now, Word { data: word, last }, self.wakes);
        }
        Ok(room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Way;

    struct World {
        memory: Memory,
        locks: Locks,
        cascades: Cascades,
        links: Vec<Link>,
        wakes: Wakes,
    }

    fn world() -> World {
        let way = Way {
            words: 2,
            latency: 1,
        };
        World {
            memory: Memory::new(),
            locks: Locks::new(),
            cascades: Cascades::new(),
            links: vec![Link::new(&[way])],
            wakes: Wakes::default(),
        }
    }

    fn with<T>(w: &mut World, tile: Tile, f: impl FnOnce(&mut CoreSurroundings<'_>) -> T) -> T {
        let windows = Windows::of(tile, &w.memory);
        f(&mut CoreSurroundings {
            tile,
            now: 10,
            windows: &windows,
            memory: &mut w.memory,
            locks: &mut w.locks,
            cascades: &mut w.cascades,
            links: &mut w.links,
            wakes: &mut w.wakes,
            slot: 0,
            stream_in: None,
            stream_out: Some(0),
        })
    }

    #[test]
    fn windows_lead_to_the_neighbours() {
        let mut w = world();
        let core = Tile::new(1, 3);
        let rows = [
            (0x40000, Tile::new(1, 2)),
            (0x50000, Tile::new(0, 3)),
            (0x60000, Tile::new(1, 4)),
            (0x70000, core),
        ];
        for (window, tile) in rows {
            with(&mut w, core, |bus| {
                bus.store(window + 0x20, &[1, 2, 3, 4]).unwrap()
            });
            assert_eq!(
                w.memory.get(tile, 0x20, 4),
                Some(&[1, 2, 3, 4][..]),
                "{tile}"
            );
            let mut out = [0; 4];
            with(&mut w, core, |bus| {
                bus.load(window + 0x20, &mut out).unwrap()
            });
            assert_eq!(out, [1, 2, 3, 4]);
        }
        let corner = Tile::new(0, 2);
        for (window, side) in [(0x40000, "south"), (0x50000, "west")] {
            let err = with(&mut w, corner, |bus| {
                bus.load(window, &mut [0; 4]).unwrap_err()
            });
            assert_eq!(err.reason, format!("no core tile lies {side} of this one"));
        }
    }

    #[test]
    fn locks_lead_to_the_neighbours() {
        let mut w = world();
        let core = Tile::new(1, 3);
        for (lock, tile) in [(3, Tile::new(1, 2)), (19, Tile::new(0, 3)), (51, core)] {
            with(&mut w, core, |bus| {
                assert_eq!(bus.acquire(lock, -1), Ok(false));
                bus.release(lock, 2).unwrap();
                assert_eq!(bus.acquire(lock, -1), Ok(true));
            });
            assert_eq!(w.locks.value(w.locks.find(tile, 3).unwrap()), 1);
        }
        with(&mut w, core, |bus| {
            let err = bus.release(51, -2).unwrap_err();
            assert!(
                err.reason
                    .starts_with("core (1,3) releases lock 3 of core tile (1,3)")
            );
            assert!(bus.acquire(64, -1).is_err());
        });
        with(&mut w, Tile::new(0, 5), |bus| {
            assert!(bus.acquire(32, -1).is_err())
        });
    }

    #[test]
    fn streams_fill_up() {
        let mut w = world();
        with(&mut w, Tile::new(0, 2), |bus| {
            assert_eq!(bus.stream_write(1, false), Ok(true));
            assert_eq!(bus.stream_write(2, true), Ok(true));
            assert_eq!(bus.stream_write(3, true), Ok(false));
            assert!(bus.stream_read().is_err());
            bus.stream_in = Some((0, 0));
            assert_eq!(bus.stream_read(), Ok(None));
            bus.now += 1;
            assert_eq!(bus.stream_read(), Ok(Some((1, false))));
        });
    }
}
