//! Texts in the form in which Whisper's error rates are counted.
//!
//! The rules are those of openai-whisper 20250625, `normalizers/english.py` (`EnglishTextNormalizer`)
//! and `normalizers/basic.py`: case, brackets, contractions, symbols, numbers, spelling.

use std::collections::HashMap;
use std::sync::LazyLock;

use fancy_regex::Regex;

use super::numbers::in_digits;

/// British and American spelling, a pair a line (entries of two words, which never match, are left
/// out). Source: `normalizers/english.json` of
/// openai-whisper (MIT), made from the list at
/// tysto.com/uk-us-spelling-list.html.
const SPELLING: &str = include_str!("spelling.txt");

/// Whole words, by what they become.
const WORDS: &[(&str, &str)] = &[
    ("won't", "will not"),
    ("can't", "can not"),
    ("let's", "let us"),
    ("ain't", "aint"),
    ("y'all", "you all"),
    ("wanna", "want to"),
    ("gotta", "got to"),
    ("gonna", "going to"),
    ("i'ma", "i am going to"),
    ("imma", "i am going to"),
    ("woulda", "would have"),
    ("coulda", "could have"),
    ("shoulda", "should have"),
    ("ma'am", "madam"),
    ("mr", "mister "),
    ("mrs", "missus "),
    ("st", "saint "),
    ("dr", "doctor "),
    ("prof", "professor "),
    ("capt", "captain "),
    ("gov", "governor "),
    ("ald", "alderman "),
    ("gen", "general "),
    ("sen", "senator "),
    ("rep", "representative "),
    ("pres", "president "),
    ("rev", "reverend "),
    ("hon", "honorable "),
    ("asst", "assistant "),
    ("assoc", "associate "),
    ("lt", "lieutenant "),
    ("col", "colonel "),
    ("jr", "junior "),
    ("sr", "senior "),
    ("esq", "esquire "),
];

/// Ends of words, in the order in which they are taken off.
const ENDS: &[(&str, &str)] = &[
    ("'d been", " had been"),
    ("'s been", " has been"),
    ("'d gone", " had gone"),
    ("'s gone", " has gone"),
    ("'d done", " had done"),
    ("'s got", " has got"),
    ("n't", " not"),
    ("'re", " are"),
    ("'s", " is"),
    ("'d", " would"),
    ("'ll", " will"),
    ("'t", " not"),
    ("'ve", " have"),
    ("'m", " am"),
];

/// Letters of Latin-1 and Latin Extended-A without their marks (Unicode's compatibility
/// decomposition), and those that it leaves whole, as the reference writes them.
const LETTERS: &[(&str, &str)] = &[
    ("àáâãäåāăą", "a"),
    ("çćĉċč", "c"),
    ("ď", "d"),
    ("èéêëēĕėęě", "e"),
    ("ĝğġģ", "g"),
    ("ĥ", "h"),
    ("ìíîïĩīĭį", "i"),
    ("ĵ", "j"),
    ("ķ", "k"),
    ("ĺļľ", "l"),
    ("ñńņň", "n"),
    ("òóôõöōŏő", "o"),
    ("ŕŗř", "r"),
    ("śŝşš", "s"),
    ("ţť", "t"),
    ("ùúûüũūŭůűų", "u"),
    ("ŵ", "w"),
    ("ýÿŷ", "y"),
    ("źżž", "z"),
    ("œ", "oe"),
    ("ø", "o"),
    ("æ", "ae"),
    ("ß", "ss"),
    ("đ", "d"),
    ("ð", "d"),
    ("þ", "th"),
    ("ł", "l"),
];

/// A pattern of this module's own.
pub(super) fn pattern(text: &str) -> Regex {
    match Regex::new(text) {
        Ok(pattern) => pattern,
        Err(error) => unreachable!("{text} is a pattern: {error}"),
    }
}

/// `text` with every match replaced.
pub(super) fn replaced(pattern: &Regex, text: &str, by: &str) -> String {
    pattern.replace_all(text, by).into_owned()
}

/// Patterns in the order in which they are applied.
type Steps = LazyLock<Vec<(Regex, String)>>;

fn steps(pairs: &[(&str, &str)]) -> Vec<(Regex, String)> {
    pairs
        .iter()
        .map(|&(from, to)| (pattern(from), to.to_owned()))
        .collect()
}

static BEFORE: Steps = LazyLock::new(|| {
    let mut all = steps(&[
        (r"[<\[][^>\]]*[>\]]", ""),
        (r"\(([^)]+?)\)", ""),
        (r"\b(hmm|mm|mhm|mmm|uh|um)\b", ""),
        (r"\s+'", "'"),
    ]);
    let words = WORDS
        .iter()
        .map(|(from, to)| (pattern(&format!(r"\b{from}\b")), (*to).to_owned()));
    let ends = ENDS
        .iter()
        .map(|(from, to)| (pattern(&format!(r"{from}\b")), (*to).to_owned()));
    all.extend(words.chain(ends));
    all.extend(steps(&[(r"(\d),(\d)", "$1$2"), (r"\.([^0-9]|$)", " $1")]));
    all
});

static AFTER: Steps = LazyLock::new(|| {
    steps(&[
        (r"[.$¢€£]([^0-9])", " $1"),
        (r"([^0-9])%", "$1 "),
        (r"\s+", " "),
    ])
});

static SYMBOL: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\p{M}\p{S}\p{P}]"));
static MARK: LazyLock<Regex> = LazyLock::new(|| pattern(r"\p{Mn}"));

fn apply(steps: &Steps, text: String) -> String {
    steps
        .iter()
        .fold(text, |text, (from, to)| replaced(from, &text, to))
}

/// Marks go, symbols and punctuation become spaces, except those that belong to numbers.
fn plain_letters(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut buffer = [0; 4];
    for letter in text.chars() {
        let as_text = letter.encode_utf8(&mut buffer);
        let matches = |pattern: &Regex| pattern.is_match(as_text).unwrap_or(false);
        if ".%$¢€£".contains(letter) || letter.is_ascii_alphanumeric() {
            out.push(letter);
        } else if let Some((_, plain)) = LETTERS.iter().find(|(of, _)| of.contains(letter)) {
            out.push_str(plain);
        } else if matches(&MARK) {
        } else if matches(&SYMBOL) {
            out.push(' ');
        } else {
            out.push(letter);
        }
    }
    out
}

static AMERICAN: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| SPELLING.lines().filter_map(|l| l.split_once(' ')).collect());

/// The text as it is counted.
pub(super) fn normalise(text: &str) -> String {
    let text = apply(&BEFORE, text.to_lowercase());
    let text = in_digits(&plain_letters(&text));
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| AMERICAN.get(word).copied().unwrap_or(word))
        .collect();
    apply(&AFTER, words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::normalise;

    /// What openai-whisper's normaliser makes of these.
    const VECTORS: &[(&str, &str)] = &[
        (
            "Let's see: I'd been told he won't go, can't he? Mr. Smith's gone.",
            "let us see i had been told he will not go can not he mister smith has gone",
        ),
        (
            "The colour of the theatre's catalogue (old) [laughter] is grey.",
            "the color of the theater is catalog is gray",
        ),
        ("twenty twenty one", "2021"),
        ("one oh one", "101"),
        ("two and a half million dollars", "$2500000"),
        ("half a million euros", "half a €1000000"),
        ("$20 million and 5 cents", "$20000000.05"),
        ("two dollars and seven cents", "$2.07"),
        (
            "the twenty-first of June, 1,234 people",
            "the 21st of june 1234 people",
        ),
        ("sixty five point three percent", "65.3%"),
        ("minus five degrees", "-5 degrees"),
        ("double oh seven", "007"),
        ("one hundred and one Dalmatians", "101 dalmatians"),
        ("three per cent of them", "3% of them"),
        ("it cost £0.50 or €3 and ¢7", "it cost ¢50 or €3.07"),
        (
            "second to none, the ones and the sixes",
            "2nd to none the ones and the 6s",
        ),
        ("1960s and the 274th", "1960s and the 274th"),
        ("uh, um, hmm yes", "yes"),
        ("naïve œuvre café straße", "naive oeuvre cafe strasse"),
        ("and a half past", "past"),
        ("five and a half", "5.5"),
        ("ten million two hundred thousand and three", "10200003"),
        ("point taken", "point taken"),
        ("point five", ".5"),
        ("twenty twelve twelfth", "201212th"),
        ("3.14 and 10.0.0.1", "3.14 and 10.0.0 one"),
        (
            "don't, they've, she'll, we're",
            "do not they have she will we are",
        ),
    ];

    #[test]
    fn texts_become_what_the_reference_makes_of_them() {
        for (text, expected) in VECTORS {
            assert_eq!(normalise(text), *expected, "{text}");
        }
    }
}
