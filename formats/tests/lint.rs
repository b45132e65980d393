//! What is found wrong with xclbins: nothing in those of the reference tools, and each mistake by name.

use std::collections::BTreeSet;

use arch::Tile;
use formats::cdo::{Cdo, Command};
use formats::pdi::Pdi;
use formats::txn::{Op, Stream};
use formats::xclbin::{Contents, Finding, Rule, Section, SectionKind, Xclbin, lint};
use proptest::prelude::*;

use crate::fixtures::{fixtures, goldens};

/// A file of the reference tools, which is sound, and its stream.
fn sound() -> (Vec<u8>, Vec<u8>) {
    let golden = goldens().into_iter().next().unwrap();
    (golden.file("design.xclbin"), golden.file("insts.bin"))
}

/// The file after a change of what its sections say.
fn changed(change: impl FnOnce(&mut Contents)) -> Vec<u8> {
    let file = Xclbin::parse(&sound().0).unwrap();
    let mut contents = Contents::of(&file).unwrap();
    change(&mut contents);
    Xclbin::from_sections(contents.sections())
        .unwrap()
        .to_bytes()
}

/// The file without a section.
fn without(kind: SectionKind) -> Vec<u8> {
    let mut file = Xclbin::parse(&sound().0).unwrap();
    file.sections
        .retain(|section: &Section| section.kind != kind);
    file.to_bytes()
}

/// The file after a change of the header of its second section.
fn moved(change: impl FnOnce(&mut [u8], usize)) -> Vec<u8> {
    let mut bytes = sound().0;
    // Behind the file's header and the first section's.
    let header = 456 + 40;
    change(&mut bytes, header);
    bytes
}

#[test]
fn files_of_the_reference_tools_are_sound() {
    for golden in goldens() {
        let (file, stream) = (golden.file("design.xclbin"), golden.optional("insts.bin"));
        let streams: Vec<(&str, &[u8])> = stream.iter().map(|s| ("insts.bin", &s[..])).collect();
        assert_eq!(lint(&file, &streams), [], "{}", golden.name);
    }
}

#[test]
fn each_mistake_is_named() {
    let mut seen = BTreeSet::new();
    let mut out = String::new();
    let mut report = |title: &str, findings: Vec<Finding>| {
        assert!(!findings.is_empty(), "{title}: nothing was found");
        seen.extend(findings.iter().map(|finding| finding.rule));
        out += &format!("# {title}\n");
        for finding in findings {
            out += &format!("{finding}\n");
        }
        out += "\n";
    };
    let mut case = |title: &str, file: Vec<u8>| report(title, lint(&file, &[]));
    case(
        "a kernel id that no group lists",
        changed(|c| {
            let pdi = &mut c.partition.as_mut().unwrap().pdis[0];
            pdi.groups[0].kernel_ids = vec![0x902];
        }),
    );
    case(
        "a kernel without an id",
        changed(|c| c.kernels[0].dpu = None),
    );
    case(
        "another id in IP_LAYOUT",
        changed(|c| c.ips[0].properties = 0x0902_0001),
    );
    case(
        "no EMBEDDED_METADATA",
        without(SectionKind::EMBEDDED_METADATA),
    );
    case("no AIE_PARTITION", without(SectionKind::AIE_PARTITION));
    case(
        "no PDI",
        changed(|c| c.partition.as_mut().unwrap().pdis.clear()),
    );
    case(
        "a PDI for no kernel",
        changed(|c| c.partition.as_mut().unwrap().pdis[0].groups.clear()),
    );
    case(
        "IP_LAYOUT without the kernel",
        changed(|c| c.ips[0].name = "MLIR:AIE".to_owned()),
    );
    case(
        "a connection with a memory that is not there",
        changed(|c| c.connections[0].memory = 2),
    );
    case(
        "no columns",
        changed(|c| c.partition.as_mut().unwrap().columns = 0),
    );
    case(
        "columns that npu1 does not have",
        changed(|c| c.partition.as_mut().unwrap().columns = 8),
    );
    case(
        "a start column too far east",
        changed(|c| {
            let partition = c.partition.as_mut().unwrap();
            partition.start_columns = vec![partition.columns.max(2)];
            partition.columns = 4;
        }),
    );
    case(
        "a PDI with a changed byte in its header",
        changed(|c| c.partition.as_mut().unwrap().pdis[0].image[0x24] ^= 1),
    );
    case(
        "a configuration wider than its partition",
        changed(|c| {
            let cdo = Cdo::new(vec![Command::Write {
                addr: Tile::new(3, 2).base(),
                value: 0,
            }]);
            let partition = c.partition.as_mut().unwrap();
            partition.pdis[0].image = Pdi::from_cdos(&[&cdo]).unwrap().to_bytes();
            (partition.columns, partition.start_columns) = (2, vec![1, 2, 3]);
        }),
    );
    case(
        "a section at an odd place",
        moved(|bytes, header| bytes[header + 24] += 1),
    );
    case(
        "a section on top of the first one",
        moved(|bytes, header| bytes.copy_within(header - 16..header - 8, header + 24)),
    );
    case("no xclbin", b"xclbin".to_vec());

    let (file, bytes) = sound();
    let stream = Stream::parse(&bytes).unwrap();
    let mut case = |title: &str, bytes: &[u8]| {
        report(title, lint(&file, &[("insts.bin", bytes)]));
    };
    let mut other = stream.clone();
    other.header.columns = 2;
    case("a stream for other columns", &other.to_bytes());
    let mut other = stream.clone();
    other.ops.push(Op::Write32 {
        addr: 4 << 25,
        value: 0,
    });
    case("a stream that leaves the partition", &other.to_bytes());
    let mut other = stream;
    other.ops.push(Op::DdrPatch {
        addr: 0x1d004,
        arg: 5,
        offset: 0,
    });
    case("a stream with a buffer too many", &other.to_bytes());
    case("half a stream", &bytes[..bytes.len() / 2]);
    let file = changed(|c| c.partition.as_mut().unwrap().columns = 1);
    let wide = Stream::new(vec![Op::Write32 {
        addr: 3 << 25,
        value: 0,
    }]);
    report(
        "a partition of one column for a stream of four",
        lint(&file, &[("insts.bin", &wide.to_bytes())]),
    );
    insta::assert_snapshot!(out);
    assert_eq!(seen, BTreeSet::from(Rule::ALL), "a rule without a case");
}

proptest! {
    #[test]
    fn damaged_files_end_in_findings(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = which.get(fixtures()).clone();
        for (at, value) in &edits {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        // No panic; what is no xclbin at all is damaged.
        let findings = lint(&bytes, &[("stream", &bytes)]);
        if Xclbin::parse(&bytes).is_err() {
            prop_assert!(findings.iter().any(|f| f.rule == Rule::Damaged));
        }
    }
}
