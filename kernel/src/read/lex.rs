//! Text of kernel IR to tokens.

use super::ReadError;
use crate::verify::Pos;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Keyword, operation, type or mode.
    Word,
    /// `%` and a name; the text is the name.
    Value,
    /// `@` and a name; the text is the name.
    Func,
    /// Number, decimal or with `0x`, with or without `-`.
    Int,
    /// One of `( ) { } [ ] , = :`.
    Punct,
    /// End of the text.
    End,
}

/// A token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    pub(super) pos: Pos,
    /// Whether it is the first of its line.
    pub(super) first: bool,
}

impl Token<'_> {
    /// The token as an error names it.
    pub(super) fn found(&self) -> String {
        match self.kind {
            Kind::End => "the end of the text".into(),
            Kind::Value => format!("`%{}`", self.text),
            Kind::Func => format!("`@{}`", self.text),
            Kind::Word | Kind::Int | Kind::Punct => format!("`{}`", self.text),
        }
    }
}

/// Reads tokens one by one.
#[derive(Debug)]
pub(super) struct Lexer<'t> {
    rest: &'t str,
    pos: Pos,
    first: bool,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Lexer {
            rest: text,
            pos: Pos { line: 1, col: 1 },
            first: true,
        }
    }

    pub(super) fn next(&mut self) -> Result<Token<'t>, ReadError> {
        self.skip_blank();
        let (pos, first) = (self.pos, self.first);
        self.first = false;
        let token = |kind, text| Token {
            kind,
            text,
            pos,
            first,
        };
        let Some(c) = self.rest.chars().next() else {
            return Ok(token(Kind::End, ""));
        };
        match c {
            '(' | ')' | '{' | '}' | '[' | ']' | ',' | '=' | ':' => {
                Ok(token(Kind::Punct, self.take(1)))
            }
            '%' | '@' => {
                self.take(1);
                let name = self.take(word_len(self.rest));
                let kind = if c == '%' { Kind::Value } else { Kind::Func };
                match name {
                    "" => Err(ReadError::at(pos).unexpected(format!("`{c}`"), "a name after it")),
                    _ => Ok(token(kind, name)),
                }
            }
            '-' | '0'..='9' => {
                let sign = usize::from(c == '-');
                let text = self.take(sign + word_len(&self.rest[sign..]));
                Ok(token(Kind::Int, text))
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                Ok(token(Kind::Word, self.take(word_len(self.rest))))
            }
            c => {
                let found = format!("`{}`", c.escape_debug());
                Err(ReadError::at(pos)
                    .unexpected(found, "a name, a number or one of `( ) { } [ ] , = :`"))
            }
        }
    }

    fn skip_blank(&mut self) {
        while let Some(c) = self.rest.chars().next() {
            match c {
                ';' => {
                    let end = self.rest.find('\n').unwrap_or(self.rest.len());
                    self.take(end);
                }
                '\n' => {
                    self.rest = &self.rest[1..];
                    self.pos = Pos {
                        line: self.pos.line + 1,
                        col: 1,
                    };
                    self.first = true;
                }
                ' ' | '\t' | '\r' => {
                    self.take(1);
                }
                _ => return,
            }
        }
    }

    /// Takes `len` bytes of one line.
    fn take(&mut self, len: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        self.pos.col += taken.chars().count() as u32;
        taken
    }
}

/// Length of the name or number at the start, bytes.
fn word_len(text: &str) -> usize {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    text.find(|c| !word(c)).unwrap_or(text.len())
}
