//! Fifos and workers of a product.

use arch::Tile;
use arch::geometry::{COLUMNS, CORE_ROWS, FIRST_CORE_ROW};

use super::{Gemm, Kernels, Product, int8};
use array::design::{
    Allocation, Arg, Buffer, Design, Kernel, Link, ObjectFifo, ObjectType, Param, Port, Step,
    Worker,
};
use kernel::types::Elem;

/// Slabs that a memory tile holds: as many as its descriptors allow beside the joined tiles of C.
const AHEAD: u32 = 6;
/// Words of a core's parameters, of which the first counts pairs of slabs.
const PARAMETERS: u32 = 8;

/// Names of fifos and buffers.
pub(super) fn a(row: u8) -> String {
    format!("a{row}")
}

fn a_shared(row: u8) -> String {
    format!("a{row}_row")
}

pub(super) fn b(col: u8) -> String {
    format!("b{col}")
}

fn b_shared(col: u8) -> String {
    format!("b{col}_column")
}

pub(super) fn c(col: u8) -> String {
    format!("c{col}")
}

fn part(col: u8, row: u8) -> String {
    format!("c{col}_{row}")
}

fn sums(col: u8, row: u8) -> String {
    format!("sums{col}_{row}")
}

fn columns(col: u8, row: u8) -> String {
    format!("columns{col}_{row}")
}

/// Buffer whose first word is how many pairs of slabs lie between the first and the last of a tile.
pub(super) fn pairs(col: u8, row: u8) -> String {
    format!("pairs{col}_{row}")
}

fn core(col: u8, row: u8) -> Tile {
    Tile::new(col, FIRST_CORE_ROW + row)
}

/// The types of what a core works on.
struct Types {
    a: ObjectType,
    b: ObjectType,
    c: ObjectType,
    sums: ObjectType,
    columns: ObjectType,
}

impl Types {
    fn of(gemm: &Gemm) -> Self {
        let (elem, tile) = (gemm.elem(), gemm.tile);
        let sum = match gemm.product {
            Product::Int8 => Elem::I32,
            Product::Bf16 => Elem::F32,
        };
        Types {
            a: ObjectType::new(elem, [tile.m, tile.k]),
            b: ObjectType::new(elem, [tile.k, tile.n]),
            c: ObjectType::new(elem, [tile.m, tile.n]),
            sums: ObjectType::new(sum, [tile.m, tile.n]),
            columns: ObjectType::new(Elem::I8, [int8::columns_bytes(tile)]),
        }
    }
}

pub(super) fn design(gemm: &Gemm, kernels: &Kernels) -> Design {
    let types = Types::of(gemm);
    let mut design = Design::new(&gemm.name);
    design.memory = Allocation::Apart;
    design.kernels = declared(kernels, &types);
    for i in 0..COLUMNS {
        let along: Vec<Tile> = (0..COLUMNS).map(|col| core(col, i)).collect();
        let up: Vec<Tile> = (0..CORE_ROWS).map(|row| core(i, row)).collect();
        shared(&mut design, i, [a(i), a_shared(i)], &along, &types.a);
        shared(&mut design, i, [b(i), b_shared(i)], &up, &types.b);
        joined(&mut design, i, &types.c);
    }
    for col in 0..COLUMNS {
        for row in 0..CORE_ROWS {
            let tile = core(col, row);
            let words = ObjectType::new(Elem::I32, [PARAMETERS]);
            let buffers = &mut design.buffers;
            buffers.push(Buffer::new(sums(col, row), tile, types.sums.clone()));
            if kernels.columns.is_some() {
                buffers.push(Buffer::new(columns(col, row), tile, types.columns.clone()));
            }
            buffers.push(Buffer::new(pairs(col, row), tile, words));
            design.workers.push(worker(col, row, kernels));
        }
    }
    design
}

fn declared(kernels: &Kernels, types: &Types) -> Vec<Kernel> {
    let params = |types: &[&ObjectType]| -> Vec<Param> {
        types.iter().map(|&t| Param::Memory(t.clone())).collect()
    };
    let sums = params(&[&types.a, &types.b, &types.sums]);
    let mut last = vec![&types.a, &types.b];
    let mut declared = vec![
        Kernel::new(&kernels.first, sums.clone()),
        Kernel::new(&kernels.next, sums),
    ];
    if let Some(columns) = &kernels.columns {
        declared.push(Kernel::new(columns, params(&[&types.b, &types.columns])));
        last.push(&types.columns);
    }
    last.extend([&types.sums, &types.c]);
    declared.push(Kernel::new(&kernels.last, params(&last)));
    declared
}

/// Slabs from the host through memory tile `col` to several cores.
fn shared(design: &mut Design, col: u8, names: [String; 2], cores: &[Tile], slab: &ObjectType) {
    let (shim, mem) = (Tile::new(col, 0), Tile::new(col, 1));
    let [outer, inner] = names;
    let mut depths = vec![AHEAD];
    depths.extend(cores.iter().map(|_| 2));
    let from_host = ObjectFifo::new(&outer, shim, &[mem], AHEAD, slab.clone());
    let to_cores = ObjectFifo::new(&inner, mem, cores, AHEAD, slab.clone()).depths(&depths);
    design.fifos.extend([from_host, to_cores]);
    design.links.push(Link {
        inputs: vec![outer],
        outputs: vec![inner],
        offsets: Vec::new(),
    });
}

/// Tiles of C of a column, joined in its memory tile.
fn joined(design: &mut Design, col: u8, tile: &ObjectType) {
    let (shim, mem) = (Tile::new(col, 0), Tile::new(col, 1));
    for row in 0..CORE_ROWS {
        // While the sums of a tile are made, the one before leaves.
        let fifo = ObjectFifo::new(part(col, row), core(col, row), &[mem], 2, tile.clone());
        design.fifos.push(fifo.depths(&[1, 2]));
    }
    let mut shape = vec![u32::from(CORE_ROWS)];
    shape.extend(&tile.shape);
    let all = ObjectType::new(tile.elem, shape);
    design
        .fifos
        .push(ObjectFifo::new(c(col), mem, &[shim], 2, all));
    design.links.push(Link {
        inputs: (0..CORE_ROWS).map(|row| part(col, row)).collect(),
        outputs: vec![c(col)],
        offsets: (0..u32::from(CORE_ROWS))
            .map(|row| row * tile.len() as u32)
            .collect(),
    });
}

fn worker(col: u8, row: u8, kernels: &Kernels) -> Worker {
    let (a, b, c) = (a_shared(row), b_shared(col), part(col, row));
    let (sums, columns) = (Arg::Buffer(sums(col, row)), Arg::Buffer(columns(col, row)));
    let slab = |kernel: &String, more: &[Arg]| {
        let mut args = vec![Arg::object(&a), Arg::object(&b)];
        args.extend_from_slice(more);
        vec![
            Step::acquire(&a, Port::Consume, 1),
            Step::acquire(&b, Port::Consume, 1),
            Step::call(kernel, args),
            Step::release(&a, Port::Consume, 1),
            Step::release(&b, Port::Consume, 1),
        ]
    };
    let next = slab(&kernels.next, std::slice::from_ref(&sums));
    let mut tile = Vec::new();
    let mut results = Vec::new();
    if let Some(kernel) = &kernels.columns {
        tile.extend([
            Step::acquire(&b, Port::Consume, 1),
            Step::call(kernel, [Arg::object(&b), columns.clone()]),
            Step::release(&b, Port::Consume, 1),
        ]);
        results.push(columns);
    }
    tile.extend(slab(&kernels.first, std::slice::from_ref(&sums)));
    let pair = [next.clone(), next].concat();
    tile.push(Step::repeat_by(pairs(col, row), 0, pair));
    results.extend([sums, Arg::object(&c)]);
    tile.push(Step::acquire(&c, Port::Produce, 1));
    tile.extend(slab(&kernels.last, &results));
    tile.push(Step::release(&c, Port::Produce, 1));
    Worker::new(core(col, row), [Step::forever(tile)])
}
