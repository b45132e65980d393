//! One cycle of a core: waits, late reads, loads, the issuing bundle, stores, writes.

use super::banks;
use super::bus::{CoreBus, Step, Wait};
use super::exec::MacSetup;
use super::fault::{FaultKind, Outcome, Role};
use super::pipe::{Gate, Pipe};
use super::program::Program;
use super::regs::{Regs, Scalar, Source, Span};

use super::op::{Sign, Src};

/// Bundles that always execute after a branch.
const DELAY_SLOTS: u8 = 5;
/// Bytes from the bundle that writes LS, LE or LC last to the bundle at LE: seven fetch packets.
/// Source: Xilinx/llvm-aie: llvm/lib/Target/AIE/aie2/AIE2InstrInfo.cpp.
const LOOP_DISTANCE: u32 = 112;
/// Bit of srSS0 that says that a word was there; bit 0 says that it was a transfer's last.
/// Source: Xilinx/llvm-aie: clang/lib/Headers/aiev2, what `get_ss` makes of the status.
const STREAM_SUCCESS: u32 = 2;
/// Size and alignment of the bundle at LE, alignment of the one at LS.
const LOOP_ALIGN: u32 = 16;

/// Registers, pipeline and flow of control.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) regs: Regs,
    pub(crate) pipe: Pipe,
    pub(crate) cycle: u64,
    pub(crate) flow: Flow,
    /// Address of the bundle whose effects are being executed, for faults.
    pub(crate) origin: u32,
    /// Gates of this cycle that have been passed.
    passed: usize,
    pub(crate) finished: bool,
    /// Cycles that this one has waited for memory banks.
    bank_stalls: u8,
    /// Where buffers begin that the stack must not grow over.
    pub(crate) buffers: Vec<u32>,
    /// The multiplier's configuration that was used last.
    pub(crate) mac_setup: Option<MacSetup>,
}

/// Flow of control.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flow {
    pub(crate) pc: u32,
    /// Delay slots still to execute.
    delay: u8,
    /// Where to go after them, if the branch is taken.
    target: Option<u32>,
    /// A call in this bundle wants its return address in `lr`, in this stage.
    pub(crate) link: Option<u8>,
    /// Bytes fetched since LS, LE or LC was written.
    pub(crate) loop_setup: u32,
}

impl Flow {
    /// A branch issues; `target` is `None` if it is not taken.
    pub(crate) fn branch(&mut self, target: Option<u32>) -> Outcome<()> {
        if self.delay != 0 {
            return FaultKind::BranchInDelaySlot.fail();
        }
        // The bundle of the branch itself is counted down when it ends.
        self.delay = DELAY_SLOTS + 1;
        self.target = target;
        Ok(())
    }
}

impl Machine {
    pub(crate) fn new(core_id: u32) -> Self {
        Self {
            regs: Regs::new(core_id),
            pipe: Pipe::default(),
            cycle: 0,
            flow: Flow::default(),
            origin: 0,
            passed: 0,
            finished: false,
            bank_stalls: 0,
            buffers: Vec::new(),
            mac_setup: None,
        }
    }

    /// One cycle.
    #[inline]
    pub(crate) fn step<B: CoreBus>(&mut self, program: &mut Program, bus: &mut B) -> Outcome<Step> {
        if !self.pipe.current().gates.is_empty()
            && let Some(wait) = self.wait(bus)?
        {
            return Ok(Step::Stalled(wait));
        }
        if self.pipe.current().accesses > 1 {
            if self.bank_stalls < banks::conflicts(self.pipe.current()) {
                self.bank_stalls += 1;
                return Ok(Step::Stalled(Wait::Memory));
            }
            self.bank_stalls = 0;
        }
        self.late()?;
        self.loads(bus)?;
        self.issue(program, bus)?;
        self.stores(bus)?;
        self.commit()?;
        self.pipe.advance();
        self.cycle += 1;
        Ok(Step::Ran)
    }

    /// Passes the gates of this cycle, or tells which one is closed.
    fn wait<B: CoreBus>(&mut self, bus: &mut B) -> Outcome<Option<Wait>> {
        while let Some(gate) = self.pipe.current().gates.get(self.passed).copied() {
            if let Some(wait) = self.gate(gate, bus)? {
                return Ok(Some(wait));
            }
            self.passed += 1;
        }
        self.passed = 0;
        self.pipe.now().gates.clear();
        Ok(None)
    }

    fn gate<B: CoreBus>(&mut self, gate: Gate, bus: &mut B) -> Outcome<Option<Wait>> {
        let locked = |lock: u8| {
            move |e: super::BusError| FaultKind::Lock {
                lock: i64::from(lock),
                reason: e.reason,
            }
        };
        let port = |e: super::BusError| FaultKind::Port { reason: e.reason };
        match gate {
            Gate::Acquire { lock, value } => {
                let acquired = bus.acquire(lock, value).map_err(locked(lock))?;
                Ok((!acquired).then_some(Wait::Lock { lock, value }))
            }
            Gate::Release { lock, value } => {
                bus.release(lock, value).map_err(locked(lock))?;
                Ok(None)
            }
            Gate::CascadeRead { to, stage } => match bus.cascade_read().map_err(port)? {
                Some(word) => {
                    self.pipe.stage(stage).vector(to, None, &word, 0b11);
                    Ok(None)
                }
                None => Ok(Some(Wait::CascadeInput)),
            },
            Gate::CascadeWrite { word } => {
                let taken = bus.cascade_write(&word).map_err(port)?;
                Ok((!taken).then_some(Wait::CascadeOutput))
            }
            Gate::StreamRead {
                to,
                stage,
                blocking,
            } => {
                let read = bus.stream_read().map_err(port)?;
                if read.is_none() && blocking {
                    return Ok(Some(Wait::StreamInput));
                }
                let (word, last) = read.unwrap_or_default();
                self.pipe.stage(stage).scalar(to, word, read.is_some());
                let came = if read.is_some() { STREAM_SUCCESS } else { 0 };
                let status = u32::from(last) | came;
                self.pipe.stage(stage + 1).scalar(Scalar::SS0, status, true);
                Ok(None)
            }
            Gate::StreamWrite {
                word,
                last,
                blocking,
            } => {
                let taken = bus.stream_write(word, last).map_err(port)?;
                if !taken && blocking {
                    return Ok(Some(Wait::StreamOutput));
                }
                if !blocking {
                    self.pipe
                        .stage(2)
                        .scalar(Scalar::MS0, u32::from(taken), true);
                }
                Ok(None)
            }
            Gate::Done => {
                self.finished = true;
                Ok(None)
            }
        }
    }

    /// Issues the bundle at the program counter and finds the next one.
    #[inline]
    fn issue<B: CoreBus>(&mut self, program: &mut Program, bus: &mut B) -> Outcome<()> {
        let pc = self.flow.pc;
        self.origin = pc;
        let bundle = program.fetch(pc)?;
        for op in program.ops(bundle) {
            self.execute(op, bus)?;
        }
        let mut next = pc + u32::from(bundle.bytes);
        if let Some(stage) = self.flow.link.take() {
            let after = program.skip(next, u32::from(DELAY_SLOTS))?;
            self.pipe.stage(stage).scalar(Scalar::LR, after, true);
        }
        let looped = self.regs.get(Scalar::LE) == pc
            && self.regs.get(Scalar::LC) != 0
            && self.regs.defined(Scalar::LE);
        if looped && self.end_of_loop(pc, bundle.bytes)? {
            next = self.regs.get(Scalar::LS);
        }
        if self.flow.delay != 0 {
            self.flow.delay -= 1;
            if self.flow.delay == 0
                && let Some(target) = self.flow.target.take()
            {
                if looped {
                    return FaultKind::Loop {
                        end: pc,
                        problem: "a branch takes effect at the end of the loop".to_string(),
                        help: "end the delay slots before the last bundle of the body",
                    }
                    .fail();
                }
                next = target;
            }
        }
        self.flow.loop_setup = self.flow.loop_setup.saturating_add(u32::from(bundle.bytes));
        self.flow.pc = next;
        Ok(())
    }

    /// Counts an iteration of the hardware loop; whether another one follows.
    fn end_of_loop(&mut self, pc: u32, bytes: u8) -> Outcome<bool> {
        let start = self.regs.get(Scalar::LS);
        let problem = if !self.regs.defined(Scalar::LS) {
            Some("the loop start LS was never set".to_string())
        } else if !pc.is_multiple_of(LOOP_ALIGN) || u32::from(bytes) != LOOP_ALIGN {
            Some(format!(
                "its last bundle is {bytes} bytes long at {pc:#07x}"
            ))
        } else if !start.is_multiple_of(LOOP_ALIGN) {
            Some(format!("its first bundle begins at {start:#07x}"))
        } else if self.flow.loop_setup < LOOP_DISTANCE {
            Some(format!(
                "its last bundle begins {} bytes after LS, LE or LC was written, {LOOP_DISTANCE} are needed",
                self.flow.loop_setup
            ))
        } else {
            None
        };
        if let Some(problem) = problem {
            let help = "align the first and last bundle to 16 bytes, widen the last one to 16 bytes, and set the loop up 112 bytes ahead";
            return FaultKind::Loop {
                end: pc,
                problem,
                help,
            }
            .fail();
        }
        let count = self.regs.get(Scalar::LC) - 1;
        self.regs.set(Scalar::LC, count, true);
        Ok(count != 0)
    }

    /// The chip loses 8- and 16-bit stores in the last bundle of a hardware loop. Source:
    /// FIM43-Redeye/xdna-emu: docs/superpowers/findings.
    pub(crate) fn not_at_loop_end(&self) -> Outcome<()> {
        let end = self.flow.pc;
        let looping = self.regs.get(Scalar::LC) != 0 && self.regs.defined(Scalar::LE);
        if !looping || self.regs.get(Scalar::LE) != end {
            return Ok(());
        }
        FaultKind::Loop {
            end,
            problem: "an 8- or 16-bit store in its last bundle may be lost".to_string(),
            help: "move the store to an earlier bundle of the body",
        }
        .fail()
    }

    /// Writes the results that arrive in this cycle.
    #[inline]
    fn commit(&mut self) -> Outcome<()> {
        let Self { regs, pipe, .. } = self;
        let slot = pipe.now();
        let mut written = [0u64; 2];
        for write in &slot.scalars {
            let (word, bit) = (usize::from(write.to.0 / 64), 1 << (write.to.0 % 64));
            if write.latch {
                regs.set(write.to, regs.get(write.to) | write.value, true);
            } else if written[word] & bit != 0 {
                return FaultKind::WriteConflict {
                    reg: write.to.name(),
                }
                .fail();
            } else {
                regs.set(write.to, write.value, write.defined);
            }
            written[word] |= bit;
        }
        let mut units = 0u64;
        let conflict = |span: Span| FaultKind::WriteConflict {
            reg: span.undefined_name(0),
        };
        for write in slot.vectors() {
            let mask = write.to.mask();
            if units & mask != 0 {
                return conflict(write.to).fail();
            }
            units |= mask;
            regs.set_span(write.to, &write.data, write.defined);
        }
        for write in &slot.units {
            let span = Span {
                first: write.to,
                units: 1,
            };
            if units & span.mask() != 0 {
                return conflict(span).fail();
            }
            units |= span.mask();
            regs.set_unit(write.to, &write.data);
        }
        slot.finish();
        Ok(())
    }

    /// A scalar operand and whether it is defined.
    #[inline]
    pub(crate) fn get(&self, src: Src) -> (u32, bool) {
        match src {
            Src::Reg(reg) => (self.regs.get(reg), self.regs.defined(reg)),
            Src::Imm(value) => (value, true),
        }
    }

    /// A register that decides what happens.
    #[inline]
    pub(crate) fn need(&self, reg: Scalar, role: Role) -> Outcome<u32> {
        if self.regs.defined(reg) {
            Ok(self.regs.get(reg))
        } else {
            FaultKind::Undefined {
                reg: reg.name(),
                role,
            }
            .fail()
        }
    }

    /// An operand that decides what happens.
    #[inline]
    pub(crate) fn need_src(&self, src: Src, role: Role) -> Outcome<u32> {
        match src {
            Src::Reg(reg) => self.need(reg, role),
            Src::Imm(value) => Ok(value),
        }
    }

    /// Whether lanes are signed.
    #[inline]
    pub(crate) fn signed(&self, sign: Sign) -> Outcome<bool> {
        match sign {
            Sign::Signed => Ok(true),
            Sign::By(reg) => Ok(self.need(reg, Role::Control)? & 1 != 0),
        }
    }

    /// The first `N` bytes of a vector operand and which of their units are defined. Results on the
    /// operand's forwarding path are seen in the cycle they arrive.
    #[inline]
    pub(crate) fn read<const N: usize>(&self, source: Source) -> ([u8; N], u8) {
        let span = source.span.low(N);
        let mut out = [0; N];
        for (k, bytes) in (span.first..span.first + span.units).zip(out.chunks_mut(32)) {
            bytes.copy_from_slice(&self.regs.unit(k)[..bytes.len()]);
        }
        let mut defined = self.regs.span_defined(span);
        if source.path.is_some() && self.pipe.current().forwarded & span.mask() != 0 {
            self.forward(source, &mut out, &mut defined);
        }
        (out, defined)
    }

    /// As [`Machine::read`], as 32-bit words.
    #[inline]
    pub(crate) fn read_words<const W: usize>(&self, source: Source, out: &mut [u32; W]) -> u8 {
        let span = source.span;
        if source.path.is_some() && self.pipe.current().forwarded & span.mask() != 0 {
            let (bytes, defined) = self.read::<128>(source);
            for (word, bytes) in out.iter_mut().zip(bytes.chunks_exact(4)) {
                *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
            return defined;
        }
        let units = span.first..span.first + span.units;
        for (words, unit) in out.chunks_exact_mut(8).zip(units) {
            for (word, bytes) in words.iter_mut().zip(self.regs.unit(unit).chunks_exact(4)) {
                *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
        }
        self.regs.span_defined(span)
    }

    /// Overwrites an operand with the results on its forwarding path.
    #[inline(never)]
    fn forward<const N: usize>(&self, source: Source, out: &mut [u8; N], defined: &mut u8) {
        let span = source.span.low(N);
        let slot = self.pipe.current();
        for write in slot.vectors().iter().filter(|w| w.path == source.path) {
            for k in span.first..span.first + span.units {
                let at = k.wrapping_sub(write.to.first);
                if at < write.to.units {
                    let (from, to) = (usize::from(at) * 32, usize::from(k - span.first) * 32);
                    let end = N.min(to + 32);
                    out[to..end].copy_from_slice(&write.data[from..from + end - to]);
                    let bit = write.defined >> at & 1;
                    let place = k - span.first;
                    *defined = *defined & !(1 << place) | bit << place;
                }
            }
        }
    }

    /// A vector operand that leaves the core.
    pub(crate) fn need_vector<const N: usize>(&self, source: Source) -> Outcome<[u8; N]> {
        let (bytes, defined) = self.read::<N>(source);
        let span = source.span.low(N);
        if defined == all(span.units) {
            Ok(bytes)
        } else {
            let reg = span.undefined_name(defined);
            FaultKind::Undefined {
                reg,
                role: Role::Stored,
            }
            .fail()
        }
    }
}

/// All of `units` units defined.
pub(crate) const fn all(units: u8) -> u8 {
    ((1u16 << units) - 1) as u8
}
