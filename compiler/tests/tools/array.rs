//! `--array aie-opt` and `--array aiecc`: stand-ins that answer with what the real tools make of the same
//! design.
//!
//! The design is `a_passthrough` of `emulator/tests/goldens`: physical MLIR, configuration, instruction
//! stream and linker script there are mlir-aie's own (0a69477883ac), and so are the pass pipelines below.

use std::path::PathBuf;

use arch::Tile;
use npuc::tools::physical::with_elfs;

use super::cores::{Calls, builtin_elf, expect, file, inputs};
use super::stand_in::{Answer, Expect};
use super::user::{run, samples};
use super::{Bench, Outcome, str};

const ALLOCATION: &str = "builtin.module(convert-vector-to-aievec{aie-target=aie2}, lower-affine, aie-canonicalize-device, aie-lower-scratchpad-parameters{output-params-file=params.txt}, aie.device(aie-assign-lock-ids, aie-register-objectFifos, aie-objectFifo-stateful-transform{dynamic-objFifos=true packet-sw-objFifos=false}, aie-assign-bd-ids, aie-lower-cascade-flows, aie-lower-broadcast-packet, aie-lower-multicast, aie-assign-tile-controller-ids, aie-generate-column-control-overlay{route-shim-to-tile-ctrl=false}, aie-assign-buffer-addresses{alloc-scheme=}, aie-assign-core-link-files, aie-vector-transfer-lowering), convert-scf-to-cf)";
const ROUTING: &str = "builtin.module(aie.device(aie-create-pathfinder-flows))";
const SEQUENCES: &str = "builtin.module(aie-materialize-runtime-sequences, aie.device(aie-materialize-bd-chains, aie-substitute-shim-dma-allocations, aie-assign-runtime-sequence-bd-ids, canonicalize, aie-dma-tasks-to-npu, aie-dma-to-npu, aie-lower-set-lock))";
const CORE: &str = "builtin.module(aie.device(aie-localize-locks, aie-normalize-address-spaces, aie-transform-bfp-types), aie-standard-lowering{device=main tilecol=0 tilerow=2}, aiex-standard-lowering, convert-aievec-to-llvm{aie-target=aie2}, canonicalize, cse, expand-strided-metadata, lower-affine, arith-expand, finalize-memref-to-llvm, convert-func-to-llvm{use-bare-ptr-memref-call-conv=true}, convert-to-llvm{dynamic=true}, convert-vector-to-llvm, convert-ub-to-llvm, canonicalize, cse)";

const AIE_OPT: &str = "LLVM version 23.0.0git\naie-opt 0a69477883ac694c12c38036ea66bf1584767503";
const AIE_TRANSLATE: &str =
    "LLVM version 23.0.0git\naie-translate 0a69477883ac694c12c38036ea66bf1584767503";
const AIECC: &str = "aiecc (C++ version) 0a69477883ac694c12c38036ea66bf1584767503";

const DESIGN: &str = "design passthrough on npu1 columns 4 {
  fifo in: i32[64] depth 2 (0,0) -> (0,2)
  fifo out: i32[64] depth 2 (0,2) -> (0,0)
  kernel copy(i32[64], i32[64]) from \"copy.kir\"
  worker (0,2) stack 1024 {
    forever {
      acquire in consume 1
      acquire out produce 1
      call copy(in[0], out[0])
      release in consume 1
      release out produce 1
    }
  }
  sequence main(a: i32[256], b: i32[256]) {
    transfer in a offset 0 sizes [1, 1, 1, 256] strides [0, 0, 0, 1] bd 1
    transfer out b offset 0 sizes [1, 1, 1, 256] strides [0, 0, 0, 1] bd 0
    wait out
  }
}
";
const KERNEL: &str = "kernel @copy(%from: ptr noalias, %to: ptr noalias) {
  %a, %b = loop 8 (%p = %from, %q = %to) {
    %x, %p1 = load.post i32x8 %p, 32
    %q1 = store.post %x, %q, 32
    yield %p1, %q1
  }
}
";
/// What npuc-mlir makes of the design, for stand-ins that do not read it.
const MLIR: &[u8] = b"module { aie.device(npu1) {} }\n";

fn golden(file: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let path = folder
        .join("../emulator/tests/goldens/a_passthrough")
        .join(file);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A design on a bench, and what npuc alone makes of it.
struct Example {
    bench: Bench,
    design: PathBuf,
    elf: Vec<u8>,
    cdo_elfs: Vec<u8>,
}

/// Calls of mlir-aie's tools.
#[derive(Default)]
struct Aie {
    opt: Vec<Expect>,
    translate: Vec<Expect>,
    aiecc: Vec<Expect>,
}

impl Example {
    fn new() -> Self {
        let bench = Bench::new();
        let design = bench.write("design/passthrough.design", DESIGN.as_bytes());
        bench.write("design/copy.kir", KERNEL.as_bytes());
        let alone = Bench::new();
        alone.build(&[str(&design)]).worked();
        Example {
            cdo_elfs: alone.read("passthrough/cdo_elfs.bin"),
            elf: builtin_elf(&design, "passthrough"),
            bench,
            design,
        }
    }

    /// What npuc-mlir is asked for first.
    fn mlir(&self, calls: &mut Calls) {
        calls.npuc_mlir.push(expect(
            "design input.design -o design.mlir",
            &inputs(&self.design),
            &[file("design.mlir", MLIR)],
        ));
    }

    /// What npuc-mlir and Peano make of the kernels.
    fn kernels(&self, calls: &mut Calls) {
        let ir = b"define void @copy(ptr %0, ptr %1)\n";
        calls.npuc_mlir.push(expect(
            "kernel kernels.kir --peano -o kernels.ll",
            &inputs(&self.design),
            &[file("kernels.ll", ir)],
        ));
        calls.object("kernels", ir);
    }

    /// Placement, configuration with the program `elf`, and instruction stream.
    fn aie_opt(&self, aie: &mut Aie) {
        let physical = golden("physical.mlir");
        let pass = |pipeline: &str, from: (&str, &[u8]), to: (&str, &[u8])| {
            expect(
                &format!("--pass-pipeline={pipeline} {} -o {}", from.0, to.0),
                &[file(from.0, from.1)],
                &[file(to.0, to.1)],
            )
        };
        let allocated = ("with_addresses.mlir", &b"allocated\n"[..]);
        let routed = ("physical.mlir", physical.as_slice());
        let lowered = ("npu_lowered.mlir", &b"lowered\n"[..]);
        aie.opt.extend([
            pass(ALLOCATION, ("design.mlir", MLIR), allocated),
            pass(ROUTING, allocated, routed),
            pass(SEQUENCES, routed, lowered),
        ]);
        let named = [(Tile::new(0, 2), "core_0_2.elf".to_owned())];
        let text = String::from_utf8(physical.clone()).expect("UTF-8");
        let named = with_elfs(&text, &named).expect("it is there");
        aie.translate.extend([
            expect(
                "--aie-generate-cdo --aie-device-name=main --work-dir-path=. with_elfs.mlir",
                &[
                    file("with_elfs.mlir", named),
                    file("core_0_2.elf", self.elf.clone()),
                ],
                &self.cdos("main_aie_cdo_"),
            ),
            expect(
                "--aie-npu-to-binary --aie-device-name=main --aie-sequence-name=main \
                 --aie-output-binary=true npu_lowered.mlir -o insts_main.bin",
                &[file(lowered.0, lowered.1)],
                &[file("insts_main.bin", golden("insts.bin"))],
            ),
        ]);
    }

    /// The real configuration, which loads the program of ours.
    fn cdos(&self, prefix: &str) -> Vec<(String, Vec<u8>)> {
        vec![
            file(&format!("{prefix}elfs.bin"), self.cdo_elfs.clone()),
            file(&format!("{prefix}init.bin"), golden("cdo_init.bin")),
            file(&format!("{prefix}enable.bin"), golden("cdo_enable.bin")),
        ]
    }

    fn build(
        &self,
        choices: &[&str],
        calls: &Calls,
        aie: &Aie,
        answers: &[(&str, Answer)],
    ) -> Outcome {
        let answer = |tool: &str| {
            let other = answers.iter().find(|(name, _)| *name == tool);
            other.map_or(Answer::Works, |(_, answer)| *answer)
        };
        let bench = &self.bench;
        let places = calls.install(bench, answers);
        bench.stand_in("aie", "aie-opt", AIE_OPT, &aie.opt, answer("aie-opt"));
        bench.stand_in("aie", "aiecc", AIECC, &aie.aiecc, answer("aiecc"));
        let translate = answer("aie-translate");
        let aie = bench.stand_in(
            "aie",
            "aie-translate",
            AIE_TRANSLATE,
            &aie.translate,
            translate,
        );
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        let more = [str(&self.design), "--mlir-aie", str(&aie)];
        bench.build(&[&more[..], &places, choices].concat())
    }

    fn copies(&self) {
        let input = &samples(8)[..512];
        assert_eq!(run(&self.bench, "passthrough", &[input]), input);
    }
}

#[test]
fn aie_opt_places_and_routes_for_programs_of_the_built_in_back_end() {
    let example = Example::new();
    let (mut calls, mut aie) = (Calls::default(), Aie::default());
    example.mlir(&mut calls);
    example.aie_opt(&mut aie);
    let built = example
        .build(&["--array", "aie-opt"], &calls, &aie, &[])
        .worked();
    assert!(built.err.is_empty(), "{}", built.err);
    for step in [
        "placing buffers and locks",
        "routing",
        "core (0,2): compiling",
        "writing the configuration",
        "sequence main: writing the instruction stream",
    ] {
        assert!(built.out.contains(step), "`{step}`: {}", built.out);
    }
    example.copies();
    assert_eq!(
        example.bench.read("passthrough/insts_main.bin"),
        golden("insts.bin")
    );
}

#[test]
fn aie_opt_and_peano() {
    let example = Example::new();
    let (mut calls, mut aie) = (Calls::default(), Aie::default());
    example.mlir(&mut calls);
    example.kernels(&mut calls);
    example.aie_opt(&mut aie);
    let physical = [file("physical.mlir", golden("physical.mlir"))];
    let core = file("core_0_2.mlir", *b"llvm dialect\n");
    aie.opt.push(expect(
        &format!("--pass-pipeline={CORE} physical.mlir -o core_0_2.mlir"),
        &physical,
        std::slice::from_ref(&core),
    ));
    let newer = "%1 = getelementptr inbounds nuw i8, ptr %0, i64 4\nstore i32 0, ptr %1, align 4\n";
    aie.translate.push(expect(
        "--mlir-to-llvmir core_0_2.mlir -o core_0_2.newer.ll",
        &[core],
        &[file("core_0_2.newer.ll", newer)],
    ));
    let script = golden("main_core_0_2.ld.script");
    aie.translate.push(expect(
        "--aie-generate-ldscript --tilecol=0 --tilerow=2 --aie-device-name=main physical.mlir \
         -o core_0_2.ld.script",
        &physical,
        &[file("core_0_2.ld.script", script.clone())],
    ));
    let older = "%1 = getelementptr inbounds i8, ptr %0, i64 4\nstore i32 0, ptr %1\n";
    calls.object("core_0_2", older.as_bytes());
    calls.link(&example.bench, "core_0_2", &script, &example.elf);
    let choices = ["--array", "aie-opt", "--cores", "peano"];
    example.build(&choices, &calls, &aie, &[]).worked();
    example.copies();
}

fn aiecc(example: &Example) -> (Calls, Aie) {
    let (mut calls, mut aie) = (Calls::default(), Aie::default());
    example.mlir(&mut calls);
    example.kernels(&mut calls);
    let mut outputs = example.cdos("prj/main_aie_cdo_");
    outputs.push(file("insts_main.bin", golden("insts.bin")));
    outputs.push(file("prj/main_core_0_2.elf", example.elf.clone()));
    aie.aiecc.push(expect(
        &format!(
            "--no-xchesscc --no-xbridge --peano={} --aie-generate-cdo --aie-generate-npu-insts \
             --no-compile-host --tmpdir=prj --npu-insts-name=insts_{{1}}.bin design.mlir",
            example.bench.path("peano").display()
        ),
        &[
            file("design.mlir", MLIR),
            file("kernels.o", *b"object kernels\n"),
        ],
        &outputs,
    ));
    (calls, aie)
}

#[test]
fn aiecc_does_everything() {
    let example = Example::new();
    let (calls, aie) = aiecc(&example);
    let choices = ["--array", "aiecc", "--cores", "peano"];
    let built = example.build(&choices, &calls, &aie, &[]).worked();
    assert!(
        built.out.contains("building cores and configuration"),
        "{}",
        built.out
    );
    example.copies();
}

#[test]
fn builtin_cores_and_aiecc_do_not_go_together() {
    let example = Example::new();
    let (calls, aie) = aiecc(&example);
    example.build(&["--array", "aiecc"], &calls, &aie, &[]).failed(&[
        "--cores builtin with --array aiecc: aiecc gives buffers their addresses and compiles the cores in one run",
        "--array aie-opt places buffers first",
    ]);
    assert_eq!(example.bench.built(), [""; 0]);
}

#[test]
fn complaints_of_mlir_aie_are_told_with_the_step_and_a_hint() {
    for (tool, words, says) in [
        (
            "aie-opt",
            "input.mlir:2:2: error: Unable to find a legal routing",
            [
                "placing buffers and locks: aie-opt ended with code 1",
                "npuc draw",
            ],
        ),
        (
            "aie-opt",
            "input.mlir:3:8: error: op number of output DMA channel exceeded!",
            [
                "--pass-pipeline=builtin.module(convert-vector-to-aievec",
                "memory tile",
            ],
        ),
        (
            "aie-translate",
            "[AIE ERROR] _XAie_LoadProgMemSection():231: Overflow of program memory",
            [
                "writing the configuration: aie-translate ended with code 1",
                "16 KB",
            ],
        ),
    ] {
        let example = Example::new();
        let (mut calls, mut aie) = (Calls::default(), Aie::default());
        example.mlir(&mut calls);
        example.aie_opt(&mut aie);
        let answers = [(tool, Answer::Fails(words))];
        let failed = example.build(&["--array", "aie-opt"], &calls, &aie, &answers);
        failed.failed(&[words, says[0], says[1], "repeats it"]);
        assert_eq!(example.bench.built(), ["passthrough.failed"]);
    }
}

#[test]
fn answers_of_mlir_aie_that_cannot_be_used() {
    let example = Example::new();
    let (mut calls, mut aie) = (Calls::default(), Aie::default());
    example.mlir(&mut calls);
    example.aie_opt(&mut aie);
    let garbage = [("aie-translate", Answer::Garbage)];
    example.build(&["--array", "aie-opt"], &calls, &aie, &garbage).failed(&[
        "writing the configuration: aie-translate wrote `main_aie_cdo_elfs.bin`, which is not usable",
    ]);
    let (calls, mut aie) = aiecc(&example);
    aie.aiecc[0].outputs.pop();
    let choices = ["--array", "aiecc", "--cores", "peano"];
    example
        .build(&choices, &calls, &aie, &[])
        .failed(&["prj/main_core_0_2.elf"]);
    let hangs = [("aiecc", Answer::Hangs)];
    let choices = [&choices[..], &["--tool-timeout", "1"]].concat();
    example
        .build(&choices, &calls, &aie, &hangs)
        .failed(&["building cores and configuration: aiecc was stopped"]);
}
