//! What operations do. One file a family; all of them read operands at their stage and queue
//! results for theirs.

mod control;
mod convert;
mod lanes;
mod mac;
mod memory;
mod movement;
mod scalar;

pub(super) use mac::MacSetup;

use super::bus::CoreBus;
use super::fault::{FaultKind, Outcome};
use super::machine::Machine;
use super::op::Op;
use super::pipe::Work;

/// Fills the part of a register whose content no source states, so that its use shows.
pub(super) const UNSTATED: u8 = 0xA5;

impl Machine {
    /// Executes the part of an operation that belongs to the cycle of issue.
    #[inline]
    pub(super) fn execute<B: CoreBus>(&mut self, op: &Op, bus: &mut B) -> Outcome<()> {
        match op {
            Op::Alu { f, to, a, b } => self.alu(*f, *to, *a, *b),
            Op::Divide {
                to,
                remainder,
                dividend,
                divisor,
            } => self.divide(*to, *remainder, *dividend, *divisor),
            Op::Choose {
                to,
                a,
                b,
                by,
                if_zero,
            } => self.choose(*to, *a, *b, *by, *if_zero),
            Op::Counter { to } => self.counter(*to),
            Op::Jump { kind, target } => self.jump(*kind, *target),
            Op::Lock {
                acquire,
                lock,
                value,
                condition,
            } => self.lock(*acquire, *lock, *value, *condition),
            Op::Event(number) => {
                bus.event(*number);
                Ok(())
            }
            Op::Done => self.done(),
            Op::Pointer(address) => self.pointer(address),
            Op::Load(load) => self.load(load),
            Op::LoadVector {
                address,
                to,
                stage,
                bytes,
                memory_stage,
            } => self.load_vector(address, *to, *bytes, *memory_stage, *stage),
            Op::Store(store) => self.store(store),
            Op::PartialStore(store) => self.partial_store(store),
            Op::Lookup(lookup) => self.lookup(lookup),
            Op::Lanes(lanes) => self.lanes(lanes),
            Op::Move { to, movement } => self.movement(to, movement),
            Op::Extract {
                to,
                bits,
                sign,
                from,
                index,
            } => self.extract(*to, *bits, *sign, *from, *index),
            Op::Convert { to, conversion } => self.convert(to, conversion),
            Op::UnpackRegister {
                to,
                from,
                bits,
                sign,
                from_stage,
            } => self.unpack_later(to, *from, *bits, *sign, *from_stage),
            Op::Mac { mac, x, y, conf } => self.mac(mac, *x, *y, *conf),
            Op::Sum { mac, conf } => self.sum(mac, *conf),
            Op::CopyAccumulator { to, from, stage } => self.copy_accumulator(to, *from, *stage),
            Op::Clear { to } => self.clear(to),
            Op::CascadeRead { to } => self.cascade_read(to),
            Op::CascadeWrite { from } => self.cascade_write(*from),
            Op::StreamRead { to, blocking } => self.stream_read(*to, *blocking),
            Op::StreamWrite {
                from,
                last,
                blocking,
            } => self.stream_write(*from, *last, *blocking),
            Op::HeaderWrite {
                header,
                last,
                blocking,
            } => self.header_write(*header, *last, *blocking),
            Op::NotModelled(form) => {
                let name = format!("{} (`{}`)", form.name(), form.desc().asm);
                FaultKind::NotModelled { name }.fail()
            }
        }
    }

    /// Executes what waited for a late operand.
    #[inline]
    pub(super) fn late(&mut self) -> Outcome<()> {
        let slot = self.pipe.now();
        if !slot.macs.is_empty() {
            let mut macs = std::mem::take(&mut slot.macs);
            for flight in &macs {
                self.origin = flight.pc;
                self.mac_end(flight)?;
            }
            macs.clear();
            self.pipe.now().macs = macs;
        }
        if !self.pipe.current().late.is_empty() {
            let mut late = std::mem::take(&mut self.pipe.now().late);
            for flight in &late {
                self.origin = flight.pc;
                self.work(&flight.work)?;
            }
            late.clear();
            self.pipe.now().late = late;
        }
        Ok(())
    }

    fn work(&mut self, work: &Work) -> Outcome<()> {
        match *work {
            Work::Sum { mac, conf } => {
                self.sum_end(&mac, conf);
                Ok(())
            }
            Work::Copy {
                from,
                to,
                path,
                stage,
            } => {
                let (data, defined) = self.read::<128>(from);
                let bytes = usize::from(to.units) * 32;
                self.pipe
                    .stage(stage)
                    .vector(to, path, &data[..bytes], defined);
                Ok(())
            }
            Work::UpShift { .. } | Work::UpShiftEnd { .. } => self.up_shift_loaded(work),
            Work::Unpack {
                to,
                bits,
                sign,
                data,
            } => {
                let signed = self.signed(sign)?;
                self.pipe
                    .now()
                    .vector(to, None, &convert::unpack(&data, bits, signed), 0b11);
                Ok(())
            }
            Work::UnpackRegister {
                to,
                path,
                from,
                bits,
                sign,
                stages,
            } => {
                let signed = self.signed(sign)?;
                let (data, defined) = self.read::<32>(from);
                let defined = if defined == 1 { 0b11 } else { 0 };
                let out = convert::unpack(&data, bits, signed);
                self.pipe.stage(stages + 1).vector(to, path, &out, defined);
                Ok(())
            }
            Work::Partial { addr, store, word } => self.partial_value(addr, store, word),
        }
    }
}
