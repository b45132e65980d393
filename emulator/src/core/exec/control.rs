//! Branches, locks, streams and cascades.

use crate::core::fault::{FaultKind, Outcome, Role};
use crate::core::machine::Machine;
use crate::core::op::{Jump, Last, PacketHeader, ScalarDst, Src, VectorDst};
use crate::core::pipe::Gate;
use crate::core::regs::{Scalar, Source};

/// Stage in which a lock request reaches the lock and stalls the core.
/// Source: Xilinx/llvm-aie: llvm/lib/Target/AIE/AIEBaseSubtarget.cpp.
const LOCK_STAGE: u8 = 2;
/// Last stage in which `done` occupies its interface.
const DONE_STAGE: u8 = 6;
/// Stage in which streams and cascades are written.
const OUTPUT_STAGE: u8 = 2;
/// Stage in which streams and cascades are read, that of the cascade's enable register.
const INPUT_STAGE: u8 = 5;

impl Machine {
    pub(super) fn jump(&mut self, kind: Jump, target: Src) -> Outcome<()> {
        let taken = match kind {
            Jump::Always => true,
            Jump::Call(stage) => {
                self.flow.link = Some(stage);
                true
            }
            Jump::IfZero(reg) => self.need(reg, Role::Branch)? == 0,
            Jump::IfNotZero(reg) => self.need(reg, Role::Branch)? != 0,
            Jump::Decrement { from, to } => {
                let value = self.need(from, Role::Branch)?;
                self.pipe
                    .stage(to.stage)
                    .scalar(to.to, value.wrapping_sub(1), true);
                self.pipe
                    .stage(1)
                    .scalar(Scalar::CARRY, u32::from(value == 0), true);
                value != 0
            }
        };
        let target = match taken {
            true => Some(self.need_src(target, Role::Branch)?),
            false => None,
        };
        self.flow.branch(target)
    }

    pub(super) fn lock(
        &mut self,
        acquire: bool,
        lock: Src,
        value: Scalar,
        condition: Option<Scalar>,
    ) -> Outcome<()> {
        if let Some(condition) = condition
            && self.need(condition, Role::Lock)? == 0
        {
            return Ok(());
        }
        let number = self.need_src(lock, Role::Lock)?;
        let lock = u8::try_from(number).ok().filter(|n| *n < 64);
        let lock = lock.ok_or_else(|| FaultKind::Lock {
            lock: i64::from(number as i32),
            reason: "a core reaches locks 0..=63".to_string(),
        })?;
        let value = self.need(value, Role::Lock)? as i32;
        self.pipe.stage(LOCK_STAGE).gates.push(if acquire {
            Gate::Acquire { lock, value }
        } else {
            Gate::Release { lock, value }
        });
        Ok(())
    }

    pub(super) fn done(&mut self) -> Outcome<()> {
        self.pipe.stage(DONE_STAGE).gates.push(Gate::Done);
        Ok(())
    }

    pub(super) fn cascade_read(&mut self, to: &VectorDst) -> Outcome<()> {
        self.enabled(Scalar::SCD_ENABLE)?;
        let stage = to.stage - INPUT_STAGE + 1;
        self.pipe
            .stage(INPUT_STAGE)
            .gates
            .push(Gate::CascadeRead { to: to.to, stage });
        Ok(())
    }

    pub(super) fn cascade_write(&mut self, from: Source) -> Outcome<()> {
        self.enabled(Scalar::MCD_ENABLE)?;
        let word = self.need_vector::<64>(from)?;
        self.pipe
            .stage(OUTPUT_STAGE)
            .gates
            .push(Gate::CascadeWrite { word });
        Ok(())
    }

    fn enabled(&self, control: Scalar) -> Outcome<()> {
        let value = self.need(control, Role::Control)?;
        if value & 1 != 0 {
            return Ok(());
        }
        let help = "enable the cascade by writing 1 to it";
        FaultKind::Reserved {
            reg: control.name(),
            value,
            help,
        }
        .fail()
    }

    pub(super) fn stream_read(&mut self, to: ScalarDst, blocking: bool) -> Outcome<()> {
        let stage = to.stage - INPUT_STAGE + 1;
        let gate = Gate::StreamRead {
            to: to.to,
            stage,
            blocking,
        };
        self.pipe.stage(INPUT_STAGE).gates.push(gate);
        Ok(())
    }

    pub(super) fn stream_write(&mut self, from: Scalar, last: Last, blocking: bool) -> Outcome<()> {
        let word = self.need(from, Role::Stored)?;
        self.send(word, last, blocking)
    }

    /// Sends the first word of a packet. Layouts: AMD AM020 "Packet-Switched Stream"; Xilinx/mlir-aie,
    /// lib/Targets/AIETargetNPU.cpp (control packets).
    pub(super) fn header_write(
        &mut self,
        header: PacketHeader,
        last: Last,
        blocking: bool,
    ) -> Outcome<()> {
        let word = match header {
            PacketHeader::Stream { id, kind } => {
                let place = self.regs.get(Scalar::CORE_ID);
                let (row, col) = (place & 31, place >> 16 & 127);
                let id = self.need(id, Role::Stored)? & 31;
                id | kind << 12 | row << 16 | col << 21
            }
            PacketHeader::Control {
                addr,
                beats,
                operation,
                id,
            } => {
                let addr = self.need(addr, Role::Stored)? & 0xF_FFFF;
                let id = self.need(id, Role::Stored)? & 31;
                addr | beats << 20 | operation << 22 | id << 24
            }
        };
        let even = word.count_ones().is_multiple_of(2);
        self.send(word | u32::from(even) << 31, last, blocking)
    }

    fn send(&mut self, word: u32, last: Last, blocking: bool) -> Outcome<()> {
        let last = match last {
            Last::No => false,
            Last::Yes => true,
            Last::By(reg) => self.need(reg, Role::Control)? != 0,
        };
        self.pipe.stage(OUTPUT_STAGE).gates.push(Gate::StreamWrite {
            word,
            last,
            blocking,
        });
        Ok(())
    }
}
