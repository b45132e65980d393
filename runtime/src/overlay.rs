//! Loaded overlays.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use formats::xclbin::{Contents, Xclbin};
use sha2::{Digest as _, Sha256};

use crate::context::Context;
use crate::emulated::EmulatedContext;
use crate::npu::{NpuContext, RegisterMap};
use crate::run::{Completer, Run};
use crate::submission::Submission;
use crate::{Argument, Device, Error, InstructionStream};

/// Bytes of the largest XCLBIN that is read: one PDI of the size that the format allows.
const MAX_FILE: u64 = 129 << 20;

/// The time after which a submission that has not ended is taken to hang.
const TIMEOUT: Duration = Duration::from_secs(10);

/// SHA-256 of a file's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Digest(Sha256::digest(bytes).into())
    }

    /// Reads 64 hexadecimal digits, as manifests have them.
    ///
    /// # Errors
    /// [`Error::DigestText`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = || Error::DigestText(text.chars().take(80).collect());
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(refuse());
        }
        let mut out = [0; 32];
        for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |c: u8| char::from(c).to_digit(16);
            let (high, low) = digit(pair[0]).zip(digit(pair[1])).ok_or_else(refuse)?;
            *byte = (high << 4 | low) as u8;
        }
        Ok(Digest(out))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An overlay loaded on a device: one hardware context, which executes submissions in the order in
/// which they arrive.
///
/// `Send` and `Sync`: any thread may submit. Runs keep what they need of it; the context ends with
/// the last of them.
#[derive(Debug)]
pub struct Overlay {
    device: Device,
    kernel: String,
    context: Arc<dyn Context>,
    completer: Arc<Completer>,
    timeout: Mutex<Duration>,
}

impl Overlay {
    /// Loads the overlay in the bytes of an XCLBIN: its first kernel.
    ///
    /// # Errors
    /// [`Error::Xclbin`], [`Error::NoKernel`], [`Error::Interface`] and [`Error::Columns`] when the
    /// bytes are not an XCLBIN that this device can load, [`Error::Driver`] when the driver does not
    /// take it, [`Error::Emulator`] when its configuration is refused, [`Error::NoOverlays`] when the
    /// device runs none.
    pub fn load(device: &Device, xclbin: &[u8]) -> Result<Self, Error> {
        let contents = Contents::of(&Xclbin::parse(xclbin)?)?;
        let units = contents.units()?;
        let unit = units.first().ok_or(Error::NoKernel)?;
        let partition = contents.partition.as_ref().ok_or(Error::NoKernel)?;
        let context: Arc<dyn Context> = match device.npu() {
            Some(npu) => Arc::new(Arc::new(NpuContext::new(npu.clone(), unit, partition)?)),
            None if device.is_emulator() => {
                let buffers = RegisterMap::of(unit.kernel)?.buffers();
                Arc::new(EmulatedContext::new(
                    &unit.pdi.image,
                    buffers,
                    device.ledger().clone(),
                )?)
            }
            None => {
                return Err(Error::NoOverlays {
                    device: device.name(),
                    why: device.why().to_owned(),
                });
            }
        };
        Ok(Overlay {
            device: device.clone(),
            kernel: unit.kernel.name.clone(),
            context,
            completer: Arc::default(),
            timeout: Mutex::new(TIMEOUT),
        })
    }

    /// Loads an overlay if its bytes have this digest.
    ///
    /// # Errors
    /// [`Error::Digest`] when they have another one, before anything is read from them; otherwise as
    /// for [`Overlay::load`].
    pub fn load_pinned(device: &Device, xclbin: &[u8], digest: Digest) -> Result<Self, Error> {
        let found = Digest::of(xclbin);
        if found != digest {
            let expected = digest;
            return Err(Error::Digest { expected, found });
        }
        Overlay::load(device, xclbin)
    }

    /// Loads the overlay in an XCLBIN file.
    ///
    /// ```no_run
    /// use runtime::{Buffer, Device, InstructionStream, Overlay};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let device = Device::open("auto")?;
    /// println!("{}", device.why());
    /// let overlay = Overlay::load_file(&device, "own.xclbin".as_ref())?;
    /// println!("kernel {} takes up to {} buffers", overlay.kernel(), overlay.buffers());
    /// let stream = InstructionStream::parse(&std::fs::read("insts_main.bin")?)?;
    /// let (input, output) = (Buffer::from_slice(&[1i16; 4096]), Buffer::<i16>::zeroed(4096));
    /// overlay.submit(&stream, &[&input, &output])?.wait()?;
    /// println!("{:?}", &output.read()?[..4]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::File`] when the file cannot be read or is larger than any XCLBIN, otherwise as for
    /// [`Overlay::load`].
    pub fn load_file(device: &Device, path: &Path) -> Result<Self, Error> {
        Overlay::load(device, &read_file(path)?)
    }

    /// The device that it is loaded on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Name of the kernel in the XCLBIN.
    pub fn kernel(&self) -> &str {
        &self.kernel
    }

    /// Buffers that a run can pass.
    pub fn buffers(&self) -> usize {
        self.context.buffers()
    }

    /// Sets the time after which a submission that has not ended is taken to hang, 10 s at first. The
    /// emulator counts cycles instead.
    pub fn set_timeout(&self, timeout: Duration) {
        *self.timeout.lock().unwrap_or_else(PoisonError::into_inner) = timeout;
    }

    /// Submits one run. Its buffers belong to it until it has been waited for.
    ///
    /// # Errors
    /// [`Error::MissingArgument`], [`Error::TooManyArguments`] or [`Error::ArgumentBusy`] when the
    /// buffers do not fit the stream, [`Error::Driver`] when the driver does not take it.
    pub fn submit(&self, stream: &InstructionStream, args: &[&dyn Argument]) -> Result<Run, Error> {
        let mut submission = self.submission();
        submission.run(stream, args)?;
        submission.submit()
    }

    /// A submission of several runs, empty at first.
    pub fn submission(&self) -> Submission<'_> {
        Submission::new(self)
    }

    pub(crate) fn context(&self) -> &dyn Context {
        &*self.context
    }

    pub(crate) fn completer(&self) -> &Arc<Completer> {
        &self.completer
    }

    pub(crate) fn timeout(&self) -> Duration {
        *self.timeout.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of an XCLBIN file, if it is no larger than one can be.
fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    use std::io::Read;
    let refuse = |why: String| Error::File {
        path: path.to_owned(),
        why,
    };
    let file = std::fs::File::open(path).map_err(|e| refuse(e.to_string()))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| refuse(e.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(refuse(format!(
            "it has more than {MAX_FILE} bytes, the most an XCLBIN for npu1 can have"
        )));
    }
    Ok(bytes)
}
