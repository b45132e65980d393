//! Tokens grouped into words, for word times.

use super::{Token, Tokenizer};

/// Languages written without spaces, which are split at every whole character instead.
const SPACELESS: [&str; 6] = ["zh", "ja", "th", "lo", "my", "yue"];

const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// A word and its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordTokens {
    /// The text, with the space before it.
    pub text: String,
    /// Its tokens.
    pub tokens: Vec<Token>,
}

impl Tokenizer {
    /// Splits tokens into words of `language` (a code).
    pub fn words(&self, tokens: &[Token], language: &str) -> Vec<WordTokens> {
        let characters = self.whole_characters(tokens);
        if SPACELESS.contains(&language) {
            return characters;
        }
        let mut words: Vec<WordTokens> = Vec::new();
        for part in characters {
            let special = part.tokens[0] >= self.specials().end_of_text;
            let starts = special
                || part.text.starts_with(' ')
                || PUNCTUATION.contains(part.text.trim())
                || words.is_empty();
            match words.last_mut().filter(|_| !starts) {
                Some(word) => {
                    word.text.push_str(&part.text);
                    word.tokens.extend(part.tokens);
                }
                None => words.push(part),
            }
        }
        words
    }

    /// The shortest runs of tokens that are whole characters. U+FFFD that stands in the full text
    /// as well is a character of its own.
    fn whole_characters(&self, tokens: &[Token]) -> Vec<WordTokens> {
        let full: Vec<char> = self.decode_with_timestamps(tokens).chars().collect();
        let mut parts = Vec::new();
        let mut current = Vec::new();
        let mut offset = 0;
        for &token in tokens {
            current.push(token);
            let text = self.decode_with_timestamps(&current);
            let broken = text.chars().position(|c| c == char::REPLACEMENT_CHARACTER);
            let whole = match broken {
                None => true,
                Some(at) => full.get(offset + at) == Some(&char::REPLACEMENT_CHARACTER),
            };
            if whole {
                offset += text.chars().count();
                parts.push(WordTokens {
                    text,
                    tokens: std::mem::take(&mut current),
                });
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::Vocabulary;

    fn split(text: &str, language: &str) -> Vec<String> {
        let tokenizer = Tokenizer::new(Vocabulary::bytes_only(2000, true));
        let words = tokenizer.words(&tokenizer.encode(text), language);
        words.into_iter().map(|w| w.text).collect()
    }

    #[test]
    fn words_take_the_space_before_them() {
        assert_eq!(
            split(" so, my fellow", "en"),
            [" so", ",", " my", " fellow"]
        );
        assert_eq!(split(" größer", "de"), [" größer"]);
        assert_eq!(split("日本語", "ja"), ["日", "本", "語"]);
        assert_eq!(split("", "en"), Vec::<String>::new());
    }
}
