//! Punctuation joined to the word it belongs to.

use super::words::Timing;

/// Joins opening marks, which stand alone behind a space, to the word after them, and closing marks
/// to the word before. Emptied words stay in place for the count of tokens.
pub(super) fn merge(words: &mut [Timing], opening: &str, closing: &str) {
    let mut following = words.len().wrapping_sub(1);
    for previous in (0..words.len().saturating_sub(1)).rev() {
        let word = &words[previous].word;
        if word.starts_with(' ') && opening.contains(word.trim()) {
            let mark = std::mem::take(&mut words[previous].word);
            let mut tokens = std::mem::take(&mut words[previous].tokens);
            words[following].word.insert_str(0, &mark);
            tokens.append(&mut words[following].tokens);
            words[following].tokens = tokens;
        } else {
            following = previous;
        }
    }
    let mut previous = 0;
    for following in 1..words.len() {
        let closes = closing.contains(words[following].word.as_str());
        if !words[previous].word.ends_with(' ') && closes {
            let mark = std::mem::take(&mut words[following].word);
            let mut tokens = std::mem::take(&mut words[following].tokens);
            words[previous].word.push_str(&mark);
            words[previous].tokens.append(&mut tokens);
        } else {
            previous = following;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_join_their_words() {
        let mut words: Vec<Timing> = [" \"", "Ask", " not", ",", "\"", " he", " said", "."]
            .iter()
            .enumerate()
            .map(|(i, word)| Timing {
                word: (*word).into(),
                tokens: vec![i as u32],
                start: i as f64,
                end: i as f64 + 1.0,
                probability: 1.0,
            })
            .collect();
        merge(&mut words, "\"'“¿([{-", "\"'.,!?");
        let kept: Vec<(&str, &[u32])> = words
            .iter()
            .filter(|w| !w.word.is_empty())
            .map(|w| (w.word.as_str(), &w.tokens[..]))
            .collect();
        let expected: [(&str, &[u32]); 4] = [
            (" \"Ask", &[0, 1]),
            (" not,\"", &[2, 3, 4]),
            (" he", &[5]),
            (" said.", &[6, 7]),
        ];
        assert_eq!(kept, expected);
        merge(&mut [], "(", ")");
    }
}
