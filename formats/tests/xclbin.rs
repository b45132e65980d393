//! XCLBINs against those of xclbinutil, section by section.

use formats::xclbin::{Contents, KernelSpec, SectionKind, Spec, Xclbin};

use crate::fixtures::goldens;

#[test]
fn files_round_trip() {
    for golden in goldens() {
        let bytes = golden.file("design.xclbin");
        let file = Xclbin::parse(&bytes).unwrap_or_else(|e| panic!("{}: {e}", golden.name));
        assert!(file.to_bytes() == bytes, "{}: bytes differ", golden.name);
    }
}

#[test]
fn typed_sections_round_trip() {
    for golden in goldens() {
        let file = Xclbin::parse(&golden.file("design.xclbin")).unwrap();
        let contents = Contents::of(&file).unwrap_or_else(|e| panic!("{}: {e}", golden.name));
        let written = contents.sections();
        assert_eq!(written.len(), file.sections.len());
        for (ours, theirs) in written.iter().zip(&file.sections) {
            assert_eq!(ours.kind, theirs.kind, "{}", golden.name);
            assert!(
                ours.data == theirs.data,
                "{}: {} differs",
                golden.name,
                ours.kind
            );
        }
        let units = contents.units().unwrap();
        assert_eq!(units.len(), 1);
        assert_eq!(units[0].ip.kernel_id(), 0x901);
        assert!(units[0].pdi.image == golden.file("design.pdi"));
    }
}

/// A file made from our specification has the same sections as xclbinutil's. What differs:
/// - section names, which loaders ignore (ours are empty);
/// - the uuid inside the PDI structure of AIE_PARTITION (ours is derived from the PDI);
/// - uuid, unique id and time stamp in the file header (ours are derived from the content, and 0);
/// - the JSON mirror behind the sections (not written).
#[test]
fn specification_gives_the_same_sections() {
    for golden in goldens() {
        let theirs = Xclbin::parse(&golden.file("design.xclbin")).unwrap();
        let partition = Contents::of(&theirs).unwrap().partition.unwrap();
        let mut spec = Spec::new(
            partition.columns,
            KernelSpec::new("MLIR_AIE", 5, golden.file("design.pdi")),
        );
        spec.start_columns = partition.start_columns.clone();
        let ours = spec.build().unwrap();

        assert_eq!(ours.sections.len(), theirs.sections.len());
        for (ours, theirs) in ours.sections.iter().zip(&theirs.sections) {
            assert_eq!(ours.kind, theirs.kind);
            let mut data = ours.data.clone();
            if ours.kind == SectionKind::AIE_PARTITION {
                let uuid = data.len() - 96..data.len() - 80;
                assert_ne!(data[uuid.clone()], partition.pdis[0].uuid);
                data[uuid].copy_from_slice(&partition.pdis[0].uuid);
            }
            assert!(
                data == theirs.data,
                "{}: {} differs",
                golden.name,
                ours.kind
            );
        }

        let mut header = ours.header.clone();
        header.uuid = theirs.header.uuid;
        header.unique_id = theirs.header.unique_id;
        header.timestamp = theirs.header.timestamp;
        assert_eq!(header, theirs.header);
    }
}

#[test]
fn ids_follow_the_content() {
    let spec = |pdi: &[u8]| Spec::new(4, KernelSpec::new("copy", 2, pdi.to_vec()));
    let first = spec(b"one").build().unwrap();
    assert_eq!(first, spec(b"one").build().unwrap());
    assert_eq!(first.header.timestamp, 0);
    let second = spec(b"two").build().unwrap();
    assert_ne!(first.header.uuid, second.header.uuid);
    assert_ne!(first.header.unique_id, second.header.unique_id);
    let uuid = |file| Contents::of(&file).unwrap().partition.unwrap().pdis[0].uuid;
    assert_ne!(uuid(first), uuid(second));
}

#[test]
fn several_kernels_share_a_file() {
    let mut spec = Spec::new(4, KernelSpec::new("encode", 3, vec![1; 20]));
    let mut decode = KernelSpec::new("decode", 1, vec![2; 9]);
    decode.id = 0x902;
    spec.kernels.push(decode);
    let bytes = spec.build().unwrap().to_bytes();

    let contents = Contents::of(&Xclbin::parse(&bytes).unwrap()).unwrap();
    assert_eq!(contents, spec.contents().unwrap());
    let units = contents.units().unwrap();
    let found: Vec<_> = units
        .iter()
        .map(|u| (u.kernel.name.as_str(), u.pdi.image.len(), u.ip.kernel_id()))
        .collect();
    assert_eq!(found, [("encode", 20, 0x901), ("decode", 9, 0x902)]);
}
