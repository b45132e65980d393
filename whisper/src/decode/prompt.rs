//! The tokens that are fed before anything is chosen.

use super::DecodingOptions;
use crate::Result;
use crate::tokenizer::{Token, Tokenizer};

/// The first tokens of one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) tokens: Vec<Token>,
    /// Where the start of transcript is, whose logits tell whether there is speech.
    pub(super) start: usize,
}

/// Previous text, start of transcript, language and task, no timestamps, prefix: what of it is
/// asked for, in this order. `context` is the decoder's positions.
pub(super) fn prompt(
    tokenizer: &Tokenizer,
    options: &DecodingOptions,
    language: &str,
    context: usize,
) -> Result<Prompt> {
    let specials = tokenizer.specials();
    let mut tokens = Vec::new();
    if !options.prompt.is_empty() {
        tokens.push(specials.start_of_previous);
        tokens.extend(last(&options.prompt, context / 2 - 1));
    }
    let start = tokens.len();
    tokens.extend(tokenizer.start_sequence(language, options.task)?);
    if options.without_timestamps {
        tokens.push(specials.no_timestamps);
    }
    let sampled = options.sample_length.unwrap_or(context / 2);
    match (context / 2).checked_sub(sampled) {
        // No room is set aside when all of it may be sampled; the prefix is then taken whole.
        None | Some(0) => tokens.extend(&options.prefix),
        Some(room) => tokens.extend(last(&options.prefix, room)),
    }
    Ok(Prompt { tokens, start })
}

fn last(tokens: &[Token], count: usize) -> &[Token] {
    &tokens[tokens.len().saturating_sub(count)..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::{Task, Vocabulary};

    #[test]
    fn parts_come_in_order_and_are_cut_to_fit() {
        let tokenizer = Tokenizer::new(Vocabulary::bytes_only(256 + 1509 + 99, true));
        let s = *tokenizer.specials();
        let options = DecodingOptions {
            task: Task::Translate,
            prompt: (1..=9).collect(),
            prefix: vec![21, 22, 23],
            sample_length: Some(2),
            without_timestamps: true,
            ..Default::default()
        };
        let built = prompt(&tokenizer, &options, "de", 8).unwrap();
        assert_eq!(
            built.tokens,
            [
                s.start_of_previous,
                7,
                8,
                9,
                s.start,
                s.start + 3,
                s.translate,
                s.no_timestamps,
                22,
                23
            ]
        );
        assert_eq!(built.start, 4);
        let whole = DecodingOptions {
            sample_length: None,
            prompt: Vec::new(),
            ..options
        };
        let built = prompt(&tokenizer, &whole, "de", 8).unwrap();
        assert_eq!((built.start, built.tokens.len()), (0, 7));
    }
}
