//! `--cores peano`: stand-ins for Peano and npuc-mlir, and the real LLVM 22 for what it can read.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use npuc::array::lower::lower;
use npuc::array::verify::verify;
use npuc::overlays::user;
use npuc::tools::choice::{Choices, Cores};
use npuc::tools::{Found, Tool, Toolchain, Workshop, ldscript, npuc_mlir, peano};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::stand_in::{Answer, Expect};
use super::user::{example, louder, run, samples};
use super::{Bench, Outcome, str};

pub(super) const LLVM: &str = "LLVM (http://llvm.org/):\n  LLVM version 21.0.0git\n\n  Registered Targets:\n    aie2  - AI Engine 2\n    x86   - x86";
pub(super) const CLANG: &str = "clang version 21.0.0 (https://github.com/Xilinx/llvm-aie cb664e8c)";
const LLD: &str = "LLD 21.0.0 (compatible with GNU linkers)";

/// Calls of the tools, each with its stand-in's answer.
#[derive(Default)]
pub(super) struct Calls {
    pub(super) npuc_mlir: Vec<Expect>,
    pub(super) opt: Vec<Expect>,
    pub(super) llc: Vec<Expect>,
    pub(super) clang: Vec<Expect>,
}

pub(super) fn file(name: &str, content: impl Into<Vec<u8>>) -> (String, Vec<u8>) {
    (name.to_owned(), content.into())
}

pub(super) fn expect(
    args: &str,
    inputs: &[(String, Vec<u8>)],
    outputs: &[(String, Vec<u8>)],
) -> Expect {
    Expect {
        args: args.to_owned(),
        inputs: inputs.to_vec(),
        outputs: outputs.to_vec(),
    }
}

impl Calls {
    /// The way from `STEM.ll` to `STEM.o`.
    pub(super) fn object(&mut self, stem: &str, ir: &[u8]) {
        let optimised = file(&format!("{stem}.opt.ll"), format!("; {stem} optimised\n"));
        self.opt.push(expect(
            &format!("--passes=default<O1> -inline-threshold=10 -S {stem}.ll -o {stem}.opt.ll"),
            &[file(&format!("{stem}.ll"), ir)],
            std::slice::from_ref(&optimised),
        ));
        self.llc.push(expect(
            &format!(
                "{stem}.opt.ll -O2 --march=aie2 --function-sections --filetype=obj -o {stem}.o"
            ),
            &[optimised],
            &[file(&format!("{stem}.o"), format!("object {stem}\n"))],
        ));
    }

    /// The link of a core's program.
    pub(super) fn link(&mut self, bench: &Bench, core: &str, script: &[u8], elf: &[u8]) {
        let linker = bench.path("peano/bin/ld.lld");
        self.clang.push(expect(
            &format!(
                "-O2 --target=aie2-none-unknown-elf -fuse-ld={} {core}.o -Wl,--gc-sections \
                 -Wl,--orphan-handling=error -Wl,-T,{core}.ld.script -o {core}.elf",
                linker.display()
            ),
            &[
                file(&format!("{core}.o"), format!("object {core}\n")),
                file(&format!("{core}.ld.script"), script),
            ],
            &[file(&format!("{core}.elf"), elf)],
        ));
    }

    /// Installs the stand-ins, those named in `answers` with other answers than the real tools';
    /// arguments that lead to them.
    pub(super) fn install(&self, bench: &Bench, answers: &[(&str, Answer)]) -> Vec<String> {
        let answer = |tool: &str| {
            let other = answers.iter().find(|(name, _)| *name == tool);
            other.map_or(Answer::Works, |(_, answer)| *answer)
        };
        bench.stand_in("peano", "opt", LLVM, &self.opt, answer("opt"));
        bench.stand_in("peano", "llc", LLVM, &self.llc, answer("llc"));
        bench.stand_in("peano", "clang", CLANG, &self.clang, answer("clang"));
        let peano = bench.stand_in("peano", "ld.lld", LLD, &[], Answer::Works);
        let version = format!("npuc-mlir {}", env!("CARGO_PKG_VERSION"));
        let own = bench.stand_in(
            "own",
            "npuc-mlir",
            &version,
            &self.npuc_mlir,
            answer("npuc-mlir"),
        );
        let own = own.join("bin/npuc-mlir");
        ["--peano", str(&peano), "--npuc-mlir", str(&own)]
            .map(str::to_owned)
            .to_vec()
    }
}

/// What npuc writes for npuc-mlir of a design.
pub(super) fn inputs(design: &Path) -> Vec<(String, Vec<u8>)> {
    let user = user::load(design).expect("it is read");
    let bench = Bench::new();
    let toolchain = Toolchain::builtin();
    let shop = Workshop::new(&toolchain, "x", bench.folder.path());
    let source = &user.source;
    npuc_mlir::put(&shop, &source.design, &source.kernels, &user.cpp).expect("it is written");
    shop.files().expect("they are read")
}

/// The linker script of our own lowering, for the design's first core.
fn script(design: &Path, objects: &[&str]) -> Vec<u8> {
    script_of(design, 0, objects)
}

fn script_of(design: &Path, core: usize, objects: &[&str]) -> Vec<u8> {
    let source = user::load(design).expect("it is read").source;
    let lowered = lower(&verify(source.design).expect("sound")).expect("it is lowered");
    let objects: Vec<String> = objects.iter().map(|object| (*object).to_owned()).collect();
    ldscript::script(&lowered, lowered.cores[core].tile, &objects).into_bytes()
}

/// The core program that the built-in back end makes of a design.
pub(super) fn builtin_elf(design: &Path, name: &str) -> Vec<u8> {
    let bench = Bench::new();
    bench.build(&[str(design)]).worked();
    bench.read(&format!("{name}/core_0_2.elf"))
}

/// The calls for `loudest`, whose one core the stand-ins answer with the built-in back end's program.
fn loudest(bench: &Bench) -> Calls {
    let design = example("loudest.design");
    let mut calls = Calls::default();
    let ir = b"; LLVM IR of core (0,2)\n";
    calls.npuc_mlir.push(expect(
        "cores input.design -o . --peano",
        &inputs(&design),
        &[file("core_0_2.ll", ir)],
    ));
    calls.object("core_0_2", ir);
    let elf = builtin_elf(&design, "loudest");
    calls.link(bench, "core_0_2", &script(&design, &[]), &elf);
    calls
}

fn build(bench: &Bench, design: &Path, places: &[String], more: &[&str]) -> Outcome {
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    bench.build(&[&[str(design), "--cores", "peano"], &places[..], more].concat())
}

#[test]
fn peano_gets_exactly_what_the_reference_gives_it() {
    let bench = Bench::new();
    let places = loudest(&bench).install(&bench, &[]);
    let built = build(&bench, &example("loudest.design"), &places, &[]).worked();
    assert!(built.err.is_empty(), "{}", built.err);
    for step in [
        "core (0,2): optimising",
        "core (0,2): generating code",
        "core (0,2): linking",
        "llc 21.0.0",
    ] {
        assert!(built.out.contains(step), "`{step}`: {}", built.out);
    }
    let (left, right) = (samples(5), samples(6));
    assert_eq!(
        run(&bench, "loudest", &[&left, &right]),
        louder(&left, &right)
    );
    for left in [
        "core_0_2.opt.ll",
        "core_0_2.ld.script",
        "llc_core_0_2.sh",
        "core_0_2.s",
    ] {
        assert!(bench.out(&format!("loudest/{left}")).exists(), "{left}");
    }
}

#[test]
fn complaints_of_peano_are_told_with_the_core_and_a_hint() {
    for (tool, words, says) in [
        (
            "npuc-mlir",
            "error: kernel `loudest`: srs has no intrinsic",
            [
                "writing the cores as LLVM IR: npuc-mlir ended with code 1",
                "repeats it",
            ],
        ),
        (
            "opt",
            "opt: core_0_2.ll:3:9: error: expected value token",
            [
                "core (0,2): optimising: opt ended with code 1",
                "newer LLVM",
            ],
        ),
        (
            "llc",
            "LLVM ERROR: unable to legalize instruction: %1:_(<64 x s8>) = G_SHL",
            [
                "core (0,2): generating code: llc ended with code 1",
                "256 or 512 bits",
            ],
        ),
        (
            "clang",
            "ld.lld: error: undefined symbol: loudest",
            [
                "core (0,2): linking: clang ended with code 1",
                "extern \"C\"",
            ],
        ),
    ] {
        let bench = Bench::new();
        let places = loudest(&bench).install(&bench, &[(tool, Answer::Fails(words))]);
        let design = example("loudest.design");
        build(&bench, &design, &places, &[]).failed(&[words, says[0], says[1]]);
        assert_eq!(bench.built(), ["loudest.failed"]);
    }
}

#[test]
fn a_hanging_or_lying_peano() {
    let bench = Bench::new();
    let design = example("loudest.design");
    let places = loudest(&bench).install(&bench, &[("llc", Answer::Hangs)]);
    build(&bench, &design, &places, &["--tool-timeout", "1"]).failed(&[
        "core (0,2): generating code: llc was stopped: it did not end within its time limit of 1 s",
    ]);
    let places = loudest(&bench).install(&bench, &[("clang", Answer::Garbage)]);
    build(&bench, &design, &places, &[]).failed(&[
        "core (0,2): linking: clang wrote `core_0_2.elf`, which is not usable: not a readable ELF",
    ]);
    let places = loudest(&bench).install(&bench, &[("opt", Answer::Nothing)]);
    build(&bench, &design, &places, &[]).failed(&["opt wrote `core_0_2.opt.ll`, which is not"]);
}

#[test]
fn an_interrupt_ends_the_tool_that_runs() {
    let bench = Bench::new();
    let design = example("loudest.design");
    let places = loudest(&bench).install(&bench, &[("llc", Answer::Hangs)]);
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    let npuc = bench
        .command(&[&[str(&design), "--cores", "peano"], &places[..]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("npuc starts");
    let named = bench.path("llc.pid");
    let end = Instant::now() + Duration::from_secs(60);
    while !named.exists() {
        assert!(Instant::now() < end, "llc was never called");
        std::thread::sleep(Duration::from_millis(10));
    }
    kill_process(Pid::from_child(&npuc), Signal::INT).expect("npuc runs");
    let output = npuc.wait_with_output().expect("npuc ends");
    Outcome::of(&output)
        .failed(&["core (0,2): generating code: llc was stopped: the build was interrupted"]);
    let text = std::fs::read_to_string(named).expect("it is read");
    let tool = text.trim().parse().ok().and_then(Pid::from_raw);
    let gone = test_kill_process(tool.expect("a process"));
    assert_eq!(gone, Err(rustix::io::Errno::SRCH));
}

#[test]
fn a_program_larger_than_a_core_is_named() {
    use formats::elf::{CoreElf, Segment};
    let bench = Bench::new();
    let mut calls = loudest(&bench);
    // As a linker places it: the script lets programs grow.
    let small = CoreElf {
        segments: vec![Segment::bytes(0, vec![0; 0x4000])],
        ..CoreElf::default()
    };
    let mut elf = small.to_bytes().expect("it fits");
    let size = 0x4000u32.to_le_bytes();
    let grown = 0x4010u32.to_le_bytes();
    elf.extend([0; 16]);
    // Sizes in file and memory of the only program header, which follows the header of 52 bytes.
    for at in [52 + 16, 52 + 20] {
        assert_eq!(elf[at..at + 4], size);
        elf[at..at + 4].copy_from_slice(&grown);
    }
    calls.clang[0].outputs[0].1 = elf;
    let places = calls.install(&bench, &[]);
    build(&bench, &example("loudest.design"), &places, &[]).failed(&[
        "core (0,2): linking: clang wrote `core_0_2.elf`",
        "may have 16384 bytes",
    ]);
}

#[test]
fn a_kernel_in_cpp_is_compiled_and_linked() {
    let bench = Bench::new();
    let design = example("threshold.design");
    let mut calls = Calls::default();
    let ir = b"declare void @threshold(ptr, ptr, i32)\n";
    calls.npuc_mlir.push(expect(
        "cores input.design -o . --peano",
        &inputs(&design),
        &[file("core_0_2.ll", ir)],
    ));
    calls.object("core_0_2", ir);
    let cpp = std::fs::read(example("threshold.cc")).expect("there");
    calls.clang.push(expect(
        "-O2 -std=c++20 --target=aie2-none-unknown-elf -DNDEBUG -c threshold.cc -o threshold.o",
        &[file("threshold.cc", cpp)],
        &[file("threshold.o", *b"object threshold\n")],
    ));
    // The same in kernel IR stands in for what Peano would make of the C++.
    let twin = "kernel @threshold(%in: ptr, %out: ptr, %limit: i32) {
          %a, %b = loop 1024 (%p = %in, %q = %out) {
            %x, %p1 = load.s16.post %p, 2
            %zero = const 0
            %minus = sub %zero, %x
            %low = lt %x, %zero
            %size = select %low, %minus, %x
            %big = lt %limit, %size
            %y = select %big, %x, %zero
            %q1 = store.16.post %y, %q, 2
            yield %p1, %q1
          }
        }";
    let text = std::fs::read_to_string(&design).expect("there");
    bench.write("twin/threshold.kir", twin.as_bytes());
    let text = text.replace("threshold.cc", "threshold.kir");
    let twin = bench.write("twin/threshold.design", text.as_bytes());
    let elf = builtin_elf(&twin, "threshold");
    let script = script(&design, &["threshold.o"]);
    assert!(String::from_utf8_lossy(&script).contains("\nINPUT(threshold.o)\nPROVIDE(main"));
    calls.link(&bench, "core_0_2", &script, &elf);
    let places = calls.install(&bench, &[]);
    build(&bench, &design, &places, &[]).worked();
    let input = samples(7);
    let keep = |s: &i16| if i32::from(*s).abs() > 256 { *s } else { 0 };
    let kept: Vec<i16> = input.iter().map(keep).collect();
    assert_eq!(run(&bench, "threshold", &[&input]), kept);
}

const PAIR: &str = "design pair on npu1 columns 2 {
  fifo in0: i32[64] depth 2 (0,0) -> (0,2)
  fifo in1: i32[64] depth 2 (1,0) -> (1,2)
  fifo out0: i32[64] depth 2 (0,2) -> (0,0)
  fifo out1: i32[64] depth 2 (1,2) -> (1,0)
  kernel copy(i32[64], i32[64]) from \"copy.kir\"
  worker (0,2) stack 1024 {
    forever {
      acquire in0 consume 1
      acquire out0 produce 1
      call copy(in0[0], out0[0])
      release in0 consume 1
      release out0 produce 1
    }
  }
  worker (1,2) stack 2048 {
    forever {
      acquire in1 consume 1
      acquire out1 produce 1
      call copy(in1[0], out1[0])
      release in1 consume 1
      release out1 produce 1
    }
  }
  sequence main(a: i32[512], b: i32[512]) {
    transfer in0 a offset 0 sizes [1, 1, 1, 256] strides [0, 0, 0, 1]
    transfer in1 a offset 256 sizes [1, 1, 1, 256] strides [0, 0, 0, 1]
    transfer out0 b offset 0 sizes [1, 1, 1, 256] strides [0, 0, 0, 1]
    transfer out1 b offset 256 sizes [1, 1, 1, 256] strides [0, 0, 0, 1]
    wait out0
    wait out1
  }
}
";

#[test]
fn every_core_has_its_own_program_and_the_first_that_fails_is_named() {
    let bench = Bench::new();
    let design = bench.write("pair/pair.design", PAIR.as_bytes());
    let kernel = "kernel @copy(%from: ptr noalias, %to: ptr noalias) {
          %a, %b = loop 8 (%p = %from, %q = %to) {
            %x, %p1 = load.post i32x8 %p, 32
            %q1 = store.post %x, %q, 32
            yield %p1, %q1
          }
        }";
    bench.write("pair/copy.kir", kernel.as_bytes());
    let alone = Bench::new();
    alone.build(&[str(&design)]).worked();
    let mut calls = Calls::default();
    let cores = ["core_0_2", "core_1_2"];
    let ir = |core: &str| format!("; LLVM IR of {core}\n");
    calls.npuc_mlir.push(expect(
        "cores input.design -o . --peano",
        &inputs(&design),
        &cores.map(|core| file(&format!("{core}.ll"), ir(core))),
    ));
    for (index, core) in cores.iter().enumerate() {
        calls.object(core, ir(core).as_bytes());
        let elf = alone.read(&format!("pair/{core}.elf"));
        calls.link(&bench, core, &script_of(&design, index, &[]), &elf);
    }
    let words = "LLVM ERROR: Cannot select: intrinsic %llvm.aie2.acquire";
    let places = calls.install(&bench, &[("llc", Answer::Fails(words))]);
    build(&bench, &design, &places, &[])
        .failed(&["core (0,2): generating code: llc ended with code 1", words]);
    let places = calls.install(&bench, &[]);
    build(&bench, &design, &places, &[]).worked();
    assert_eq!(bench.built(), ["pair"]);
    let input = &samples(9)[..1024];
    assert_eq!(run(&bench, "pair", &[input]), input);
}

/// Where Debian installs LLVM 22.
const LLVM_22: &str = "/usr/lib/llvm-22";

fn llvm_22() -> Option<PathBuf> {
    let folder = PathBuf::from(LLVM_22);
    let there = folder.join("bin/opt").is_file() && folder.join("bin/llc").is_file();
    if !there {
        println!("left out: no LLVM 22 in {LLVM_22} (package llvm-22)");
    }
    there.then_some(folder)
}

#[test]
fn a_system_llvm_is_not_peano() {
    let Some(folder) = llvm_22() else { return };
    let bench = Bench::new();
    let places = loudest(&bench).install(&bench, &[]);
    let args = [
        "--cores",
        "peano",
        "--peano",
        str(&folder),
        &places[2],
        &places[3],
    ];
    bench
        .build(&[&[str(&example("loudest.design"))], &args[..]].concat())
        .failed(&[
            "bin/llc is not what `--cores peano` needs: LLVM 22.",
            "without the target aie2, which Peano has",
            "PEANO_INSTALL_DIR",
        ]);
}

#[test]
fn the_driver_runs_llvm_22_on_what_it_can_read() {
    let Some(folder) = llvm_22() else { return };
    let bench = Bench::new();
    let found = |tool: Tool| Found {
        tool,
        path: folder.join("bin").join(tool.name()),
        version: Some("22.1.8".to_owned()),
        digest: String::new(),
    };
    let choices = Choices {
        cores: Cores::Peano,
        ..Choices::default()
    };
    let tools = vec![found(Tool::Opt), found(Tool::Llc)];
    let toolchain = Toolchain::new(choices, tools, Duration::from_secs(60));
    let shop = Workshop::new(&toolchain, "add", bench.folder.path());
    let ir = "define i32 @twice(i32 %x) {\n  %p = alloca i32\n  store i32 %x, ptr %p\n  \
              %a = load i32, ptr %p\n  %b = add i32 %a, %x\n  ret i32 %b\n}\n";
    shop.put("add.ll", ir.as_bytes()).expect("written");
    // Its optimizer does the work, its code generator has no such target.
    let error = peano::object(&shop, "add", "kernels")
        .expect_err("no aie2")
        .to_string();
    let optimised = String::from_utf8(shop.get("add.opt.ll").expect("written")).expect("UTF-8");
    assert!(
        optimised.contains("ret i32") && !optimised.contains("alloca"),
        "{optimised}"
    );
    for text in [
        "kernels: generating code: llc ended with code 1",
        "this LLVM is not Peano",
    ] {
        assert!(error.contains(text), "{error}");
    }
    shop.put("add.ll", ir.replace("add i32", "frobnicate i32").as_bytes())
        .expect("written");
    let error = peano::object(&shop, "add", "kernels")
        .expect_err("no IR")
        .to_string();
    for text in [
        "kernels: optimising: opt ended with code 1",
        "error: expected",
        "help: ",
    ] {
        assert!(error.contains(text), "{error}");
    }
}
