//! `matmul_i8_4x4`: C = A * B on all sixteen cores.
//!
//! The core in column c and row r makes 64x64 tiles of C, one at a time, from tile row r of A, which
//! the four cores of a row share, and a tile column of B, which the four of a column share. While
//! the K / 64 tiles of both pass, the core holds its tile of C; a memory tile joins the four of a
//! column. A block of C is thus 256 x 256; the blocks follow one another along the columns, while A
//! passes again for each.
//!
//! Host buffers hold tiles one after the other, each blocked as the kernel wants it:
//! A by (tile row, k), B by (tile column, k), C by (tile column, tile row).

use arch::Tile;
use arch::geometry::{COLUMNS, CORE_ROWS, FIRST_CORE_ROW};

use super::Source;
use super::matmul_i8::{K, SLABS, TILE, TILE_ELEMS, kernels};
use crate::kernels::KernelError;
use array::design::{
    Allocation, Arg, Design, HostArg, Kernel, Link, ObjectFifo, ObjectType, Param, Port, SeqOp,
    Sequence, Step, Transfer, Worker,
};
use kernel::ir::Module;
use kernel::types::Elem;

/// Rows of A and C.
pub const M: u32 = TILE * CORE_ROWS as u32;
/// Columns of B and C that the cores make at a time.
pub const BLOCK_N: u32 = TILE * COLUMNS as u32;

/// Sequences: name, columns of B.
pub const SHAPES: &[(&str, u32)] = &[("n256", BLOCK_N), ("n4096", 16 * BLOCK_N)];

/// Name of the overlay.
pub const NAME: &str = "matmul_i8_4x4";

pub(super) fn source() -> Result<Source, KernelError> {
    let operand = ObjectType::new(Elem::I8, [TILE, TILE]);
    let result = ObjectType::new(Elem::I32, [TILE, TILE]);
    let joined = ObjectType::new(Elem::I32, [u32::from(CORE_ROWS), TILE, TILE]);
    let funcs = kernels()?;
    let names = funcs.each_ref().map(|f| f.name.clone());

    let mut design = Design::new(NAME);
    design.memory = Allocation::Apart;
    let params = [&operand, &operand, &result].map(|o| Param::Memory(o.clone()));
    let declare = |name: &String| Kernel::new(name.clone(), params.clone());
    design.kernels = names.iter().map(declare).collect();
    for i in 0..COLUMNS {
        let (shim, mem) = (Tile::new(i, 0), Tile::new(i, 1));
        let along: Vec<_> = (0..COLUMNS).map(|col| core(col, i)).collect();
        let up: Vec<_> = (0..CORE_ROWS).map(|row| core(i, row)).collect();
        let fifos = &mut design.fifos;
        fifos.push(ObjectFifo::new(a(i), shim, &along, 2, operand.clone()));
        fifos.push(ObjectFifo::new(b(i), shim, &up, 2, operand.clone()));
        for row in 0..CORE_ROWS {
            let part = ObjectFifo::new(part(i, row), core(i, row), &[mem], 2, result.clone());
            fifos.push(part);
        }
        fifos.push(ObjectFifo::new(c(i), mem, &[shim], 2, joined.clone()));
        design.links.push(Link {
            inputs: (0..CORE_ROWS).map(|row| part(i, row)).collect(),
            outputs: vec![c(i)],
            offsets: (0..u32::from(CORE_ROWS))
                .map(|row| row * TILE_ELEMS)
                .collect(),
        });
    }
    for col in 0..COLUMNS {
        for row in 0..CORE_ROWS {
            design.workers.push(worker(col, row, &names));
        }
    }
    design.sequences = SHAPES.iter().map(|&(name, n)| sequence(name, n)).collect();
    let kernels = Module::from(Vec::from(funcs));
    Ok(Source { design, kernels })
}

fn core(col: u8, row: u8) -> Tile {
    Tile::new(col, FIRST_CORE_ROW + row)
}

fn a(row: u8) -> String {
    format!("a{row}")
}

fn b(col: u8) -> String {
    format!("b{col}")
}

fn part(col: u8, row: u8) -> String {
    format!("c{col}_{row}")
}

fn c(col: u8) -> String {
    format!("c{col}")
}

/// `names` are the kernels that begin a tile and that add to one.
fn worker(col: u8, row: u8, names: &[String; 2]) -> Worker {
    let (a, b, c) = (a(row), b(col), part(col, row));
    let slab = |kernel: &String| {
        [
            Step::acquire(&a, Port::Consume, 1),
            Step::acquire(&b, Port::Consume, 1),
            Step::call(kernel, [Arg::object(&a), Arg::object(&b), Arg::object(&c)]),
            Step::release(&a, Port::Consume, 1),
            Step::release(&b, Port::Consume, 1),
        ]
    };
    let mut tile = vec![Step::acquire(&c, Port::Produce, 1)];
    tile.extend(slab(&names[0]));
    tile.push(Step::repeat(SLABS - 1, slab(&names[1])));
    tile.push(Step::release(&c, Port::Produce, 1));
    Worker::new(core(col, row), [Step::forever(tile)])
}

/// The product of M rows and `n` columns, a multiple of [`BLOCK_N`].
fn sequence(name: &str, n: u32) -> Sequence {
    let blocks = n / BLOCK_N;
    let panel = SLABS * TILE_ELEMS;
    let c_column = u32::from(CORE_ROWS) * TILE_ELEMS;
    let mut ops = Vec::new();
    for i in 0..COLUMNS {
        let at = u64::from(i) * u64::from(panel);
        let (panels, columns) = (u32::from(COLUMNS) * panel, u32::from(COLUMNS) * c_column);
        let a_sizes = [blocks, 1, 1, panel];
        let b_strides = [panels, 0, 0, 1];
        let c_at = u64::from(i) * u64::from(c_column);
        ops.push(
            Transfer::tiled(
                c(i),
                "c",
                c_at,
                [blocks, 1, 1, c_column],
                [columns, 0, 0, 1],
            )
            .into(),
        );
        ops.push(Transfer::tiled(a(i), "a", at, a_sizes, [0, 0, 0, 1]).into());
        ops.push(Transfer::tiled(b(i), "b", at, a_sizes, b_strides).into());
    }
    ops.extend((0..COLUMNS).map(|i| SeqOp::wait(c(i))));
    Sequence {
        name: name.to_owned(),
        args: vec![
            HostArg::new("a", Elem::I8, M * K),
            HostArg::new("b", Elem::I8, K * n),
            HostArg::new("c", Elem::I32, M * n),
        ],
        ops,
    }
}
