//! Branches, calls and hardware loops.

use super::harness::{Machine, ended, run};
use arch::aie2::reg;

#[test]
fn five_bundles_after_a_branch_execute_and_the_sixth_does_not() {
    let text = "mova r0, #0\nj #end\nadd r0, r0, #1\nadd r0, r0, #1\nadd r0, r0, #1\nadd r0, r0, #1\n\
                add r0, r0, #1\nadd r0, r0, #1\nend:\nadd r0, r0, #16";
    assert_eq!(run(text).r(reg::R0), 21);
}

#[test]
fn conditional_branches_decide_at_issue() {
    let program = |condition: &str, value: i32| {
        format!(
            "mova r0, #0\nmova r1, #{value}\n{condition} r1, #end\nmova r1, #5\n.nops 4\nmova r0, #1\nend:\nnop"
        )
    };
    let skipped = |condition, value| run(&program(condition, value)).r(reg::R0) == 0;
    assert!(skipped("jz", 0) && !skipped("jz", 3));
    assert!(skipped("jnz", 3) && !skipped("jnz", 0));
}

#[test]
fn a_counted_branch_runs_its_body_once_more_than_the_counter() {
    let text = "movxm p0, #body\nmova r0, #0\nmova r1, #3\nbody:\nadd r0, r0, #1\njnzd r1, r1, p0\n.nops 5";
    let machine = run(text);
    assert_eq!((machine.r(reg::R0), machine.r(reg::R1) as i32), (4, -1));
}

#[test]
fn a_call_returns_behind_its_delay_slots() {
    let text = "mova r0, #0\njl #function\nadd r0, r0, #1\n.nops 4\nadd r0, r0, #2\nj #end\n.nops 5\n\
                function:\nadd r0, r0, #4\nret lr\n.nops 5\nend:\nadd r0, r0, #8";
    assert_eq!(run(text).r(reg::R0), 15);
}

/// A hardware loop with a body of three bundles.
fn hardware_loop(count: u32) -> String {
    format!(
        "mova r0, #0\nmova r1, #0\nmovxm r2, #{count}\nmovxm ls, #start\nmovxm le, #last\nadd.nc lc, r2, #0\n.nops 52\n.align\n\
         start:\nadd r0, r0, #1 |16\nadd r1, r1, #2 |16\nlast:\nadd r1, r1, #1 |16\nadd r1, r1, #32"
    )
}

#[test]
fn a_hardware_loop_runs_its_count() {
    for count in [1, 2, 3, 100] {
        let machine = run(&hardware_loop(count));
        assert_eq!(
            (machine.r(reg::R0), machine.r(reg::R1)),
            (count, 3 * count + 32)
        );
        assert_eq!(machine.r(reg::LC), 0);
    }
}

#[test]
fn a_loop_costs_no_cycles() {
    let cycles = |count| run(&hardware_loop(count)).core.cycle();
    assert_eq!(cycles(60) - cycles(10), 150);
}

#[test]
fn done_stops_the_core_until_it_is_enabled_again() {
    let mut machine =
        Machine::new("mova r0, #1\ndone\n.nops 8\nmova r0, #2\n.nops 4\ndone\n.nops 8");
    machine.finish().unwrap();
    assert!(machine.core.is_done());
    assert_eq!(machine.r(reg::R0), 1);
    machine.core.set_enabled(true);
    machine.finish().unwrap();
    assert_eq!(machine.r(reg::R0), 2);
}

#[test]
fn reset_starts_over() {
    let mut machine = Machine::new(&ended("mova r0, #1"));
    machine.finish().unwrap();
    machine.core.reset();
    assert_eq!((machine.core.pc(), machine.core.reg(reg::R0)), (0, None));
    machine.finish().unwrap();
    assert_eq!(machine.r(reg::R0), 1);
}
