//! Walks against a naive reference, and refusals.

use super::*;
use arch::Tile;
use proptest::prelude::*;

/// Nested loops over the padded index space, outermost unlimited, cut at the length.
fn naive(bd: &Bd) -> Vec<Option<u64>> {
    let mut out = Vec::new();
    let total = |d: usize| match bd.dims[d].wrap {
        0 => u32::MAX,
        w => bd.dims[d].before + w + bd.dims[d].after,
    };
    let base = bd.base + u64::from(bd.iter_current) * u64::from(bd.iter_step) * 4;
    'all: for i3 in 0..u32::MAX {
        for i2 in 0..total(2) {
            for i1 in 0..total(1) {
                for i0 in 0..total(0) {
                    if out.len() == bd.length as usize {
                        break 'all;
                    }
                    let mut addr = Some(base);
                    for (d, i) in [i0, i1, i2, i3].into_iter().enumerate() {
                        let dim = bd.dims[d];
                        let inside =
                            dim.wrap == 0 || (i >= dim.before && i < dim.before + dim.wrap);
                        let at = u64::from(i.wrapping_sub(dim.before)) * u64::from(dim.step) * 4;
                        addr = if inside { addr.map(|a| a + at) } else { None };
                    }
                    out.push(addr);
                }
            }
        }
    }
    out
}

fn raw(length: u32, dims: [Dim; 4]) -> Bd {
    Bd {
        valid: true,
        base: u64::from(MEM_OWN),
        length,
        dims,
        iter_current: 0,
        iter_wrap: 1,
        iter_step: 1,
        next: None,
        acquire: None,
        release: None,
        packet: None,
        tlast_suppress: false,
        compression: false,
        ooo_bd_id: 0,
        burst_length: 0,
    }
}

const CHANNEL: ChannelId = ChannelId {
    tile: Tile::new(1, 1),
    dir: Direction::Mm2s,
    number: 0,
};

fn dims() -> impl Strategy<Value = [Dim; 4]> {
    let one = (1u32..40, 0u32..7, 0u32..4, 0u32..4);
    [one.clone(), one.clone(), one.clone(), one].prop_map(|rows| {
        let mut open = false;
        let mut out = [Dim::default(); 4];
        for (d, (step, wrap, before, after)) in rows.into_iter().enumerate() {
            let wrap = if d == 3 { 0 } else { wrap };
            open |= wrap == 0;
            let (before, after) = if open { (0, 0) } else { (before, after) };
            out[d] = Dim {
                step,
                wrap,
                before,
                after,
            };
        }
        out
    })
}

proptest! {
    #[test]
    fn walk_equals_nested_loops(dims in dims(), length in 1u32..400, current in 0u32..5, step in 1u32..9) {
        let bd = Bd { iter_current: current, iter_wrap: 6, iter_step: step, ..raw(length, dims) };
        let walk: Vec<_> = bd.walk().collect();
        prop_assert_eq!(&walk, &naive(&bd));
        let last = walk.iter().flatten().max().map_or(0, |a| (a - bd.base) / 4 - u64::from(current * step));
        if bd.padded() {
            prop_assert!(bd.last_offset() >= last);
        } else {
            prop_assert_eq!(bd.last_offset(), last);
        }
    }

    #[test]
    fn memory_is_left_alone_outside(dims in dims(), length in 1u32..400, base in 0u64..0x18_0000) {
        let bd = Bd { base: base & !3, ..raw(length, dims) };
        if bd.check(CHANNEL, 0, false).is_ok() {
            for addr in bd.walk().flatten() {
                prop_assert!(mem_address_target(CHANNEL.tile, addr as u32 + 3).is_some());
            }
        }
    }
}

#[test]
fn padding_of_a_golden_plane() {
    // 7 rows of 8 words, rows padded 3 and 1, planes padded 1 and 2: 10 rows of 12 words.
    let words = [
        0x78,
        0x0c3a_0000,
        0x0010_0000,
        0x080e_0007,
        0,
        0x0102_0000,
        0,
        0x8140_ff41,
    ];
    let bd = Bd::from_words(TileKind::Mem, &words);
    bd.check(CHANNEL, 2, false).unwrap();
    let walk: Vec<_> = bd.walk().collect();
    assert_eq!(walk.len(), 120);
    for (i, at) in walk.iter().enumerate() {
        let (row, col) = (i / 12, i % 12);
        let inside = (1..8).contains(&row) && (3..11).contains(&col);
        let want = inside.then(|| 0x80000 + ((row - 1) * 8 + col - 3) as u64 * 4);
        assert_eq!(*at, want, "word {i}");
    }
}

/// What is refused, each with channel, descriptor number and descriptor.
#[rustfmt::skip]
fn illegal() -> Vec<(ChannelId, u8, Bd)> {
    let good = raw(16, [dim(1, 0); 4]);
    let at = |col, row, dir, number| ChannelId {
        tile: Tile::new(col, row),
        dir,
        number,
    };
    let (mem, mem_in) = (CHANNEL, at(1, 1, Direction::S2mm, 0));
    let odd = at(1, 1, Direction::Mm2s, 5);
    let west_edge = at(0, 1, Direction::Mm2s, 0);
    let core = at(0, 2, Direction::Mm2s, 0);
    let shim = at(0, 0, Direction::S2mm, 1);
    let padded = |d: usize, inner: Dim| {
        let mut dims = [dim(1, 4), dim(4, 4), dim(16, 4), dim(1, 0)];
        dims[d] = inner;
        Bd { dims, ..good }
    };
    let zeros = |wrap, before, after| Dim {
        step: 1,
        wrap,
        before,
        after,
    };
    for (channel, bd) in [(mem, 23), (odd, 47), (at(3, 1, Direction::Mm2s, 0), 0)] {
        good.check(channel, bd, false).unwrap();
    }
    vec![
        (mem, 0, Bd { valid: false, ..good }),
        (mem, 24, good),
        (odd, 3, good),
        (shim, 16, good),
        (mem, 0, Bd { next: Some(24), ..good }),
        (core, 0, Bd { next: Some(16), ..good }),
        (mem, 0, Bd { length: 0, ..good }),
        (mem, 0, Bd { compression: true, ..good }),
        (shim, 0, Bd { burst_length: 3, ..good }),
        (mem, 0, Bd { iter_current: 7, iter_wrap: 5, ..good }),
        (mem_in, 0, Bd { packet: Some((9, 0)), ..good }),
        (mem_in, 0, padded(0, zeros(4, 1, 0))),
        (mem_in, 0, padded(2, zeros(4, 0, 3))),
        (mem, 0, padded(0, zeros(0, 2, 0))),
        (mem, 0, Bd { dims: [dim(1, 4), dim(4, 0), zeros(4, 0, 5), dim(1, 0)], ..good }),
        (core, 0, Bd { base: 0, acquire: Some((3, -64)), ..good }),
        (mem, 0, Bd { acquire: Some((192, -1)), ..good }),
        (odd, 24, Bd { acquire: Some((3, -1)), ..good }),
        (west_edge, 0, Bd { acquire: Some((3, -1)), ..good }),
        (mem, 0, Bd { release: Some((255, 1)), ..good }),
        (mem, 0, Bd { base: 0x18_0000 - 60, ..good }),
        (odd, 24, Bd { base: 0, ..good }),
        (west_edge, 0, Bd { base: 0, ..good }),
        (core, 0, Bd { base: 0xfff0, length: 5, ..good }),
        (core, 0, Bd { base: 0, iter_current: 1, iter_wrap: 2, iter_step: 0x3fff, ..good }),
        (core, 0, Bd { base: 0, dims: [dim(0x1000, 2), dim(0x3000, 2), dim(1, 0), dim(1, 0)], ..good }),
    ]
}

#[test]
fn illegal_descriptors_name_the_field_the_number_and_the_limit() {
    let refusals: Vec<String> = illegal()
        .into_iter()
        .map(|(channel, id, bd)| match bd.check(channel, id, false) {
            Err(refusal @ EmuError::Bd { .. }) => refusal.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn iteration_returns_to_its_start() {
    let mut bd = Bd {
        iter_wrap: 3,
        iter_step: 5,
        ..raw(1, [dim(1, 0); 4])
    };
    let mut seen = Vec::new();
    for _ in 0..7 {
        seen.push(bd.walk().flatten().next().unwrap() - bd.base);
        bd.iter_current = bd.iter_next();
    }
    assert_eq!(seen, [0, 20, 40, 0, 20, 40, 0]);
}
