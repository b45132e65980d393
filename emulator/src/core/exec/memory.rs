//! Addresses, loads and stores.

use super::{UNSTATED, convert};
use crate::core::bus::{BusError, CoreBus};
use crate::core::fault::{FaultKind, Outcome, Role};
use crate::core::machine::Machine;
use crate::core::op::{Address, Load, LoadKind, Lookup, PartialStore, Store, StoreKind, Walk};
use crate::core::pipe::{Late, LoadFlight, LookupFlight, StoreFlight, UnitWrite, VectorLoad, Work};
use crate::core::regs::Scalar;

/// Pointers wrap at 20 bits.
const ADDRESS_MASK: u32 = 0xF_FFFF;

impl Machine {
    /// The address of an access; the pointer's move is queued.
    #[inline]
    pub(super) fn address(&mut self, address: &Address) -> Outcome<u32> {
        let base = self.need(address.base, Role::Address)?;
        let need = |reg| self.need(reg, Role::Address);
        let (step, counts) = match address.walk {
            Walk::Offset(offset) => {
                let offset = self.need_src(offset, Role::Address)?;
                return Ok(base.wrapping_add(offset) & ADDRESS_MASK);
            }
            Walk::Post(step) => (self.need_src(step, Role::Address)?, [None, None]),
            Walk::Post2(d) => {
                let (count, size) = (need(Scalar::dc(d))?, need(Scalar::dn(d))?);
                let (stride, jump) = (need(Scalar::dj(d))?, need(Scalar::m(d))?);
                if count < size {
                    (stride, [Some((d, count + 1)), None])
                } else {
                    (jump, [Some((d, 0)), None])
                }
            }
            Walk::Post3(d) => {
                let hi = d + 4;
                let (count, size) = (need(Scalar::dc(d))?, need(Scalar::dn(d))?);
                let (hi_count, hi_size) = (need(Scalar::dc(hi))?, need(Scalar::dn(hi))?);
                let (stride, hi_stride) = (need(Scalar::dj(d))?, need(Scalar::dj(hi))?);
                let jump = need(Scalar::m(d))?;
                if count < size {
                    (stride, [Some((d, count + 1)), None])
                } else if hi_count < hi_size {
                    (hi_stride, [Some((d, 0)), Some((hi, hi_count + 1))])
                } else {
                    (jump, [Some((d, 0)), Some((hi, 0))])
                }
            }
        };
        let slot = self.pipe.stage(1);
        slot.scalar(address.base, base.wrapping_add(step), true);
        for (d, count) in counts.into_iter().flatten() {
            slot.scalar(Scalar::dc(d), count, true);
        }
        Ok(base)
    }

    /// Moves a pointer. The stack grows upwards and must not grow over a buffer.
    pub(super) fn pointer(&mut self, address: &Address) -> Outcome<()> {
        let from = self.address(address)?;
        if address.base != Scalar::SP {
            return Ok(());
        }
        let Walk::Post(step) = address.walk else {
            return Ok(());
        };
        let to = from.wrapping_add(self.need_src(step, Role::Address)?) & ADDRESS_MASK;
        match self.buffers.iter().find(|at| (from..to).contains(at)) {
            Some(&buffer) => FaultKind::StackOverflow { from, to, buffer }.fail(),
            None => Ok(()),
        }
    }

    #[inline]
    pub(super) fn load(&mut self, load: &Load) -> Outcome<()> {
        let addr = self.address(&load.address)?;
        check(addr, load.kind.bytes())?;
        let flight = LoadFlight {
            pc: self.origin,
            load: *load,
            addr,
        };
        self.pipe.stage(load.memory_stage).load(flight);
        Ok(())
    }

    #[inline]
    pub(super) fn load_vector(
        &mut self,
        address: &Address,
        to: u8,
        bytes: u8,
        memory_stage: u8,
        stage: u8,
    ) -> Outcome<()> {
        let addr = self.address(address)?;
        check(addr, u32::from(bytes))?;
        let flight = VectorLoad {
            pc: self.origin,
            addr,
            stages: stage - memory_stage + 1,
            bytes,
            to,
        };
        self.pipe.stage(memory_stage).vector_load(flight);
        Ok(())
    }

    #[inline]
    pub(super) fn store(&mut self, store: &Store) -> Outcome<()> {
        let addr = self.address(&store.address)?;
        let mut data = [0; 32];
        let bytes = match store.kind {
            StoreKind::Scalar { from, spill } => {
                // A function saves registers of its caller that may never have been written.
                let value = if spill {
                    self.regs.get(from)
                } else {
                    self.need(from, Role::Stored)?
                };
                data[..4].copy_from_slice(&value.to_le_bytes());
                4
            }
            StoreKind::Vector { from, bytes } => {
                data = self.need_vector::<32>(from)?;
                bytes
            }
            StoreKind::Srs { from, srs, shift } => {
                let acc = self.need_vector::<128>(from)?;
                let out = self.srs(&acc, from.span.units, srs, shift)?;
                data.copy_from_slice(&out[..32]);
                32
            }
            StoreKind::Convert { from } => {
                data = self.to_bf16(&self.need_vector::<64>(from)?)?;
                32
            }
            StoreKind::Pack { from, bits, sign } => {
                let from = self.need_vector::<64>(from)?;
                data = self.pack(&from, bits, sign)?;
                32
            }
        };
        check(addr, u32::from(bytes))?;
        let flight = StoreFlight {
            pc: self.origin,
            addr,
            bytes,
            data,
        };
        self.pipe.stage(store.memory_stage).store(flight);
        Ok(())
    }

    pub(super) fn partial_store(&mut self, store: &PartialStore) -> Outcome<()> {
        let addr = self.address(&store.address)?;
        check(addr, u32::from(store.bytes))?;
        self.not_at_loop_end()?;
        let flight = LoadFlight {
            pc: self.origin,
            load: Load {
                address: store.address,
                kind: LoadKind::Partial(*store),
                memory_stage: store.read_stage,
            },
            addr,
        };
        self.pipe.stage(store.read_stage).load(flight);
        Ok(())
    }

    pub(super) fn partial_value(
        &mut self,
        addr: u32,
        store: PartialStore,
        mut word: [u8; 4],
    ) -> Outcome<()> {
        let value = self.need(store.value, Role::Stored)?.to_le_bytes();
        let (at, bytes) = ((addr & 3) as usize, usize::from(store.bytes));
        word[at..at + bytes].copy_from_slice(&value[..bytes]);
        let mut data = [0; 32];
        data[..4].copy_from_slice(&word);
        let flight = StoreFlight {
            pc: self.origin,
            addr: addr & !3,
            bytes: 4,
            data,
        };
        self.pipe
            .stage(store.write_stage - store.value_stage + 1)
            .store(flight);
        Ok(())
    }

    /// A gather of four table entries. The tables hold every 16 bytes twice in a row, and the index
    /// counts both, hence the halving; odd lanes read the second copy. Sources: mlir-aie:
    /// aie_runtime_lib/AIE2/lut_based_ops.h; Xilinx/aie_api: include/aie_api/detail/aie2/
    /// parallel_lookup.hpp.
    pub(super) fn lookup(&mut self, lookup: &Lookup) -> Outcome<()> {
        let (index, defined) = self.read::<32>(lookup.from);
        if defined != 1 {
            let reg = lookup.from.span.undefined_name(defined);
            return FaultKind::Undefined {
                reg,
                role: Role::Address,
            }
            .fail();
        }
        let half = if lookup.high { 16 } else { 0 };
        let mut addrs = [0; 4];
        for (k, addr) in addrs.iter_mut().enumerate() {
            let at = half + 4 * k;
            let word = u32::from_le_bytes([index[at], index[at + 1], index[at + 2], index[at + 3]]);
            let inside = ((word % 32) & !(2 * u32::from(lookup.entry) - 1)) / 2;
            *addr = (word & !31) + inside + 16 * (k as u32 % 2);
            check(word & !31, 32)?;
        }
        let stage = lookup.to.stage - lookup.memory_stage + 1;
        let (pc, bytes, to) = (self.origin, lookup.entry, lookup.to.to);
        let flight = LookupFlight {
            pc,
            addrs,
            bytes,
            to,
            stage,
        };
        self.pipe.stage(lookup.memory_stage).lookup(flight);
        Ok(())
    }

    /// Reads memory for the loads of this cycle.
    #[inline]
    pub(in crate::core) fn loads<B: CoreBus>(&mut self, bus: &mut B) -> Outcome<()> {
        for at in 0..self.pipe.current().vector_loads.len() {
            let flight = self.pipe.current().vector_loads[at];
            self.vector_loaded(flight, bus)?;
        }
        let slot = self.pipe.now();
        slot.vector_loads.clear();
        if slot.loads.is_empty() && slot.lookups.is_empty() {
            return Ok(());
        }
        let mut loads = std::mem::take(&mut slot.loads);
        for flight in &loads {
            self.origin = flight.pc;
            self.loaded(flight, bus)?;
        }
        loads.clear();
        self.pipe.now().loads = loads;
        let mut lookups = std::mem::take(&mut self.pipe.now().lookups);
        for flight in lookups.drain(..) {
            self.origin = flight.pc;
            let mut data = [UNSTATED; 32];
            let lanes = data.chunks_exact_mut(8).zip(flight.addrs);
            for (lane, addr) in lanes {
                let out = &mut lane[..usize::from(flight.bytes)];
                bus.load(addr, out).map_err(refused(addr))?;
            }
            self.pipe
                .stage(flight.stage)
                .vector(flight.to, None, &data, 1);
        }
        self.pipe.now().lookups = lookups;
        Ok(())
    }

    #[inline]
    fn vector_loaded<B: CoreBus>(&mut self, flight: VectorLoad, bus: &mut B) -> Outcome<()> {
        let VectorLoad {
            pc,
            addr,
            to,
            bytes,
            ..
        } = flight;
        self.origin = pc;
        let mut data = [UNSTATED; 32];
        let loaded = match bytes {
            32 => bus.load(addr, &mut data),
            _ => bus.load(addr, &mut data[..16]),
        };
        loaded.map_err(refused(addr))?;
        let slot = self.pipe.stage(flight.stages);
        slot.units.push(UnitWrite { to, data });
        Ok(())
    }

    fn loaded<B: CoreBus>(&mut self, flight: &LoadFlight, bus: &mut B) -> Outcome<()> {
        let LoadFlight { pc, load, addr } = flight;
        let mut data = [0; 32];
        let after = |stage: u8| stage - load.memory_stage + 1;
        match load.kind {
            LoadKind::Scalar { to, bytes, signed } => {
                let out = &mut data[..usize::from(bytes)];
                bus.load(*addr, out).map_err(refused(*addr))?;
                let value = u32::from_le_bytes([data[0], data[1], data[2], data[3]]);
                let unused = 32 - 8 * u32::from(bytes);
                let value = match signed {
                    true => ((value << unused) as i32 >> unused) as u32,
                    false => value,
                };
                self.pipe.stage(after(to.stage)).scalar(to.to, value, true);
            }
            LoadKind::Convert { to } => {
                bus.load(*addr, &mut data).map_err(refused(*addr))?;
                let out = convert::to_f32(&data);
                self.pipe
                    .stage(after(to.stage))
                    .vector(to.to, to.path, &out, 0b11);
            }
            LoadKind::UpShift {
                to,
                up_shift,
                shift,
                shift_stage,
            } => {
                bus.load(*addr, &mut data).map_err(refused(*addr))?;
                let stages = to.stage - shift_stage;
                let work = Work::UpShift {
                    to: to.to,
                    up_shift,
                    shift,
                    stages,
                    data,
                };
                self.pipe
                    .stage(after(shift_stage))
                    .late
                    .push(Late { pc: *pc, work });
            }
            LoadKind::Unpack { to, bits, sign } => {
                bus.load(*addr, &mut data).map_err(refused(*addr))?;
                let work = Work::Unpack {
                    to: to.to,
                    bits,
                    sign,
                    data,
                };
                self.pipe
                    .stage(after(to.stage))
                    .late
                    .push(Late { pc: *pc, work });
            }
            LoadKind::Partial(store) => {
                let mut word = [0; 4];
                bus.load(addr & !3, &mut word).map_err(refused(*addr))?;
                let work = Work::Partial {
                    addr: *addr,
                    store,
                    word,
                };
                self.pipe
                    .stage(after(store.value_stage))
                    .late
                    .push(Late { pc: *pc, work });
            }
        }
        Ok(())
    }

    /// Writes memory for the stores of this cycle.
    #[inline]
    pub(in crate::core) fn stores<B: CoreBus>(&mut self, bus: &mut B) -> Outcome<()> {
        if self.pipe.current().stores.is_empty() {
            return Ok(());
        }
        let mut stores = std::mem::take(&mut self.pipe.now().stores);
        for flight in stores.drain(..) {
            self.origin = flight.pc;
            let data = &flight.data[..usize::from(flight.bytes)];
            bus.store(flight.addr, data).map_err(refused(flight.addr))?;
        }
        self.pipe.now().stores = stores;
        Ok(())
    }
}

impl LoadKind {
    /// Bytes that the load takes from memory; for a partial store, those it changes.
    pub(in crate::core) const fn bytes(&self) -> u32 {
        match self {
            Self::Scalar { bytes, .. } => *bytes as u32,
            Self::Partial(store) => store.bytes as u32,
            _ => 32,
        }
    }
}

fn refused(addr: u32) -> impl Fn(BusError) -> FaultKind {
    move |e| FaultKind::Memory {
        addr,
        reason: e.reason,
    }
}

/// Alignment and window of an access of a power of two of bytes.
#[inline]
fn check(addr: u32, bytes: u32) -> Outcome<()> {
    if addr & (bytes - 1) != 0 {
        return FaultKind::Misaligned { addr, bytes }.fail();
    }
    if (0x4_0000..0x8_0000).contains(&addr) {
        Ok(())
    } else {
        FaultKind::OutsideWindow { addr }.fail()
    }
}
