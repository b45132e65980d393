//! `matmul_i8`: C = A * B on one core of each column, tile by tile.
//!
//! A core makes one 64x64 tile of C at a time: it holds the tile while the K / 64 tiles of A's row and
//! B's column pass. Column c of the array makes the tiles of C's columns c, c + 4, c + 8 ...: for each
//! of them A passes whole, tile row by tile row, while B's tile column is repeated.
//!
//! Host buffers hold tiles one after the other, each blocked as the kernel wants it:
//! A by (tile row, k), B by (tile column, k), C by (tile column, tile row).

use arch::Tile;
use arch::geometry::COLUMNS;

use super::Source;
use crate::kernels::{KernelError, MatmulI8, matmul_i8};
use array::design::{
    Arg, Design, HostArg, Kernel, ObjectFifo, ObjectType, Param, Port, SeqOp, Sequence, Step,
    Transfer, Worker,
};
use kernel::ir::{Func, Module};
use kernel::types::Elem;

/// Rows, inner length and columns of a core's tile.
pub const TILE: u32 = 64;
/// Inner length of the product.
pub const K: u32 = 512;
/// Elements of a tile.
pub(super) const TILE_ELEMS: u32 = TILE * TILE;
/// Tiles along K.
pub(super) const SLABS: u32 = K / TILE;

/// Sequences: name, rows of A, columns of B.
pub const SHAPES: &[(&str, u32, u32)] = &[("m64_n256", 64, 256), ("m1536_n512", 1536, 512)];

pub(super) fn source() -> Result<Source, KernelError> {
    let operand = ObjectType::new(Elem::I8, [TILE, TILE]);
    let result = ObjectType::new(Elem::I32, [TILE, TILE]);
    let [first, next] = kernels()?;

    let mut design = Design::new("matmul_i8");
    let params = vec![
        Param::Memory(operand.clone()),
        Param::Memory(operand.clone()),
        Param::Memory(result.clone()),
    ];
    design.kernels = vec![
        Kernel::new(first.name.clone(), params.clone()),
        Kernel::new(next.name.clone(), params),
    ];
    for col in 0..COLUMNS {
        let (shim, core) = (Tile::new(col, 0), Tile::new(col, 2));
        let [a, b, c] = fifos(col);
        design
            .fifos
            .push(ObjectFifo::new(&a, shim, &[core], 2, operand.clone()));
        design
            .fifos
            .push(ObjectFifo::new(&b, shim, &[core], 2, operand.clone()));
        design
            .fifos
            .push(ObjectFifo::new(&c, core, &[shim], 2, result.clone()));
        let slab = |kernel: &str| {
            [
                Step::acquire(&a, Port::Consume, 1),
                Step::acquire(&b, Port::Consume, 1),
                Step::call(kernel, [Arg::object(&a), Arg::object(&b), Arg::object(&c)]),
                Step::release(&a, Port::Consume, 1),
                Step::release(&b, Port::Consume, 1),
            ]
        };
        let mut tile = vec![Step::acquire(&c, Port::Produce, 1)];
        tile.extend(slab(&first.name));
        tile.push(Step::repeat(SLABS - 1, slab(&next.name)));
        tile.push(Step::release(&c, Port::Produce, 1));
        design
            .workers
            .push(Worker::new(core, [Step::forever(tile)]));
    }
    design.sequences = SHAPES
        .iter()
        .map(|&(name, m, n)| sequence(name, m, n))
        .collect();
    let kernels = Module::from(vec![first, next]);
    Ok(Source { design, kernels })
}

/// The kernels that begin a tile and that add to one.
pub(super) fn kernels() -> Result<[Func; 2], KernelError> {
    let shape = |accumulate| MatmulI8 {
        m: TILE,
        k: TILE,
        n: TILE,
        accumulate,
    };
    Ok([matmul_i8(shape(false))?, matmul_i8(shape(true))?])
}

/// Names of a column's fifos: A, B, C.
fn fifos(col: u8) -> [String; 3] {
    ["a", "b", "c"].map(|name| format!("{name}{col}"))
}

/// The product of `m` rows and `n` columns; `n` is a multiple of four tiles.
fn sequence(name: &str, m: u32, n: u32) -> Sequence {
    let (tile_rows, tile_cols) = (m / TILE, n / TILE);
    let a_elems = tile_rows * SLABS * TILE_ELEMS;
    let b_column = SLABS * TILE_ELEMS;
    let c_column = tile_rows * TILE_ELEMS;
    let mut ops = Vec::new();
    for round in 0..tile_cols / u32::from(COLUMNS) {
        for col in 0..COLUMNS {
            let [a, b, c] = fifos(col);
            let tile_col = u64::from(round * u32::from(COLUMNS) + u32::from(col));
            let repeated = ([tile_rows, 1, 1, b_column], [0, 0, 0, 1]);
            ops.push(Transfer::linear(a, "a", 0, a_elems).into());
            let b_offset = tile_col * u64::from(b_column);
            ops.push(Transfer::tiled(b, "b", b_offset, repeated.0, repeated.1).into());
            ops.push(Transfer::linear(c, "c", tile_col * u64::from(c_column), c_column).into());
        }
    }
    for _ in 0..tile_cols / u32::from(COLUMNS) {
        ops.extend((0..COLUMNS).map(|col| SeqOp::wait(&fifos(col)[2])));
    }
    Sequence {
        name: name.to_owned(),
        args: vec![
            HostArg::new("a", Elem::I8, a_elems),
            HostArg::new("b", Elem::I8, tile_cols * b_column),
            HostArg::new("c", Elem::I32, tile_cols * c_column),
        ],
        ops,
    }
}
