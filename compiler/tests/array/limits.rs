//! The limits of the array, one after the other: a design at each limit is lowered, one beyond it is refused
//! with an error of its own, before lowering.
//!
//! `cargo test -p npuc --test main array::limits -- --nocapture` lists them.

use std::fmt::Write;

use arch::array::packet::PACKET_IDS;
use arch::limits::{
    CORE_DATA_BYTES, MAX_LOCK_VALUE, MAX_TASK_REPEAT, MEM_DATA_BYTES, TASK_QUEUE_DEPTH,
    VECTOR_ALIGN,
};
use arch::{TileKind, geometry};
use npuc::array::design::Design;
use npuc::array::lower::lower;
use npuc::array::verify::{MAX_HOST_ARGS, verify};

/// A limit: its name, the largest number, and the design with a number of it.
type Limit = (&'static str, u32, Box<dyn Fn(u32) -> String>);

fn limit(name: &'static str, most: u32, parts: impl Fn(u32) -> String + 'static) -> Limit {
    let design = move |n| {
        let parts = parts(n);
        format!("design limit on npu1 columns 4 {{\n{parts}\n}}")
    };
    (name, most, Box::new(design))
}

/// Lines, one for each number below `n`.
fn each(n: u32, line: impl Fn(u32) -> String) -> String {
    (0..n).map(|i| line(i) + "\n").collect()
}

/// A fifo in and a sequence with it.
fn sequence(fifo: &str, args: &str, ops: &str) -> String {
    format!("fifo in: {fifo} depth 2 (0,0) -> (0,2)\nsequence main({args}) {{\n{ops}\n}}")
}

/// One transfer of an `i32` buffer that is large enough for anything.
fn transfer(sizes: String, strides: String) -> String {
    let op = format!("transfer in a offset 0 sizes [{sizes}] strides [{strides}]");
    sequence("i32[64]", "a: i32[65536x16384]", &op)
}

fn partition() -> Vec<Limit> {
    let columns = |n| format!("design limit on npu1 columns {n} {{\n}}");
    vec![
        (
            "columns of a partition",
            u32::from(geometry::COLUMNS),
            Box::new(columns),
        ),
        limit("last column", u32::from(geometry::COLUMNS) - 1, |n| {
            format!("fifo f: i32[4] depth 1 ({n},0) -> (0,2)")
        }),
        limit("last row", u32::from(geometry::ROWS) - 1, |n| {
            format!("fifo f: i32[4] depth 1 (0,0) -> (0,{n})")
        }),
        limit("columns that a cascade crosses", 1, |n| {
            format!(
                "worker (0,3) stack 0 {{ }}\nworker ({n},3) stack 0 {{ }}\ncascade (0,3) -> ({n},3)"
            )
        }),
    ]
}

fn channels() -> Vec<Limit> {
    let of = |kind: TileKind| u32::from(kind.dma_channels());
    let shim = of(TileKind::Shim);
    vec![
        limit("input channels of a core", of(TileKind::Core), |n| {
            each(n, |i| format!("fifo f{i}: i32[4] depth 1 ({i},0) -> (1,4)"))
        }),
        limit("output channels of a core", of(TileKind::Core), |n| {
            each(n, |i| format!("fifo f{i}: i32[4] depth 1 (1,4) -> ({i},0)"))
        }),
        limit("input channels of a memory tile", of(TileKind::Mem), |n| {
            each(n, |i| {
                let (col, row) = (i % 2, 2 + i / 2);
                format!("fifo f{i}: i32[4] depth 1 ({col},{row}) -> (0,1)")
            })
        }),
        limit("output channels of a memory tile", of(TileKind::Mem), |n| {
            each(n, |i| {
                let (col, row) = (i % 2, 2 + i / 2);
                format!("fifo f{i}: i32[4] depth 1 (0,1) -> ({col},{row})")
            })
        }),
        limit("channels of a shim to the array", shim, |n| {
            each(n, |i| {
                format!("fifo f{i}: i32[4] depth 1 (0,0) -> (0,{})", 2 + i)
            })
        }),
        limit("channels of a shim to the host", shim, |n| {
            each(n, |i| {
                format!("fifo f{i}: i32[4] depth 1 (0,{}) -> (0,0)", 2 + i)
            })
        }),
    ]
}

fn descriptors_and_locks() -> Vec<Limit> {
    let half = u32::from(TileKind::Mem.bds()) / 2;
    let lock = u32::from(MAX_LOCK_VALUE);
    vec![
        limit("descriptors of a core", TileKind::Core.bds().into(), |n| {
            format!("fifo f: i32[4] depth {n} (0,0) -> (0,2)")
        }),
        limit("descriptors of a memory tile's even channels", half, |n| {
            format!("fifo f: i32[4] depth {n} (0,0) -> (0,1)")
        }),
        limit("descriptors of a memory tile's odd channels", half, |n| {
            format!(
                "fifo e: i32[4] depth 1 (0,0) -> (0,1)\nfifo f: i32[4] depth {n} (0,0) -> (0,1)"
            )
        }),
        limit(
            "lock pairs of a core",
            TileKind::Core.locks() as u32 / 2,
            |n| each(n, |i| format!("fifo f{i}: i32[4] depth 1 (0,2) -> (0,3)")),
        ),
        limit("value of a lock", lock, |n| {
            format!("fifo f: i32[4] depth {n} (0,2) -> (0,3)")
        }),
        limit("value of a lock, by repetitions", lock, |n| {
            format!("fifo f: i32[4] depth 1 (0,1) -> (0,3) repeat {n}")
        }),
        limit("rounds of a memory tile", MAX_TASK_REPEAT, |n| {
            format!("fifo f: i32[1] depth 1 (0,1) -> (0,3) rounds {n} = 0x01020304")
        }),
    ]
}

fn memory() -> Vec<Limit> {
    let core = CORE_DATA_BYTES / 4;
    let mem = MEM_DATA_BYTES / 4;
    vec![
        limit("data of a core", core / 2, |n| {
            format!("fifo f: i32[{n}] depth 2 (0,0) -> (0,2)")
        }),
        limit("data of a memory tile", mem / 2, |n| {
            format!("fifo f: i32[{n}] depth 2 (0,0) -> (0,1)")
        }),
        limit("stack of a core", CORE_DATA_BYTES, |n| {
            let stack = n.next_multiple_of(VECTOR_ALIGN);
            format!("worker (0,2) stack {stack} {{ }}")
        }),
        limit("address of a buffer", CORE_DATA_BYTES - 4 * 8, |n| {
            let address = n.next_multiple_of(VECTOR_ALIGN);
            format!("buffer (0,2) b: i32[8] at {address}")
        }),
        limit("words that a core's descriptor moves", (1 << 14) - 1, |n| {
            format!("fifo f: i32[{n}] depth 1 (0,0) -> (0,2)")
        }),
        limit(
            "words that a memory tile's descriptor moves",
            mem - 1,
            |n| format!("fifo f: i32[{n}] depth 1 (0,0) -> (0,1)"),
        ),
    ]
}

/// A walk of `n` dimensions of two steps each.
fn binary(n: u32) -> String {
    let dims: Vec<String> = (0..n).rev().map(|i| format!("2:{}", 1 << i)).collect();
    format!("[{}]", dims.join(", "))
}

fn walks() -> Vec<Limit> {
    vec![
        limit(
            "dimensions of a core",
            TileKind::Core.bd_dims() as u32,
            |n| {
                let (len, dims) = (1 << n, binary(n));
                format!("fifo f: i32[{len}] depth 1 (0,2) to_stream {dims} -> (0,0)")
            },
        ),
        limit(
            "dimensions of a memory tile",
            TileKind::Mem.bd_dims() as u32,
            |n| {
                let (len, dims) = (1 << n, binary(n));
                format!("fifo f: i32[{len}] depth 1 (0,1) to_stream {dims} -> (0,2)")
            },
        ),
        limit("size in a core", 255, |n| {
            format!(
                "fifo f: i32[{}] depth 1 (0,2) to_stream [2:1, {n}:2] -> (0,0)",
                2 * n
            )
        }),
        limit("size in a memory tile", 1023, |n| {
            format!(
                "fifo f: i32[{}] depth 1 (0,1) to_stream [2:1, {n}:2] -> (0,2)",
                2 * n
            )
        }),
        limit("stride in a core", 1 << 13, |n| {
            format!("fifo f: i32[16380] depth 1 (0,2) to_stream [2:{n}, 90:1, 91:80] -> (0,0)")
        }),
        limit("zeros before a memory tile's rows", 63, |n| {
            let len = n + 1;
            format!(
                "fifo e: i32[1] depth 1 (0,0) -> (0,1)
                 fifo f: i32[{len}] depth 1 (0,1) to_stream [1:1] pad [{n}+0] -> (0,2)
                 link e -> f"
            )
        }),
    ]
}

fn sequences() -> Vec<Limit> {
    let one = |n: u32| format!("transfer in a offset {n} sizes [1, 1, 1, 4] strides [0, 0, 0, 1]");
    let task = |n: u32, offset: u32| {
        let part = format!("a offset {offset} sizes [1, 1, 1, 4] strides [0, 0, 0, 1]");
        let parts = vec![part; n as usize].join(", ");
        sequence("i32[64]", "a: i32[64]", &format!("task t in [{parts}]"))
    };
    vec![
        limit("host buffers", MAX_HOST_ARGS as u32, |n| {
            let args: Vec<String> = (0..n).map(|i| format!("a{i}: i32[64]")).collect();
            sequence("i32[64]", &args.join(", "), "")
        }),
        limit(
            "transfers under way",
            TASK_QUEUE_DEPTH as u32 + 1,
            move |n| sequence("i32[64]", "a: i32[64]", &each(n, one)),
        ),
        limit("last element of a host buffer", 63, |n| {
            transfer(format!("1, 1, 1, {}", n + 1), "0, 0, 0, 1".into())
                .replace("65536x16384", "64")
        }),
        limit(
            "descriptors of a shim",
            TileKind::Shim.bds().into(),
            move |n| task(n, 0),
        ),
        limit("repetitions of a task", MAX_TASK_REPEAT, |n| {
            let part = "a offset 0 sizes [1, 1, 1, 64] strides [0, 0, 0, 1]";
            sequence(
                "i32[64]",
                "a: i32[64]",
                &format!("task t in repeat {n} [{part}]"),
            )
        }),
        limit("outermost size of a transfer", 64, |n| {
            transfer(format!("{n}, 1, 1, 64"), "64, 0, 0, 1".into())
        }),
        limit("third size of a transfer", 1023, |n| {
            transfer(format!("1, 2, {n}, 4"), "0, 16384, 8, 1".into())
        }),
        limit("innermost size of a transfer", 1023, |n| {
            transfer(format!("1, 1, 2, {n}"), "0, 0, 2048, 1".into())
        }),
        limit("stride of a transfer", 1 << 20, |n| {
            transfer("1, 1, 2, 4".into(), format!("0, 0, {n}, 1"))
        }),
        limit("outermost stride of a transfer", 1 << 20, |n| {
            transfer("2, 1, 1, 4".into(), format!("{n}, 0, 0, 1"))
        }),
        limit("word of a parameter", 15, |n| {
            let ops = format!("parameter b[{n}] = 1");
            format!("buffer (0,2) b: i32[16]\n{}", sequence("i32[64]", "", &ops))
        }),
        limit("offset of a register", geometry::TILE_SPAN - 4, |n| {
            let offset = n.next_multiple_of(4);
            sequence("i32[64]", "", &format!("register (0,2) {offset:#x} = 0x1"))
        }),
        limit("channel of a token", 1, |n| {
            sequence("i32[64]", "", &format!("token (0,0) S2MM {n}"))
        }),
    ]
}

fn packets() -> Vec<Limit> {
    vec![
        limit("packet id", PACKET_IDS - 1, |n| {
            format!("fifo f: i32[4] depth 1 (0,0) -> (0,2) packet {n}")
        }),
        limit(
            "lock pairs of a shim",
            u32::from(TileKind::Shim.locks()) / 2,
            |n| {
                each(n, |i| {
                    let (col, row) = (i % 4, 2 + i / 4);
                    format!(
                        "fifo f{i}: i32[4] depth 1 (0,0) -> ({col},{row}) packet {}",
                        16 + i
                    )
                })
            },
        ),
    ]
}

#[test]
fn designs_at_a_limit_are_lowered_and_those_beyond_it_are_refused() {
    let all = [
        partition(),
        channels(),
        descriptors_and_locks(),
        memory(),
        walks(),
        sequences(),
        packets(),
    ];
    let mut messages = String::new();
    for (name, most, design) in all.into_iter().flatten() {
        let read = |n| -> Design {
            let text = design(n);
            text.parse()
                .unwrap_or_else(|e| panic!("{name}: {e}\n{text}"))
        };
        let at = verify(read(most)).unwrap_or_else(|e| panic!("{name}, {most}: {e}"));
        lower(&at).unwrap_or_else(|e| panic!("{name}, {most}: {e}"));
        let Err(error) = verify(read(most + 1)) else {
            panic!("{name}: {} gets past the verifier", most + 1);
        };
        println!("{name:<46} {most:>8}");
        writeln!(messages, "# {name}: {most}\n{error}\n").unwrap();
    }
    insta::assert_snapshot!(messages);
}
