//! The assembler: text to a core's program.
//!
//! A line holds a bundle, its instructions separated by `;`; a label, `NAME:`; or `.align BYTES`, which
//! makes bundles before it longer until what follows stands at a multiple. Operands may name labels as
//! `@NAME`. A number in front of a bundle is its size in bytes. Labels that begin with a dot are no
//! symbols. What `//` begins is a comment.
//!
//! ```text
//! main:
//!       movxm ls, @.loop
//!       movxm le, @.last
//!       mova lc, #8
//!       .align 16
//! .loop:
//!       vlda wl0, [p0], #32
//!       .align 16
//! .last:
//!   16  vst wl0, [p1], #32
//! ```
//!
//! A [listing](super::listing) is such a text too: addresses must be right, cycles and loop marks are
//! passed over, `.byte` stands for bytes that are no bundle.

use std::collections::HashMap;

use arch::aie2::rules::TARGET_ALIGN;
use arch::aie2::{Bundle, EncodeError, ParseError, parse_bundle};
use arch::limits::PROGRAM_BYTES;
use formats::elf::{Symbol, SymbolKind};

use super::emit::Image;

/// Why a text is no program.
#[derive(Clone, Debug, thiserror::Error)]
#[error("line {line}: {cause}")]
pub struct AsmError {
    /// Line, the first is 1.
    pub line: usize,
    /// What is wrong with it.
    pub cause: AsmCause,
}

/// What is wrong with a line.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AsmCause {
    /// An instruction does not read.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A bundle has no encoding.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A label names nothing.
    #[error("there is no label `{0}`\nhelp: define it with `{0}:` in front of a bundle")]
    NoLabel(String),
    /// A label stands twice.
    #[error("label `{0}` is already defined\nhelp: rename one of the two")]
    Twice(String),
    /// The address in front of a bundle is another.
    #[error("the bundle stands at {here:#06x}, not at {says:#06x}\nhelp: leave the address out")]
    Address {
        /// Where it stands.
        here: u32,
        /// What the line says.
        says: u32,
    },
    /// A label that control goes to is not aligned.
    #[error(
        "label `{name}` stands at {address:#06x}, which is no multiple of {TARGET_ALIGN}\nhelp: put `.align {TARGET_ALIGN}` in front of it"
    )]
    Misaligned {
        /// Label.
        name: String,
        /// Its address.
        address: u32,
    },
    /// The bundles before cannot be made long enough.
    #[error(
        "{missing} bytes are missing for the alignment, and the bundles before cannot be longer\nhelp: put a `nop` in front of it"
    )]
    NoRoom {
        /// Bytes.
        missing: u32,
    },
    /// Neither bundle, label nor directive.
    #[error(
        "`{0}` is no line of a program\nhelp: write a bundle, `label:`, `.align 16` or `.byte`"
    )]
    Line(String),
    /// More than program memory.
    #[error(
        "the program takes more than the {PROGRAM_BYTES} bytes of program memory\nhelp: leave something out"
    )]
    TooLarge,
}

/// What a line holds.
enum Item<'t> {
    Bundle {
        text: &'t str,
        says: Option<u32>,
        size: u32,
        fixed: bool,
    },
    Bytes(Vec<u8>),
}

impl Item<'_> {
    fn size(&self) -> u32 {
        match self {
            Item::Bundle { size, .. } => *size,
            Item::Bytes(bytes) => bytes.len() as u32,
        }
    }
}

/// Assembles a program that stands at address 0.
///
/// # Errors
/// The first line that is wrong.
pub fn assemble(text: &str) -> Result<Image, AsmError> {
    let mut items: Vec<(usize, Item<'_>)> = Vec::new();
    // Per label: the position of the item that it stands in front of, and its line.
    let mut labels: Vec<(&str, usize, usize)> = Vec::new();
    for (k, line) in text.lines().enumerate() {
        let line_number = k + 1;
        let fail = |cause: AsmCause| AsmError {
            line: line_number,
            cause,
        };
        let line = line.split("//").next().unwrap_or("").trim();
        if line.is_empty() {
            continue;
        }
        if let Some(name) = line.strip_suffix(':') {
            if name.is_empty() || !name.chars().all(is_name) {
                return Err(fail(AsmCause::Line(line.to_owned())));
            }
            if labels.iter().any(|l| l.0 == name) {
                return Err(fail(AsmCause::Twice(name.to_owned())));
            }
            labels.push((name, items.len(), line_number));
        } else if let Some(bytes) = line.strip_prefix(".align") {
            let bytes = bytes
                .trim()
                .parse()
                .ok()
                .filter(|b| [2, 4, 8, 16].contains(b));
            let bytes = bytes.ok_or_else(|| fail(AsmCause::Line(line.to_owned())))?;
            align(&mut items, bytes).map_err(fail)?;
        } else {
            let item = item(line).map_err(fail)?;
            items.push((line_number, item));
        }
    }
    let mut starts = Vec::with_capacity(items.len() + 1);
    let mut end = 0;
    for (line, item) in &items {
        starts.push(end);
        end += item.size();
        if end > PROGRAM_BYTES {
            return Err(AsmError {
                line: *line,
                cause: AsmCause::TooLarge,
            });
        }
    }
    starts.push(end);
    let places: HashMap<&str, u32> = labels.iter().map(|(n, k, _)| (*n, starts[*k])).collect();
    let mut bytes = Vec::with_capacity(end as usize);
    for ((line, item), start) in items.iter().zip(&starts) {
        let encoded = encode(item, *start, &places);
        bytes.extend(encoded.map_err(|cause| AsmError { line: *line, cause })?);
    }
    let mut symbols: Vec<Symbol> = Vec::new();
    for (name, at, _) in labels.iter().filter(|l| !l.0.starts_with('.')) {
        if let Some(last) = symbols.last_mut() {
            last.size = starts[*at] - last.addr;
        }
        symbols.push(Symbol {
            name: (*name).to_owned(),
            addr: starts[*at],
            size: end - starts[*at],
            kind: SymbolKind::Function,
            global: true,
        });
    }
    Ok(Image {
        text: bytes,
        data: Vec::new(),
        symbols,
    })
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || ['_', '.', '$'].contains(&c)
}

/// The bundle or the bytes of a line.
fn item(line: &str) -> Result<Item<'_>, AsmCause> {
    let wrong = || AsmCause::Line(line.to_owned());
    let mut rest = line;
    let mut numbers: Vec<&str> = Vec::new();
    // A listing's columns: address, cycle, extent of a loop, size.
    while let Some((word, behind)) = rest.split_once(char::is_whitespace) {
        if !word.starts_with(|c: char| c.is_ascii_digit()) && !["/", "|", "\\", "*"].contains(&word)
        {
            break;
        }
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            numbers.push(word);
        }
        rest = behind.trim_start();
    }
    let address = |text: &str| u32::from_str_radix(text, 16).map_err(|_| wrong());
    let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
    if let Some(list) = rest.strip_prefix(".byte") {
        let byte = |b: &str| {
            let b = b.trim();
            let digits = b.strip_prefix("0x");
            let value = digits.map_or_else(|| b.parse(), |d| u8::from_str_radix(d, 16));
            value.map_err(|_| wrong())
        };
        return Ok(Item::Bytes(
            list.split(',').map(byte).collect::<Result<_, _>>()?,
        ));
    }
    let (says, size) = match numbers[..] {
        [] => (None, None),
        [size] => (None, Some(number(size)?)),
        [at, _, size] => (Some(address(at)?), Some(number(size)?)),
        _ => return Err(wrong()),
    };
    // Sizes do not depend on where labels stand: any address will do to find them.
    let bundle = bundle(&with_labels(rest, &|_| Some(0))?, size)?;
    Ok(Item::Bundle {
        text: rest,
        says,
        size: bundle.bytes() as u32,
        fixed: size.is_some(),
    })
}

fn bundle(text: &str, size: Option<u32>) -> Result<Bundle, AsmCause> {
    let bundle = match text {
        "nop" => Bundle::new(&[], None)?,
        _ => parse_bundle(text, None)?,
    };
    Ok(match size {
        Some(size) => bundle.with_size(size as usize)?,
        None => bundle,
    })
}

/// The text with addresses for labels.
fn with_labels(text: &str, place: &dyn Fn(&str) -> Option<u32>) -> Result<String, AsmCause> {
    let mut parts = text.split('@');
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let end = part.find(|c| !is_name(c)).unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        let at = place(name).ok_or_else(|| AsmCause::NoLabel(name.to_owned()))?;
        out += &format!("#{at}{rest}");
    }
    Ok(out)
}

/// Makes bundles longer, the last first, until they end at a multiple.
fn align(items: &mut [(usize, Item<'_>)], bytes: u32) -> Result<(), AsmCause> {
    let end: u32 = items.iter().map(|i| i.1.size()).sum();
    let mut missing = end.next_multiple_of(bytes) - end;
    for (_, item) in items.iter_mut().rev() {
        if let Item::Bundle {
            text,
            size,
            fixed: false,
            ..
        } = item
        {
            let plain = bundle(&with_labels(text, &|_| Some(0))?, None)?;
            let longer = (*size + 1..=*size + missing).rev();
            let mut longer = longer.filter(|s| plain.with_size(*s as usize).is_ok());
            if let Some(longer) = longer.next() {
                missing -= longer - *size;
                *size = longer;
            }
        }
    }
    match missing {
        0 => Ok(()),
        missing => Err(AsmCause::NoRoom { missing }),
    }
}

fn encode(item: &Item<'_>, here: u32, places: &HashMap<&str, u32>) -> Result<Vec<u8>, AsmCause> {
    let (text, says, size) = match item {
        Item::Bytes(bytes) => return Ok(bytes.clone()),
        Item::Bundle {
            text, says, size, ..
        } => (text, says, size),
    };
    if let Some(says) = says.filter(|says| *says != here) {
        return Err(AsmCause::Address { here, says });
    }
    let text = with_labels(text, &|name| places.get(name).copied())?;
    for name in text_labels(item) {
        let address = places.get(name).copied().unwrap_or(0);
        if address % TARGET_ALIGN != 0 {
            let name = name.to_owned();
            return Err(AsmCause::Misaligned { name, address });
        }
    }
    let bundle = bundle(&text, Some(*size))?;
    Ok(bundle.encode().to_vec())
}

/// The labels that a bundle names.
fn text_labels<'t>(item: &Item<'t>) -> impl Iterator<Item = &'t str> {
    let text = match item {
        Item::Bundle { text, .. } => text,
        Item::Bytes(_) => "",
    };
    text.split('@').skip(1).map(|part| {
        let end = part.find(|c| !is_name(c)).unwrap_or(part.len());
        &part[..end]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::listing;

    const LOOP: &str = "main:\n movxm ls, @.body // a loop\n movxm le, @.last\n mova r0, #8\n nop\n\
        .align 16\n.body:\n  vlda wl0, [p0], #32\n.align 16\n.last:\n 16 vst wl0, [p1], #32\nend:\n ret lr\n";

    #[test]
    fn assembles_what_it_lists() {
        let image = assemble(LOOP).unwrap_or_else(|e| panic!("{e}"));
        let text = listing(&image.text, 0, &image.symbols);
        insta::assert_snapshot!(text);
        let again = assemble(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(again.text, image.text);
    }

    #[test]
    fn wrong_lines_are_named() {
        let texts = [
            "mova r0, #8\nfrobnicate r0",
            "j @nowhere",
            "a:\na:",
            "nop\na:\n j @a",
            "0010 0 2 nop",
            "mova r0, #8 ; mova r1, #9",
            ".align 16\nnop\n.align 3",
            "4 .text",
            "2 mova r0, #8",
        ];
        let errors = texts.map(|t| match assemble(t) {
            Ok(image) => format!("{t:?}: {} bytes", image.text.len()),
            Err(error) => format!("{t:?}: {error}"),
        });
        insta::assert_snapshot!(errors.join("\n"));
    }
}
