//! What the readable listings look like.

use formats::cdo::Cdo;
use formats::elf::CoreElf;
use formats::pdi::Pdi;
use formats::txn::{Op, Stream};
use formats::xclbin::Xclbin;

use crate::fixtures::{Golden, goldens};

fn golden(name: &str) -> Golden {
    goldens().into_iter().find(|g| g.name == name).unwrap()
}

#[test]
fn cdo() {
    let cdo = Cdo::parse(&golden("a_passthrough").file("cdo_init.bin")).unwrap();
    insta::assert_snapshot!(cdo.dump());
}

#[test]
fn pdi() {
    let pdi = Pdi::parse(&golden("n_elf_load").file("design.pdi")).unwrap();
    let head: Vec<_> = pdi.dump().lines().take(10).map(str::to_string).collect();
    insta::assert_snapshot!(head.join("\n"));
}

#[test]
fn instruction_stream() {
    let stream = Stream::parse(&golden("m_tasks_packet").file("insts.bin")).unwrap();
    insta::assert_snapshot!(stream.dump());
}

#[test]
fn operations_of_newer_firmware() {
    let ops = vec![
        Op::LoadPdi {
            id: 3,
            size: 4096,
            addr: 0x1_0000_0000,
        },
        Op::Preempt { level: 1 },
        Op::CreateScratchpad {
            usage: 2,
            size: 1024,
        },
        Op::UpdateReg {
            table: 1,
            function: 2,
            argument: 3,
            addr: 0x0001_d004,
        },
    ];
    insta::assert_snapshot!(Stream::new(ops).dump(), @r"
    stream 0.1 device generation 3 4x6 (1 memory rows), 4 ops, 16 words
        4  load_pdi 3 4096 bytes at 0x100000000
        8  preempt level 1
        9  create_scratchpad usage 2 1024 bytes
       13  update_reg (0,0)+0x1d004 [DMA descriptor word 1] by state 1 function 2 argument 3
    ");
}

#[test]
fn xclbin() {
    let file = Xclbin::parse(&golden("a_passthrough").file("design.xclbin")).unwrap();
    insta::assert_snapshot!(file.dump().unwrap());
}

#[test]
fn core_elf() {
    let elf = CoreElf::parse(&golden("n_elf_load").file("core_0_2.elf")).unwrap();
    insta::assert_snapshot!(elf.dump(), @r"
    core elf entry 0x0
    segment 0x00000 program 2802 bytes
    segment 0x70500 data 103 bytes
    segment 0x70580 zeros 40 bytes
    ");
}
