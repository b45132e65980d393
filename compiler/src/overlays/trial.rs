//! An overlay's first sequence run on the emulator, from the files that ship, and held against what must
//! come out: kernel by kernel against the interpreter and the exact result, products against plain loops.

use std::fmt;

use emulator::{Budget, Npu};
use formats::txn::Stream;

use super::gemm::sample::Sample;
use super::rows::Rows;
use super::{Family, Overlay, Source};
use crate::build::files::{File, stream_file};
use crate::kernels::cases::values::{Pattern, Rng, Values, from_bytes, to_bytes, ulps};
use crate::kernels::cases::{Case, Role};
use array::design::Param;
use kernel::interp::{Arg, Interpreter, Memory, NoLocks};
use kernel::types::Elem;
use kernel::verify::verify;

/// Cycles that a trial takes at most.
const BUDGET: Budget = Budget {
    cycles: 100_000_000,
};
/// Instructions that the interpreter takes for a call at most.
const STEPS: u64 = 100_000_000;
/// Addresses of a call's operands for the interpreter.
const OPERANDS: [u32; 3] = [0x4_0000, 0x5_0000, 0x6_0000];

/// What a trial showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Sequence.
    pub sequence: String,
    /// Elements of the output, all of them as they must be.
    pub elements: usize,
    /// Cycles of the array, emulated.
    pub cycles: u64,
    /// Where the exact result is not what must come out: the distance from it.
    pub distance: Option<Distance>,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "sequence {}, {} elements as they must be, {} cycles",
            self.sequence, self.elements, self.cycles
        )?;
        match self.distance {
            None => Ok(()),
            Some(Distance { max, mean }) => write!(
                f,
                "; from the exact result at most {max:.2} ulp, {mean:.3} in the mean"
            ),
        }
    }
}

/// Distance from the exact result, in units of the last place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// Greatest.
    pub max: f64,
    /// Mean.
    pub mean: f64,
}

/// Compares an output with what must come out.
type Check = dyn Fn(&[u8]) -> Result<Option<Distance>, String>;

/// Host buffers of a sequence, input and empty output, and what must come out.
struct Expected {
    args: Vec<Vec<u8>>,
    check: Box<Check>,
    elem: Elem,
}

/// Runs the first sequence of a built overlay; nothing for an overlay that names no reference.
///
/// # Errors
/// The first element that is not as it must be, or whatever ends the run.
pub fn run(overlay: &Overlay, source: &Source, files: &[File]) -> Result<Option<Trial>, String> {
    let Some(sequence) = source.design.sequences.first() else {
        return Ok(None);
    };
    let lens = sequence.args.iter().map(|a| a.object.bytes() as usize);
    let lens: Vec<usize> = lens.collect();
    let expected = match &overlay.family {
        Family::Rows(rows) => of_rows(rows, source, &lens)?,
        Family::Gemm(gemm) => {
            let Some(&shape) = gemm.shapes.first() else {
                return Ok(None);
            };
            let mut sample = Sample::new(gemm, shape).map_err(|e| e.to_string())?;
            Expected {
                args: std::mem::take(&mut sample.args),
                check: Box::new(move |c| sample.check(c).map(|()| None)),
                elem: gemm.elem(),
            }
        }
        Family::Passthrough => {
            let input = samples(Elem::I16, lens[0]);
            Expected {
                args: vec![input.clone(), vec![0xee; lens[1]]],
                check: Box::new(move |output| equal(Elem::I16, output, &input).map(|()| None)),
                elem: Elem::I16,
            }
        }
        Family::ScaleI16 | Family::MatmulI8 | Family::MatmulI8Whole | Family::Sum(_) => {
            return Ok(None);
        }
    };
    let file = |name: &str| {
        let found = files.iter().find(|(n, _)| n == name);
        found
            .map(|(_, bytes)| bytes)
            .ok_or(format!("no file {name}"))
    };
    let mut npu = Npu::new();
    npu.load_xclbin(file(&format!("{}.xclbin", overlay.name))?)
        .map_err(|e| e.to_string())?;
    let stream = Stream::parse(file(&stream_file(&sequence.name))?).map_err(|e| e.to_string())?;
    let mut args = expected.args;
    let report = npu.run(&stream, &mut args, BUDGET);
    let report = report.map_err(|e| e.to_string())?;
    let output = args.last().map_or(&[][..], Vec::as_slice);
    let distance = (expected.check)(output)?;
    Ok(Some(Trial {
        sequence: sequence.name.clone(),
        elements: output.len() / expected.elem.bytes() as usize,
        cycles: report.cycles,
        distance,
    }))
}

/// Bytes of random elements.
fn samples(elem: Elem, bytes: usize) -> Vec<u8> {
    let (usual, huge, tiny) = match elem {
        Elem::I8 => (127.0, 127.0, 1.0),
        Elem::I16 | Elem::I32 => (32767.0, 32767.0, 1.0),
        Elem::Bf16 | Elem::F32 => (2.0, 1e15, 1e-15),
    };
    let values = Values::Signed { usual, huge, tiny };
    let len = bytes / elem.bytes() as usize;
    to_bytes(
        elem,
        &values.make(elem, Pattern::Random, &mut Rng::new(1), len, 1),
    )
}

/// Compares element by element, bit by bit.
fn equal(elem: Elem, got: &[u8], expected: &[u8]) -> Result<(), String> {
    let size = elem.bytes() as usize;
    let pairs = got.chunks(size).zip(expected.chunks(size));
    match pairs.clone().position(|(a, b)| a != b) {
        None => Ok(()),
        Some(at) => Err(format!(
            "element {at} is {}, {} was expected",
            from_bytes(elem, &got[at * size..])[0],
            from_bytes(elem, &expected[at * size..])[0]
        )),
    }
}

fn of_rows(rows: &Rows, source: &Source, lens: &[usize]) -> Result<Expected, String> {
    let elem = rows.elem();
    let case = rows.case().map_err(|e| e.to_string())?;
    let input = samples(elem, lens[0]);
    let call = (rows.at_once * rows.columns * elem.bytes()) as usize;
    let interpreted = interpret(source, &input, call)?;
    let args = vec![input.clone(), vec![0xee; lens[1]]];
    let check = move |output: &[u8]| {
        equal(elem, output, &interpreted)?;
        let Some(case) = &case else { return Ok(None) };
        Ok(Some(distance(case, elem, call, &input, output)))
    };
    Ok(Expected {
        args,
        check: Box::new(check),
        elem,
    })
}

/// The output by the interpreter, call by call.
fn interpret(source: &Source, input: &[u8], call: usize) -> Result<Vec<u8>, String> {
    let module = verify(source.kernels.clone()).map_err(|e| e.to_string())?;
    let func = source.kernels.funcs.first().ok_or("there is no kernel")?;
    let kernel = source.design.kernels.first();
    let kernel = kernel.ok_or("the design has no kernel")?;
    let sizes = kernel.params.iter().filter_map(|param| match param {
        Param::Memory(object) => Some(object.bytes() as usize),
        _ => None,
    });
    let sizes: Vec<usize> = sizes.collect();
    let operands = &OPERANDS[..func.params.len().min(OPERANDS.len())];
    let mut output = Vec::with_capacity(input.len());
    for object in input.chunks_exact(call) {
        let mut memory = Memory::new();
        for (place, (base, bytes)) in operands.iter().zip(&sizes).enumerate() {
            let mapped = match place {
                0 => memory.map_with("x", *base, object),
                _ if place + 1 == operands.len() => memory.map("y", *base, *bytes),
                _ => memory.map("work", *base, *bytes),
            };
            mapped.map_err(|e| e.to_string())?;
        }
        let mut interpreter = Interpreter::new(&module, memory, NoLocks, STEPS);
        let args: Vec<Arg> = operands.iter().map(|base| Arg::Ptr(*base)).collect();
        let ended = interpreter.run(&func.name, &args);
        ended.map_err(|trap| trap.to_string())?;
        let y = interpreter.memory.region("y").ok_or("there is no y")?;
        output.extend_from_slice(y.bytes());
    }
    Ok(output)
}

/// How far an output is from the exact results of a case's calls.
fn distance(case: &Case, elem: Elem, call: usize, input: &[u8], output: &[u8]) -> Distance {
    let (mut max, mut sum, mut count) = (0f64, 0f64, 0usize);
    for (x, y) in input.chunks_exact(call).zip(output.chunks_exact(call)) {
        let operands = case.operands.iter().map(|operand| match operand.role {
            Role::In | Role::InOut => from_bytes(elem, x),
            Role::Out | Role::Work => Vec::new(),
        });
        let exact = (case.exact)(&operands.collect::<Vec<_>>());
        for (got, exact) in from_bytes(elem, y)
            .into_iter()
            .zip(exact.into_iter().flatten())
        {
            let distance = ulps(elem, got, exact);
            max = max.max(distance);
            sum += distance;
            count += 1;
        }
    }
    Distance {
        max,
        mean: sum / count.max(1) as f64,
    }
}
