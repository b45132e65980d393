//! A hardware context with one overlay, and submissions to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use formats::xclbin::{AiePartition, Unit};

use super::command::{RegisterMap, Start, write_chain};
use super::driver::{ContextHandle, Driver};
use super::fault::{Call, DriverError, Fault};
use super::flight::{Flight, Group};
use super::memory::Bo;
use super::{Loaded, Npu, uapi};
use crate::Error;
use crate::context::{Context, Refused, Started, Work};

/// Command packets that are kept for the next submission.
const POOL: usize = 256;

/// A context of the driver. It ends once: when it is replaced, or with the last user.
#[derive(Debug)]
pub(super) struct Hardware {
    driver: Arc<Driver>,
    pub(super) handle: ContextHandle,
    ended: AtomicBool,
}

impl Hardware {
    /// Ends the context. The driver lets go of everything that its commands use before it returns.
    fn end(&self) {
        if !self.ended.swap(true, Ordering::AcqRel) {
            self.driver.destroy_context(self.handle);
        }
    }
}

impl Drop for Hardware {
    fn drop(&mut self) {
        self.end();
    }
}

/// The context that serves now.
#[derive(Debug)]
struct Serving {
    /// Absent when it could not be built again.
    hardware: Option<Arc<Hardware>>,
    /// How often it was built again.
    epoch: u64,
}

/// An overlay on the NPU.
#[derive(Debug)]
pub(crate) struct NpuContext {
    pub(super) npu: Arc<Npu>,
    map: RegisterMap,
    pdi: Bo,
    function: u8,
    columns: u32,
    operations: u32,
    serving: Mutex<Serving>,
    /// Command packets that no submission uses.
    pool: Mutex<Vec<Bo>>,
}

impl NpuContext {
    /// A context for a kernel of an XCLBIN.
    pub(crate) fn new(
        npu: Arc<Npu>,
        unit: &Unit<'_>,
        partition: &AiePartition,
    ) -> Result<Self, Error> {
        let columns = u32::from(partition.columns);
        let limit = npu.identity.columns;
        if columns == 0 || columns > limit {
            return Err(Error::Columns { columns, limit });
        }
        let map = RegisterMap::of(unit.kernel)?;
        let mut pdi = Bo::in_heap(&npu.heap, unit.pdi.image.len())?;
        pdi.write(0, &unit.pdi.image);
        pdi.sync(unit.pdi.image.len())?;
        let function = u8::try_from(unit.dpu.functional).map_err(|_| Error::Interface {
            kernel: unit.kernel.name.clone(),
            why: format!("its function {} is above 255", unit.dpu.functional),
        })?;
        let context = NpuContext {
            npu,
            map,
            pdi,
            function,
            columns,
            operations: partition.operations_per_cycle,
            serving: Mutex::new(Serving {
                hardware: None,
                epoch: 0,
            }),
            pool: Mutex::default(),
        };
        context.serving()?;
        Ok(context)
    }

    fn build(&self) -> Result<Arc<Hardware>, DriverError> {
        let driver = &self.npu.driver;
        let handle = driver.create_context(
            self.columns,
            self.npu.identity.core_rows,
            self.operations,
            &uapi::Qos::default(),
        )?;
        // From here on the context ends when this is dropped.
        let hardware = Arc::new(Hardware {
            driver: driver.clone(),
            handle,
            ended: AtomicBool::new(false),
        });
        driver.configure(handle.context, self.pdi.id(), self.function)?;
        Ok(hardware)
    }

    /// The context that serves, built if there is none, and its epoch.
    fn serving(&self) -> Result<(Arc<Hardware>, u64), DriverError> {
        let mut serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hardware) = &serving.hardware {
            return Ok((hardware.clone(), serving.epoch));
        }
        let hardware = self.build()?;
        serving.hardware = Some(hardware.clone());
        Ok((hardware, serving.epoch))
    }

    /// Replaces the context of an epoch; nothing when another thread has done so already. Returns
    /// whether this call did. Afterwards no command of that epoch touches memory.
    pub(super) fn replace(&self, epoch: u64) -> Result<bool, DriverError> {
        let mut serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        if serving.epoch != epoch {
            return Ok(false);
        }
        if let Some(hardware) = serving.hardware.take() {
            hardware.end();
        }
        serving.epoch += 1;
        self.npu.driver.ledger.rebuilds.add(1);
        serving.hardware = Some(self.build()?);
        Ok(true)
    }

    /// Command packets for a submission.
    fn commands(&self, count: usize) -> Result<Vec<Bo>, DriverError> {
        let mut commands = {
            let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
            let rest = pool.len().saturating_sub(count);
            pool.split_off(rest)
        };
        while commands.len() < count {
            match Bo::new(
                &self.npu.driver,
                Call::CreateCmd,
                uapi::BO_CMD,
                uapi::CHAIN_BYTES,
            ) {
                Ok(command) => commands.push(command),
                Err(e) => {
                    self.give_back(commands);
                    return Err(e);
                }
            }
        }
        Ok(commands)
    }

    /// Takes command packets back that no command in flight uses.
    pub(super) fn give_back(&self, commands: Vec<Bo>) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let room = POOL.saturating_sub(pool.len());
        pool.extend(commands.into_iter().take(room));
    }

    /// Makes everything that the work uses ready for the device: its streams and its buffers.
    fn prepare(&self, work: &mut Work) -> Result<Vec<Arc<Loaded>>, DriverError> {
        let driver = &self.npu.driver;
        for storage in &mut work.storages {
            storage.make_resident(driver)?;
        }
        work.steps
            .iter()
            .map(|step| self.npu.load(&step.program))
            .collect()
    }

    /// Writes the packets of the work and submits them, in lists of as many as the driver takes.
    pub(super) fn submit(&self, work: &mut Work) -> Result<Submitted, DriverError> {
        let streams = self.prepare(work)?;
        let (hardware, epoch) = self.serving()?;
        let per_chain = self.map.per_chain();
        let lists = match work.steps.len() {
            1 => 0,
            steps => steps.div_ceil(per_chain),
        };
        let mut starts = self.commands(work.steps.len() + lists)?;
        let mut heads = starts.split_off(work.steps.len()).into_iter();
        let mut submitted = Submitted {
            hardware,
            epoch,
            groups: Vec::with_capacity(lists.max(1)),
            streams,
        };
        let mut used = Vec::new();
        let mut addresses = Vec::new();
        let mut first = 0;
        while !starts.is_empty() {
            let rest = starts.split_off(per_chain.min(starts.len()));
            let mut commands = std::mem::replace(&mut starts, rest);
            used.clear();
            for (command, index) in commands.iter_mut().zip(first..) {
                let (step, loaded) = (&work.steps[index], &submitted.streams[index]);
                let bos = step
                    .args
                    .iter()
                    .filter_map(|arg| work.storages[*arg].resident());
                addresses.clear();
                for bo in bos {
                    addresses.push(bo.device_addr());
                    used.push(bo.id());
                }
                used.push(loaded.bo.id());
                let start = Start {
                    stream: loaded.bo.device_addr(),
                    words: loaded.words,
                    buffers: &addresses,
                };
                self.map.write_start(command, &start);
            }
            // The driver locks each BO once and refuses one that is named twice.
            used.sort_unstable();
            used.dedup();
            let head = heads.next().map(|mut head| {
                write_chain(&mut head, &commands);
                head
            });
            let mut group = Group {
                first,
                head,
                commands,
                seq: 0,
            };
            let context = submitted.hardware.handle.context;
            match self.npu.driver.execute(context, group.packet().id(), &used) {
                Ok(seq) => group.seq = seq,
                Err(e) => {
                    group.give_back(self);
                    starts.extend(heads);
                    self.give_back(starts);
                    return Err(self.undo(work, submitted, e));
                }
            }
            first += group.commands.len();
            submitted.groups.push(group);
        }
        Ok(submitted)
    }

    /// Calls back what was submitted before a later list was refused.
    fn undo(&self, work: &mut Work, submitted: Submitted, error: DriverError) -> DriverError {
        if !submitted.groups.is_empty() {
            work.begun = true;
            // The error that is reported is the first one.
            let _ = self.replace(submitted.epoch);
        }
        for group in submitted.groups {
            group.give_back(self);
        }
        error
    }
}

/// Work under way in the driver.
#[derive(Debug)]
pub(super) struct Submitted {
    pub(super) hardware: Arc<Hardware>,
    pub(super) epoch: u64,
    pub(super) groups: Vec<Group>,
    /// Keeps the streams in the heap.
    streams: Vec<Arc<Loaded>>,
}

impl Context for Arc<NpuContext> {
    fn start(&self, mut work: Work, timeout: Duration) -> Result<Box<dyn Started>, Box<Refused>> {
        let begun = Instant::now();
        let ledger = &self.npu.driver.ledger;
        ledger.submissions.add(1);
        ledger.runs.add(work.steps.len() as u64);
        let epoch = self.epoch();
        let mut result = self.submit(&mut work);
        if result.as_ref().is_err_and(lost) && (!work.begun || work.repeatable) {
            // What was submitted has been called back: the work can start again on a new context.
            if let Err(e) = self.replace(epoch) {
                result = Err(e);
            } else {
                ledger.retries.add(1);
                work.attempts += 1;
                result = self.submit(&mut work);
            }
        }
        match result {
            Ok(submitted) => Ok(Box::new(Flight::new(
                self.clone(),
                work,
                submitted,
                begun,
                timeout,
            ))),
            Err(e) => {
                ledger.failures.add(1);
                Err(Box::new(Refused {
                    work,
                    error: e.into(),
                }))
            }
        }
    }

    fn buffers(&self) -> usize {
        self.map.buffers()
    }
}

/// Whether the error may mean that the driver does not know the context any more.
fn lost(error: &DriverError) -> bool {
    error.call == Call::ExecCmd && error.fault() == Fault::Refused
}

impl NpuContext {
    pub(super) fn epoch(&self) -> u64 {
        self.serving
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .epoch
    }
}
