//! Every rule that a module breaks.

use npuc::kernel::read::{TextError, load};

use super::{Note, run_folder};

#[test]
fn verify() {
    run_folder("verify", |text| match load(text) {
        Ok(_) => Ok(vec![Note::at_end("verified")]),
        Err(TextError::Read(e)) => Err(format!("does not parse: {e}")),
        Err(TextError::Verify(errors)) => errors
            .0
            .iter()
            .map(|error| {
                let at = error
                    .at
                    .ok_or(format!("error without a position:\n{error}"))?;
                let help = error.rule.help();
                let help = help.map(|help| format!("\nhelp: {help}"));
                let text = format!("{}{}", error.rule, help.unwrap_or_default());
                Ok(Note::error(at.line, at.col, &text))
            })
            .collect(),
    });
}
