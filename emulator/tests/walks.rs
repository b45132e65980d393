//! Transfers by random legal descriptors against nested loops, for all kinds of tiles and both
//! directions: from register words and, for shims, patched addresses to the bytes that arrive.

use std::collections::BTreeMap;

use arch::array::bd::bd_offset;
use arch::array::dma::{MemQueue, Queue, ctrl_offset, queue_offset};
use arch::array::{CoreBd, Direction, MemBd, Port, ShimBd};
use arch::{Tile, TileKind};
use emulator::{Budget, Npu};
use formats::txn::{self, Op, Stream};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::design::{Design, bytes};

const SHIM: Tile = Tile::new(1, 0);
const MEM: Tile = Tile::new(1, 1);
const CORE: Tile = Tile::new(1, 2);
/// Bytes of a memory tile: the distance of the three tiles in its window.
const SPAN: u64 = 0x8_0000;
/// Descriptors of the walk and of the plain transfer at its other end.
const WALK_BD: u8 = 3;
const PLAIN_BD: u8 = 5;

/// One dimension as a descriptor states it: sizes in units of the dimension, steps in words.
#[derive(Clone, Copy, Debug, Default)]
struct Dim {
    step: u32,
    wrap: u32,
    before: u32,
    after: u32,
}

/// A walk, before it becomes a descriptor of one kind.
#[derive(Clone, Debug)]
struct Walk {
    dims: [Dim; 4],
    length: u32,
    iter_current: u32,
    iter_wrap: u32,
    iter_step: u32,
    executions: u32,
}

/// A walk and where in the memory it lies.
type Case = (Walk, Index);

impl Walk {
    /// The words of all executions, by the definition: word offsets from the base, `None` for a zero.
    fn offsets(&self) -> Vec<Option<u64>> {
        let mut out = Vec::new();
        for execution in 0..self.executions {
            let turn = (self.iter_current + execution) % self.iter_wrap;
            let first = u64::from(turn) * u64::from(self.iter_step);
            let end = out.len() + self.length as usize;
            self.one(first, end, &mut out);
        }
        out
    }

    fn one(&self, first: u64, end: usize, out: &mut Vec<Option<u64>>) {
        let run = |d: usize| match self.dims[d] {
            Dim { wrap: 0, .. } => u32::MAX,
            dim => dim.before + dim.wrap + dim.after,
        };
        for d3 in 0.. {
            for d2 in 0..run(2) {
                for d1 in 0..run(1) {
                    for d0 in 0..run(0) {
                        if out.len() == end {
                            return;
                        }
                        let index = [d0, d1, d2, d3];
                        let zero = (0..4).any(|d| {
                            let Dim { before, wrap, .. } = self.dims[d];
                            wrap != 0 && (index[d] < before || index[d] >= before + wrap)
                        });
                        let word = |d: usize| {
                            let Dim { step, before, .. } = self.dims[d];
                            u64::from(index[d].saturating_sub(before)) * u64::from(step)
                        };
                        out.push((!zero).then(|| first + (0..4).map(word).sum::<u64>()));
                    }
                }
            }
        }
    }
}

/// Random walks: `dims` dimensions with a size besides the outermost, padded or not.
fn case(sized: usize, padded: bool) -> impl Strategy<Value = Case> {
    let pad = if padded { 4u32 } else { 1 };
    let dim = (1u32..40, 0u32..7, 0..pad, 0..pad);
    let dims = [dim.clone(), dim.clone(), dim.clone(), dim];
    let iteration = (0u32..64, 1u32..=64, 1u32..60);
    let rest = (1u32..150, iteration, 1u32..5, any::<Index>());
    (dims, rest).prop_map(move |(dims, (length, iteration, executions, place))| {
        let mut open = false;
        let mut all = [Dim::default(); 4];
        for (d, (step, wrap, before, after)) in dims.into_iter().take(sized + 1).enumerate() {
            let wrap = if d == sized { 0 } else { wrap };
            open |= wrap == 0;
            let [before, after] = [before, after].map(|zeros| if open { 0 } else { zeros });
            all[d] = Dim {
                step,
                wrap,
                before,
                after,
            };
        }
        let (iter_current, iter_wrap, iter_step) = iteration;
        let walk = Walk {
            dims: all,
            length,
            iter_current: iter_current % iter_wrap,
            iter_wrap,
            iter_step,
            executions,
        };
        (walk, place)
    })
}

/// The fields that all three layouts name alike.
macro_rules! descriptor {
    ($layout:ident, $walk:expr, { $($more:tt)* }) => {
        $layout {
            buffer_length: $walk.length,
            d0_step: $walk.dims[0].step,
            d0_wrap: $walk.dims[0].wrap,
            d1_step: $walk.dims[1].step,
            d1_wrap: $walk.dims[1].wrap,
            d2_step: $walk.dims[2].step,
            iter_current: $walk.iter_current,
            iter_wrap: $walk.iter_wrap,
            iter_step: $walk.iter_step,
            valid: true,
            $($more)*
            ..$layout::default()
        }
        .encode()
        .expect("a legal descriptor")
        .to_vec()
    };
}

/// The walk as register words of a descriptor whose buffer begins at a word address.
fn words(walk: &Walk, kind: TileKind, base: u32) -> Vec<u32> {
    match kind {
        TileKind::Core => descriptor!(CoreBd, walk, { base_address: base, }),
        TileKind::Mem => descriptor!(MemBd, walk, {
            base_address: base,
            d2_wrap: walk.dims[2].wrap,
            d3_step: walk.dims[3].step,
            d0_zero_before: walk.dims[0].before,
            d0_zero_after: walk.dims[0].after,
            d1_zero_before: walk.dims[1].before,
            d1_zero_after: walk.dims[1].after,
            d2_zero_before: walk.dims[2].before,
            d2_zero_after: walk.dims[2].after,
        }),
        TileKind::Shim => descriptor!(ShimBd, walk, { burst_length: 2, }),
    }
}

/// A plain descriptor of `length` words from a word address on.
fn plain(kind: TileKind, length: u32, base: u32) -> Vec<u32> {
    let dims = [Dim {
        step: 1,
        ..Dim::default()
    }; 4];
    let walk = Walk {
        dims,
        length,
        iter_current: 0,
        iter_wrap: 1,
        iter_step: 1,
        executions: 1,
    };
    words(&walk, kind, base)
}

/// One end of a transfer: a descriptor, and how often it is executed.
struct End {
    tile: Tile,
    bd: u8,
    words: Vec<u32>,
    executions: u32,
    /// Byte offset in the dispatch's one argument, for shims.
    offset: u64,
}

/// Operations that write a descriptor and start it on channel 0 of a direction.
fn start(end: &End, dir: Direction) -> Vec<Op> {
    let kind = end.tile.kind();
    let addr = end.tile.base() + bd_offset(kind, end.bd);
    let data = end.words.clone();
    let mut ops = vec![Op::BlockWrite { addr, data }];
    if kind == TileKind::Shim {
        ops.push(Op::DdrPatch {
            addr: addr + 4,
            arg: 0,
            offset: end.offset,
        });
        ops.push(Op::MaskWrite32 {
            addr: end.tile.base() + ctrl_offset(kind, dir, 0),
            value: 15 << 8,
            mask: 0x1f00,
        });
    }
    let (token, repeat) = (kind == TileKind::Shim, end.executions);
    let start_bd = u32::from(end.bd);
    let value = match kind {
        TileKind::Mem => MemQueue {
            token,
            repeat,
            start_bd,
        }
        .to_word(),
        _ => Queue {
            token,
            repeat,
            start_bd,
        }
        .to_word(),
    };
    ops.push(Op::Write32 {
        addr: end.tile.base() + queue_offset(kind, dir, 0),
        value: value.expect("a legal task"),
    });
    ops
}

/// The shim's channels 0, connected to those of a tile above.
fn route(tile: Tile) -> Npu {
    let mut design = Design::default();
    design
        .mux(SHIM, Direction::Mm2s, 0)
        .mux(SHIM, Direction::S2mm, 0)
        .token_route(1)
        .connect(SHIM, Port::South(3), Port::North(1))
        .connect(SHIM, Port::North(0), Port::South(2));
    if tile == CORE {
        design.connect(MEM, Port::South(1), Port::North(1)).connect(
            MEM,
            Port::North(0),
            Port::South(0),
        );
    }
    design
        .connect(tile, Port::South(1), Port::Dma(0))
        .connect(tile, Port::Dma(0), Port::South(0));
    let mut npu = Npu::new();
    npu.load_cdo(&design.cdo()).expect("a legal design");
    npu
}

/// Runs both ends to their last word.
fn transfer(npu: &mut Npu, from: &End, to: &End, argument: Vec<u8>) -> Vec<u8> {
    let mut ops = start(to, Direction::S2mm);
    ops.extend(start(from, Direction::Mm2s));
    let direction = match from.tile.kind() {
        TileKind::Shim => txn::Direction::Mm2s,
        _ => txn::Direction::S2mm,
    };
    ops.push(Op::TctWait {
        tile: SHIM,
        direction,
        channel: 0,
        columns: 1,
        rows: 1,
    });
    let mut args = [argument];
    npu.run(&Stream::new(ops), &mut args, Budget { cycles: 50_000 })
        .unwrap_or_else(|e| panic!("{e}"));
    for _ in 0..200 {
        npu.step().unwrap_or_else(|e| panic!("{e}"));
    }
    assert_eq!(npu.running_channels(), [], "all words arrived");
    let [argument] = args;
    argument
}

/// A word that tells where it comes from.
fn mark(number: u64) -> u32 {
    number as u32 * 7 + 0x0100_0001
}

/// The words of host memory or of the window of a tile's DMA.
trait Words {
    fn get(&self, word: u64) -> u32;
    /// How many words are not 0.
    fn marked(&self) -> usize;
}

fn count(bytes: &[u8]) -> usize {
    bytes.chunks_exact(4).filter(|w| *w != [0; 4]).count()
}

impl Words for Vec<u8> {
    fn get(&self, word: u64) -> u32 {
        let at = word as usize * 4;
        u32::from_le_bytes(self[at..at + 4].try_into().expect("a word"))
    }

    fn marked(&self) -> usize {
        count(self)
    }
}

struct Window<'a> {
    npu: &'a Npu,
    kind: TileKind,
}

/// Tile and offset of a byte in the window of a tile's DMA.
fn place(kind: TileKind, byte: u64) -> (Tile, u32) {
    match kind {
        TileKind::Mem => (Tile::new((byte / SPAN) as u8, 1), (byte % SPAN) as u32),
        _ => (CORE, byte as u32),
    }
}

impl Words for Window<'_> {
    fn get(&self, word: u64) -> u32 {
        let (tile, offset) = place(self.kind, word * 4);
        let bytes = self.npu.data(tile, offset, 4).expect("inside");
        u32::from_le_bytes(bytes.try_into().expect("a word"))
    }

    fn marked(&self) -> usize {
        let tiles = match self.kind {
            TileKind::Mem => vec![Tile::new(0, 1), MEM, Tile::new(2, 1)],
            _ => vec![CORE],
        };
        let of = |tile: &Tile| self.npu.data(*tile, 0, tile.kind().data_bytes());
        tiles.iter().map(|t| count(of(t).expect("all of it"))).sum()
    }
}

/// What the stream carries when every word of the walk is marked.
fn gathered(base: u64, offsets: &[Option<u64>]) -> Vec<u32> {
    let word = |o: &Option<u64>| o.map_or(0, |o| mark(base + o));
    offsets.iter().map(word).collect()
}

/// What lies where after a stream of marked numbers is scattered, and nothing else does.
fn is_scattered(base: u64, offsets: &[Option<u64>], memory: &dyn Words) {
    let mut last = BTreeMap::new();
    for (number, offset) in offsets.iter().enumerate() {
        last.insert(base + offset.expect("no zeros"), mark(number as u64));
    }
    for (word, value) in &last {
        assert_eq!(memory.get(*word), *value, "word {word:#x}");
    }
    assert_eq!(memory.marked(), last.len(), "nothing else is written");
}

/// A base such that the whole walk lies within `limit` words.
fn base(place: &Index, offsets: &[Option<u64>], limit: u64) -> u64 {
    let reach = offsets.iter().flatten().max().map_or(0, |last| last + 1);
    place.index((limit - reach) as usize + 1) as u64
}

fn limit(kind: TileKind) -> u64 {
    match kind {
        TileKind::Mem => 3 * SPAN / 4,
        _ => 0x1_0000 / 4,
    }
}

/// The walk reads a tile's memory; the host receives.
fn tile_sends(tile: Tile, (walk, at): &Case) {
    let (kind, offsets) = (tile.kind(), walk.offsets());
    let base = base(at, &offsets, limit(kind));
    let mut npu = route(tile);
    for word in offsets.iter().flatten().map(|o| base + o) {
        let (tile, offset) = place(kind, word * 4);
        npu.write(tile.base() + offset, mark(word)).expect("memory");
    }
    let from = End {
        tile,
        bd: WALK_BD,
        words: words(walk, kind, base as u32),
        executions: walk.executions,
        offset: 0,
    };
    let count = offsets.len();
    let to = End {
        tile: SHIM,
        bd: PLAIN_BD,
        words: plain(TileKind::Shim, count as u32, 0),
        executions: 1,
        offset: 0,
    };
    let got = transfer(&mut npu, &from, &to, vec![0xff; count * 4]);
    assert_eq!(got, bytes(gathered(base, &offsets)));
}

/// The walk writes a tile's memory; the host sends.
fn tile_receives(tile: Tile, (walk, at): &Case) {
    let (kind, offsets) = (tile.kind(), walk.offsets());
    let base = base(at, &offsets, limit(kind));
    let mut npu = route(tile);
    let to = End {
        tile,
        bd: WALK_BD,
        words: words(walk, kind, base as u32),
        executions: walk.executions,
        offset: 0,
    };
    let count = offsets.len() as u32;
    let from = End {
        tile: SHIM,
        bd: PLAIN_BD,
        words: plain(TileKind::Shim, count, 0),
        executions: 1,
        offset: 0,
    };
    let sent = bytes((0..count).map(|i| mark(u64::from(i))));
    transfer(&mut npu, &from, &to, sent);
    is_scattered(base, &offsets, &Window { npu: &npu, kind });
}

/// The walk of a shim over host memory whose address is patched in, and a plain transfer of the memory
/// tile at its other end.
fn shim_walks(dir: Direction, (walk, at): &Case) {
    let offsets = walk.offsets();
    let base = base(at, &offsets, 20_000);
    let mut npu = route(MEM);
    let source = End {
        tile: SHIM,
        bd: WALK_BD,
        words: words(walk, TileKind::Shim, 0),
        executions: walk.executions,
        offset: base * 4,
    };
    let own = SPAN / 4;
    let other = End {
        tile: MEM,
        bd: PLAIN_BD,
        words: plain(TileKind::Mem, offsets.len() as u32, own as u32),
        executions: 1,
        offset: 0,
    };
    if dir == Direction::Mm2s {
        let argument = bytes((0..20_000).map(mark));
        transfer(&mut npu, &source, &other, argument);
        let memory = Window {
            npu: &npu,
            kind: TileKind::Mem,
        };
        let got: Vec<u32> = (own..).map(|w| memory.get(w)).take(offsets.len()).collect();
        assert_eq!(got, gathered(base, &offsets));
    } else {
        for number in 0..offsets.len() as u32 {
            let addr = MEM.base() + 4 * number;
            npu.write(addr, mark(u64::from(number))).expect("memory");
        }
        let got = transfer(&mut npu, &other, &source, vec![0; 20_000 * 4]);
        is_scattered(base, &offsets, &got);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn core_tiles_send_what_nested_loops_read(case in case(2, false)) {
        tile_sends(CORE, &case);
    }

    #[test]
    fn core_tiles_receive_where_nested_loops_write(case in case(2, false)) {
        tile_receives(CORE, &case);
    }

    #[test]
    fn memory_tiles_send_what_nested_loops_read_and_pad(case in case(3, true)) {
        tile_sends(MEM, &case);
    }

    #[test]
    fn memory_tiles_receive_where_nested_loops_write(case in case(3, false)) {
        tile_receives(MEM, &case);
    }

    #[test]
    fn shims_send_what_nested_loops_read(case in case(2, false)) {
        shim_walks(Direction::Mm2s, &case);
    }

    #[test]
    fn shims_receive_where_nested_loops_write(case in case(2, false)) {
        shim_walks(Direction::S2mm, &case);
    }
}
