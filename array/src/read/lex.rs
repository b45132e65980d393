//! Text to tokens.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, digits and `_`.
    Word,
    /// Anything else, `->` or one character.
    Sign,
    /// Behind the last.
    End,
}

/// A piece of text with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// From 1.
    pub(super) line: u32,
    /// From 1, in characters.
    pub(super) column: u32,
}

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The tokens of a text; the last is the end.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut end = (1, 1);
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.split('#').next().unwrap_or_default();
        let mut rest = content;
        while let Some(c) = rest.chars().next() {
            let length = if in_word(c) {
                rest.find(|c| !in_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("->") {
                2
            } else {
                c.len_utf8()
            };
            if !c.is_whitespace() {
                let before = &content[..content.len() - rest.len()];
                tokens.push(Token {
                    kind: if in_word(c) { Kind::Word } else { Kind::Sign },
                    text: &rest[..length],
                    line,
                    column: 1 + before.chars().count() as u32,
                });
            }
            rest = &rest[length..];
        }
        end = (line, 1 + content.chars().count() as u32);
    }
    tokens.push(Token {
        kind: Kind::End,
        text: "",
        line: end.0,
        column: end.1,
    });
    tokens
}
