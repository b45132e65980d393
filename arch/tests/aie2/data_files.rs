//! What the build says about mistakes in the data files: the line and what is wrong with it.

use crate::build::{Sources, generate};

fn sources() -> Sources {
    Sources {
        regs: include_str!("../../data/aie2.regs").to_string(),
        formats: include_str!("../../data/aie2.formats").to_string(),
        timing: include_str!("../../data/aie2.timing").to_string(),
        isa: include_str!("../../data/aie2.isa").to_string(),
    }
}

/// The message for `row` added at the end of aie2.isa, without the line number, which is checked.
fn refused(row: &str) -> String {
    let mut sources = sources();
    let line = sources.isa.lines().count() + 2;
    sources.isa.push_str(&format!("slot alu\n{row}\n"));
    let message = generate(&sources).expect_err("the row has a mistake");
    let place = format!("arch/data/aie2.isa:{line}: ");
    message
        .strip_prefix(&place)
        .unwrap_or_else(|| panic!("{message}"))
        .to_string()
}

#[test]
fn the_files_as_they_are() {
    let tables = generate(&sources()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        tables,
        generate(&sources()).unwrap_or_else(|e| panic!("{e}"))
    );
    assert!(tables.contains("pub const ADD_NC: Opcode"));
}

#[test]
fn a_new_row_needs_nothing_else() {
    let mut sources = sources();
    sources.isa.push_str("slot alu\ninst NEW | xxxxxaaaaa1111111111 | II_ABS | - | - | new $x, $a | x=d:eR <- a=s:eR\n");
    let tables = generate(&sources).unwrap_or_else(|e| panic!("{e}"));
    assert!(tables.contains("pub const NEW: Opcode"));
}

#[test]
fn mistakes_in_a_row() {
    let row = |bits: &str, itinerary: &str, operands: &str| {
        refused(&format!(
            "inst NEW | {bits} | {itinerary} | - | - | new $x | {operands}"
        ))
    };
    let bits = "xxxxx000001111111111";
    insta::assert_snapshot!(row("0", "II_ABS", "x=d:eR"), @"1 bits, slot alu has 20");
    insta::assert_snapshot!(row(bits, "II_NONE", "x=d:eR"), @"unknown itinerary `II_NONE`");
    insta::assert_snapshot!(row(bits, "II_ABS", "x=d:eQ"), @"unknown class `eQ`");
    insta::assert_snapshot!(row(bits, "II_ABS", "x=d:eP"), @"operand `x=d:eP`: 5 bits, needs 3");
    insta::assert_snapshot!(row(bits, "II_NOP", "x=d:eR"), @"the itinerary names fewer operands");
    insta::assert_snapshot!(row(bits, "II_ABS", "d:eR"), @"operand `d:eR` has no bits");
    insta::assert_snapshot!(row(bits, "II_ABS", "x=d:eR e:eDC"), @"operand `e:eDC` needs a field or a tie");
    insta::assert_snapshot!(row("xxxxx00000111111111?", "II_ABS", "x=d:eR"), @"`?` in the bit pattern");
    insta::assert_snapshot!(row("xxxxxyyyyy1111111111", "II_ABS", "x=d:eR"), @"bits `y` belong to no operand");
}

#[test]
fn mistakes_around_rows() {
    insta::assert_snapshot!(refused("inst ABS"), @"a `inst` row has 7 columns, this one 1");
    insta::assert_snapshot!(refused("lock lda"), @"row kind `lock` is none of flag, slot, inst");
    insta::assert_snapshot!(
        refused("inst NOPX | 00000000000000000000 | II_NOP | - | - | nopx | -"),
        @"instruction `NOPX` appears twice"
    );
    insta::assert_snapshot!(
        refused("inst NEW | 00000000000000000000 | II_NOP | w:r99@1 | - | new | -"),
        @"unknown register `r99`"
    );
    let mut layout = sources();
    layout.formats = layout
        .formats
        .replace("| 32  | vec 001001", "| 32  | vec 00100");
    let message = generate(&layout).expect_err("the layout is one bit short");
    assert!(
        message.ends_with("layout leaves 1 of 32 bits open"),
        "{message}"
    );
}
