//! Damaged and malicious files are refused with an error that names the place, without panics and
//! without asking for much memory.

use formats::cdo::{Cdo, CdoError};
use formats::elf::{CoreElf, ElfError, Segment, Symbol, SymbolKind};
use formats::pdi::{Pdi, PdiError};
use formats::txn::{Stream, TxnError};
use formats::xclbin::{Contents, KernelSpec, SectionKind, Spec, Xclbin, XclbinError};

use crate::fixtures::{Golden, goldens};

fn golden() -> Golden {
    goldens().into_iter().next().unwrap()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// A CDO with a good header around these words.
fn cdo(commands: &[u32]) -> Vec<u8> {
    let mut all = vec![4, 0x4f4443, 0x200, commands.len() as u32];
    all.push(!all.iter().fold(0u32, |sum, w| sum.wrapping_add(*w)));
    all.extend(commands);
    words(&all)
}

/// A stream with a good header around these words.
fn stream(count: u32, ops: &[u32]) -> Vec<u8> {
    let mut all = vec![0x0603_0100, 0x104, count, (ops.len() as u32 + 4) * 4];
    all.extend(ops);
    words(&all)
}

#[test]
fn cdo_messages() {
    let mut out = String::new();
    let mut case = |bytes: &[u8]| out += &format!("{}\n\n", Cdo::parse(bytes).unwrap_err());
    case(&[0; 7]);
    case(&[0; 8]);
    case(&words(&[4, 0x584c_4e58, 0x200, 0, 0]));
    case(&words(&[4, 0x4f4443, 0x200, 0, 1]));
    case(&cdo(&[0x111])[..20]);
    case(&cdo(&[0x111, 0x2_0199, 0, 0]));
    case(&cdo(&[0xff_0105, u32::MAX, 0, 0]));
    case(&cdo(&[0xff_0111]));
    case(&cdo(&[0x2_0102, 0, 0]));
    case(&cdo(&[0x3_0108, 8, 0x1000, 0]));
    insta::assert_snapshot!(out);
}

#[test]
fn pdi_messages() {
    let good = golden().file("design.pdi");
    let mut out = String::new();
    let mut case = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        out += &format!("{}\n\n", Pdi::parse(&bytes).unwrap_err());
    };
    case(&|b| b.truncate(101));
    case(&|b| b.truncate(0x100));
    case(&|b| b[0] = 0);
    case(&|b| b[0x28] ^= 1);
    case(&|b| b[0x9c] ^= 1);
    case(&|b| b[0x14c] ^= 1);
    case(&|b| b.truncate(b.len() - 16));
    case(&|b| *b.last_mut().unwrap() = 1);
    case(&|b| b[0x150] = 9);
    out += &format!("{}\n\n", Pdi::build(&[]).unwrap_err());
    out += &format!("{}\n", Pdi::build(&[&[0; 20]]).unwrap_err());
    insta::assert_snapshot!(out);
}

#[test]
fn pdi_names_have_sixteen_bytes() {
    let pdi = Pdi::parse(&golden().file("design.pdi")).unwrap();
    let named = |name: &str| {
        let mut header = pdi.header().clone();
        header.image_name = name.to_string();
        pdi.clone().with_header(header)
    };
    let full = named("sixteen_byte_nam").unwrap();
    assert_eq!(Pdi::parse(&full.to_bytes()), Ok(full));
    assert!(matches!(
        named("seventeen_bytes_x"),
        Err(PdiError::LongImageName { .. })
    ));
}

#[test]
fn stream_messages() {
    let mut out = String::new();
    let mut case = |bytes: &[u8]| out += &format!("{}\n\n", Stream::parse(bytes).unwrap_err());
    case(&[0; 15]);
    case(&[0; 12]);
    case(&stream(0, &[])[..12]);
    case(&words(&[0x0603_0100, 0x104, 0, 20]));
    case(&words(&[0x0603_0002, 0x104, 0, 16]));
    case(&stream(2, &[6]));
    case(&stream(1, &[0x55]));
    case(&stream(2, &[6, 4, 0, 0]));
    case(&stream(1, &[1, 0, 0x1000, 0xffff_fff0]));
    case(&stream(1, &[1, 0, 0x1000, 12]));
    case(&stream(1, &[0, 0, 0x1000, 7, 1, 24]));
    case(&stream(1, &[0x80, 16, 2, 0]));
    case(&stream(1, &[3, 0, 0x1000, 0, 1, 2, 24]));
    case(&stream(1, &[0x81, 48, 0, 0, 0, 1, 0x1000, 0, 0, 0, 0, 0]));
    case(&stream(1, &[0x0100_0008, 0, 0]));
    case(&stream(1, &[0x0100_0006]));
    insta::assert_snapshot!(out);
}

#[test]
fn xclbin_messages() {
    let good = golden().file("design.xclbin");
    let mut out = String::new();
    let mut case = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        let error = Xclbin::parse(&bytes)
            .and_then(|file| Contents::of(&file)?.units().map(|_| ()))
            .unwrap_err();
        out += &format!("{error}\n\n");
    };
    // The sections: 736 MEM_TOPOLOGY, 824 AIE_PARTITION, 2880 EMBEDDED_METADATA, 4232 IP_LAYOUT.
    case(&|b| b.truncate(300));
    case(&|b| b[6] = b'1');
    case(&|b| b[8..12].fill(0));
    case(&|b| b.truncate(b.len() - 1));
    case(&|b| b[448..452].fill(0xff));
    case(&|b| b[488..496].fill(0xff));
    case(&|b| b[480..488].copy_from_slice(&1000u64.to_le_bytes()));
    case(&|b| b[456] = 8);
    case(&|b| b[736..740].fill(0xff));
    case(&|b| b[824 + 45] = 0xff);
    case(&|b| b[824 + 120..824 + 124].fill(0xff));
    case(&|b| b[2880 + 60] = b'<');
    case(&|b| {
        b[3000..3500]
            .iter_mut()
            .for_each(|c| *c = c.to_ascii_uppercase())
    });
    case(&|b| b[4256] = b'X');
    case(&|b| b[496] = 99);
    case(&|b| b[824 + 1848] = 7);
    insta::assert_snapshot!(out);
}

#[test]
fn specification_messages() {
    let mut out = String::new();
    let mut case = |change: &dyn Fn(&mut Spec)| {
        let mut spec = Spec::new(4, KernelSpec::new("copy", 2, vec![0; 4]));
        change(&mut spec);
        out += &format!("{}\n\n", spec.build().unwrap_err());
    };
    case(&|s| s.kernels.clear());
    case(&|s| s.kernels[0].name = "a:b".to_string());
    case(&|s| s.kernels[0].name = "k".repeat(60));
    case(&|s| s.kernels[0].id = 0x1000);
    case(&|s| s.kernels[0].args[0].size = 3);
    case(&|s| s.kernels[0].args[1].memory = Some(2));
    case(&|s| s.kernels.push(s.kernels[0].clone()));
    case(&|s| {
        s.kernels.push(KernelSpec::new("other", 1, vec![]));
    });
    insta::assert_snapshot!(out);
}

/// A section may not name the same image often: each copy would cost memory.
#[test]
fn images_that_share_bytes() {
    let mut spec = Spec::new(4, KernelSpec::new("copy", 2, vec![0; 1 << 16]));
    for id in 1..100 {
        let mut kernel = KernelSpec::new(&format!("copy{id}"), 2, vec![0; 8]);
        kernel.id = id;
        spec.kernels.push(kernel);
    }
    let mut file = spec.build().unwrap();
    let section = file
        .sections
        .iter_mut()
        .find(|s| s.kind == SectionKind::AIE_PARTITION)
        .unwrap();
    let structs = section.data.len() - 100 * 96;
    let image = section.data[structs + 16..structs + 24].to_vec();
    for index in 1..100 {
        let at = structs + index * 96 + 16;
        section.data[at..at + 8].copy_from_slice(&image);
    }
    assert!(matches!(
        Contents::of(&file),
        Err(XclbinError::Overlap { .. })
    ));
}

/// Nor may many symbols share one long name.
#[test]
fn symbols_that_share_a_name() {
    let elf = CoreElf {
        entry: 0,
        segments: vec![Segment::zeros(0, 16)],
        symbols: (0..400)
            .map(|addr| Symbol {
                name: "n".repeat(40_000),
                addr,
                size: 0,
                kind: SymbolKind::None,
                global: true,
            })
            .collect(),
    };
    let bytes = elf.to_bytes().unwrap();
    assert!(matches!(
        CoreElf::parse(&bytes),
        Err(ElfError::SymbolNames { .. })
    ));
}

#[test]
fn errors_are_comparable() {
    assert_eq!(
        Cdo::parse(&cdo(&[0x2_0199, 0, 0])),
        Err(CdoError::UnknownCommand {
            word: 5,
            header: 0x2_0199,
            command: 0x199
        })
    );
    assert_eq!(
        Stream::parse(&stream(1, &[0x55])),
        Err(TxnError::UnknownOpcode {
            word: 4,
            opcode: 0x55
        })
    );
}
