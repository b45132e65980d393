//! Rows dealt to all sixteen cores: one result for each row, or one for all.
//!
//! Column c of the array takes the c-th quarter of the rows. Its memory tile cuts objects of the rows of four
//! calls, one for each core.
//!
//! - [`Rows`]: a kernel makes a row of every row; the memory tile joins those of four cores.
//! - [`Sum`]: every core adds up its rows; sums go down the columns and along the lowest row of cores, from
//!   neighbour to neighbour, to the last column's shim.

use std::path::PathBuf;

use arch::Tile;
use arch::geometry::{COLUMNS, CORE_ROWS, FIRST_CORE_ROW};
use serde::Deserialize;

use super::{Source, SourceError};
use crate::kernels::cases::{self, Case, Function, Role};
use crate::kernels::{Addend, KernelError, add, blocks, fits, passthrough};
use array::design::{
    Allocation, Arg, Buffer, Design, HostArg, Kernel, Link, ObjectFifo, ObjectType, Param, Port,
    SeqOp, Sequence, Step, Transfer, Worker,
};
use kernel::ir::{self, Module};
use kernel::read;
use kernel::types::{Elem, Type};

/// A kernel of every row, on sixteen cores.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// Kernel.
    pub kernel: RowKernel,
    /// Elements of a row.
    pub columns: u32,
    /// Rows of a call.
    #[serde(default = "one")]
    pub at_once: u32,
    /// Numbers of rows that have sequences, in multiples of sixteen calls.
    pub rows: Vec<u32>,
}

fn one() -> u32 {
    1
}

/// A kernel that makes rows of rows of the same size.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RowKernel {
    /// [`exp`](crate::kernels::exp()).
    Exp,
    /// [`gelu`](crate::kernels::gelu()).
    Gelu,
    /// [`silu`](crate::kernels::silu()).
    Silu,
    /// [`softmax`](crate::kernels::softmax()).
    Softmax,
    /// [`scale_i16`](crate::kernels::scale_i16()).
    ScaleI16 {
        /// Factor.
        factor: i16,
        /// Bits that products are shifted right by.
        shift: u32,
    },
    /// Kernel IR as text: the first function of the file, `(x: ptr, y: ptr)` or
    /// `(x: ptr, work: ptr, y: ptr)`.
    File {
        /// File.
        path: PathBuf,
        /// Elements of x, work and y.
        elem: Elem,
        /// How many there are of work; as many as of x where it is not said.
        work: Option<u32>,
    },
}

/// The sum of all rows, element by element, on sixteen cores.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sum {
    /// What is added.
    pub addend: Addend,
    /// Elements of a row.
    pub columns: u32,
    /// Numbers of rows that have sequences, in multiples of 32.
    pub rows: Vec<u32>,
}

/// What errors call the kernel.
const NAME: &str = "kernel of rows";

/// What the cores call.
struct Call {
    module: Module,
    /// Function of the module.
    name: String,
    /// The room that it works in, where it wants some.
    work: Option<ObjectType>,
}

impl Call {
    /// The first function of a module, which works in `room` where it has an operand for it.
    fn first(module: Module, room: ObjectType) -> Option<Self> {
        let func = module.funcs.first()?;
        let pointer = |p: &ir::Param| func.ty(p.value) == Type::Ptr;
        let fits = (2..=3).contains(&func.params.len())
            && func.params.iter().all(pointer)
            && func.results.is_empty();
        let name = func.name.clone();
        let work = (func.params.len() == 3).then_some(room);
        fits.then_some(Call { module, name, work })
    }
}

impl Rows {
    /// The kernel of the library as a case of one call; none for a file.
    ///
    /// # Errors
    /// Rows that the kernel does not take.
    pub fn case(&self) -> Result<Option<Case>, KernelError> {
        let function = |of| cases::function(of, self.at_once, self.columns).map(Some);
        match self.kernel {
            RowKernel::Exp => function(Function::Exp),
            RowKernel::Gelu => function(Function::Gelu),
            RowKernel::Silu => function(Function::Silu),
            RowKernel::Softmax => function(Function::Softmax),
            RowKernel::ScaleI16 { factor, shift } => {
                let elements = self.columns.saturating_mul(self.at_once);
                cases::scale(elements, factor, shift).map(Some)
            }
            RowKernel::File { .. } => Ok(None),
        }
    }

    /// Elements of a row.
    pub fn elem(&self) -> Elem {
        match self.kernel {
            RowKernel::ScaleI16 { .. } => Elem::I16,
            RowKernel::File { elem, .. } => elem,
            _ => Elem::Bf16,
        }
    }

    /// Elements of a call.
    fn object(&self) -> ObjectType {
        match self.at_once {
            1 => ObjectType::new(self.elem(), [self.columns]),
            rows => ObjectType::new(self.elem(), [rows, self.columns]),
        }
    }

    fn call(&self, name: &str) -> Result<Call, SourceError> {
        let mut room = self.object();
        let (path, module) = match (&self.kernel, self.case()?) {
            (RowKernel::File { path, elem, work }, _) => {
                if let Some(work) = *work {
                    let bytes = u64::from(work) * u64::from(elem.bytes());
                    blocks(NAME, "elements of work", work, 1)?;
                    fits(NAME, "work", bytes)?;
                    room = ObjectType::new(*elem, [work]);
                }
                let text = std::fs::read_to_string(path).map_err(|e| e.to_string());
                let module = text.and_then(|text| read::load(&text).map_err(|e| e.to_string()));
                let module = module.map_err(|message| SourceError::file(path, message))?;
                (path.clone(), module.into_inner())
            }
            (_, case) => {
                let operands = case.iter().flat_map(|case| &case.operands);
                if let Some(work) = operands.into_iter().find(|o| o.role == Role::Work) {
                    room = ObjectType::new(work.elem, [work.len as u32]);
                }
                (
                    name.into(),
                    case.map_or_else(Module::default, |case| case.code),
                )
            }
        };
        Call::first(module, room).ok_or_else(|| {
            let message = "the first function is no kernel of rows\nhelp: give it the parameters (x: ptr, y: ptr) or (x: ptr, work: ptr, y: ptr), and no results";
            SourceError::file(&path, message.into())
        })
    }

    /// The design and its kernel.
    ///
    /// # Errors
    /// Rows that the kernel does not take, numbers of rows that are not whole calls of sixteen cores,
    /// files that are no kernels.
    pub fn source(&self, name: &str) -> Result<Source, SourceError> {
        blocks(NAME, "rows of a call", self.at_once, 1)?;
        blocks(NAME, "elements of a row", self.columns, 1)?;
        let elements = u64::from(self.at_once) * u64::from(self.columns);
        let bytes = elements.saturating_mul(self.elem().bytes().into());
        fits(NAME, "object of a call", bytes)?;
        let call = self.call(name)?;
        let object = self.object();
        let mut design = map(name, &call, &object);
        for &count in &self.rows {
            let step = CORES.saturating_mul(self.at_once);
            blocks(NAME, "number of rows", count, step)?;
            let elements = count
                .checked_mul(self.columns)
                .ok_or(KernelError::OutOfRange {
                    kernel: NAME,
                    what: "number of rows",
                    value: count,
                    max: u32::MAX / self.columns,
                    help: "run it in several dispatches",
                })?;
            let mut ops = quarters(count, self.columns, "output", output);
            ops.extend(quarters(count, self.columns, "input", dealer));
            ops.extend((0..COLUMNS).map(|col| SeqOp::wait(output(col))));
            let arg = |name| HostArg::new(name, self.elem(), elements);
            design.sequences.push(Sequence {
                name: sequence_name(count),
                args: vec![arg("input"), arg("output")],
                ops,
            });
        }
        Ok(Source {
            design,
            kernels: call.module,
        })
    }
}

impl Sum {
    /// The design and its kernels.
    ///
    /// # Errors
    /// Rows that the kernels do not take, numbers of rows that are not multiples of 32.
    pub fn source(&self, name: &str) -> Result<Source, KernelError> {
        sum(name, self.addend, self.columns, &self.rows)
    }
}

const CORES: u32 = COLUMNS as u32 * CORE_ROWS as u32;

fn core(col: u8, row: u8) -> Tile {
    Tile::new(col, FIRST_CORE_ROW + row)
}

fn dealt(col: u8, row: u8) -> String {
    format!("in{col}_{row}")
}

fn dealer(col: u8) -> String {
    format!("in{col}")
}

fn memory(objects: &[&ObjectType]) -> Vec<Param> {
    objects.iter().map(|&o| Param::Memory(o.clone())).collect()
}

/// The objects of four cores as one.
fn four(object: &ObjectType) -> ObjectType {
    ObjectType::new(object.elem, [u32::from(CORE_ROWS), object.len() as u32])
}

fn offsets(row: &ObjectType) -> Vec<u32> {
    (0..u32::from(CORE_ROWS))
        .map(|i| i * row.len() as u32)
        .collect()
}

/// Rows from the host to the cores of each column.
fn deal(design: &mut Design, row: &ObjectType) {
    for col in 0..COLUMNS {
        let (shim, mem) = (Tile::new(col, 0), Tile::new(col, 1));
        let fifos = &mut design.fifos;
        fifos.push(ObjectFifo::new(dealer(col), shim, &[mem], 2, four(row)));
        for r in 0..CORE_ROWS {
            let fifo = ObjectFifo::new(dealt(col, r), mem, &[core(col, r)], 2, row.clone());
            fifos.push(fifo);
        }
        design.links.push(Link {
            inputs: vec![dealer(col)],
            outputs: (0..CORE_ROWS).map(|r| dealt(col, r)).collect(),
            offsets: offsets(row),
        });
    }
}

/// The c-th quarter of `rows` rows of `elems` elements between a host buffer and a fifo of column c.
fn quarters(rows: u32, elems: u32, arg: &str, fifo: impl Fn(u8) -> String) -> Vec<SeqOp> {
    let share = rows / u32::from(COLUMNS) * elems;
    (0..COLUMNS)
        .map(|col| {
            Transfer::linear(fifo(col), arg, u64::from(col) * u64::from(share), share).into()
        })
        .collect()
}

/// Name of the sequence for so many rows.
pub fn sequence_name(rows: u32) -> String {
    format!("rows{rows}")
}

fn output(col: u8) -> String {
    format!("out{col}")
}

/// A call for every object, without sequences.
fn map(name: &str, call: &Call, object: &ObjectType) -> Design {
    let mut design = Design::new(name);
    design.memory = Allocation::Apart;
    let operands = [Some(object), call.work.as_ref(), Some(object)];
    let operands: Vec<&ObjectType> = operands.into_iter().flatten().collect();
    design.kernels = vec![Kernel::new(&call.name, memory(&operands))];
    deal(&mut design, object);
    for col in 0..COLUMNS {
        let (shim, mem) = (Tile::new(col, 0), Tile::new(col, 1));
        let part = |row: u8| format!("out{col}_{row}");
        for row in 0..CORE_ROWS {
            let tile = core(col, row);
            let fifo = ObjectFifo::new(part(row), tile, &[mem], 2, object.clone());
            design.fifos.push(fifo);
            let (from, to) = (dealt(col, row), part(row));
            let mut args = vec![Arg::object(&from), Arg::object(&to)];
            if let Some(room) = &call.work {
                let work = format!("work{col}_{row}");
                let buffer = Buffer::new(&work, tile, room.clone());
                design.buffers.push(buffer);
                args.insert(1, Arg::Buffer(work));
            }
            let steps = [
                Step::acquire(&from, Port::Consume, 1),
                Step::acquire(&to, Port::Produce, 1),
                Step::call(&call.name, args),
                Step::release(&from, Port::Consume, 1),
                Step::release(&to, Port::Produce, 1),
            ];
            let worker = Worker::new(tile, [Step::forever(steps)]);
            design.workers.push(worker);
        }
        let joined = ObjectFifo::new(output(col), mem, &[shim], 2, four(object));
        design.fifos.push(joined);
        design.links.push(Link {
            inputs: (0..CORE_ROWS).map(part).collect(),
            outputs: vec![output(col)],
            offsets: offsets(object),
        });
    }
    design
}

/// Buffers of a core that adds up rows: nothing, two totals that take turns, and how many pairs of rows
/// follow the first.
fn buffers(design: &mut Design, col: u8, row: u8, object: &ObjectType) -> [String; 4] {
    let names = ["zeros", "even", "odd", "pairs"].map(|part| format!("{part}{col}_{row}"));
    let tile = core(col, row);
    let [zeros, even, odd, pairs] = &names;
    let nothing = vec![0; object.bytes() as usize];
    design.buffers.extend([
        Buffer::new(zeros, tile, object.clone()).holding(nothing),
        Buffer::new(even, tile, object.clone()),
        Buffer::new(odd, tile, object.clone()),
        Buffer::new(pairs, tile, ObjectType::new(Elem::I32, [8])),
    ]);
    names
}

/// The sum of all rows of `elements` elements, element by element; a sequence for each number of rows.
///
/// # Errors
/// Rows that the kernels do not take, numbers of rows that are not multiples of 32.
fn sum(name: &str, addend: Addend, elements: u32, rows: &[u32]) -> Result<Source, KernelError> {
    let object = ObjectType::new(addend.elem(), [elements]);
    let (adds, copies) = (add(addend, elements)?, passthrough(object.bytes() as u32)?);
    let mut design = Design::new(name);
    design.memory = Allocation::Apart;
    design.kernels = vec![
        Kernel::new(&adds.name, memory(&[&object; 3])),
        Kernel::new(&copies.name, memory(&[&object; 2])),
    ];
    deal(&mut design, &object);
    let down = |col: u8, row: u8| format!("down{col}_{row}");
    let along = |col: u8| format!("along{col}");
    let last = COLUMNS - 1;
    for col in 0..COLUMNS {
        for row in 0..CORE_ROWS {
            let tile = core(col, row);
            let (sends, to) = match row {
                0 if col == last => (along(col), Tile::new(col, 0)),
                0 => (along(col), core(col + 1, 0)),
                _ => (down(col, row), core(col, row - 1)),
            };
            design
                .fifos
                .push(ObjectFifo::new(&sends, tile, &[to], 1, object.clone()));
            let mut receives = Vec::new();
            if row + 1 < CORE_ROWS {
                receives.push(down(col, row + 1));
            }
            if row == 0 && col > 0 {
                receives.push(along(col - 1));
            }
            let names = buffers(&mut design, col, row, &object);
            let kernels = [&adds.name, &copies.name];
            let steps = adder(kernels, &names, &dealt(col, row), &receives, &sends);
            design
                .workers
                .push(Worker::new(tile, [Step::forever(steps)]));
        }
    }
    for &count in rows {
        blocks("sum of rows", "number of rows", count, 2 * CORES)?;
        let cores = (0..COLUMNS).flat_map(|col| (0..CORE_ROWS).map(move |row| (col, row)));
        let mut ops: Vec<SeqOp> = cores
            .map(|(col, row)| SeqOp::WriteParameter {
                buffer: format!("pairs{col}_{row}"),
                index: 0,
                value: (count / (2 * CORES) - 1) as i32,
            })
            .collect();
        ops.push(Transfer::linear(along(last), "output", 0, elements).into());
        ops.extend(quarters(count, elements, "input", dealer));
        ops.push(SeqOp::wait(along(last)));
        design.sequences.push(Sequence {
            name: sequence_name(count),
            args: vec![
                HostArg::new("input", object.elem, count * elements),
                HostArg::new("output", object.elem, elements),
            ],
            ops,
        });
    }
    let kernels = Module::from(vec![adds, copies]);
    Ok(Source { design, kernels })
}

/// A core's share: its own rows first, then the totals of its neighbours.
fn adder(
    [add, copy]: [&String; 2],
    [zeros, even, odd, pairs]: &[String; 4],
    input: &str,
    receives: &[String],
    sends: &str,
) -> Vec<Step> {
    let buffer = |name: &String| Arg::Buffer(name.clone());
    let row = |from: &String, to: &String| {
        [
            Step::acquire(input, Port::Consume, 1),
            Step::call(add, [Arg::object(input), buffer(from), buffer(to)]),
            Step::release(input, Port::Consume, 1),
        ]
    };
    // The number of rows is written before the first of them arrives, and read after.
    let mut steps = [row(zeros, odd), row(odd, even)].concat();
    let pair = [row(even, odd), row(odd, even)].concat();
    steps.push(Step::repeat_by(pairs, 0, pair));
    let (mut total, mut other) = (even, odd);
    for from in receives {
        steps.extend([
            Step::acquire(from, Port::Consume, 1),
            Step::call(add, [Arg::object(from), buffer(total), buffer(other)]),
            Step::release(from, Port::Consume, 1),
        ]);
        (total, other) = (other, total);
    }
    steps.extend([
        Step::acquire(sends, Port::Produce, 1),
        Step::call(copy, [buffer(total), Arg::object(sends)]),
        Step::release(sends, Port::Produce, 1),
    ]);
    steps
}
