//! `npuc inspect`: what is inside a file.

use std::path::PathBuf;

use formats::cdo::Cdo;
use formats::elf::CoreElf;
use formats::pdi::Pdi;
use formats::txn::Stream;
use formats::xclbin::Xclbin;

use super::{Failure, print, read};

/// Arguments of `npuc inspect`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// XCLBIN, PDI, CDO, core ELF or instruction stream
    file: PathBuf,
}

/// The kinds of files that are told apart by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Xclbin,
    Pdi,
    Cdo,
    Elf,
    Stream,
}

impl Kind {
    /// The kind of a file, by its magic numbers.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let at =
            |offset: usize, magic: &[u8]| bytes.get(offset..offset + magic.len()) == Some(magic);
        let kinds = [
            (at(0, b"xclbin2\0"), Kind::Xclbin),
            (at(0, &[0xdd, 0, 0, 0, 0x44, 0x33, 0x22, 0x11]), Kind::Pdi),
            (at(4, b"CDO\0"), Kind::Cdo),
            (at(0, b"\x7fELF"), Kind::Elf),
            // Version 0.1 of the stream for device generation 3, which is npu1.
            (at(0, &[0x00, 0x01, 0x03]), Kind::Stream),
        ];
        kinds
            .into_iter()
            .find(|(found, _)| *found)
            .map(|(_, kind)| kind)
    }
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let path = &args.file;
    let bytes = read(path)?;
    let bad = |e: &dyn std::fmt::Display| Failure::input(path, e);
    let text = match Kind::of(&bytes) {
        Some(Kind::Xclbin) => Xclbin::parse(&bytes)
            .and_then(|x| x.dump())
            .map_err(|e| bad(&e))?,
        Some(Kind::Pdi) => Pdi::parse(&bytes).map_err(|e| bad(&e))?.dump(),
        Some(Kind::Cdo) => Cdo::parse(&bytes).map_err(|e| bad(&e))?.dump(),
        Some(Kind::Elf) => CoreElf::parse(&bytes).map_err(|e| bad(&e))?.dump(),
        Some(Kind::Stream) => Stream::parse(&bytes).map_err(|e| bad(&e))?.dump(),
        None => return Err(bad(&unknown(&bytes))),
    };
    print(&text)
}

/// What is wrong with a file of no known kind.
pub(super) fn unknown(bytes: &[u8]) -> String {
    let head: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
    format!(
        "the file begins with {}, which no known format does\nhelp: an XCLBIN begins with \
         `xclbin2`, a core program with `\\x7fELF`; PDI, CDO and instruction streams are known too",
        if head.is_empty() {
            "nothing".to_owned()
        } else {
            format!("bytes {}", head.join(" "))
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_magic() {
        assert_eq!(Kind::of(b"xclbin2\0rest"), Some(Kind::Xclbin));
        assert_eq!(
            Kind::of(&Stream::new(vec![]).to_bytes()),
            Some(Kind::Stream)
        );
        assert_eq!(Kind::of(&Cdo::new(vec![]).to_bytes()), Some(Kind::Cdo));
        assert_eq!(Kind::of(b"xclbin"), None);
        assert_eq!(Kind::of(b""), None);
    }
}
