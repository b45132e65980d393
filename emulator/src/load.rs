//! Configuration: CDO, PDI and xclbin into the array.

use formats::cdo::{Cdo, Command};
use formats::pdi::Pdi;
use formats::xclbin::{Contents, Xclbin};

use crate::error::EmuError;
use crate::npu::Npu;
use crate::timing::{POLL_CYCLES, STUCK_CYCLES};

impl Npu {
    /// Executes the commands of a CDO. Delays take no time.
    ///
    /// # Errors
    /// What a register refuses; polls that do not come true.
    pub fn load_cdo(&mut self, cdo: &Cdo) -> Result<(), EmuError> {
        let end = self.now + POLL_CYCLES;
        for command in &cdo.commands {
            match command {
                Command::Write { addr, value } => self.write(*addr, *value)?,
                Command::MaskWrite { addr, mask, value } => {
                    self.mask_write(*addr, *mask, *value)?;
                }
                Command::DmaWrite { addr, data } => self.write_block(*addr, data)?,
                Command::MaskPoll {
                    addr, mask, value, ..
                } => self.poll(*addr, *mask, *value, end)?,
                Command::Delay { .. } | Command::Nop { .. } => {}
            }
        }
        self.connect()
    }

    /// Reads a PDI and executes its CDO.
    ///
    /// # Errors
    /// When the bytes are no PDI, and as for [`Npu::load_cdo`].
    pub fn load_pdi(&mut self, pdi: &[u8]) -> Result<(), EmuError> {
        self.load_cdo(Pdi::parse(pdi)?.cdo())
    }

    /// Loads the configuration of an xclbin whose kernels all share one.
    ///
    /// # Errors
    /// When the bytes are no xclbin that a driver could load, when its kernels have different
    /// configurations (see [`Npu::load_xclbin_kernel`]), and as for [`Npu::load_cdo`].
    pub fn load_xclbin(&mut self, xclbin: &[u8]) -> Result<(), EmuError> {
        let contents = Contents::of(&Xclbin::parse(xclbin)?)?;
        let units = contents.units()?;
        let Some(first) = units.first() else {
            return Err(no_kernel("there is no kernel instance".into(), &contents));
        };
        if units.iter().any(|unit| unit.pdi != first.pdi) {
            let why = "its kernels have different configurations".into();
            return Err(no_kernel(why, &contents));
        }
        self.load_pdi(&first.pdi.image)
    }

    /// Loads the configuration that an xclbin holds for a kernel.
    ///
    /// # Errors
    /// When there is no such kernel, and as for [`Npu::load_xclbin`].
    pub fn load_xclbin_kernel(&mut self, xclbin: &[u8], kernel: &str) -> Result<(), EmuError> {
        let contents = Contents::of(&Xclbin::parse(xclbin)?)?;
        let units = contents.units()?;
        match units.iter().find(|unit| unit.kernel.name == kernel) {
            Some(unit) => self.load_pdi(&unit.pdi.image),
            None => Err(no_kernel(format!("no kernel is named {kernel}"), &contents)),
        }
    }

    /// Waits until a register has a value, at most to cycle `end` and not once the register and
    /// everything else stand still.
    fn poll(&mut self, addr: u32, mask: u32, value: u32, end: u64) -> Result<(), EmuError> {
        let (mut was, mut changed_at) = (None, self.now);
        loop {
            let is = self.read(addr)?;
            if is & mask == value & mask {
                return Ok(());
            }
            if was != Some(is) {
                (was, changed_at) = (Some(is), self.now);
            }
            if self.now >= end || self.now - changed_at > STUCK_CYCLES {
                return Err(EmuError::Poll {
                    addr,
                    mask,
                    value,
                    is,
                });
            }
            if self.step()? {
                changed_at = self.now;
            }
        }
    }
}

fn no_kernel(why: String, contents: &Contents) -> EmuError {
    let names: Vec<_> = contents.kernels.iter().map(|k| k.name.as_str()).collect();
    EmuError::Kernel {
        why,
        names: names.join(", "),
    }
}
