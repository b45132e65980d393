//! Beam search over one window's sequences.

use super::scores::{largest, log_sum_exp};
use super::task::Row;
use crate::tokenizer::Token;

/// The state of a search.
#[derive(Clone, Debug)]
pub(super) struct Beam {
    size: usize,
    /// Finished sequences to wait for.
    candidates: usize,
    finished: Vec<Row>,
}

/// A sequence that may be kept: the row it continues, the token, and its log-probability in all.
struct Candidate {
    source: usize,
    token: Token,
    sum: f32,
}

impl Beam {
    pub(super) fn new(size: usize, patience: Option<f32>) -> Self {
        let candidates = (size as f32 * patience.unwrap_or(1.0)).round_ties_even();
        Beam {
            size,
            candidates: (candidates as usize).max(1),
            finished: Vec::new(),
        }
    }

    /// Continues `rows`, each with its logits, to the best `size` sequences that have not ended.
    /// Gives for each the row it came from. In the first step there is one row, in later ones all
    /// rows differ, so that no two candidates are the same.
    pub(super) fn advance(
        &mut self,
        rows: &mut Vec<Row>,
        logits: &[&[f32]],
        end: Token,
    ) -> Vec<usize> {
        let mut found: Vec<Candidate> = Vec::with_capacity(rows.len() * (self.size + 1));
        for (source, (row, logits)) in rows.iter().zip(logits).enumerate() {
            let all = log_sum_exp(logits);
            found.extend(
                largest(logits, self.size + 1)
                    .into_iter()
                    .map(|(token, logit)| Candidate {
                        source,
                        token: token as Token,
                        sum: row.sum + (logit - all),
                    }),
            );
        }
        found.sort_by(|a, b| b.sum.total_cmp(&a.sum));
        let mut next = Vec::with_capacity(self.size);
        let mut sources = Vec::with_capacity(self.size);
        for candidate in found {
            let mut row = rows[candidate.source].clone();
            row.sum = candidate.sum;
            if candidate.token == end {
                // In order of their probability, as many as are waited for.
                if self.finished.len() < self.candidates {
                    row.ended = true;
                    self.finished.push(row);
                }
                continue;
            }
            row.tokens.push(candidate.token);
            next.push(row);
            sources.push(candidate.source);
            if next.len() == self.size {
                break;
            }
        }
        *rows = next;
        sources
    }

    /// Whether enough sequences have ended.
    pub(super) fn complete(&self) -> bool {
        self.finished.len() >= self.candidates
    }

    /// The finished sequences; where they are fewer than beams, with the best unfinished ones.
    pub(super) fn finish(mut self, mut rows: Vec<Row>) -> Vec<Row> {
        rows.sort_by(|a, b| b.sum.total_cmp(&a.sum));
        let missing = self.size.saturating_sub(self.finished.len());
        self.finished.extend(rows.into_iter().take(missing));
        self.finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: Token = 0;

    fn logits(probabilities: [f32; 4]) -> Vec<f32> {
        probabilities.iter().map(|p| p.ln()).collect()
    }

    fn tokens(rows: &[Row]) -> Vec<Vec<Token>> {
        rows.iter().map(|r| r.tokens.clone()).collect()
    }

    #[test]
    fn a_later_better_sequence_overtakes() {
        let mut beam = Beam::new(2, None);
        let mut rows = vec![Row::default()];
        let first = logits([0.1, 0.5, 0.4, 0.0]);
        assert_eq!(beam.advance(&mut rows, &[&first], END), [0, 0]);
        assert_eq!(tokens(&rows), [[1], [2]]);
        let (flat, sharp) = (
            logits([0.3, 0.3, 0.2, 0.2]),
            logits([0.02, 0.9, 0.04, 0.04]),
        );
        assert_eq!(beam.advance(&mut rows, &[&flat, &sharp], END), [1, 0]);
        assert_eq!(tokens(&rows), [vec![2, 1], vec![1, 1]]);
        // The end of [1] was as likely as [1, 1] and comes first, so it is among the finished.
        assert_eq!(tokens(&beam.finished), [[1]]);
        assert!(!beam.complete());
        let all = beam.finish(rows);
        assert_eq!(tokens(&all), [vec![1], vec![2, 1]]);
    }

    #[test]
    fn patience_waits_for_more() {
        for (patience, candidates) in [(None, 2), (Some(2.0), 4), (Some(0.5), 1)] {
            assert_eq!(Beam::new(2, patience).candidates, candidates);
        }
    }
}
