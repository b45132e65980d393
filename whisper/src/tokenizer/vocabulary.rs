//! The tokens of text, read from what models come with.

use std::collections::HashMap;

use crate::dimensions::{SPECIALS, TIMESTAMPS};
use crate::{Error, Result};

use super::LANGUAGES;

/// Smallest embedding of a multilingual model.
const MULTILINGUAL: usize = 51_865;

/// The bytes of every text token, and what follows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    tokens: Vec<Vec<u8>>,
    languages: usize,
    multilingual: bool,
}

impl Vocabulary {
    /// A vocabulary of text `tokens` in an embedding of `size` rows. Whether it is multilingual is
    /// told by its size unless given.
    ///
    /// # Errors
    /// [`Error::Vocabulary`] if the special tokens do not fit behind the text, or a byte has no
    /// token.
    pub fn new(tokens: Vec<Vec<u8>>, size: usize, multilingual: Option<bool>) -> Result<Self> {
        let fixed = tokens.len() + SPECIALS + TIMESTAMPS;
        let languages = size.checked_sub(fixed).filter(|&n| n <= LANGUAGES.len());
        let languages = languages.ok_or_else(|| Error::Vocabulary {
            reason: format!(
                "{} text tokens and {} special ones leave room for up to {} languages, the model has {size} rows",
                tokens.len(),
                SPECIALS + TIMESTAMPS,
                LANGUAGES.len()
            ),
        })?;
        let mut seen = [false; 256];
        for token in tokens.iter().filter(|t| t.len() == 1) {
            seen[usize::from(token[0])] = true;
        }
        if let Some(byte) = seen.iter().position(|&s| !s) {
            return Err(Error::Vocabulary {
                reason: format!("byte {byte:#04x} has no token, every byte must have one"),
            });
        }
        Ok(Vocabulary {
            tokens,
            languages,
            multilingual: multilingual.unwrap_or(size >= MULTILINGUAL),
        })
    }

    /// A vocabulary of the 256 bytes alone, for models made by code, with as many languages as
    /// `size` leaves room for, at most those known.
    pub fn bytes_only(size: usize, multilingual: bool) -> Self {
        Vocabulary {
            tokens: (0..=255u8).map(|b| vec![b]).collect(),
            languages: size
                .saturating_sub(256 + SPECIALS + TIMESTAMPS)
                .min(LANGUAGES.len()),
            multilingual,
        }
    }

    /// A vocabulary from Hugging Face's names, where every byte is written as a printable character.
    ///
    /// # Errors
    /// [`Error::Vocabulary`] if ids are missing or names are no byte strings.
    pub fn from_hugging_face(
        names: HashMap<String, u32>,
        size: usize,
        multilingual: Option<bool>,
    ) -> Result<Self> {
        let special = |name: &str| name.len() > 4 && name.starts_with("<|") && name.ends_with("|>");
        let count = match names.get("<|endoftext|>") {
            Some(&end) => end as usize,
            None => names.keys().filter(|name| !special(name)).count(),
        };
        if count > size {
            return Err(Error::Vocabulary {
                reason: format!("end of text is token {count}, the model has {size} rows"),
            });
        }
        let letters = byte_letters();
        let mut tokens: Vec<Option<Vec<u8>>> = vec![None; count];
        for (name, id) in &names {
            let Some(slot) = tokens.get_mut(*id as usize) else {
                continue;
            };
            let bytes: Option<Vec<u8>> = name.chars().map(|c| letters.get(&c).copied()).collect();
            *slot = Some(bytes.ok_or_else(|| Error::Vocabulary {
                reason: format!("token {id} is {name:?}, which is not in GPT-2's byte alphabet"),
            })?);
        }
        let tokens: Option<Vec<Vec<u8>>> = tokens.into_iter().collect();
        let tokens = tokens.ok_or_else(|| Error::Vocabulary {
            reason: format!("not every id below {count} has a token"),
        })?;
        Self::new(tokens, size, multilingual)
    }

    /// The bytes of every text token, by id.
    pub fn tokens(&self) -> &[Vec<u8>] {
        &self.tokens
    }

    /// Language tokens.
    pub fn languages(&self) -> usize {
        self.languages
    }

    /// Whether language and task are part of the prompt.
    pub fn multilingual(&self) -> bool {
        self.multilingual
    }

    /// Tokens in all.
    pub fn size(&self) -> usize {
        self.tokens.len() + SPECIALS + self.languages + TIMESTAMPS
    }
}

/// GPT-2's alphabet: printable bytes stand for themselves, the others for U+0100 onwards.
/// Fact: gpt-2 `encoder.py`, `bytes_to_unicode`.
fn byte_letters() -> HashMap<char, u8> {
    let mut next = 0x100u32;
    (0..=255u8)
        .map(|byte| {
            let printable = matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
            let letter = if printable {
                char::from(byte)
            } else {
                let letter = char::from_u32(next).unwrap_or(char::REPLACEMENT_CHARACTER);
                next += 1;
                letter
            };
            (letter, byte)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_cover_every_byte_once() {
        let letters = byte_letters();
        assert_eq!(letters.len(), 256);
        assert_eq!(
            (letters[&'Ġ'], letters[&'a'], letters[&'Ċ']),
            (b' ', b'a', b'\n')
        );
    }

    #[test]
    fn sizes_must_fit() {
        let bytes = Vocabulary::bytes_only(3000, false).tokens().to_vec();
        assert!(Vocabulary::new(bytes.clone(), 256 + 1509 + 99, None).is_ok());
        assert!(Vocabulary::new(bytes.clone(), 256 + 1509 + 101, None).is_err());
        assert!(Vocabulary::new(bytes.clone(), 300, None).is_err());
        assert!(Vocabulary::new(bytes[1..].to_vec(), 255 + 1509, None).is_err());
        let names = [("a".to_owned(), 0u32), ("<|endoftext|>".to_owned(), 2)];
        assert!(Vocabulary::from_hugging_face(names.into(), 4000, None).is_err());
    }
}
