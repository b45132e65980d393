//! Cross-attention heads that follow the time of what is said.
//!
//! Source: openai-whisper `__init__.py`, `_ALIGNMENT_HEADS`, unpacked.

use crate::Dimensions;

/// Decoder layers, width, mel channels and languages of a published model, and its heads.
type Row = ((usize, usize, usize, bool), &'static [(usize, usize)]);

#[rustfmt::skip]
const HEADS: [Row; 11] = [
    // tiny.en, tiny
    ((4, 384, 80, false), &[(1, 0), (2, 0), (2, 5), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4)]),
    ((4, 384, 80, true), &[(2, 2), (3, 0), (3, 2), (3, 3), (3, 4), (3, 5)]),
    // base.en, base
    ((6, 512, 80, false), &[(3, 3), (4, 7), (5, 1), (5, 5), (5, 7)]),
    ((6, 512, 80, true), &[(3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6)]),
    // small.en, small
    ((12, 768, 80, false), &[
        (6, 6), (7, 0), (7, 3), (7, 8), (8, 2), (8, 5), (8, 7), (9, 0), (9, 4), (9, 8), (9, 10),
        (10, 0), (10, 1), (10, 2), (10, 3), (10, 6), (10, 11), (11, 2), (11, 4),
    ]),
    ((12, 768, 80, true), &[
        (5, 3), (5, 9), (8, 0), (8, 4), (8, 7), (8, 8), (9, 0), (9, 7), (9, 9), (10, 5),
    ]),
    // medium.en, medium
    ((24, 1024, 80, false), &[
        (11, 4), (14, 1), (14, 12), (14, 14), (15, 4), (16, 0), (16, 4), (16, 9), (17, 12),
        (17, 14), (18, 7), (18, 10), (18, 15), (20, 0), (20, 3), (20, 9), (20, 14), (21, 12),
    ]),
    ((24, 1024, 80, true), &[(13, 15), (15, 4), (15, 15), (16, 1), (20, 0), (23, 4)]),
    // large-v2; large-v1 has the same sizes and other heads, its checkpoint must name them
    ((32, 1280, 80, true), &[
        (10, 12), (13, 17), (16, 11), (16, 12), (16, 13), (17, 15), (17, 16), (18, 4), (18, 11),
        (18, 19), (19, 11), (21, 2), (21, 3), (22, 3), (22, 9), (22, 12), (23, 5), (23, 7),
        (23, 13), (25, 5), (26, 1), (26, 12), (27, 15),
    ]),
    // large-v3, large-v3-turbo
    ((32, 1280, 128, true), &[
        (7, 0), (10, 17), (12, 18), (13, 12), (16, 1), (17, 14), (19, 11), (21, 4), (24, 1), (25, 6),
    ]),
    ((4, 1280, 128, true), &[(2, 4), (2, 11), (3, 3), (3, 6), (3, 11), (3, 14)]),
];

/// The heads (layer, head) of a model by its sizes; all of the upper half of the layers where it
/// is none of the published ones.
pub fn alignment_heads(dims: &Dimensions, multilingual: bool) -> Vec<(usize, usize)> {
    let key = (
        dims.n_text_layer,
        dims.n_text_state,
        dims.n_mels,
        multilingual,
    );
    match HEADS.iter().find(|(known, _)| *known == key) {
        Some((_, heads)) => heads.to_vec(),
        None => (dims.n_text_layer / 2..dims.n_text_layer)
            .flat_map(|layer| (0..dims.n_text_head).map(move |head| (layer, head)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_within_their_models() {
        for ((layers, width, _, _), heads) in HEADS {
            assert!(
                heads
                    .iter()
                    .all(|&(layer, head)| layer < layers && head < width / 64)
            );
            assert!(heads.is_sorted());
        }
    }

    #[test]
    fn unknown_models_use_the_upper_half() {
        let dims = Dimensions {
            n_mels: 80,
            n_audio_ctx: 50,
            n_audio_state: 32,
            n_audio_head: 2,
            n_audio_layer: 3,
            n_vocab: 2000,
            n_text_ctx: 32,
            n_text_state: 32,
            n_text_head: 2,
            n_text_layer: 3,
        };
        assert_eq!(
            alignment_heads(&dims, true),
            [(1, 0), (1, 1), (2, 0), (2, 1)]
        );
    }
}
