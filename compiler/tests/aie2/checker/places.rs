//! Accesses to one object that walk through it side by side.

use super::complaints;

/// A loop that stores words at 458752 and, a cycle before the store of each pass, loads the word of a pass
/// behind it, which the program order has after the store.
fn loop_of(first: i32, step: i32) -> String {
    format!(
        "func main
         block head
         0: mova r0, #28
         0: movxm p0, #458752
         1: movxm p1, #{first}
         3: movxm ls, @body
         4: movxm le, @body.last
         5: mova r1, #8
         6: mov lc, r1
         cycles 17
         block body loop
         1: st r0, [p0], #4 !1
         0: lda r2, [p1], #{step} !1
         cycles 8
         block tail
         20: done
         cycles 26"
    )
}

fn is_accepted(first: i32, step: i32) -> bool {
    let said = complaints(&loop_of(first, step));
    let ordered = said.contains("they may touch the same memory");
    assert!(said.starts_with("CheckReport") != ordered, "{said}");
    !ordered
}

#[test]
fn a_load_of_other_bytes_may_come_before_the_store() {
    assert!(is_accepted(458752 + 4, 4));
    assert!(is_accepted(458752 - 4, 4));
}

#[test]
fn a_load_of_the_same_bytes_may_not() {
    assert!(!is_accepted(458752, 4));
    assert!(!is_accepted(458752 + 3, 4));
}

#[test]
fn pointers_that_move_by_different_numbers_may_meet() {
    assert!(!is_accepted(458752 + 4, 8));
}

#[test]
fn a_store_of_less_than_a_word_reads_and_writes_what_is_beside_it() {
    let order = |offset: i32| {
        let text = format!(
            "func main p0 r0
             block only
             0: st.s8 r0, [p0, #0] !1
             1: lda r1, [p0, #{offset}] !1
             20: done
             cycles 26"
        );
        complaints(&text).contains("they may touch the same memory")
    };
    assert!(order(0));
    assert!(order(-4));
    assert!(!order(4));
    assert!(!order(-8));
}
