//! Operands that a kernel accesses together lie in banks of their own where a design asks for it: its core
//! waits for none, and is done sooner.

use std::collections::BTreeSet;

use emulator::{Budget, Npu};
use formats::txn::Stream;
use npuc::array::design::{Design, Meets, Other};
use npuc::array::lower::lower;
use npuc::array::verify::verify;
use npuc::build::cache::Key;
use npuc::build::files;
use npuc::build::report::Report;
use npuc::kernel::ir::Module;
use npuc::kernel::read::load;
use npuc::kernel::types::Elem;
use npuc::kernels::cases::interpret;
use npuc::kernels::cases::values::{Pattern, to_bytes};
use npuc::kernels::{Addend, add};
use npuc::overlays::Source;

use crate::kernels::lookup;

const ELEMENTS: u32 = 1024;

/// Adds two rows, many times over.
fn source(memory: &str) -> Source {
    let text = format!(
        "design sum on npu1 columns 1 {memory} {{
  fifo a: i32[1024] depth 2 (0,0) -> (0,2)
  fifo b: i32[1024] depth 2 (0,0) -> (0,2)
  fifo c: i32[1024] depth 2 (0,2) -> (0,0)
  kernel add_i32(i32[1024], i32[1024], i32[1024])
  worker (0,2) stack 1024 {{
    forever {{
      acquire a consume 1
      acquire b consume 1
      acquire c produce 1
      repeat 20 {{
        call add_i32(a[0], b[0], c[0])
      }}
      release a consume 1
      release b consume 1
      release c produce 1
    }}
  }}
  sequence run(a: i32[4096], b: i32[4096], c: i32[4096]) {{
    transfer a a offset 0 sizes [1, 1, 1, 4096] strides [0, 0, 0, 1]
    transfer b b offset 0 sizes [1, 1, 1, 4096] strides [0, 0, 0, 1]
    transfer c c offset 0 sizes [1, 1, 1, 4096] strides [0, 0, 0, 1]
    wait c
  }}
}}"
    );
    let design: Design = text.parse().unwrap_or_else(|e| panic!("{e}"));
    let kernels = Module::from(vec![add(Addend::I32, ELEMENTS).unwrap()]);
    Source { design, kernels }.with_meetings()
}

/// What a run of the design came to: the array's cycles and those that its core waited for banks; and what
/// the build said that it would wait in one round of the endless loop.
fn run(source: &Source) -> (u64, u64, u64) {
    let built = files::build("sum", source, &Key::new(["sum"]), &|_| ());
    let built = built.unwrap_or_else(|e| panic!("{e}"));
    let file = |name: &str| &built.iter().find(|(n, _)| n == name).expect("a file").1;
    let mut npu = Npu::new();
    npu.load_xclbin(file("sum.xclbin"))
        .unwrap_or_else(|e| panic!("{e}"));
    let stream = Stream::parse(file("insts_run.bin")).unwrap_or_else(|e| panic!("{e}"));
    let numbers: Vec<u8> = (0u32..4096).flat_map(u32::to_le_bytes).collect();
    let mut args = [numbers.clone(), numbers, vec![0; 4 * 4096]];
    let budget = Budget { cycles: 1_000_000 };
    let report = npu.run(&stream, &mut args, budget);
    let report = report.unwrap_or_else(|e| panic!("{e}"));
    let sums: Vec<u8> = (0u32..4096).flat_map(|n| (2 * n).to_le_bytes()).collect();
    assert!(args[2] == sums, "the sums are right");
    let told: Report = serde_json::from_slice(file("report.json")).expect("a report");
    let told = told.cores[0].banks.as_ref().expect("a core of our own");
    (report.cycles, report.cores[0].memory_stalls, told.stalls)
}

#[test]
fn operands_that_meet_lie_in_different_banks() {
    let [turns, apart] = ["", "apart"].map(source);
    assert_eq!(turns.design.kernels[0].meets, []);
    let loads = u64::from(ELEMENTS) / 8;
    let meets = |other, cycles| Meets {
        param: 0,
        other: Other::Param(other),
        cycles,
    };
    // A vector of each for each of the sum.
    assert_eq!(
        apart.design.kernels[0].meets,
        [
            meets(1, loads),
            meets(2, loads),
            Meets {
                param: 1,
                ..meets(2, loads)
            }
        ]
    );
    let verified = verify(apart.design.clone()).unwrap_or_else(|e| panic!("{e}"));
    let lowered = lower(&verified).unwrap_or_else(|e| panic!("{e}"));
    let bank = |name: &str| {
        let own = lowered.buffers.iter();
        let own = own.filter(|b| b.name.starts_with(name));
        let mut banks: Vec<u32> = own.map(|b| b.address / 0x4000).collect();
        banks.dedup();
        assert_eq!(banks.len(), 1, "both buffers of {name}");
        banks[0]
    };
    let mut banks = ["a", "b", "c"].map(bank);
    banks.sort_unstable();
    assert_eq!(banks, [1, 2, 3], "none beside the stack");

    let (cycles, waits, told) = run(&turns);
    let (fewer, none, nothing) = run(&apart);
    assert_eq!((none, nothing), (0, 0));
    assert!(
        waits > 0 && told > 0 && cycles >= fewer + waits / 2,
        "{waits} of {cycles}, then {fewer}"
    );
}

#[test]
fn a_design_says_what_meets() {
    let text = source("apart").design.to_string();
    let line = "kernel add_i32(i32[1024], i32[1024], i32[1024]) meets [0 1 128, 0 2 128, 1 2 128]";
    assert!(text.contains(line), "{text}");
    assert_eq!(text.parse(), Ok(source("apart").design));
    let refused = |from: &str, to: &str| {
        let design: Design = text.replace(from, to).parse().expect("a design");
        verify(design).unwrap_err().to_string()
    };
    insta::assert_snapshot!(refused("0 1 128", "0 3 128"), @r"
    kernel `add_i32` meets parameter 3, there are 0 to 2
    help: count from 0, or leave `meets` out
    ");
    insta::assert_snapshot!(refused("0 1 128", "0 bank 4 128"), @r"
    kernel `add_i32` meets bank 4, there are 0 to 3
    help: count from 0, or leave `meets` out
    ");
}

/// A kernel whose table would lie highest, beside what it is added to.
#[test]
fn a_table_lies_beside_no_operand() {
    let table: Vec<String> = (0..256).map(|n| n.to_string()).collect();
    let kernel = format!(
        "const @t: i32[256] = {}
kernel @plus(%x: ptr noalias, %y: ptr noalias) {{
  %t = addr @t
  %a, %b, %c = loop 32 (%p = %x, %q = %t, %r = %y) {{
    %v, %p1 = load.post i32x8 %p, 32
    %w, %q1 = load.post i32x8 %q, 32
    %s = vadd %v, %w
    %r1 = store.post %s, %r, 32
    yield %p1, %q1, %r1
  }}
}}",
        table.join(", ")
    );
    let text = "design plus on npu1 columns 1 apart {
  fifo y: i32[256] depth 1 (0,2) -> (0,0)
  buffer (0,2) x: i32[256] at 57344
  kernel plus(i32[256], i32[256])
  worker (0,2) stack 1024 {
    acquire y produce 1
    call plus(x, y[0])
    release y produce 1
  }
}";
    let kernels = load(&kernel).unwrap_or_else(|e| panic!("{e}")).into_inner();
    let design: Design = text.parse().unwrap_or_else(|e| panic!("{e}"));
    let source = Source { design, kernels }.with_meetings();
    let built = files::build("plus", &source, &Key::new(["plus"]), &|_| ());
    let built = built.unwrap_or_else(|e| panic!("{e}"));
    let report = built.iter().find(|(name, _)| name == "report.json");
    let report: Report = serde_json::from_slice(&report.expect("a file").1).expect("a report");
    let banks = report.cores[0].banks.as_ref().expect("a core of our own");
    assert_eq!((banks.stalls, banks.uncounted.len()), (0, 0), "{banks:?}");
}

/// tanh of 512 elements, from a table that the kernel brings along in banks 1 and 2.
#[test]
fn operands_lie_beside_the_table_of_their_kernel() {
    let text = "design tanh on npu1 columns 1 apart {
  fifo x: bf16[512] depth 2 (0,0) -> (0,2)
  fifo y: bf16[512] depth 2 (0,2) -> (0,0)
  kernel tanh(bf16[512], bf16[512])
  worker (0,2) stack 1024 {
    forever {
      acquire x consume 1
      acquire y produce 1
      call tanh(x[0], y[0])
      release x consume 1
      release y produce 1
    }
  }
  sequence run(x: bf16[512], y: bf16[512]) {
    transfer x x offset 0 sizes [1, 1, 1, 512] strides [0, 0, 0, 1]
    transfer y y offset 0 sizes [1, 1, 1, 512] strides [0, 0, 0, 1]
    wait y
  }
}";
    let case = lookup::case();
    let kernels = case.code.clone();
    let design: Design = text.parse().unwrap_or_else(|e| panic!("{e}"));
    let source = Source { design, kernels }.with_meetings();
    let verified = verify(source.design.clone()).unwrap_or_else(|e| panic!("{e}"));
    let lowered = lower(&verified).unwrap_or_else(|e| panic!("{e}"));
    let banks: BTreeSet<u32> = lowered.buffers.iter().map(|b| b.address / 0x4000).collect();
    assert_eq!(banks, BTreeSet::from([0, 3]));

    let built = files::build("tanh", &source, &Key::new(["tanh"]), &|_| ());
    let built = built.unwrap_or_else(|e| panic!("{e}"));
    let file = |name: &str| &built.iter().find(|(n, _)| n == name).expect("a file").1;
    let mut npu = Npu::new();
    npu.load_xclbin(file("tanh.xclbin"))
        .unwrap_or_else(|e| panic!("{e}"));
    let stream = Stream::parse(file("insts_run.bin")).unwrap_or_else(|e| panic!("{e}"));
    let inputs = case.inputs(Pattern::Random, 5);
    let mut args = [to_bytes(Elem::Bf16, &inputs[0]), vec![0; 1024]];
    let budget = Budget { cycles: 100_000 };
    npu.run(&stream, &mut args, budget)
        .unwrap_or_else(|e| panic!("{e}"));
    let expected = interpret(&case, Pattern::Random, 5).unwrap_or_else(|e| panic!("{e}"));
    assert!(
        args[1] == expected[1],
        "the array does what the kernel means"
    );
}
