//! Random programs: the text form, the interpreter and the compiled code agree about them.

mod agree;
mod compare;
mod generate;

use npuc::kernel::read::{load, read};
use npuc::kernel::verify::{verify, verify_source};
use proptest::prelude::*;

use agree::agree;
use compare::Agreement;
use generate::{Choices, module};

/// A text to insert, or a character to take out.
fn damage() -> impl Strategy<Value = Option<String>> {
    let words = [
        "%0",
        "@main",
        "loop",
        "yield",
        "forever",
        "{",
        "}",
        "(",
        ")",
        ",",
        "=",
        ":",
        "-",
        "0x",
        "65536",
        "4294967296",
        "i8x32",
        "acc32x65535",
        "half.hi",
        "load.post",
        ";",
        "\n",
        "é",
        "\0",
    ];
    prop_oneof![
        Just(None),
        prop::sample::select(words.to_vec()).prop_map(|word| Some(word.to_string())),
        any::<char>().prop_map(|c| Some(c.to_string())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn programs_read_back(choices in prop::collection::vec(any::<u8>(), 0..400)) {
        let module = verify(module(&mut Choices::new(&choices)));
        let module = module.unwrap_or_else(|e| panic!("{e}"));
        let text = module.to_string();
        let again = load(&text).unwrap_or_else(|e| panic!("{text}{e}"));
        for (func, again) in module.funcs.iter().zip(&again.funcs) {
            prop_assert_eq!(&func.canonical(), again);
        }
        prop_assert_eq!(again.to_string(), text);
    }

    /// Damaged texts end in an error or in a module that verifies or not, never in a panic; what is read
    /// prints as what reads back.
    #[test]
    fn damaged_texts_are_refused(
        choices in prop::collection::vec(any::<u8>(), 0..120),
        damage in prop::collection::vec((any::<prop::sample::Index>(), damage()), 1..4),
    ) {
        let mut text = module(&mut Choices::new(&choices)).to_string();
        for (at, damage) in damage {
            let mut at = at.index(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            match damage {
                Some(insert) => text.insert_str(at, &insert),
                None => {
                    let end = (at + 1..text.len()).find(|end| text.is_char_boundary(*end));
                    text.replace_range(at..end.unwrap_or(text.len()), "");
                }
            }
        }
        if let Ok((module, source)) = read(&text) {
            let printed = module.to_string();
            prop_assert_eq!(read(&printed).map(|(module, _)| module), Ok(module.clone()));
            let errors = verify_source(module, &source).err();
            for error in errors.iter().flat_map(|errors| &errors.0) {
                prop_assert!(error.at.is_some(), "{}", error);
            }
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        // Scalars go to the stack: programs that need too many registers for vectors are rare.
        max_global_rejects: 2,
        ..ProptestConfig::default()
    })]

    #[test]
    fn compiled_programs_do_what_the_interpreter_does(
        choices in prop::collection::vec(any::<u8>(), 0..120),
        seed in any::<u32>(),
        scalar in any::<i32>(),
    ) {
        match agree(&choices, seed, scalar) {
            Ok(Agreement::Agreed) => {}
            Ok(Agreement::Refused(reason)) => return Err(TestCaseError::reject(reason)),
            Err(difference) => panic!("{difference}"),
        }
    }
}
