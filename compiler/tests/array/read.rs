//! Designs as text and back; texts that are none.

use npuc::array::design::Design;
use npuc::overlays;
use proptest::prelude::*;

use super::designs;

fn goldens() -> Vec<Design> {
    vec![
        designs::passthrough(),
        designs::add(),
        designs::forward(),
        designs::distribute_join(),
        designs::broadcast(),
        designs::layouts(),
        designs::product2x2(),
        designs::product4x4(),
        designs::parameters(),
        designs::sliding_window(),
        designs::shared_memory(),
        designs::weights(),
        designs::padding(),
        designs::packets(),
    ]
}

#[test]
fn designs_come_back_from_their_text() {
    let overlays = overlays::standard().expect("described").into_iter();
    let overlays = overlays.map(|o| o.source().expect("described").design);
    for design in goldens().into_iter().chain(overlays) {
        let text = design.to_string();
        let read: Design = text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(read, design);
    }
}

#[test]
fn texts_that_are_no_designs_are_refused() {
    let good = designs::passthrough().to_string();
    let edit = |from: &str, to: &str| {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "`{from}` is there");
        text.parse::<Design>().expect_err("refused").to_string()
    };
    let messages = [
        edit("fifo", "fifi"),
        edit("i32[64]", "i31[64]"),
        edit("i32[64]", "i32[64x]"),
        edit("depth 2", "depth two"),
        edit("depth 2", "depth 99999999999"),
        edit("->", "-"),
        edit("consume", "consumes"),
        edit("call copy(", "call copy in["),
        edit("sizes [1, 1, 1, 256]", "sizes [1, 1, 256]"),
        edit("wait out\n  }\n}\n", "wait out"),
        format!("{good}}}")
            .parse::<Design>()
            .expect_err("refused")
            .to_string(),
        String::new()
            .parse::<Design>()
            .expect_err("refused")
            .to_string(),
        edit("forever", &"forever {".repeat(100)),
    ];
    insta::assert_snapshot!(messages.join("\n\n"));
}

proptest! {
    /// Whatever is cut out or put in, reading ends with a design that comes back, or an error.
    #[test]
    fn no_text_is_too_much(
        which in 0usize..14,
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, "[-\\[\\]{}():,#=+a-z0-9_ \\n\\PC]{0,6}"), 1..6),
    ) {
        let mut text: Vec<char> = goldens()[which].to_string().chars().take(4000).collect();
        for (at, cut, put) in edits {
            let start = at.index(text.len().max(1)).min(text.len());
            let end = (start + cut).min(text.len());
            text.splice(start..end, put.chars());
        }
        let text: String = text.into_iter().collect();
        if let Ok(design) = text.parse::<Design>() {
            prop_assert_eq!(design.to_string().parse::<Design>(), Ok(design));
        }
    }
}
