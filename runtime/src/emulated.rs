//! The device `emulator`: contexts that run on the emulated array.

use emulator::{Budget, Npu};
use formats::txn::Stream;

use crate::overlay::{Context, Report};
use crate::{Device, Error};

/// Cycles after which a run that has not ended is given up: more than a minute of a real NPU.
const BUDGET: u64 = 100_000_000_000;

/// An emulated array with one overlay.
pub(crate) struct EmulatedContext {
    xclbin: Vec<u8>,
    /// Absent after a run that failed: what it left behind is no state to go on from.
    npu: Option<Npu>,
}

impl EmulatedContext {
    pub(crate) fn new(xclbin: &[u8]) -> Result<Self, Error> {
        Ok(EmulatedContext {
            npu: Some(configured(xclbin)?),
            xclbin: xclbin.to_vec(),
        })
    }
}

fn configured(xclbin: &[u8]) -> Result<Npu, Error> {
    let mut npu = Npu::new();
    npu.load_xclbin(xclbin)?;
    Ok(npu)
}

impl Context for EmulatedContext {
    fn execute(&mut self, stream: &Stream, args: &mut [Vec<u8>]) -> Result<Report, Error> {
        let mut npu = match self.npu.take() {
            Some(npu) => npu,
            None => configured(&self.xclbin)?,
        };
        let report = npu.run(stream, args, Budget { cycles: BUDGET })?;
        self.npu = Some(npu);
        Ok(Report {
            device: Device::Emulator.name(),
            cycles: report.cycles,
        })
    }
}
