//! Text to tokens and back, special tokens, timestamps, words.
//!
//! Token ids of text are merge ranks, as in the vocabularies openai-whisper ships; the special
//! tokens follow in a fixed order, so that the size of the embedding says how many languages there
//! are. Facts: openai-whisper `tokenizer.py`, tiktoken.

mod bpe;
mod languages;
mod vocabulary;
mod words;

use std::collections::BTreeSet;

pub use languages::{LANGUAGES, language_code, language_name};
pub use vocabulary::Vocabulary;
pub use words::WordTokens;

use crate::{Error, Result};

/// A token: a row of the decoder's embedding.
pub type Token = u32;

/// Seconds between two timestamp tokens.
pub const TIMESTAMP_STEP: f64 = 0.02;

/// What the decoder is asked to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// The words in the language that is spoken.
    #[default]
    Transcribe,
    /// English.
    Translate,
}

/// The tokens that are not text, in the order of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Specials {
    /// End of text; text tokens are below.
    pub end_of_text: Token,
    /// Start of transcript; language tokens follow it.
    pub start: Token,
    /// Task: translate into English.
    pub translate: Token,
    /// Task: transcribe.
    pub transcribe: Token,
    /// Start of a language model's text.
    pub start_of_lm: Token,
    /// Start of previous text.
    pub start_of_previous: Token,
    /// There is no speech.
    pub no_speech: Token,
    /// No timestamps follow.
    pub no_timestamps: Token,
    /// 0.00 s; later times follow in steps of [`TIMESTAMP_STEP`].
    pub first_timestamp: Token,
}

/// The tokenizer of one model.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    bpe: bpe::Bpe,
    vocabulary: Vocabulary,
    specials: Specials,
}

impl Tokenizer {
    /// The tokenizer of a vocabulary.
    pub fn new(vocabulary: Vocabulary) -> Self {
        let text = vocabulary.tokens().len() as Token;
        let after = text + 2 + vocabulary.languages() as Token;
        Tokenizer {
            bpe: bpe::Bpe::new(vocabulary.tokens()),
            specials: Specials {
                end_of_text: text,
                start: text + 1,
                translate: after,
                transcribe: after + 1,
                start_of_lm: after + 2,
                start_of_previous: after + 3,
                no_speech: after + 4,
                no_timestamps: after + 5,
                first_timestamp: after + 6,
            },
            vocabulary,
        }
    }

    /// The special tokens.
    pub fn specials(&self) -> &Specials {
        &self.specials
    }

    /// Tokens in all, text and special.
    pub fn size(&self) -> usize {
        self.vocabulary.size()
    }

    /// Whether the model knows languages and tasks, or only transcribes English.
    pub fn multilingual(&self) -> bool {
        self.vocabulary.multilingual()
    }

    /// Codes of the languages that have a token, in the order of the tokens.
    pub fn languages(&self) -> impl Iterator<Item = &'static str> {
        LANGUAGES[..self.vocabulary.languages()]
            .iter()
            .map(|(code, _)| *code)
    }

    /// The token of a language's code.
    ///
    /// # Errors
    /// [`Error::Language`] if the model has no such language.
    pub fn language_token(&self, code: &str) -> Result<Token> {
        self.languages()
            .position(|known| known == code)
            .map(|at| self.specials.start + 1 + at as Token)
            .ok_or_else(|| Error::Language {
                name: code.to_owned(),
                known: format!("{} languages", self.vocabulary.languages()),
            })
    }

    /// The tokens a transcript begins with: start, and in multilingual models language and task.
    ///
    /// # Errors
    /// [`Error::Language`] if the model has no such language.
    pub fn start_sequence(&self, language: &str, task: Task) -> Result<Vec<Token>> {
        if !self.multilingual() {
            return Ok(vec![self.specials.start]);
        }
        let task = match task {
            Task::Transcribe => self.specials.transcribe,
            Task::Translate => self.specials.translate,
        };
        Ok(vec![
            self.specials.start,
            self.language_token(language)?,
            task,
        ])
    }

    /// Tokens of a text. Special tokens written out in it are text as well.
    pub fn encode(&self, text: &str) -> Vec<Token> {
        self.bpe.encode(text)
    }

    /// Text of tokens without timestamps; broken UTF-8 becomes U+FFFD.
    pub fn decode(&self, tokens: &[Token]) -> String {
        let times = self.specials.first_timestamp;
        self.decode_all(tokens.iter().copied().filter(|&t| t < times))
    }

    /// Text of tokens with timestamps written as `<|1.08|>`.
    pub fn decode_with_timestamps(&self, tokens: &[Token]) -> String {
        self.decode_all(tokens.iter().copied())
    }

    fn decode_all(&self, tokens: impl Iterator<Item = Token>) -> String {
        let mut bytes = Vec::new();
        for token in tokens {
            match self.vocabulary.tokens().get(token as usize) {
                Some(text) => bytes.extend_from_slice(text),
                None => bytes.extend_from_slice(self.special_text(token).as_bytes()),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn special_text(&self, token: Token) -> String {
        let s = &self.specials;
        let name = match token {
            t if t >= s.first_timestamp => {
                format!("{:.2}", f64::from(t - s.first_timestamp) * TIMESTAMP_STEP)
            }
            t if t == s.end_of_text => "endoftext".into(),
            t if t == s.start => "startoftranscript".into(),
            t if t == s.translate => "translate".into(),
            t if t == s.transcribe => "transcribe".into(),
            t if t == s.start_of_lm => "startoflm".into(),
            t if t == s.start_of_previous => "startofprev".into(),
            t if t == s.no_speech => "nospeech".into(),
            t if t == s.no_timestamps => "notimestamps".into(),
            t => LANGUAGES[(t - s.start - 1) as usize].0.into(),
        };
        format!("<|{name}|>")
    }

    /// Tokens that annotate rather than speak: brackets, musical notes, dashes that name speakers.
    pub fn non_speech_tokens(&self) -> BTreeSet<Token> {
        let singles = "\"#()*+/:;<=>@[\\]^_`{|}~「」『』";
        let groups = "<< >> <<< >>> -- --- -( -[ (' (\" (( )) ((( ))) [[ ]] {{ }} ♪♪ ♪♪♪";
        // These may take several tokens, of which the first is shared by all of their block.
        let notes = "♩♪♫♬♭♮♯";
        let mut found = BTreeSet::new();
        for start in [" -", " '"] {
            found.extend(self.encode(start).first());
        }
        let symbols = singles
            .chars()
            .map(|c| (c.to_string(), false))
            .chain(groups.split(' ').map(|g| (g.to_owned(), false)))
            .chain(notes.chars().map(|c| (c.to_string(), true)));
        for (symbol, first_of_many) in symbols {
            for text in [symbol.clone(), format!(" {symbol}")] {
                let tokens = self.encode(&text);
                if tokens.len() == 1 || first_of_many {
                    found.extend(tokens.first());
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specials_follow_the_text_in_whisper_s_order() {
        let english = Tokenizer::new(Vocabulary::bytes_only(256 + 1509 + 99, false));
        let s = *english.specials();
        assert_eq!(s.end_of_text, 256);
        // In tiny.en these are 50256, 50257, 50357, 50361, 50362 and 50363.
        let shift = 50256 - 256;
        assert_eq!(
            [
                s.start,
                s.translate,
                s.no_speech,
                s.no_timestamps,
                s.first_timestamp
            ]
            .map(|t| t + shift),
            [50257, 50357, 50361, 50362, 50363]
        );
        assert_eq!(
            english.start_sequence("en", Task::Transcribe).unwrap(),
            [s.start]
        );
        assert_eq!(
            english.decode_with_timestamps(&[104, 105, s.first_timestamp + 54, s.start + 3]),
            "hi<|1.08|><|de|>"
        );
        assert_eq!(english.decode(&[104, s.first_timestamp]), "h");
    }

    #[test]
    fn multilingual_models_start_with_language_and_task() {
        let tokenizer = Tokenizer::new(Vocabulary::bytes_only(256 + 1509 + 100, true));
        let s = *tokenizer.specials();
        assert_eq!(
            tokenizer.start_sequence("de", Task::Translate).unwrap(),
            [s.start, s.start + 3, s.translate]
        );
        assert_eq!(tokenizer.language_token("yue").unwrap(), s.start + 100);
        let few = Tokenizer::new(Vocabulary::bytes_only(256 + 1509 + 99, true));
        assert!(few.language_token("yue").is_err());
    }
}
