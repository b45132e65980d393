//! The line format of the data files: `kind column | column | ...`, `#` starts a comment line.

/// An error is the text that the build shows: `file:line: what is wrong`.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// One line that is neither empty nor a comment.
pub(crate) struct Row {
    place: String,
    pub(crate) kind: String,
    columns: Vec<String>,
}

impl Row {
    /// The error `message` at this row.
    pub(crate) fn error(&self, message: impl std::fmt::Display) -> String {
        format!("{}: {message}", self.place)
    }

    /// The columns, `-` as the empty string.
    pub(crate) fn columns<const N: usize>(&self) -> Result<[&str; N]> {
        if self.columns.len() != N {
            let have = self.columns.len();
            return Err(self.error(format!(
                "a `{}` row has {N} columns, this one {have}",
                self.kind
            )));
        }
        Ok(std::array::from_fn(|k| match self.columns[k].as_str() {
            "-" => "",
            text => text,
        }))
    }

    /// `text` as a number.
    pub(crate) fn number<T: std::str::FromStr>(&self, text: &str) -> Result<T> {
        text.parse()
            .map_err(|_| self.error(format!("`{text}` is no number that fits here")))
    }

    /// `text` as a hexadecimal number with `0x`.
    pub(crate) fn hex(&self, text: &str) -> Result<u32> {
        text.strip_prefix("0x")
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.error(format!("`{text}` is no hexadecimal number")))
    }

    /// The position of `name` in `list`, or an error that says what kind of thing is unknown.
    pub(crate) fn find<'a>(
        &self,
        what: &str,
        name: &str,
        mut list: impl Iterator<Item = &'a str>,
    ) -> Result<usize> {
        list.position(|entry| entry == name)
            .ok_or_else(|| self.error(format!("unknown {what} `{name}`")))
    }
}

/// The rows of a file with the text `text`.
pub(crate) fn read(file: &str, text: &str) -> Vec<Row> {
    let lines = text.lines().enumerate();
    let rows = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    rows.map(|(k, line)| {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        Row {
            place: format!("arch/data/{file}:{}", k + 1),
            kind: kind.to_string(),
            columns: rest.split('|').map(|c| c.trim().to_string()).collect(),
        }
    })
    .collect()
}

/// A name or a range of names: `x{0..11}`, `wl{0..10/2}`, `lr`.
///
/// Gives each name with its number; a name without braces has none.
pub(crate) fn expand(row: &Row, names: &str) -> Result<Vec<(String, Option<u32>)>> {
    let Some((prefix, rest)) = names.split_once('{') else {
        return Ok(vec![(names.to_string(), None)]);
    };
    let bad = || row.error(format!("`{names}` is no range like x{{0..11}}"));
    let (range, suffix) = rest.split_once('}').ok_or_else(bad)?;
    let (range, step) = range.split_once('/').unwrap_or((range, "1"));
    let (first, last) = range.split_once("..").ok_or_else(bad)?;
    let (first, last): (u32, u32) = (row.number(first)?, row.number(last)?);
    let step: usize = row.number(step)?;
    if step == 0 || first > last {
        return Err(bad());
    }
    Ok((first..=last)
        .step_by(step)
        .map(|n| (format!("{prefix}{n}{suffix}"), Some(n)))
        .collect())
}

/// Replaces `{}` by `n` and `{A+B*}` by `A + B * n`.
pub(crate) fn substitute(row: &Row, template: &str, n: Option<u32>) -> Result<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let bad = || row.error(format!("`{template}`: braces hold nothing or A+B*"));
        let (formula, tail) = after.split_once('}').ok_or_else(bad)?;
        let n = n.ok_or_else(|| row.error("braces need a range of names in the first column"))?;
        let value = if formula.is_empty() {
            n
        } else {
            let (base, factor) = formula
                .strip_suffix('*')
                .and_then(|f| f.split_once('+'))
                .ok_or_else(bad)?;
            row.number::<u32>(base)? + row.number::<u32>(factor)? * n
        };
        out.push_str(before);
        out.push_str(&value.to_string());
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}
