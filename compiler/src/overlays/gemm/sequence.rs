//! Transfers of a shape.

use arch::array::ShimBd;
use arch::array::field::Field;
use arch::geometry::{COLUMNS, CORE_ROWS};

use super::Gemm;
use super::design::{a, b, c, pairs};
use super::layout::Layout;
use array::design::{HostArg, SeqOp, Sequence, Transfer};
use array::schedule::MAX_UNDER_WAY;

/// Slabs outside the pairs that a core counts: the first and the last of a tile.
const ENDS: u32 = 2;

/// The sequence of a layout: blocks of C row by row, each row with A once per block and B whole.
pub(super) fn sequence(gemm: &Gemm, layout: Layout) -> Sequence {
    let (rows, columns) = gemm.block();
    let (down, along) = (layout.shape.m / rows, layout.shape.n / columns);
    let elem = gemm.elem();
    let mut ops = Vec::new();
    for col in 0..COLUMNS {
        for row in 0..CORE_ROWS {
            ops.push(SeqOp::WriteParameter {
                buffer: pairs(col, row),
                index: 0,
                value: ((layout.slabs() - ENDS) / 2) as i32,
            });
        }
    }
    let four = u32::from(COLUMNS);
    for i in 0..COLUMNS {
        let tiles = u32::from(CORE_ROWS) * layout.c_tile();
        let column = layout.shape.m / layout.tile.m * layout.c_tile();
        ops.push(
            run(
                c(i),
                "c",
                u64::from(i) * u64::from(column),
                elem.bytes(),
                tiles,
            )
            .over([(down, tiles), (along, four * column)]),
        );
        let panel = layout.b_slabs() * layout.b_slab();
        ops.push(
            run(
                b(i),
                "b",
                u64::from(i) * u64::from(panel),
                elem.bytes(),
                panel,
            )
            .over([(down, 0), (along, four * panel)]),
        );
    }
    let panel = layout.slabs() * layout.a_slab();
    for block in 0..down {
        for i in 0..COLUMNS {
            if block as usize >= MAX_UNDER_WAY {
                ops.push(SeqOp::wait(a(i)));
            }
            let row = u64::from(block * u32::from(CORE_ROWS) + u32::from(i));
            let at = row * u64::from(panel);
            let repeated = ([along, 1, 1, panel], [0, 0, 0, 1]);
            let mut transfer = Transfer::tiled(a(i), "a", at, repeated.0, repeated.1);
            transfer.token = block as usize + MAX_UNDER_WAY < down as usize;
            ops.push(transfer.into());
        }
    }
    ops.extend((0..COLUMNS).map(|i| SeqOp::wait(c(i))));
    let [a_len, b_len, c_len] = layout.lens();
    Sequence {
        name: layout.shape.name(),
        args: vec![
            HostArg::new("a", elem, a_len),
            HostArg::new("b", elem, b_len),
            HostArg::new("c", elem, c_len),
        ],
        ops,
    }
}

/// Consecutive elements that are moved several times.
struct Run {
    fifo: String,
    arg: &'static str,
    offset: u64,
    /// Length in two dimensions.
    sizes: [u32; 2],
}

/// `len` consecutive elements of `bytes` bytes, cut so that the shim's counters hold each part.
fn run(fifo: String, arg: &'static str, offset: u64, bytes: u32, len: u32) -> Run {
    let counter = ShimBd::FIELDS.iter().find(|f| f.name == "d0_wrap");
    let most = counter.map_or(1, |f| Field::range(f).1 as u32) * 4 / bytes;
    let word = 4 / bytes;
    let fits = |inner: &u32| len.is_multiple_of(*inner) && inner.is_multiple_of(word);
    let inner = (1..=most.min(len)).rev().find(fits).unwrap_or(len);
    Run {
        fifo,
        arg,
        offset,
        sizes: [len / inner, inner],
    }
}

impl Run {
    /// Moved along two outer dimensions, given as steps and elements per step.
    fn over(self, outer: [(u32, u32); 2]) -> SeqOp {
        let [(s3, t3), (s2, t2)] = outer;
        let [s1, s0] = self.sizes;
        let transfer = Transfer::tiled(
            self.fifo,
            self.arg,
            self.offset,
            [s3, s2, s1, s0],
            [t3, t2, s0, 1],
        );
        transfer.into()
    }
}
