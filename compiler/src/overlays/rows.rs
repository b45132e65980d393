//! Rows dealt to all sixteen cores: one result for each row, or one for all.
//!
//! Column c of the array takes the c-th quarter of the rows. Its memory tile cuts objects of four rows, one
//! for each core.
//!
//! - [`map`]: a kernel makes a row of every row; the memory tile joins those of four cores.
//! - [`sum`]: every core adds up its rows; sums go down the columns and along the lowest row of cores, from
//!   neighbour to neighbour, to the last column's shim.

use arch::Tile;
use arch::geometry::{COLUMNS, CORE_ROWS, FIRST_CORE_ROW};

use super::{Overlay, Source};
use crate::array::design::{
    Arg, Buffer, Design, HostArg, Kernel, Link, ObjectFifo, ObjectType, Param, Port, SeqOp,
    Sequence, Step, Transfer, Worker,
};
use crate::kernel::ir::{Func, Module};
use crate::kernel::types::Elem;
use crate::kernels::{Addend, KernelError, add, blocks, passthrough, scale_i16};

/// Samples of a row of the overlay `scale_rows`.
pub const ROW: u32 = 512;
/// Words of a row of the overlay `sum_rows`.
pub const SUM_ROW: u32 = 256;
/// Rows of the sequences of both overlays.
pub const ROWS: &[u32] = &[32, 96];

pub(super) const OVERLAYS: [Overlay; 2] = [
    Overlay {
        name: "scale_rows",
        about: "multiplies rows of 16-bit samples by 1.5, rounded and saturated, on sixteen cores",
        source: || {
            let scale = scale_i16(ROW, super::scale_i16::FACTOR, super::scale_i16::SHIFT)?;
            let row = ObjectType::new(Elem::I16, [ROW]);
            map("scale_rows", scale, [row.clone(), row], ROWS)
        },
    },
    Overlay {
        name: "sum_rows",
        about: "adds up rows of 256 integers of 32 bits on sixteen cores",
        source: || sum("sum_rows", Addend::I32, SUM_ROW, ROWS),
    },
];

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

/// Four rows as one object.
fn four(row: &ObjectType) -> ObjectType {
    ObjectType::new(row.elem, [u32::from(CORE_ROWS), row.len() as u32])
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

/// `kernel(input: ptr, output: ptr)` of every row; a sequence for each number of rows.
///
/// # Errors
/// Numbers of rows that are not multiples of 16.
pub fn map(
    name: &str,
    kernel: Func,
    [input, output]: [ObjectType; 2],
    rows: &[u32],
) -> Result<Source, KernelError> {
    let mut design = Design::new(name);
    let call = kernel.name.clone();
    design.kernels = vec![Kernel::new(&call, memory(&[&input, &output]))];
    deal(&mut design, &input);
    let out = |col: u8| format!("out{col}");
    for col in 0..COLUMNS {
        let (shim, mem) = (Tile::new(col, 0), Tile::new(col, 1));
        let part = |row: u8| format!("out{col}_{row}");
        for row in 0..CORE_ROWS {
            let fifo = ObjectFifo::new(part(row), core(col, row), &[mem], 2, output.clone());
            design.fifos.push(fifo);
            let (from, to) = (dealt(col, row), part(row));
            let steps = [
                Step::acquire(&from, Port::Consume, 1),
                Step::acquire(&to, Port::Produce, 1),
                Step::call(&call, [Arg::object(&from), Arg::object(&to)]),
                Step::release(&from, Port::Consume, 1),
                Step::release(&to, Port::Produce, 1),
            ];
            design
                .workers
                .push(Worker::new(core(col, row), [Step::forever(steps)]));
        }
        let joined = ObjectFifo::new(out(col), mem, &[shim], 2, four(&output));
        design.fifos.push(joined);
        design.links.push(Link {
            inputs: (0..CORE_ROWS).map(part).collect(),
            outputs: vec![out(col)],
            offsets: offsets(&output),
        });
    }
    for &count in rows {
        blocks("map of rows", "number of rows", count, CORES)?;
        let (from, to) = (input.len() as u32, output.len() as u32);
        let mut ops = quarters(count, to, "output", out);
        ops.extend(quarters(count, from, "input", dealer));
        ops.extend((0..COLUMNS).map(|col| SeqOp::wait(out(col))));
        design.sequences.push(Sequence {
            name: sequence_name(count),
            args: vec![
                HostArg::new("input", input.elem, count * from),
                HostArg::new("output", output.elem, count * to),
            ],
            ops,
        });
    }
    let kernels = Module {
        funcs: vec![kernel],
    };
    Ok(Source { design, kernels })
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
pub fn sum(name: &str, addend: Addend, elements: u32, rows: &[u32]) -> Result<Source, KernelError> {
    let object = ObjectType::new(addend.elem(), [elements]);
    let (adds, copies) = (add(addend, elements)?, passthrough(object.bytes() as u32)?);
    let mut design = Design::new(name);
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
    let kernels = Module {
        funcs: vec![adds, copies],
    };
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
