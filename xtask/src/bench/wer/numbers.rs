//! Numbers in words become numbers in digits.
//!
//! The rules are those of openai-whisper 20250625, `normalizers/english.py`
//! (`EnglishNumberNormalizer`), odd ones included, since error rates are compared across tools.

use std::sync::LazyLock;

use fancy_regex::{Captures, Regex};

use super::normalise::{pattern, replaced};

const ONES: &[&str] = &[
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: &[&str] = &[
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];
/// With the power of ten that each stands for.
const MULTIPLIERS: &[(&str, u32)] = &[
    ("hundred", 2),
    ("thousand", 3),
    ("million", 6),
    ("billion", 9),
    ("trillion", 12),
    ("quadrillion", 15),
    ("quintillion", 18),
    ("sextillion", 21),
    ("septillion", 24),
    ("octillion", 27),
    ("nonillion", 30),
    ("decillion", 33),
];

/// What a word is to numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Zero,
    /// 1 to 19, with the letters of a plural or an ordinal.
    Small(u128, &'static str),
    /// 20 to 90, likewise.
    Ten(u128, &'static str),
    /// A power of ten, likewise.
    Multiplier(u128, &'static str),
    /// A sign that stands before a number.
    Sign(char),
    /// A currency that stands behind a number.
    Currency(char),
    Per,
    Percent,
    And,
    /// Says the next digit more than once.
    Repeat(usize),
    Point,
    /// No part of a number.
    Other,
}

impl Word {
    fn of(word: &str) -> Word {
        let special = match word {
            "o" | "oh" | "zero" => Word::Zero,
            "zeroth" => Word::Small(0, "th"),
            "minus" | "negative" => Word::Sign('-'),
            "plus" | "positive" => Word::Sign('+'),
            "pound" | "pounds" => Word::Currency('£'),
            "euro" | "euros" => Word::Currency('€'),
            "dollar" | "dollars" => Word::Currency('$'),
            "cent" | "cents" => Word::Currency('¢'),
            "per" => Word::Per,
            "percent" => Word::Percent,
            "and" => Word::And,
            "double" => Word::Repeat(2),
            "triple" => Word::Repeat(3),
            "point" => Word::Point,
            _ => Word::Other,
        };
        if special != Word::Other {
            return special;
        }
        for (value, &name) in (1..).zip(ONES) {
            if let Some(suffix) = small_suffix(name, word) {
                return Word::Small(value, suffix);
            }
        }
        for (value, &name) in (2..).zip(TENS) {
            let stem = name.trim_end_matches('y');
            let suffix = match word.strip_prefix(stem) {
                Some("y") => "",
                Some("ies") => "s",
                Some("ieth") => "th",
                _ => continue,
            };
            return Word::Ten(10 * value, suffix);
        }
        for &(name, power) in MULTIPLIERS {
            let suffix = match word.strip_prefix(name) {
                Some("") => "",
                Some("s") => "s",
                Some("th") => "th",
                _ => continue,
            };
            return Word::Multiplier(10u128.pow(power), suffix);
        }
        Word::Other
    }

    fn is_plain_small(self) -> bool {
        matches!(self, Word::Small(_, ""))
    }

    /// Words that a decimal point may stand before, and that "and a half" may follow.
    fn is_decimal(self) -> bool {
        matches!(self, Word::Zero | Word::Small(_, "") | Word::Ten(_, ""))
    }
}

/// The letters that stay of `word` if it is a form of the number called `name`.
fn small_suffix(name: &str, word: &str) -> Option<&'static str> {
    let irregular = match name {
        "one" => Some(("first", "st")),
        "two" => Some(("second", "nd")),
        "three" => Some(("third", "rd")),
        "five" => Some(("fifth", "th")),
        "twelve" => Some(("twelfth", "th")),
        _ => None,
    };
    match irregular {
        Some((ordinal, suffix)) if ordinal == word => return Some(suffix),
        _ => {}
    }
    let ordinal = if name.ends_with('t') { "h" } else { "th" };
    let plural = if name == "six" { "es" } else { "s" };
    match word.strip_prefix(name)? {
        "" => Some(""),
        rest if rest == plural => Some("s"),
        rest if rest == ordinal && irregular.is_none() => Some("th"),
        _ => None,
    }
}

/// A number on its way.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Whole(u128),
    /// Digits that are only put side by side, or a decimal number.
    Written(String),
}

impl Value {
    fn text(&self) -> String {
        match self {
            Value::Whole(number) => number.to_string(),
            Value::Written(text) => text.clone(),
        }
    }
}

/// `text` times a power of ten, if that is whole.
fn scaled(text: &str, multiplier: u128) -> Option<u128> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{decimals}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let product = digits.parse::<u128>().ok()?.checked_mul(multiplier)?;
    let scale = 10u128.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    product.is_multiple_of(scale).then(|| product / scale)
}

/// A number's thousands stay, what is below is multiplied.
fn multiplied(value: u128, multiplier: u128) -> Option<u128> {
    let below = value % 1000;
    (value - below).checked_add(below.checked_mul(multiplier)?)
}

fn is_number(word: &str) -> bool {
    let (whole, decimals) = word.split_once('.').unwrap_or((word, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    digits(whole) && digits(decimals)
}

/// The text so far and the number at its end.
#[derive(Default)]
struct Writer {
    words: Vec<String>,
    prefix: Option<char>,
    value: Option<Value>,
}

impl Writer {
    /// Writes a word behind the sign or currency that waits for it.
    fn put(&mut self, word: &str) {
        let prefix = self.prefix.take().map(String::from).unwrap_or_default();
        self.value = None;
        self.words.push(prefix + word);
    }

    /// Writes the number, if there is one.
    fn close(&mut self) {
        if let Some(value) = self.value.take() {
            self.put(&value.text());
        }
    }

    fn close_and_put(&mut self, word: &str) {
        self.close();
        self.put(word);
    }

    /// Puts digits behind those of the number. Zero counts as no digits where `or_nothing`.
    fn append(&mut self, digits: &str, or_nothing: bool) {
        let before = match &self.value {
            None => String::new(),
            Some(Value::Whole(0)) if or_nothing => String::new(),
            Some(value) => value.text(),
        };
        self.value = Some(Value::Written(before + digits));
    }

    /// A number in digits, perhaps behind a sign.
    fn digits(&mut self, word: &str) {
        let sign = word.chars().next().filter(|c| !c.is_ascii_digit());
        let bare = &word[sign.map_or(0, char::len_utf8)..];
        if matches!(&self.value, Some(Value::Written(text)) if text.ends_with('.')) {
            self.append(word, false);
            return;
        }
        self.close();
        self.prefix = sign.or(self.prefix);
        self.value = Some(match scaled(bare, 1) {
            Some(whole) => Value::Whole(whole),
            None => Value::Written(bare.to_owned()),
        });
    }

    /// One to nineteen; `previous` is the word before.
    fn small(&mut self, number: u128, previous: Word) {
        let digit = number < 10;
        match &mut self.value {
            None => self.value = Some(Value::Whole(number)),
            Some(Value::Written(text))
                if digit && matches!(previous, Word::Ten(_, "")) && text.ends_with('0') =>
            {
                text.pop();
                text.push_str(&number.to_string());
            }
            Some(Value::Whole(value))
                if !previous.is_plain_small()
                    && value.is_multiple_of(if digit { 10 } else { 100 }) =>
            {
                *value += number;
            }
            Some(_) => self.append(&number.to_string(), false),
        }
    }

    fn ten(&mut self, number: u128) {
        match &mut self.value {
            None => self.value = Some(Value::Whole(number)),
            Some(Value::Whole(value)) if value.is_multiple_of(100) => *value += number,
            Some(_) => self.append(&number.to_string(), false),
        }
    }

    fn multiplier(&mut self, multiplier: u128) {
        let product = match &self.value {
            None => Some(multiplier),
            Some(Value::Whole(0)) => Some(0),
            Some(Value::Written(text)) => scaled(text, multiplier),
            Some(Value::Whole(value)) => multiplied(*value, multiplier),
        };
        if product.is_none() {
            self.close();
        }
        self.value = Some(Value::Whole(product.unwrap_or(multiplier)));
    }

    /// Ends the number with letters behind its digits.
    fn suffix(&mut self, suffix: &str) {
        if !suffix.is_empty() {
            let text = self.value.as_ref().map(Value::text).unwrap_or_default();
            self.put(&(text + suffix));
        }
    }
}

/// Writes the numbers among `words` in digits.
fn numbers(words: &[&str]) -> Vec<String> {
    let mut out = Writer::default();
    let mut previous = Word::Other;
    let mut at = 0;
    while at < words.len() {
        let current = words[at];
        let next = words.get(at + 1).copied().unwrap_or("");
        let (word, next_word) = (Word::of(current), Word::of(next));
        let next_counts = next_word != Word::Other || is_number(next);
        let bare = current.trim_start_matches(['-', '+', '£', '€', '$', '¢']);
        let signs = current.len() - bare.len();
        let one_sign = current.chars().next().map_or(0, char::len_utf8);
        let mut taken = 1;
        match word {
            _ if is_number(bare) && (signs == 0 || signs == one_sign) => out.digits(current),
            Word::Other => out.close_and_put(current),
            Word::Zero => out.append("0", true),
            Word::Small(number, suffix) => {
                out.small(number, previous);
                out.suffix(suffix);
            }
            Word::Ten(number, suffix) => {
                out.ten(number);
                out.suffix(suffix);
            }
            Word::Multiplier(number, suffix) => {
                out.multiplier(number);
                out.suffix(suffix);
            }
            Word::Sign(sign) => {
                out.close();
                if next_counts {
                    out.prefix = Some(sign);
                } else {
                    out.put(current);
                }
            }
            Word::Currency(sign) => {
                if out.value.is_some() {
                    out.prefix = Some(sign);
                    out.close();
                } else {
                    out.put(current);
                }
            }
            Word::Per if out.value.is_some() && next == "cent" => {
                out.suffix("%");
                taken = 2;
            }
            Word::Percent if out.value.is_some() => out.suffix("%"),
            Word::Per | Word::Percent => out.close_and_put(current),
            Word::And | Word::Repeat(_) | Word::Point if !next_counts => out.close_and_put(current),
            Word::And => {
                if !matches!(previous, Word::Multiplier(_, "")) {
                    out.close_and_put(current);
                }
            }
            Word::Repeat(times) => {
                let digit = match next_word {
                    Word::Zero => Some(0),
                    Word::Small(number, "") => Some(number),
                    _ => None,
                };
                if let Some(digit) = digit {
                    out.append(&digit.to_string().repeat(times), true);
                    taken = 2;
                } else {
                    out.close_and_put(current);
                }
            }
            Word::Point => {
                if next_word.is_decimal() || is_number(next) {
                    out.append(".", true);
                }
            }
        }
        previous = Word::of(words[at + taken - 1]);
        at += taken;
    }
    out.close();
    out.words
}

static HALF: LazyLock<Regex> = LazyLock::new(|| pattern(r"\band\s+a\s+half\b"));
static LETTER_DIGIT: LazyLock<Regex> = LazyLock::new(|| pattern("([a-z])([0-9])"));
static DIGIT_LETTER: LazyLock<Regex> = LazyLock::new(|| pattern("([0-9])([a-z])"));
static SUFFIX: LazyLock<Regex> = LazyLock::new(|| pattern(r"([0-9])\s+(st|nd|rd|th|s)\b"));
static WITH_CENTS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"([€£$])([0-9]+) (?:and )?¢([0-9]{1,2})\b"));
static CENTS_ALONE: LazyLock<Regex> = LazyLock::new(|| pattern(r"[€£$]0.([0-9]{1,2})\b"));
static ONE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b1(s?)\b"));

/// Writes the numbers of a text in digits, its sums of money with their signs.
pub(super) fn in_digits(text: &str) -> String {
    let text = with_halves(text);
    let text = replaced(&LETTER_DIGIT, &text, "$1 $2");
    let text = replaced(&DIGIT_LETTER, &text, "$1 $2");
    let text = replaced(&SUFFIX, &text, "$1$2");
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = numbers(&words).join(" ");
    let cents = |digits: &str| digits.parse::<u8>().unwrap_or(0);
    let text = WITH_CENTS.replace_all(&text, |m: &Captures<'_, str>| {
        format!("{}{}.{:02}", &m[1], &m[2], cents(&m[3]))
    });
    let text = CENTS_ALONE.replace_all(&text, |m: &Captures<'_, str>| format!("¢{}", cents(&m[1])));
    replaced(&ONE, &text, "one$1")
}

/// "Two and a half" becomes "two point five".
fn with_halves(text: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let mut from = 0;
    for found in HALF.find_iter(text).flatten() {
        let before = &text[from..found.start()];
        from = found.end();
        let Some(last) = before.split_whitespace().last() else {
            continue;
        };
        parts.push(before);
        let word = Word::of(last);
        let counts = word.is_decimal() || matches!(word, Word::Multiplier(_, ""));
        parts.push(if counts { "point five" } else { "and a half" });
    }
    let rest = &text[from..];
    if !rest.trim().is_empty() {
        parts.push(rest);
    }
    parts.join(" ")
}
