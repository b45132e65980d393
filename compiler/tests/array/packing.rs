//! Configurations, PDIs and XCLBINs of lowered designs.

use std::collections::BTreeMap;

use arch::Tile;
use formats::cdo::Command;
use formats::elf::{CoreElf, Segment};
use formats::pdi::Pdi;
use formats::xclbin::Xclbin;
use npuc::array::design::{Buffer, ObjectType};
use npuc::array::lower::lower;
use npuc::array::lowered::Lowered;
use npuc::array::verify::verify;
use npuc::kernel::types::Elem;
use npuc::package::Package;

use super::designs::{self, tile};

fn lowered() -> Lowered {
    let mut design = designs::passthrough();
    let table = Buffer::new("table", tile(0, 2), ObjectType::new(Elem::I8, [8]));
    let table = table.holding([1, 2, 3, 4, 5, 6, 7, 8]);
    design.buffers.push(table);
    lower(&verify(design).unwrap()).unwrap()
}

fn program(data_at: u32) -> BTreeMap<Tile, CoreElf> {
    let elf = CoreElf {
        segments: vec![
            Segment::bytes(0, vec![0x5a; 64]),
            Segment::bytes(0x70000 + data_at, vec![1; 32]),
        ],
        ..CoreElf::default()
    };
    BTreeMap::from([(tile(0, 2), elf)])
}

#[test]
fn files_are_read_back_and_come_out_the_same() {
    let lowered = lowered();
    let free = lowered.cores[0].data_base;
    let package = Package::new(&lowered, &program(free)).unwrap();
    let pdi = package.pdi.to_bytes();
    assert_eq!(Pdi::parse(&pdi).unwrap(), package.pdi);
    let xclbin = package.xclbin().unwrap().to_bytes();
    Xclbin::parse(&xclbin).unwrap();

    let again = Package::new(&lowered, &program(free)).unwrap();
    assert_eq!(again.pdi.to_bytes(), pdi);
    assert_eq!(again.xclbin().unwrap().to_bytes(), xclbin);
}

#[test]
fn initial_values_are_written_where_the_buffer_is() {
    let lowered = lowered();
    let table = lowered.buffers.iter().find(|b| b.name == "table").unwrap();
    let package = Package::new(&lowered, &program(lowered.cores[0].data_base)).unwrap();
    let write = Command::DmaWrite {
        addr: tile(0, 2).base() + table.address,
        data: vec![0x0403_0201, 0x0807_0605],
    };
    assert!(package.configuration.init.commands.contains(&write));
}

#[test]
fn programs_that_do_not_fit_the_design_are_refused() {
    let lowered = lowered();
    let free = lowered.cores[0].data_base;
    let mut stray = program(free);
    stray.insert(tile(1, 2), CoreElf::default());
    let mut long = program(free);
    if let Some(elf) = long.get_mut(&tile(0, 2)) {
        elf.segments[0] = Segment::bytes(0, vec![0; 17 * 1024]);
    }
    let cases = [
        ("no program", BTreeMap::new()),
        ("a program without a worker", stray),
        ("data on the stack", program(0x3f0)),
        ("data in a buffer", program(0x4000)),
        ("17 KB of program", long),
    ];
    let messages = cases.map(|(case, elfs)| {
        let error = Package::new(&lowered, &elfs).unwrap_err();
        format!("# {case}\n{error}\n")
    });
    insta::assert_snapshot!(messages.join("\n"));
}
