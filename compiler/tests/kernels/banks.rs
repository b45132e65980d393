//! What the checker says that memory banks cost a kernel is what the emulated core waits for them,
//! wherever its operands lie.

use std::collections::BTreeMap;

use npuc::aie2::checker::{Bank, BankCost};
use npuc::kernel::interp::{Arg, Memory};
use npuc::kernel::read::load;
use npuc::kernels::cases::values::{Pattern, to_bytes};
use npuc::kernels::cases::{Case, find, standard};
use npuc::machine::Machine;

/// The cost of a call with its operands at these addresses, and the cycles that the emulated core waits.
fn costs(case: &Case, addresses: &[u32]) -> (BankCost, u64) {
    let args: Vec<Arg> = addresses.iter().copied().map(Arg::Ptr).collect();
    let machine = Machine::new(&case.code, case.symbol(), &args).unwrap_or_else(|e| panic!("{e}"));
    let mut memory = Memory::new();
    let inputs = case.inputs(Pattern::Random, 3);
    for ((operand, base), values) in case.operands.iter().zip(addresses).zip(inputs) {
        let mut bytes = to_bytes(operand.elem, &values);
        bytes.resize(operand.bytes(), 0);
        memory.map_with(operand.name, *base, &bytes).unwrap();
    }
    let ran = machine.run(&memory, BTreeMap::new());
    let ran = ran.unwrap_or_else(|e| panic!("{} {}: {e}", case.kernel, case.shape));
    let cost = machine.bank_cost().unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(cost.uncounted, [], "{} {}", case.kernel, case.shape);
    // The start-up code's `done` is among the bundles, what stands behind it runs no more.
    assert!(ran.cycles <= cost.cycles && cost.cycles <= ran.cycles + 8);
    (cost, ran.bank_stalls)
}

/// Addresses one behind the other from `start`.
fn in_sequence(case: &Case, start: u32) -> Vec<u32> {
    let mut next = start;
    let sizes = case.operands.iter().map(|o| o.bytes() as u32);
    let address = |size: u32| {
        let at = next;
        next += size.next_multiple_of(32);
        at
    };
    sizes.map(address).collect()
}

#[test]
fn banks_cost_what_the_emulated_core_waits() {
    let (mut apart, mut together) = (0, 0);
    for case in standard().unwrap() {
        let own_banks = case.addresses().unwrap();
        let (good, waited) = costs(&case, &own_banks);
        assert_eq!(good.stalls, waited, "{} {}", case.kernel, case.shape);
        for start in [0x7_0400, 0x4_0020] {
            let (bad, waited) = costs(&case, &in_sequence(&case, start));
            assert_eq!(bad.stalls, waited, "{} {}", case.kernel, case.shape);
            let told: u64 = bad.conflicts.iter().map(|c| c.cycles).sum();
            assert_eq!(told, bad.stalls);
            together += bad.stalls;
        }
        apart += good.stalls;
    }
    assert!(20 * apart < together, "{apart} {together}");
}

#[test]
fn accesses_that_meet_are_named() {
    let case = find("add_i32", None).unwrap();
    let (cost, _) = costs(&case, &in_sequence(&case, 0x7_0400));
    // The loop loads two vectors a cycle, from one bank.
    let first = &cost.conflicts[0];
    let own = Bank {
        window: 3,
        index: 0,
    };
    assert!(first.bank == own && first.passes > 1, "{first}");
    for access in &first.accesses {
        assert_eq!(
            (access.func.as_str(), access.block),
            ("add_i32", first.accesses[1].block)
        );
        assert!(access.inst.starts_with("vld"), "{first}");
    }
}

#[test]
fn what_the_data_say_is_not_counted() {
    let text = "kernel @f(%p: ptr noalias, %q: ptr noalias) {
  %n = load i32 %p, 0
  %at = loop %n (%r = %p) {
    %v, %next = load.post i32x8 %r, 32
    store %v, %q, 0
    yield %next
  }
  %far = ptr.add %p, %n
  %w = load i32 %far, 0
  store %w, %q, 32
}";
    let module = load(text).unwrap_or_else(|e| panic!("{e}"));
    let args = [Arg::Ptr(0x7_0400), Arg::Ptr(0x7_0800)];
    let machine = Machine::new(&module, "f", &args).unwrap_or_else(|e| panic!("{e}"));
    let cost = machine.bank_cost().unwrap_or_else(|e| panic!("{e}"));
    for gap in [
        "how often it is run, the data say",
        "accesses memory, the data say",
    ] {
        let mut gaps = cost.uncounted.iter().filter(|u| u.what.contains(gap));
        assert!(
            gaps.next().is_some_and(|u| u.func == "f"),
            "{gap}: {cost:?}"
        );
    }
}
