//! What a run means in time on npu1: a prediction, how busy everything was, and what bound it.

use std::fmt;

use arch::array::Direction;
use arch::{Tile, TileKind};

use crate::error::ChannelId;
use crate::report::{CoreReport, DmaReport, RunReport};
use crate::timing::{
    DDR_BYTES_PER_SECOND, DISPATCH_MICROSECONDS, LINK_BYTES, RECONFIGURATION_MICROSECONDS,
};

/// Share of the time below which nothing counts as a bound.
const BUSY: f64 = 0.5;

/// What took most of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The fixed cost of a dispatch.
    Dispatch,
    /// A core's program, with what it waits for its own memory banks, takes nearly all the time.
    Core(Tile),
    /// A channel moves words nearly all the time.
    Channel(ChannelId),
    /// The host's memory, in this direction (MM2S reads it).
    Host(Direction),
    /// Nothing is busy for half of the time: things wait for each other.
    Waiting,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Dispatch => f.write_str("the cost of the dispatch"),
            Bound::Core(tile) => write!(f, "the program of core {tile}"),
            Bound::Channel(channel) => write!(f, "the stream of DMA {channel}"),
            Bound::Host(Direction::Mm2s) => f.write_str("reads of the host's memory"),
            Bound::Host(Direction::S2mm) => f.write_str("writes of the host's memory"),
            Bound::Waiting => f.write_str("waiting: nothing is busy for half of the time"),
        }
    }
}

/// The time that a run is predicted to take on npu1. Nothing of it was measured.
///
/// The constants, and what they leave out, are in `timing.rs`.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    report: RunReport,
}

impl RunReport {
    /// What the run means in time.
    pub fn prediction(&self) -> Prediction {
        Prediction {
            report: self.clone(),
        }
    }
}

impl Prediction {
    /// Seconds in which the array works.
    pub fn array_seconds(&self) -> f64 {
        self.report.cycles as f64 / (f64::from(self.report.clock.0) * 1e6)
    }

    /// Seconds of a dispatch on an array that is configured already.
    pub fn seconds(&self) -> f64 {
        self.array_seconds() + DISPATCH_MICROSECONDS * 1e-6
    }

    /// Seconds of the first dispatch after another configuration.
    pub fn first_seconds(&self) -> f64 {
        self.seconds() + RECONFIGURATION_MICROSECONDS * 1e-6
    }

    /// Share of the cycles in which a core's pipeline advances, 0 to 1.
    pub fn core_utilisation(&self, core: &CoreReport) -> f64 {
        share(core.busy, self.report.cycles)
    }

    /// Share of the cycles in which a channel moves a word, 0 to 1.
    pub fn channel_utilisation(&self, channel: &DmaReport) -> f64 {
        share(channel.words, self.report.cycles)
    }

    /// Bytes that the shim channels of a direction move; MM2S reads the host's memory.
    fn host_bytes(&self, dir: Direction) -> u64 {
        let shim = |d: &&DmaReport| d.channel.tile.kind() == TileKind::Shim;
        let channels = self.report.dma.iter().filter(shim);
        let words = channels.filter(|d| d.channel.dir == dir).map(|d| d.words);
        words.sum::<u64>() * LINK_BYTES
    }

    /// Share of what the host's memory can move in the array's time, 0 to 1.
    pub fn host_utilisation(&self, dir: Direction) -> f64 {
        let most = self.array_seconds() * DDR_BYTES_PER_SECOND as f64;
        match most > 0.0 {
            true => self.host_bytes(dir) as f64 / most,
            false => 0.0,
        }
    }

    /// What took most of the time. Of several that are equally busy, the one that others wait for:
    /// the host's memory before cores, cores before channels.
    pub fn bound(&self) -> Bound {
        if DISPATCH_MICROSECONDS * 1e-6 > self.array_seconds() {
            return Bound::Dispatch;
        }
        let host = Direction::ALL.map(|dir| (Bound::Host(dir), self.host_utilisation(dir)));
        let cores = self.report.cores.iter();
        let cores = cores.map(|c| {
            let own = c.busy + c.memory_stalls;
            (Bound::Core(c.tile), share(own, self.report.cycles))
        });
        let channels = self.report.dma.iter();
        let channels = channels.map(|d| (Bound::Channel(d.channel), self.channel_utilisation(d)));
        let all = host.into_iter().chain(cores).chain(channels);
        let (bound, most) = all.fold((Bound::Waiting, 0.0), |most, next| {
            // A percent more, or it was first.
            if next.1 > most.1 + 0.01 { next } else { most }
        });
        if most < BUSY { Bound::Waiting } else { bound }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        whole => part as f64 / whole as f64,
    }
}

impl fmt::Display for Prediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.report;
        let micros = |seconds: f64| seconds * 1e6;
        let percent = |share: f64| share * 100.0;
        writeln!(
            f,
            "predicted time on npu1 at {} MHz (not measured)",
            report.clock
        )?;
        let times = [
            ("array", self.array_seconds()),
            ("dispatch", self.seconds()),
            ("first dispatch after another overlay", self.first_seconds()),
        ];
        for (name, seconds) in times {
            writeln!(f, "  {name:<38}{:>12.1} us", micros(seconds))?;
        }
        writeln!(f, "  bound by {}", self.bound())?;
        writeln!(f)?;
        writeln!(
            f,
            "{:<26}{:>12}{:>8}{:>10}",
            "host memory", "bytes", "busy %", "GB/s"
        )?;
        for (name, dir) in [("read", Direction::Mm2s), ("written", Direction::S2mm)] {
            let bytes = self.host_bytes(dir);
            let rate = match report.cycles {
                0 => 0.0,
                _ => bytes as f64 / self.array_seconds() * 1e-9,
            };
            let busy = percent(self.host_utilisation(dir));
            writeln!(f, "{name:<26}{bytes:>12}{busy:>8.1}{rate:>10.2}")?;
        }
        writeln!(f)?;
        writeln!(
            f,
            "{:<26}{:>12}{:>8}{:>10}{:>10}{:>10}",
            "core", "busy cycles", "busy %", "lock %", "stream %", "bank %"
        )?;
        for core in &report.cores {
            let [lock, stream, bank] = [core.lock_stalls, core.stream_stalls, core.memory_stalls]
                .map(|cycles| percent(share(cycles, report.cycles)));
            writeln!(
                f,
                "{:<26}{:>12}{:>8.1}{lock:>10.1}{stream:>10.1}{bank:>10.1}",
                core.tile.to_string(),
                core.busy,
                percent(self.core_utilisation(core)),
            )?;
        }
        writeln!(f)?;
        writeln!(
            f,
            "{:<26}{:>12}{:>8}{:>10}{:>10}{:>10}",
            "DMA channel", "words", "busy %", "lock %", "stream %", "host %"
        )?;
        for dma in &report.dma {
            let [lock, stream, host] = [dma.lock_stalls, dma.stream_stalls, dma.host_stalls]
                .map(|cycles| percent(share(cycles, report.cycles)));
            writeln!(
                f,
                "{:<26}{:>12}{:>8.1}{lock:>10.1}{stream:>10.1}{host:>10.1}",
                dma.channel.to_string(),
                dma.words,
                percent(self.channel_utilisation(dma)),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timing::ClockMhz;

    fn report(cycles: u64, busy: u64, words: u64, channels: u8) -> RunReport {
        let tile = Tile::new(0, 2);
        let core = CoreReport {
            tile,
            busy,
            lock_stalls: cycles - busy,
            stream_stalls: 0,
            memory_stalls: 0,
            done: false,
        };
        let dma = |i: u8| DmaReport {
            channel: ChannelId {
                tile: Tile::new(i / 2, 0),
                dir: Direction::Mm2s,
                number: i % 2,
            },
            words,
            tasks: 1,
            lock_stalls: 0,
            stream_stalls: cycles - words,
            host_stalls: 0,
        };
        RunReport {
            clock: ClockMhz(1000),
            cycles,
            cores: vec![core],
            dma: (0..channels).map(dma).collect(),
            ..RunReport::default()
        }
    }

    #[test]
    fn what_is_busiest_binds() {
        let bound = |cycles, busy, words, channels| {
            report(cycles, busy, words, channels).prediction().bound()
        };
        let shim = ChannelId {
            tile: Tile::new(0, 0),
            dir: Direction::Mm2s,
            number: 0,
        };
        assert_eq!(bound(10_000, 9_000, 10_000, 1), Bound::Dispatch);
        assert_eq!(
            bound(1_000_000, 950_000, 500_000, 1),
            Bound::Core(Tile::new(0, 2))
        );
        assert_eq!(bound(1_000_000, 500_000, 950_000, 1), Bound::Channel(shim));
        assert_eq!(
            bound(1_000_000, 600_000, 850_000, 8),
            Bound::Host(Direction::Mm2s)
        );
        assert_eq!(bound(1_000_000, 100_000, 200_000, 1), Bound::Waiting);
    }

    #[test]
    fn the_table_says_what_it_is() {
        insta::assert_snapshot!(report(1_000_000, 950_000, 500_000, 1).prediction(), @r"
        predicted time on npu1 at 1000 MHz (not measured)
          array                                       1000.0 us
          dispatch                                    1045.0 us
          first dispatch after another overlay        3845.0 us
          bound by the program of core (0,2)

        host memory                      bytes  busy %      GB/s
        read                           2000000     7.1      2.00
        written                              0     0.0      0.00

        core                       busy cycles  busy %    lock %  stream %    bank %
        (0,2)                           950000    95.0       5.0       0.0       0.0

        DMA channel                      words  busy %    lock %  stream %    host %
        MM2S0 of shim tile (0,0)        500000    50.0       0.0      50.0       0.0
        ");
    }

    #[test]
    fn a_run_of_no_cycles_takes_a_dispatch() {
        let prediction = RunReport::default().prediction();
        assert_eq!(prediction.array_seconds(), 0.0);
        assert!(
            prediction
                .to_string()
                .contains("bound by the cost of the dispatch")
        );
    }
}
