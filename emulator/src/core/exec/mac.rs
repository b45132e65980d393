//! The multiply-accumulate unit and the accumulator additions.

use crate::core::fault::{FaultKind, Outcome, Role};
use crate::core::machine::{Machine, all};
use crate::core::op::{Mac, MacUnit, VectorDst};
use crate::core::pipe::{Late, MacFlight, Work};
use crate::core::regs::{Scalar, Source};
use arch::num::{AccLane, MacConf, MacError, MacMode, add_acc, mac_bf16, mac_int, sum_f32};

/// A configuration word and what follows from it.
#[derive(Clone, Copy, Debug)]
pub(in crate::core) struct MacSetup {
    word: u32,
    conf: MacConf,
    mode: &'static MacMode,
    /// Units of the operands that must be defined; what the mode does not look at need not be.
    needs: (u8, u8),
}

impl MacSetup {
    #[cold]
    fn of(word: u32) -> Outcome<Self> {
        let conf = MacConf::decode(word);
        let mode = MacMode::of(conf).map_err(FaultKind::from)?;
        let (x, y) = mode.operand_bytes();
        let units = |bytes: usize| all(bytes.div_ceil(32) as u8);
        let needs = (units(x), units(y));
        Ok(Self {
            word,
            conf,
            mode,
            needs,
        })
    }
}

impl Machine {
    #[inline]
    pub(super) fn mac(&mut self, mac: &Mac, x: Source, y: Source, conf: Scalar) -> Outcome<()> {
        let word = self.need(conf, Role::Control)?;
        let setup = match &self.mac_setup {
            Some(setup) if setup.word == word => *setup,
            _ => MacSetup::of(word)?,
        };
        self.mac_setup = Some(setup);
        let MacSetup { conf, mode, .. } = setup;
        if (mode.acc == AccLane::Fp32) != (mac.unit == MacUnit::Float) {
            return FaultKind::from(MacError::WrongUnit { mode: *mode }).fail();
        }
        let ((x, x_defined), (y, y_defined)) = (self.read::<64>(x), self.read::<64>(y));
        let (x_need, y_need) = setup.needs;
        let defined = x_defined & x_need == x_need && y_defined & y_need == y_need;
        let pc = self.origin;
        let flight = MacFlight {
            pc,
            mac: *mac,
            mode,
            conf,
            x,
            y,
            defined,
        };
        if mac.acc_stage == 1 {
            return self.mac_end(&flight);
        }
        self.pipe.stage(mac.acc_stage).macs.push(flight);
        Ok(())
    }

    /// Fills `words` with an accumulator and returns which of its units are defined; all are, and the
    /// words stay as they are, if it takes no part.
    #[inline]
    fn accumulator<const W: usize>(&self, acc: Option<Source>, words: &mut [u32; W]) -> u8 {
        match acc {
            Some(source) => self.read_words(source, words),
            None => all((W / 8) as u8),
        }
    }

    /// The step in which accumulators are read.
    #[inline]
    pub(super) fn mac_end(&mut self, flight: &MacFlight) -> Outcome<()> {
        let MacFlight {
            mac,
            mode,
            conf,
            x,
            y,
            ..
        } = flight;
        let defined = |units| if flight.defined { units } else { 0 };
        let first = mac.acc1.filter(|_| !conf.zero_acc);
        match mac.unit {
            MacUnit::Integer => {
                let (mut words1, mut words2) = ([0; 32], [0; 32]);
                let d1 = self.accumulator(first, &mut words1);
                let d2 = self.accumulator(mac.acc2, &mut words2);
                let (acc1, acc2) = (first.map(|_| &words1), mac.acc2.map(|_| &words2));
                let out = mac_int(mode, *conf, mac.negate, x, y, acc1, acc2);
                self.write_accumulator(mac, &out.map_err(FaultKind::from)?, defined(d1 & d2));
            }
            MacUnit::Float => {
                let (mut words1, mut words2) = ([0; 16], [0; 16]);
                let d1 = self.accumulator(first, &mut words1);
                let d2 = self.accumulator(mac.acc2, &mut words2);
                let (acc1, acc2) = (first.map(|_| &words1), mac.acc2.map(|_| &words2));
                let out = mac_bf16(mode, *conf, mac.negate, x, y, acc1, acc2);
                self.write_accumulator(mac, &out.map_err(FaultKind::from)?, defined(d1 & d2));
            }
        }
        Ok(())
    }

    #[inline]
    fn write_accumulator<const W: usize>(&mut self, mac: &Mac, out: &[u32; W], defined: u8) {
        let stage = mac.to.stage - mac.acc_stage + 1;
        let slot = self.pipe.stage(stage);
        let bytes = slot.vector_result(mac.to.to, mac.to.path, defined);
        for (bytes, word) in bytes.chunks_exact_mut(4).zip(out) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
    }

    pub(super) fn sum(&mut self, mac: &Mac, conf: Scalar) -> Outcome<()> {
        let conf = MacConf::decode(self.need(conf, Role::Control)?);
        let late = Late {
            pc: self.origin,
            work: Work::Sum { mac: *mac, conf },
        };
        self.pipe.stage(mac.acc_stage).late.push(late);
        Ok(())
    }

    pub(super) fn sum_end(&mut self, mac: &Mac, conf: MacConf) {
        let first = mac.acc1.filter(|_| !conf.zero_acc);
        match mac.unit {
            MacUnit::Integer => {
                let (mut words1, mut words2) = ([0; 32], [0; 32]);
                let d1 = self.accumulator(first, &mut words1);
                let d2 = self.accumulator(mac.acc2, &mut words2);
                let (acc1, acc2) = (first.map(|_| &words1), mac.acc2.map(|_| &words2));
                let out = add_acc(conf, mac.negate, acc1, acc2);
                self.write_accumulator(mac, &out, d1 & d2);
            }
            MacUnit::Float => {
                let (mut words1, mut words2) = ([0; 16], [0; 16]);
                let d1 = self.accumulator(first, &mut words1);
                let d2 = self.accumulator(mac.acc2, &mut words2);
                let (acc1, acc2) = (first.map(|_| &words1), mac.acc2.map(|_| &words2));
                let term = |acc: Option<&[u32; 16]>, i: usize, negate| {
                    acc.map_or((0, false), |words| (words[i], negate))
                };
                let (n1, n2) = (mac.negate.acc1 ^ conf.sub1, mac.negate.acc2 ^ conf.sub2);
                let out: [u32; 16] =
                    std::array::from_fn(|i| sum_f32(&[term(acc1, i, n1), term(acc2, i, n2)]));
                self.write_accumulator(mac, &out, d1 & d2);
            }
        }
    }

    pub(super) fn copy_accumulator(
        &mut self,
        to: &VectorDst,
        from: Source,
        stage: u8,
    ) -> Outcome<()> {
        let work = Work::Copy {
            from,
            to: to.to,
            path: to.path,
            stage: to.stage - stage + 1,
        };
        let late = Late {
            pc: self.origin,
            work,
        };
        self.pipe.stage(stage).late.push(late);
        Ok(())
    }

    pub(super) fn clear(&mut self, to: &VectorDst) -> Outcome<()> {
        let bytes = &[0; 128][..usize::from(to.to.units) * 32];
        self.pipe
            .stage(to.stage)
            .vector(to.to, to.path, bytes, all(to.to.units));
        Ok(())
    }
}
