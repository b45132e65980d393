//! What is not modelled or cannot work is refused by name.

use arch::Tile;
use arch::array::{Direction, MemBd, Port};
use emulator::{Budget, EmuError, Npu};
use formats::cdo::{Cdo, Command};
use formats::txn::{Header, Op, Stream};

use crate::design::{Design, Sequence, bytes, loopback};

fn write(tile: Tile, offset: u32, value: u32) -> String {
    let mut npu = Npu::new();
    match npu.write(tile.base() + offset, value) {
        Err(e) => e.to_string(),
        Ok(()) => panic!("{tile} {offset:#x} was taken"),
    }
}

#[test]
fn registers() {
    let (shim, mem, core) = (Tile::new(0, 0), Tile::new(1, 1), Tile::new(2, 3));
    let text = write(core, 0x34008, 1);
    assert!(
        text.starts_with(
            "core Event_Generate of core tile (2,3) is written 0x1: event 1 is not modelled"
        ),
        "{text}"
    );
    assert!(write(core, 0x31234, 0).starts_with("an unknown register of core tile (2,3)"));
    assert!(write(mem, 0x96030, 1).starts_with("Tile_Control of memory tile (1,1)"));
    assert!(write(shim, 0, 1).starts_with("an unknown register of shim tile (0,0)"));
    assert!(write(core, 0x32004, 1).contains("Core_Status"));
    assert!(
        write(core, 0x1f000, 64)
            .contains("Lock0_value of core tile (2,3) is written 0x40: a lock holds 0 to 63")
    );
    assert!(write(mem, 0xa0600, 2 << 16).contains("counts in tokens is not modelled"));
    assert!(write(core, 0x1de10, 0x10).contains("compression is not modelled"));
    assert!(write(core, 0x32000, 4).contains("bits other than enable and reset"));
    let mut npu = Npu::new();
    assert!(matches!(
        npu.write(4 << 25, 0),
        Err(EmuError::NoTile { .. })
    ));
    assert!(matches!(npu.write(2, 0), Err(EmuError::Unaligned { .. })));
    let program = core.base() + 0x23ffc;
    assert!(npu.write_block(program, &[0]).is_ok());
    assert!(npu.write_block(program, &[0; 2]).is_err());
    assert!(npu.write_block(core.base() + 0x1f0f0, &[0; 2]).is_err());
}

/// Everything that the array has and the emulator refuses, with the reason that it gives.
#[test]
fn the_table_of_what_is_refused() {
    let (shim, mem, core) = (Tile::new(0, 0), Tile::new(1, 1), Tile::new(2, 3));
    let operation = |op| {
        let mut sequence = Sequence::default();
        sequence.op(op);
        run(&sequence.stream(), &mut [])
    };
    let rows = [
        ("compression of DMA streams", write(core, 0x1de10, 0x10)),
        (
            "finish-on-TLAST counts in tokens",
            write(mem, 0xa0600, 2 << 16),
        ),
        ("clearing a channel's status", write(core, 0x1df00, 1 << 18)),
        ("events of the hardware", write(core, 0x34000, 26 << 8)),
        ("event broadcast", write(core, 0x34010, 124)),
        ("event status", write(core, 0x34200, 1)),
        ("performance counters", write(core, 0x31500, 1)),
        ("trace units", write(core, 0x340d0, 1 << 16)),
        ("timers that make events", write(core, 0x340f0, 1)),
        ("isolation of a tile", write(mem, 0x96030, 1)),
        ("clock gating", write(core, 0x60000, 0)),
        ("memory without interleaving", write(mem, 0x96048, 0)),
        ("merging streams in a fixed order", write(core, 0x3f800, 1)),
        ("lock requests by address", write(core, 0x40000, 0)),
        ("registers of a core from outside", write(core, 0x31100, 0)),
        ("AXI options of a shim", write(shim, 0x1e020, 0)),
        (
            "configurations in an instruction stream",
            operation(Op::LoadPdi {
                id: 1,
                size: 4,
                addr: 0,
            }),
        ),
        (
            "scratchpads",
            operation(Op::CreateScratchpad { usage: 0, size: 4 }),
        ),
        (
            "registers from the state table",
            operation(Op::UpdateReg {
                table: 0,
                function: 0,
                argument: 0,
                addr: 0,
            }),
        ),
        (
            "preemption above level 3",
            operation(Op::Preempt { level: 4 }),
        ),
    ];
    let table: Vec<_> = rows
        .iter()
        .map(|(what, why)| format!("{what}\n    {}", why.replace('\n', "\n    ")))
        .collect();
    println!("{}", table.join("\n"));
    insta::assert_snapshot!(table.join("\n"));
}

#[test]
fn a_poll_of_what_stands_still_ends_soon() {
    let mut npu = Npu::new();
    let lock = Command::MaskPoll {
        addr: Tile::new(0, 2).base() + 0x1f000,
        mask: 63,
        value: 1,
        timeout: u32::MAX,
    };
    let commands = vec![lock];
    let err = npu.load_cdo(&Cdo { commands }).unwrap_err();
    assert!(matches!(err, EmuError::Poll { is: 0, .. }), "{err}");
    assert!(npu.now() < 1000, "{}", npu.now());
}

#[test]
fn queues_overflow() {
    let mut npu = Npu::new();
    let queue = Tile::new(0, 0).base() + 0x1d214;
    for _ in 0..5 {
        npu.write(queue, 0).unwrap();
    }
    let err = npu.write(queue, 0).unwrap_err();
    assert_eq!(
        err.to_string(),
        "task queue of DMA MM2S0 of shim tile (0,0) overflows: it holds 4 tasks besides the running one\n\
         help: wait for a task's token before queueing more",
    );
}

#[test]
fn switches() {
    let mem = Tile::new(0, 1);
    let mut design = Design::default();
    design.connect(mem, Port::South(1), Port::North(2));
    let err = Npu::new().load_cdo(&design.cdo()).unwrap_err();
    assert!(err.to_string().starts_with(
        "stream switch of memory tile (0,1) connects slave South1 to master North2, which it cannot"
    ));
}

#[test]
fn descriptors() {
    let mem = Tile::new(1, 1);
    let mut design = loopback(1, 64);
    design.mem_bd(
        mem,
        5,
        MemBd {
            base_address: 0xfffff / 4,
            buffer_length: 64,
            valid: true,
            ..MemBd::default()
        },
    );
    design.start(mem, Direction::S2mm, 4, 5);
    let mut npu = Npu::new();
    npu.load_cdo(&design.cdo()).unwrap();
    let err = npu.step().unwrap_err().to_string();
    assert!(
        err.starts_with(
            "descriptor 5 on DMA S2MM4 of memory tile (1,1): field base_address 0x3ffff"
        ),
        "{err}"
    );
    let mut npu = Npu::new();
    let mut design = Design::default();
    design.start(mem, Direction::Mm2s, 0, 7);
    npu.load_cdo(&design.cdo()).unwrap();
    let err = npu.step().unwrap_err().to_string();
    assert!(
        err.contains("descriptor 7") && err.contains("field valid"),
        "{err}"
    );
}

fn run(stream: &Stream, args: &mut [Vec<u8>]) -> String {
    let mut npu = Npu::new();
    npu.load_cdo(&loopback(0, 16).cdo()).unwrap();
    match npu.run(stream, args, Budget { cycles: 10_000 }) {
        Err(e) => e.to_string(),
        Ok(r) => panic!("{r}"),
    }
}

#[test]
fn streams() {
    let good = |words| {
        let mut seq = Sequence::default();
        seq.transfer(0, Direction::Mm2s, 0, 1, 0, words)
            .transfer(0, Direction::S2mm, 0, 0, 1, words)
            .wait(0, 0);
        seq
    };
    let mut args = [bytes(0..16), bytes(0..15)];
    let text = run(&good(16).stream(), &mut args);
    assert!(
        text.starts_with(
            "DMA S2MM0 of shim tile (0,0) writes byte 60 of argument 1, which has 60 bytes"
        ),
        "{text}"
    );
    assert_eq!(args[0].len(), 64, "buffers come back after an error");

    let text = run(&good(16).stream(), &mut args[..1]);
    assert!(
        text.contains(
            "(DDR_PATCH) of the instruction stream: it names argument 1, the dispatch has 1"
        ),
        "{text}"
    );

    let mut bad = Sequence::default();
    bad.op(Op::Preempt { level: 3 })
        .op(Op::Preempt { level: 4 });
    assert!(
        run(&bad.stream(), &mut args)
            .contains("operation 1 (PREEMPT) of the instruction stream: level 4")
    );

    let mut bad = Sequence::default();
    bad.op(Op::DdrPatch {
        addr: 0x1d008,
        arg: 0,
        offset: 0,
    });
    assert!(run(&bad.stream(), &mut args).contains("not the address word of a shim descriptor"));

    let mut bad = Sequence::default();
    bad.wait(3, 2);
    assert!(run(&bad.stream(), &mut args).contains("S2MM2 of tile (3,0), which does not exist"));

    let mut foreign = good(16).stream();
    foreign.header = Header {
        device_generation: 4,
        ..Header::default()
    };
    assert!(run(&foreign, &mut args).contains("device generation 4"));

    // The same descriptor again while its first task waits in the queue.
    let mut early = Sequence::default();
    for _ in 0..3 {
        early.transfer(0, Direction::Mm2s, 0, 1, 0, 16);
    }
    let text = run(&early.stream(), &mut args);
    assert!(
        text.contains("a task of DMA MM2S0 of shim tile (0,0) still has to load this descriptor"),
        "{text}"
    );

    // Forgetting to patch leaves a descriptor that points nowhere.
    let mut unpatched = good(16).stream();
    unpatched
        .ops
        .retain(|op| !matches!(op, Op::DdrPatch { .. }));
    assert!(run(&unpatched, &mut args).contains("has no DDR_PATCH"));
}

#[test]
fn a_transfer_nobody_waited_for_is_reported_and_cannot_touch_the_next_dispatch() {
    let mut npu = Npu::new();
    npu.load_cdo(&loopback(0, 16).cdo()).unwrap();
    let mut seq = Sequence::default();
    seq.transfer(0, Direction::S2mm, 0, 0, 0, 16);
    let mut args = [vec![0; 64], vec![0; 64]];
    let report = npu
        .run(&seq.stream(), &mut args, Budget::default())
        .unwrap();
    assert_eq!(report.unfinished.len(), 1);
    let mut seq = Sequence::default();
    seq.transfer(0, Direction::Mm2s, 0, 1, 0, 16).wait(0, 0);
    let err = npu
        .run(&seq.stream(), &mut args, Budget::default())
        .unwrap_err();
    assert!(err.to_string().contains("earlier dispatch"), "{err}");
}
