//! Random programs: what native code leaves is what the interpreter leaves, byte for byte.

#[path = "../../../compiler/tests/programs/compare.rs"]
mod compare;
#[path = "../../../compiler/tests/programs/generate/mod.rs"]
mod generate;

use npuc_mlir::llvm::native;
use proptest::prelude::*;

use compare::{Agreement, compare};

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn native_programs_do_what_the_interpreter_does(
        choices in prop::collection::vec(any::<u8>(), 0..120),
        seed in any::<u32>(),
        scalar in any::<i32>(),
    ) {
        let agreed = compare(&choices, seed, scalar, |module, args, memory, world| {
            let ran = native::run(module, "main", args, memory, world);
            let ran = ran.map_err(|e| e.to_string())?;
            Ok(Ok((ran.end, ran.regions, ran.world)))
        });
        match agreed {
            Ok(Agreement::Agreed) => {}
            Ok(Agreement::Refused(reason)) => panic!("{reason}"),
            Err(difference) => panic!("{difference}"),
        }
    }
}
