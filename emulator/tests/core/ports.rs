//! Locks, streams, cascades, events.

use super::harness::{Machine, ended, run_with};
use arch::aie2::reg;
use emulator::core::{Step, Wait};

#[test]
fn a_core_freezes_until_its_lock_is_free() {
    let text = "mova r0, #-1\nmova r1, #1\nmova r2, #0\nacq #48, r0\nadd r2, r2, #1\nadd r2, r2, #1\n.nops 4\nrel #49, r1";
    let mut machine = Machine::new(&ended(text));
    let mut stalls = 0;
    loop {
        match machine.core.step(&mut machine.bus).unwrap() {
            Step::Stalled(wait) => {
                assert_eq!(
                    wait,
                    Wait::Lock {
                        lock: 48,
                        value: -1
                    }
                );
                stalls += 1;
                let frozen = machine.core.cycle();
                if stalls == 10 {
                    machine.bus.locks[48] = 1;
                }
                assert_eq!(frozen, 4, "the request goes out in the cycle after acq");
                assert_eq!(machine.bus.locks[49], 0);
            }
            Step::Ran => {}
            Step::Done => break,
            Step::Idle => panic!("the core is enabled"),
        }
    }
    assert_eq!((machine.bus.locks[48], machine.bus.locks[49]), (0, 1));
    assert_eq!((stalls, machine.core.counts().lock_stalls), (10, 10));
    assert_eq!(machine.r(reg::R2), 2);
}

#[test]
fn equality_acquires_wait_for_the_value() {
    let text = "mova r0, #2\nacq #5, r0";
    let machine = run_with(text, |bus| bus.locks[5] = 2);
    assert_eq!(machine.bus.locks[5], 2, "and leave it as it is");
}

#[test]
fn conditional_lock_operations_look_at_r26() {
    let text = |v: u32| format!("mova r26, #{v}\nmova r0, #1\nrel.cond #3, r0, r26");
    assert_eq!(run_with(&text(0), |_| {}).bus.locks[3], 0);
    assert_eq!(run_with(&text(4), |_| {}).bus.locks[3], 1);
}

#[test]
fn streams_carry_words_and_the_end_mark() {
    let text = "mov r0, SS\n.nops 6\nadd r0, r0, #1\nmov ms, r0\nmov.tlast ms, r0\nmov.nb r1, SS\n.nops 7\nmov r2, srSS0";
    let machine = run_with(text, |bus| bus.stream_in.push_back((41, false)));
    assert_eq!(machine.bus.stream_out, [(42, false), (42, true)]);
    assert_eq!(machine.r(reg::R2), 0, "nothing was there");
    assert_eq!(machine.core.reg(reg::R1), None);
}

#[test]
fn the_status_of_a_read_tells_words_and_their_end() {
    let text = "mov r0, SS\n.nops 8\nmov r1, srSS0\nmov.nb r2, SS\n.nops 8\nmov r3, srSS0\nmov.nb r4, SS\n.nops 8\nmov r5, srSS0";
    let machine = run_with(text, |bus| bus.stream_in.extend([(7, false), (8, true)]));
    assert_eq!((machine.r(reg::R0), machine.r(reg::R2)), (7, 8));
    let status = [reg::R1, reg::R3, reg::R5].map(|r| machine.r(r));
    assert_eq!(status, [2, 3, 0], "a word, the last word, nothing");
}

#[test]
fn cascades_carry_vectors() {
    let text = "vmov x0, SCD\n.nops 7\nvmov MCD, x0";
    let word = std::array::from_fn(|i| i as u8);
    let machine = run_with(text, |bus| bus.cascade_in.push_back(word));
    assert_eq!(machine.bus.cascade_out, [word]);
    let mut starved = Machine::new(&ended(text));
    let last = (0..20)
        .map(|_| starved.core.step(&mut starved.bus).unwrap())
        .last();
    assert_eq!(last, Some(Step::Stalled(Wait::CascadeInput)));
}

#[test]
fn events_are_pulsed() {
    assert_eq!(run_with("event #1\nevent #0", |_| {}).bus.events, [1, 0]);
}

/// The words, put together by hand from AM020's and mlir-aie's layouts; the core is (1,2).
#[test]
fn packet_headers_carry_id_type_and_place() {
    let text = "mova r0, #5\nmova r1, #37\nmov.ph ms, r0, #3\nmov.ph.tlast ms, r1, #0";
    let machine = run_with(text, |_| {});
    let place = 1 << 21 | 2 << 16;
    // Id 5 and type 3 have two ones each, the place has two: six, so the parity bit is set.
    assert_eq!(
        machine.bus.stream_out,
        [
            (1 << 31 | place | 3 << 12 | 5, false),
            (1 << 31 | place | 5, true)
        ]
    );
}

#[test]
fn control_packet_headers_carry_address_length_and_operation() {
    let text = "movxm m0, #118784\nmova r0, #7\nmova r28, #1\nmov.cph ms, m0, #3, #2, r0, r28";
    let machine = run_with(text, |_| {});
    let word: u32 = 7 << 24 | 2 << 22 | 3 << 20 | 0x1_d000;
    assert_eq!(word.count_ones(), 10);
    assert_eq!(machine.bus.stream_out, [(1 << 31 | word, true)]);
}
