//! Core programs with locks and buffers in place of fifos and objects.

use std::collections::{BTreeMap, BTreeSet};

use arch::Tile;
use arch::array::{lock, memory};
use melior::ir::{Block, Value};
use npuc::array::worker::{CorePlan, PlanArg, PlanStep};

use super::PrintError;
use super::frame::{self, FOREVER};
use super::physical::{Device, LockAction, Memory};
use crate::aie::Invalid;
use crate::aie::builder::region_of;

struct Emitter<'c, 'd, 'v> {
    device: &'v Device<'c, 'd>,
    core: Tile,
    constants: BTreeMap<i64, Value<'c, 'd>>,
}

/// The `aie.core` of a plan.
pub(super) fn core<'c>(device: &Device<'c, '_>, plan: &CorePlan) -> Result<(), PrintError> {
    let maker = device.maker;
    let block = maker.block(&[]);
    let mut numbers = BTreeSet::new();
    bounds(&plan.body, &mut numbers);
    let mut emitter = Emitter {
        device,
        core: plan.tile,
        constants: BTreeMap::new(),
    };
    // Words that loops count by are known when they are looked up.
    emitter.words(&plan.body, &mut numbers)?;
    emitter.constants = frame::constants(maker, &block, &numbers)?;
    emitter.steps(&block, &plan.body)?;
    maker.op("aie.end").end_of(&block)?;
    maker
        .op("aie.core")
        .operands(&[device.tile(plan.tile)?])
        .i32("stack_size", plan.stack_bytes)
        .result(maker.index())
        .region(region_of(block))
        .end_of(device.body)?;
    Ok(())
}

/// The indices that loops count with.
fn bounds(steps: &[PlanStep], numbers: &mut BTreeSet<i64>) {
    for step in steps {
        let (times, body) = match step {
            PlanStep::Loop { times, body } => (Some(i64::from(*times)), body),
            PlanStep::LoopBy { body, .. } => (None, body),
            PlanStep::Forever { body } => (Some(FOREVER), body),
            _ => continue,
        };
        numbers.extend([0, 1].into_iter().chain(times));
        bounds(body, numbers);
    }
}

impl<'c, 'd> Emitter<'c, 'd, '_> {
    /// The buffer that has an address of the core's data space, and the byte in it.
    fn memory(&self, address: u32) -> Result<(&Memory<'c, 'd>, u32), Invalid> {
        let target = memory::core_address_target(self.core, address);
        let (tile, byte) = target.ok_or_else(|| Invalid {
            messages: format!("core {} has no memory at {address:#x}", self.core),
        })?;
        let memory = self.device.buffer_at(tile, byte)?;
        Ok((memory, byte - memory.placed.address))
    }

    fn words(&self, steps: &[PlanStep], numbers: &mut BTreeSet<i64>) -> Result<(), Invalid> {
        for step in steps {
            match step {
                PlanStep::LoopBy { address, body } => {
                    let (_, byte) = self.memory(*address)?;
                    numbers.insert(i64::from(byte / 4));
                    self.words(body, numbers)?;
                }
                PlanStep::Loop { body, .. } | PlanStep::Forever { body } => {
                    self.words(body, numbers)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn constant(&self, number: i64) -> Result<Value<'c, 'd>, Invalid> {
        self.constants.get(&number).copied().ok_or_else(|| Invalid {
            messages: format!("core {} has no constant {number}", self.core),
        })
    }

    fn lock(
        &self,
        block: &Block<'c>,
        operand: u8,
        action: LockAction,
        count: u8,
    ) -> Result<(), Invalid> {
        let target = lock::core_lock_target(self.core, operand);
        let (tile, id) = target.ok_or_else(|| Invalid {
            messages: format!("core {} has no lock {operand}", self.core),
        })?;
        let lock = self.device.lock(tile, id)?;
        self.device.use_lock(block, lock, action, count)
    }

    fn steps(&self, block: &Block<'c>, steps: &[PlanStep]) -> Result<(), PrintError> {
        for step in steps {
            match step {
                PlanStep::Acquire { lock, count } => {
                    self.lock(block, *lock, LockAction::AcquireGreaterEqual, *count)?;
                }
                PlanStep::Release { lock, count } => {
                    self.lock(block, *lock, LockAction::Release, *count)?;
                }
                PlanStep::Call { kernel, args } => self.call(block, kernel, args)?,
                PlanStep::Loop { times, body } => {
                    self.repeat(block, self.constant(i64::from(*times))?, body)?;
                }
                PlanStep::LoopBy { address, body } => {
                    let times = self.count(block, *address)?;
                    self.repeat(block, times, body)?;
                }
                PlanStep::Forever { body } => {
                    self.repeat(block, self.constant(FOREVER)?, body)?;
                }
            }
        }
        Ok(())
    }

    fn call(&self, block: &Block<'c>, name: &str, args: &[PlanArg]) -> Result<(), PrintError> {
        let maker = self.device.maker;
        let mut kernels = self.device.verified.design().kernels.iter();
        let kernel = kernels.find(|k| k.name == name);
        let params = kernel.map_or(&[][..], |k| &k.params);
        let mut operands = Vec::new();
        for (arg, param) in args.iter().zip(params) {
            let value = match arg {
                PlanArg::Address(address) => self.memory(*address)?.0.value,
                PlanArg::I32(value) => frame::word(maker, block, *value)?,
            };
            operands.push(frame::as_parameter(maker, block, value, param)?);
        }
        maker
            .op("func.call")
            .operands(&operands)
            .reference("callee", name)
            .end_of(block)?;
        Ok(())
    }

    /// A word of memory as the number of passes of a loop.
    fn count(&self, block: &Block<'c>, address: u32) -> Result<Value<'c, 'd>, PrintError> {
        let maker = self.device.maker;
        let (memory, byte) = self.memory(address)?;
        let name = &memory.placed.name;
        let words = frame::as_words(maker, block, memory.value, name, Some(memory.object))?;
        let index = self.constant(i64::from(byte / 4))?;
        Ok(frame::loaded_count(maker, block, words, index)?)
    }

    fn repeat(
        &self,
        block: &Block<'c>,
        times: Value<'c, 'd>,
        body: &[PlanStep],
    ) -> Result<(), PrintError> {
        let maker = self.device.maker;
        let bounds = [self.constant(0)?, times, self.constant(1)?];
        let inside = maker.block(&[maker.index()]);
        self.steps(&inside, body)?;
        Ok(frame::for_loop(maker, block, bounds, inside)?)
    }
}
