//! What can be wrong with an xclbin or the specification of one.

use thiserror::Error;

use super::SectionKind;

/// Why bytes are not an xclbin, or why one cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum XclbinError {
    /// Fewer bytes than the header has.
    #[error(
        "an xclbin of {bytes} bytes has no room for its header of 456 bytes\nhelp: the file is cut off or not an xclbin"
    )]
    NoHeader {
        /// Length of the input.
        bytes: usize,
    },
    /// The file does not begin with the magic.
    #[error(
        "the file begins with {found:02x?}, an xclbin begins with \"xclbin2\"\nhelp: pass an xclbin file (older formats are not read)"
    )]
    Magic {
        /// The first bytes.
        found: [u8; 8],
    },
    /// The file carries a signature.
    #[error(
        "the xclbin is signed (signature length {length}), only unsigned files are read\nhelp: strip the signature with xclbinutil"
    )]
    Signed {
        /// Signature length in the header.
        length: i32,
    },
    /// The header's length is not the input's.
    #[error(
        "xclbin header announces {declared} bytes, the input has {actual}\nhelp: the file is cut off or has something appended"
    )]
    Length {
        /// Bytes according to the header.
        declared: u64,
        /// Bytes of the input.
        actual: usize,
    },
    /// More sections than the file has room for.
    #[error(
        "xclbin header announces {count} sections, the file has room for {room} section headers\nhelp: the file is damaged"
    )]
    SectionCount {
        /// Sections according to the header.
        count: u32,
        /// Section headers that fit.
        room: usize,
    },
    /// A section that is not inside the file.
    #[error(
        "xclbin section {index} ({kind}) takes {size} bytes at {offset}, sections must lie between {first} and {total}\nhelp: the file is damaged"
    )]
    SectionRange {
        /// Index in the section table.
        index: usize,
        /// Its kind.
        kind: SectionKind,
        /// Its offset.
        offset: u64,
        /// Its size.
        size: u64,
        /// First byte behind the section table.
        first: usize,
        /// Length of the file.
        total: usize,
    },
    /// Two sections share bytes.
    #[error(
        "xclbin section {second} begins at {offset}, inside section {first} which ends at {end}\nhelp: the file is damaged"
    )]
    SectionOverlap {
        /// Kind of the section that begins first.
        first: SectionKind,
        /// Kind of the other.
        second: SectionKind,
        /// Where the other begins.
        offset: usize,
        /// Where the first ends.
        end: usize,
    },
    /// More than one section of a kind that is read.
    #[error(
        "xclbin has {count} sections of kind {kind}, one is read\nhelp: split the file with xclbinutil"
    )]
    SeveralSections {
        /// The kind.
        kind: SectionKind,
        /// How many.
        count: usize,
    },
    /// A section that is needed is not there.
    #[error(
        "xclbin has no {kind} section\nhelp: the file is not one for the npu, or was made without --add-kernel and AIE_PARTITION"
    )]
    MissingSection {
        /// The kind.
        kind: SectionKind,
    },
    /// Something inside a part of the file leaves that part.
    #[error(
        "{what} in the xclbin's {part} takes {len} bytes at {offset}, the part has {size}\nhelp: the file is damaged"
    )]
    Range {
        /// Which part of the file.
        part: &'static str,
        /// What was to be read.
        what: &'static str,
        /// Offset inside the part.
        offset: u64,
        /// Bytes it takes.
        len: u64,
        /// Size of the part.
        size: usize,
    },
    /// A table's count does not fit its section.
    #[error(
        "xclbin section {part} of {size} bytes announces {count} entries of {entry} bytes\nhelp: the file is damaged"
    )]
    Count {
        /// Which section.
        part: &'static str,
        /// Entries announced.
        count: u32,
        /// Bytes of an entry.
        entry: usize,
        /// Size of the section.
        size: usize,
    },
    /// The items of a section add up to more than the section.
    #[error(
        "the items of the xclbin's {part} overlap: they take more than its {size} bytes\nhelp: the file is damaged"
    )]
    Overlap {
        /// Which section.
        part: &'static str,
        /// Size of the section.
        size: usize,
    },
    /// A text that is not UTF-8.
    #[error("{what} at {offset} of the xclbin's {part} is not text\nhelp: the file is damaged")]
    Text {
        /// Which part of the file.
        part: &'static str,
        /// What was to be read.
        what: &'static str,
        /// Offset inside the part.
        offset: usize,
    },
    /// EMBEDDED_METADATA is not well-formed.
    #[error(
        "the xclbin's EMBEDDED_METADATA is not well-formed XML near byte {at}: {message}\nhelp: the file is damaged"
    )]
    Xml {
        /// Position in the section.
        at: u64,
        /// What the XML reader says.
        message: String,
    },
    /// An attribute of EMBEDDED_METADATA is missing or has a bad value.
    #[error(
        "the xclbin's EMBEDDED_METADATA: attribute {attribute} of <{element}> is {found}, expected {expected}\nhelp: the file is damaged or was edited by hand"
    )]
    Attribute {
        /// Element name.
        element: &'static str,
        /// Attribute name.
        attribute: &'static str,
        /// Its value, or "missing".
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A name that does not fit its field.
    #[error(
        "{what} name {name:?} has {} bytes, the limit is {limit} (without zeros and control characters)\nhelp: choose a shorter, printable name",
        name.len()
    )]
    LongName {
        /// What is named.
        what: &'static str,
        /// The name.
        name: String,
        /// Bytes it may have.
        limit: usize,
    },
    /// A kernel name that the loader would take apart wrongly.
    #[error(
        "kernel name {name:?} is empty or has a colon\nhelp: instances are found as `kernel:instance`; choose a name without a colon"
    )]
    KernelName {
        /// The name.
        name: String,
    },
    /// A specification without kernels.
    #[error("an xclbin needs at least one kernel\nhelp: add a KernelSpec")]
    NoKernel,
    /// Two kernels share a name or an id.
    #[error(
        "two kernels have the same {what} {value}\nhelp: give each kernel its own name and its own id"
    )]
    SameKernel {
        /// "name" or "id".
        what: &'static str,
        /// The value they share.
        value: String,
    },
    /// A number that does not fit its field.
    #[error("{what} is {value:#x}, must be {expected}\nhelp: choose another value")]
    Number {
        /// What the number is.
        what: &'static str,
        /// The number.
        value: u64,
        /// The allowed values.
        expected: &'static str,
    },
    /// A kernel that the loader would not find a configuration for.
    #[error(
        "kernel {kernel} of the xclbin cannot be loaded: {reason}\nhelp: a kernel needs an IP_LAYOUT entry `kernel:instance`, and its dpu_kernel_id in a group of AIE_PARTITION"
    )]
    Unloadable {
        /// Name of the kernel.
        kernel: String,
        /// What is missing.
        reason: String,
    },
}
