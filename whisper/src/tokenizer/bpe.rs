//! Byte pair encoding by ranks.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use fancy_regex::Regex;

use super::Token;

/// How text falls into pieces that are never merged across. Fact: gpt-2 `encoder.py`.
const PIECES: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// Merges bytes into tokens, the lowest token id first, the leftmost where equal.
#[derive(Clone, Debug)]
pub(super) struct Bpe {
    ids: HashMap<Vec<u8>, Token>,
    pieces: Option<Regex>,
}

impl Bpe {
    pub(super) fn new(tokens: &[Vec<u8>]) -> Self {
        let mut ids = HashMap::with_capacity(tokens.len());
        for (id, bytes) in tokens.iter().enumerate() {
            if !bytes.is_empty() {
                ids.entry(bytes.clone()).or_insert(id as Token);
            }
        }
        Bpe {
            ids,
            pieces: Regex::new(PIECES).ok(),
        }
    }

    pub(super) fn encode(&self, text: &str) -> Vec<Token> {
        let mut out = Vec::new();
        let mut done = 0;
        for piece in self.pieces.iter().flat_map(|p| p.find_iter(text)) {
            // Only a text of absurd length can exhaust the expression; its rest is one piece.
            let Ok(piece) = piece else { break };
            self.merge(piece.as_str().as_bytes(), &mut out);
            done = piece.end();
        }
        self.merge(&text.as_bytes()[done..], &mut out);
        out
    }

    /// Merges one piece. Parts form a list linked by `next` and `before`; a heap holds the merges
    /// that looked possible, and those whose parts have changed since are passed over.
    fn merge(&self, piece: &[u8], out: &mut Vec<Token>) {
        if let Some(&id) = self.ids.get(piece) {
            out.push(id);
            return;
        }
        let count = piece.len();
        let mut next: Vec<usize> = (1..=count).collect();
        let mut before: Vec<usize> = (0..count).map(|i| i.wrapping_sub(1)).collect();
        let mut heap = BinaryHeap::new();
        let consider = |heap: &mut BinaryHeap<_>, start: usize, next: &[usize]| {
            let middle = next[start];
            if middle < count {
                let end = next[middle];
                if let Some(&id) = self.ids.get(&piece[start..end]) {
                    heap.push(Reverse((id, start, end)));
                }
            }
        };
        for start in 0..count {
            consider(&mut heap, start, &next);
        }
        let mut gone = vec![false; count];
        while let Some(Reverse((_, start, end))) = heap.pop() {
            let fresh = !gone[start] && next[start] < count && next[next[start]] == end;
            if !fresh {
                continue;
            }
            gone[next[start]] = true;
            next[start] = end;
            if end < count {
                before[end] = start;
            }
            consider(&mut heap, start, &next);
            if let Some(&previous) = before.get(start).filter(|&&p| p < count) {
                consider(&mut heap, previous, &next);
            }
        }
        let mut at = 0;
        while at < count {
            out.extend(self.ids.get(&piece[at..next[at]]));
            at = next[at];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn small() -> (Vec<Vec<u8>>, Bpe) {
        let mut tokens: Vec<Vec<u8>> = (0..=255u8).map(|b| vec![b]).collect();
        for merge in [
            "ab", "bc", "abc", "aa", "aab", " a", " ab", "cab", "bb", "aabb",
        ] {
            tokens.push(merge.into());
        }
        let bpe = Bpe::new(&tokens);
        (tokens, bpe)
    }

    /// The same by the book: find the best pair, merge it, begin again.
    fn plain(bpe: &Bpe, piece: &[u8]) -> Vec<Token> {
        let mut parts: Vec<Vec<u8>> = piece.iter().map(|&b| vec![b]).collect();
        loop {
            let best = (0..parts.len().saturating_sub(1))
                .filter_map(|i| {
                    let joined = [parts[i].clone(), parts[i + 1].clone()].concat();
                    bpe.ids.get(&joined).map(|&id| (id, i, joined))
                })
                .min();
            let Some((_, i, joined)) = best else { break };
            parts.splice(i..i + 2, [joined]);
        }
        parts.iter().map(|p| bpe.ids[p]).collect()
    }

    #[test]
    fn pieces_keep_words_and_spaces_apart() {
        let (tokens, bpe) = small();
        let text = "  ab abc'll 12\n\n x";
        let bytes: Vec<u8> = bpe
            .encode(text)
            .iter()
            .flat_map(|&t| tokens[t as usize].clone())
            .collect();
        assert_eq!(bytes, text.as_bytes());
        assert_eq!(bpe.encode(" ab"), [262]);
        assert_eq!(bpe.encode("aabb"), [265]);
    }

    proptest! {
        #[test]
        fn the_heap_merges_as_the_book_does(piece in "[abc]{0,40}") {
            let (_, bpe) = small();
            let mut out = Vec::new();
            bpe.merge(piece.as_bytes(), &mut out);
            let known = bpe.ids.get(piece.as_bytes()).map(|&id| vec![id]);
            prop_assert_eq!(out, known.unwrap_or_else(|| plain(&bpe, piece.as_bytes())));
        }

        #[test]
        fn any_text_comes_back(text in "\\PC{0,60}") {
            let (tokens, bpe) = small();
            let bytes: Vec<u8> =
                bpe.encode(&text).iter().flat_map(|&t| tokens[t as usize].clone()).collect();
            prop_assert_eq!(bytes, text.as_bytes());
        }
    }
}
