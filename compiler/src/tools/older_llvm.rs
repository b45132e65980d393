//! LLVM IR text as Peano's older LLVM reads it.
//!
//! Source: mlir-aie `tools/aiecc/aiecc.cpp`, which does the same to what `aie-translate` writes.

/// The text without what came to LLVM after Peano's: `nuw` of address computations, the attribute
/// `nocreateundeforpoison`, words for infinities and NaNs, and 32-bit floats as `f0x` with 8 digits.
///
/// Alignments of loads and stores go as well: with them, Peano's optimizer leaves loops of matrix
/// products unvectorised.
pub fn rewrite(ir: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    let mut made: Vec<(usize, String)> = Vec::new();
    let tokens = tokens(ir);
    let mut at = 0;
    while at < tokens.len() {
        let token = tokens[at];
        let next = |n: usize| tokens.get(at + n).copied().unwrap_or_default();
        let after_inbounds = out.ends_with(&["getelementptr", " ", "inbounds", " "]);
        if (token == "nuw" && after_inbounds) || token == "nocreateundeforpoison" {
            at += 1;
            while tokens.get(at).is_some_and(|blank| *blank == " ") {
                at += 1;
            }
            continue;
        }
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if token == "align" && out.ends_with(&[",", " "]) && next(1) == " " && number(next(2)) {
            out.truncate(out.len() - 2);
            at += 3;
            continue;
        }
        let kind = match out.as_slice() {
            [.., kind, " "] => kind,
            _ => "",
        };
        match special(kind, token)
            .map(str::to_owned)
            .or_else(|| widened(token))
        {
            Some(text) => {
                made.push((out.len(), text));
                out.push("");
            }
            None => out.push(token),
        }
        at += 1;
    }
    let mut made = made.into_iter().peekable();
    let mut text = String::with_capacity(ir.len());
    for (index, token) in out.iter().enumerate() {
        match made.next_if(|(place, _)| *place == index) {
            Some((_, new)) => text.push_str(&new),
            None => text.push_str(token),
        }
    }
    text
}

/// Words, quoted strings, and everything else a character each.
fn tokens(text: &str) -> Vec<&str> {
    let in_word = |c: char| c.is_ascii_alphanumeric() || "_.%@#!$-".contains(c);
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
            c if in_word(c) => rest.find(|c| !in_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, behind) = rest.split_at(length);
        tokens.push(token);
        rest = behind;
    }
    tokens
}

/// The digits of a number that newer LLVM spells as a word.
fn special(kind: &str, word: &str) -> Option<&'static str> {
    let column = match word {
        "inf" => 0,
        "-inf" => 1,
        "nan" => 2,
        _ => return None,
    };
    let row = match kind {
        "half" => ["0xH7C00", "0xHFC00", "0xH7E00"],
        "bfloat" => ["0xR7F80", "0xRFF80", "0xR7FC0"],
        "float" | "double" => [
            "0x7FF0000000000000",
            "0xFFF0000000000000",
            "0x7FF8000000000000",
        ],
        _ => return None,
    };
    Some(row[column])
}

/// `f0x3F800000`, the bits of a float, as older LLVM writes it: as the bits of a double.
fn widened(word: &str) -> Option<String> {
    let digits = word.strip_prefix("f0x").filter(|d| d.len() == 8)?;
    let bits = u32::from_str_radix(digits, 16).ok()?;
    let double = f64::from(f32::from_bits(bits));
    Some(format!("0x{:016X}", double.to_bits()))
}

#[cfg(test)]
mod tests {
    use super::rewrite;

    #[test]
    fn what_older_llvm_does_not_read_is_rewritten() {
        for (newer, older) in [
            (
                "%3 = getelementptr inbounds nuw i8, ptr %2, i64 4",
                "%3 = getelementptr inbounds i8, ptr %2, i64 4",
            ),
            ("%3 = add nuw i32 %1, 2", "%3 = add nuw i32 %1, 2"),
            (
                "attributes #1 = { nocreateundeforpoison nofree }",
                "attributes #1 = { nofree }",
            ),
            (
                "store <16 x i32> %1, ptr %2, align 64, !tbaa !3",
                "store <16 x i32> %1, ptr %2, !tbaa !3",
            ),
            (
                "@b = external global [4 x i32], align 32\n",
                "@b = external global [4 x i32]\n",
            ),
            (
                "define void @k(ptr align 32 %p)",
                "define void @k(ptr align 32 %p)",
            ),
            (
                "fadd float inf, float -inf ; half nan, bfloat nan, bfloat -inf",
                "fadd float 0x7FF0000000000000, float 0xFFF0000000000000 ; half 0xH7E00, bfloat 0xR7FC0, bfloat 0xRFF80",
            ),
            (
                "fmul float %inf, f0x3F800000",
                "fmul float %inf, 0x3FF0000000000000",
            ),
            (
                "%f0x3F800000 = load float, ptr @f0x00000000",
                "%f0x3F800000 = load float, ptr @f0x00000000",
            ),
            ("c\"nuw, align 4\" ; \u{e9}", "c\"nuw, align 4\" ; \u{e9}"),
        ] {
            assert_eq!(rewrite(newer), older);
        }
    }
}
