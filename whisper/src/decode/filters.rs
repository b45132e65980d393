//! Rules that forbid tokens, by setting their logits to minus infinity.

use super::DecodingOptions;
use super::scores::{highest, log_sum_exp};
use crate::tokenizer::{Specials, Token, Tokenizer};

const NEVER: f32 = f32::NEG_INFINITY;

/// All rules of one decoding.
#[derive(Clone, Debug)]
pub(super) struct Filters {
    /// Forbidden as first token.
    blank: Vec<Token>,
    /// Forbidden always.
    suppressed: Vec<Token>,
    /// Rules of timestamps, unless there are none.
    times: Option<Times>,
}

#[derive(Clone, Debug)]
struct Times {
    specials: Specials,
    /// Largest step of the first timestamp.
    first_limit: Option<usize>,
}

impl Filters {
    pub(super) fn new(
        tokenizer: &Tokenizer,
        options: &DecodingOptions,
        audio_positions: usize,
    ) -> Self {
        let specials = *tokenizer.specials();
        let mut blank = Vec::new();
        if options.suppress_blank {
            blank = tokenizer.encode(" ");
            blank.push(specials.end_of_text);
        }
        let mut suppressed = options.suppress.clone();
        if options.suppress_non_speech {
            suppressed.extend(tokenizer.non_speech_tokens());
        }
        suppressed.extend([
            specials.start,
            specials.translate,
            specials.transcribe,
            specials.start_of_lm,
            specials.start_of_previous,
            specials.no_speech,
        ]);
        let times = (!options.without_timestamps).then(|| Times {
            specials,
            first_limit: options
                .max_initial_timestamp
                .filter(|&limit| limit > 0.0)
                .map(|limit| {
                    (f64::from(limit) * audio_positions as f64 / 30.0).round_ties_even() as usize
                }),
        });
        Filters {
            blank,
            suppressed: suppressed.into_iter().collect(),
            times,
        }
    }

    /// Applies the rules after the tokens `sampled` so far.
    pub(super) fn apply(&self, sampled: &[Token], logits: &mut [f32]) {
        if sampled.is_empty() {
            forbid(logits, &self.blank);
        }
        forbid(logits, &self.suppressed);
        if let Some(times) = &self.times {
            times.apply(sampled, logits);
        }
    }
}

fn forbid(logits: &mut [f32], tokens: &[Token]) {
    for &token in tokens {
        if let Some(logit) = logits.get_mut(token as usize) {
            *logit = NEVER;
        }
    }
}

impl Times {
    /// Timestamps come in pairs except before the end, never decrease, end after they begin, stand
    /// first, and are taken when together they are likelier than any text token.
    fn apply(&self, sampled: &[Token], logits: &mut [f32]) {
        let end = self.specials.end_of_text as usize;
        let first = self.specials.first_timestamp as usize;
        logits[self.specials.no_timestamps as usize] = NEVER;

        let is_time = |token: &Token| *token as usize >= first;
        let last_is_time = sampled.last().is_some_and(is_time);
        let before_is_time = sampled.len() < 2 || is_time(&sampled[sampled.len() - 2]);
        if last_is_time {
            if before_is_time {
                logits[first..].fill(NEVER);
            } else {
                logits[..end].fill(NEVER);
            }
        }
        if let Some(&latest) = sampled.iter().rfind(|t| is_time(t)) {
            // The start of the next segment may repeat the end of the last one; ends may not.
            let opens = last_is_time && !before_is_time;
            let allowed = latest as usize + usize::from(!opens);
            let allowed = allowed.min(logits.len());
            logits[first..allowed].fill(NEVER);
        }
        if sampled.is_empty() {
            logits[..first].fill(NEVER);
            if let Some(limit) = self.first_limit {
                let after = (first + limit + 1).min(logits.len());
                logits[after..].fill(NEVER);
            }
        }
        let (text, times) = logits.split_at_mut(first);
        if log_sum_exp(times) > highest(text) {
            text.fill(NEVER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::Vocabulary;

    struct Fixture {
        tokenizer: Tokenizer,
        size: usize,
    }

    impl Fixture {
        fn new() -> Self {
            let size = 256 + 1509 + 99;
            Fixture {
                tokenizer: Tokenizer::new(Vocabulary::bytes_only(size, true)),
                size,
            }
        }

        fn time(&self, step: u32) -> Token {
            self.tokenizer.specials().first_timestamp + step
        }

        /// What is allowed after `sampled` when all tokens but `b'a'` are equally likely.
        fn allowed(&self, options: &DecodingOptions, sampled: &[Token]) -> Vec<Token> {
            let filters = Filters::new(&self.tokenizer, options, 1500);
            let mut logits = vec![0.0; self.size];
            // Likelier than all timestamps together.
            logits[usize::from(b'a')] = 10.0;
            filters.apply(sampled, &mut logits);
            (0..self.size as u32)
                .filter(|&t| logits[t as usize] > NEVER)
                .collect()
        }
    }

    #[test]
    fn the_first_token_is_an_early_timestamp() {
        let f = Fixture::new();
        let allowed = f.allowed(&DecodingOptions::default(), &[]);
        assert_eq!(
            allowed,
            (0..=50).map(|step| f.time(step)).collect::<Vec<_>>()
        );
        let late = DecodingOptions {
            max_initial_timestamp: None,
            ..Default::default()
        };
        assert_eq!(f.allowed(&late, &[]).len(), 1501);
    }

    #[test]
    fn times_come_in_pairs_and_do_not_go_back() {
        let f = Fixture::new();
        let options = DecodingOptions::default();
        let end = f.tokenizer.specials().end_of_text;
        let text = u32::from(b'x');
        let after_start = f.allowed(&options, &[f.time(4)]);
        assert!(after_start.contains(&text) && after_start.iter().all(|&t| t < f.time(0)));
        let in_text = f.allowed(&options, &[f.time(4), text]);
        assert!(in_text.contains(&text) && in_text.contains(&end));
        assert!(!in_text.contains(&f.time(4)) && in_text.contains(&f.time(5)));
        let after_end = f.allowed(&options, &[f.time(4), text, f.time(9)]);
        assert!(after_end.contains(&f.time(9)) && !after_end.contains(&f.time(8)));
        assert!(after_end.iter().all(|&t| t >= end));
        let after_pair = f.allowed(&options, &[f.time(4), text, f.time(9), f.time(9)]);
        assert!(after_pair.iter().all(|&t| t < f.time(0)));
        assert!(!in_text.contains(&f.tokenizer.specials().no_timestamps));
    }

    #[test]
    fn likely_times_silence_text() {
        let f = Fixture::new();
        let filters = Filters::new(&f.tokenizer, &DecodingOptions::default(), 1500);
        // 1500 timestamps outweigh a text token that is seven times as likely as each of them.
        let mut logits = vec![0.0; f.size];
        logits[usize::from(b'a')] = 2.0;
        filters.apply(&[f.time(0), u32::from(b'x')], &mut logits);
        assert_eq!(logits[usize::from(b'a')], NEVER);
        assert_eq!(logits[f.time(7) as usize], 0.0);
    }

    #[test]
    fn without_times_only_blank_and_suppressed_tokens_are_forbidden() {
        let f = Fixture::new();
        let options = DecodingOptions {
            without_timestamps: true,
            suppress: [u32::from(b'q')].into(),
            suppress_non_speech: false,
            ..Default::default()
        };
        let first = f.allowed(&options, &[]);
        assert!(!first.contains(&u32::from(b' ')) && !first.contains(&u32::from(b'q')));
        let later = f.allowed(&options, &[u32::from(b'x')]);
        assert!(later.contains(&u32::from(b' ')) && !later.contains(&u32::from(b'q')));
        assert!(later.contains(&u32::from(b'[')));
        let speech = DecodingOptions {
            suppress_non_speech: true,
            ..options
        };
        assert!(
            !f.allowed(&speech, &[u32::from(b'x')])
                .contains(&u32::from(b'['))
        );
    }
}
