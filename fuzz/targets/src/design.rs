//! Designs as text: what is read is printed and read again, and what is legal is lowered.
//!
//! Bytes that begin like a design are read as they are. Others change one: the first byte chooses it, and each
//! four that follow replace a word, take a line away, or put a line into another place.

use npuc::array::design::{Design, Spot};
use npuc::array::lower::lower;
use npuc::array::place::place;
use npuc::array::verify::verify;

/// Open tiles for which places are sought; more take long.
const OPEN_TILES: usize = 6;

/// Designs that are changed.
pub const DESIGNS: [(&str, &str); 5] = [
    ("layouts", include_str!("designs/layouts.design")),
    ("links", include_str!("designs/links.design")),
    ("packets", include_str!("designs/packets.design")),
    ("rings", include_str!("designs/rings.design")),
    ("loudest", include_str!("../../../aie-src/loudest.design")),
];

/// What stands in place of words.
const WORDS: [&str; 40] = [
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "15",
    "16",
    "17",
    "31",
    "32",
    "62",
    "63",
    "64",
    "255",
    "256",
    "512",
    "1023",
    "1024",
    "4096",
    "16384",
    "65536",
    "4294967295",
    "i8",
    "i16",
    "bf16",
    "f32",
    "produce",
    "consume",
    "MM2S",
    "S2MM",
    "packet 9",
    "via_dma",
    "repeat 3",
    "pad [1+1]",
    "with header",
    "token",
    "apart",
];

/// The text that bytes stand for.
pub fn text(data: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(data)
        && text.starts_with("design")
    {
        return text.to_string();
    }
    let (pick, edits) = data
        .split_first()
        .map_or((0, data), |(pick, edits)| (*pick, edits));
    let (_, design) = DESIGNS[usize::from(pick) % DESIGNS.len()];
    let mut lines: Vec<Vec<String>> = design.lines().map(words).collect();
    for edit in edits.as_chunks::<4>().0 {
        let [what, line, word, value] = edit.map(usize::from);
        let (at, other) = (line % lines.len(), (value * 7 + word) % lines.len());
        match what % 8 {
            0 if lines.len() > 1 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[other].clone()),
            2 => lines.swap(at, other),
            kind => {
                let new = match lines[other].as_slice() {
                    words if kind == 3 && !words.is_empty() => words[value % words.len()].clone(),
                    _ => WORDS[value % WORDS.len()].to_string(),
                };
                let count = lines[at].len().max(1);
                if let Some(old) = lines[at].get_mut(word % count) {
                    *old = new;
                }
            }
        }
    }
    let lines: Vec<String> = lines.iter().map(|line| line.concat()).collect();
    lines.join("\n")
}

/// The words of a line, with the signs between them.
fn words(line: &str) -> Vec<String> {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut words: Vec<String> = Vec::new();
    let mut last = None;
    for c in line.chars() {
        match words.last_mut() {
            Some(word) if last == Some(inside(c)) && inside(c) => word.push(c),
            _ => words.push(c.to_string()),
        }
        last = Some(inside(c));
    }
    words
}

/// Reads, prints, verifies and lowers the design of these bytes.
pub fn run(data: &[u8]) {
    let text = text(data);
    let Ok(design) = text.parse::<Design<Spot>>() else {
        return;
    };
    let again: Design<Spot> = design
        .to_string()
        .parse()
        .unwrap_or_else(|e| panic!("{e}\n{design}"));
    assert!(
        again == design,
        "a design changes as it is printed\n{design}"
    );
    let open = design.places().filter_map(Spot::open_tile).count();
    if open > OPEN_TILES {
        return;
    }
    let Ok(placement) = place(design) else {
        return;
    };
    if let Ok(verified) = verify(placement.design) {
        let _ = lower(&verified).map(|lowered| lowered.to_string());
    }
}
