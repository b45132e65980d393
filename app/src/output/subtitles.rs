//! SRT and VTT.
//!
//! Sources: SubRip as players read it; WebVTT: W3C, "WebVTT: The Web Video Text Tracks Format".

use super::{Provenance, Segment, Word, millis, one_line};

/// Header with a comment block. A comment must not hold an arrow or an empty line.
pub(super) fn vtt_header(provenance: &Provenance) -> String {
    format!(
        "WEBVTT\n\nNOTE {}\n\n",
        provenance.line().replace("-->", "->")
    )
}

pub(super) fn srt_cue(index: usize, segment: &Segment) -> String {
    let (start, end) = times(segment);
    format!(
        "{}\n{} --> {}\n{}\n\n",
        index + 1,
        stamp(start, true, ','),
        stamp(end, true, ','),
        one_line(segment.text.trim()).replace("-->", "->")
    )
}

pub(super) fn vtt_cue(segment: &Segment) -> String {
    let (start, end) = times(segment);
    let text = if segment.words.is_empty() {
        escape(&one_line(segment.text.trim()))
    } else {
        timed_words(&segment.words, start, end)
    };
    format!(
        "{} --> {}\n{text}\n\n",
        stamp(start, false, '.'),
        stamp(end, false, '.')
    )
}

/// Each word behind the time it begins. A time inside a cue must lie within it and after the one
/// before, so a word that does not fit the order stands without.
fn timed_words(words: &[Word], start: u64, end: u64) -> String {
    let mut out = String::new();
    let mut last = start;
    for word in words {
        let text = escape(&one_line(&word.text));
        let at = millis(word.start);
        if last < at && at < end {
            let body = text.trim_start();
            out.push_str(&text[..text.len() - body.len()]);
            out.push_str(&format!("<{}>", stamp(at, false, '.')));
            out.push_str(body);
            last = at;
        } else {
            out.push_str(&text);
        }
    }
    out.trim().to_owned()
}

/// From the first word to the last where words are known, else as the timestamps say.
fn times(segment: &Segment) -> (u64, u64) {
    match (segment.words.first(), segment.words.last()) {
        (Some(first), Some(last)) => (millis(first.start), millis(last.end)),
        _ => (millis(segment.start), millis(segment.end)),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// `00:00:00.000`; without hours where there are none and they may be left out.
fn stamp(millis: u64, hours: bool, mark: char) -> String {
    let (h, rest) = (millis / 3_600_000, millis % 3_600_000);
    let tail = format!(
        "{:02}:{:02}{mark}{:03}",
        rest / 60_000,
        rest / 1000 % 60,
        rest % 1000
    );
    if hours || h > 0 {
        format!("{h:02}:{tail}")
    } else {
        tail
    }
}
