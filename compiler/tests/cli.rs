//! `npuc` from the outside: what it prints and how it exits, on good files and on bad ones.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// What a run of `npuc` came to.
struct Outcome {
    code: Option<i32>,
    out: String,
    err: String,
}

fn npuc(args: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_npuc"));
    let output = command
        .args(args)
        .env("NO_COLOR", "1")
        .output()
        .expect("npuc starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome {
        code: output.status.code(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

/// A folder with the `passthrough` overlay in it.
struct Built {
    folder: TempDir,
    overlay: &'static str,
}

impl Built {
    fn new() -> Self {
        Built::of("passthrough")
    }

    fn of(overlay: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let outcome = npuc(&[
            "build",
            overlay,
            "--out",
            folder.path().to_str().expect("UTF-8"),
        ]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.err);
        assert!(outcome.out.contains(overlay), "{}", outcome.out);
        Built { folder, overlay }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(self.overlay).join(name)
    }

    /// A file beside the overlay with the given content.
    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("the file is written");
        path
    }
}

fn str(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Asserts the exit code and that standard error holds every one of the texts.
fn refuses(args: &[&str], code: i32, texts: &[&str]) {
    let outcome = npuc(args);
    // The report wraps long lines: compare without line breaks and margins.
    let flat: String = outcome
        .err
        .split_whitespace()
        .filter(|w| *w != "│")
        .collect::<Vec<_>>()
        .join(" ");
    assert_eq!(outcome.code, Some(code), "{args:?}: {}", outcome.err);
    for text in texts {
        assert!(
            flat.contains(text),
            "{args:?} does not say `{text}`: {flat}"
        );
    }
}

/// Arguments of `npuc run` for this overlay.
fn run_args<'a>(xclbin: &'a Path, insts: &'a Path, args: &'a [String]) -> Vec<&'a str> {
    let mut line = vec!["run", str(xclbin), "--insts", str(insts)];
    for arg in args {
        line.extend(["--arg", arg]);
    }
    line
}

#[test]
fn builds_inspects_disassembles_and_runs() {
    let built = Built::new();
    let samples: Vec<u8> = (0..65536u32).map(|n| (n * 7 + n / 256) as u8).collect();
    let input = built.file("in.bin", &samples);
    let output = built.folder.path().join("out.bin");
    let args = [
        format!("in:{}", input.display()),
        format!("out:{}:65536", output.display()),
    ];
    let outcome = npuc(&run_args(
        &built.path("passthrough.xclbin"),
        &built.path("insts_main.bin"),
        &args,
    ));
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert!(outcome.out.contains("device emulator"), "{}", outcome.out);
    let (xclbin, insts) = (
        built.path("passthrough.xclbin"),
        built.path("insts_main.bin"),
    );
    let mut line = run_args(&xclbin, &insts, &args);
    line.extend(["--report", "--clock", "1000"]);
    let timed = npuc(&line);
    let title = "predicted time on npu1 at 1000 MHz (not measured)";
    assert!(timed.out.contains(title), "{} {}", timed.out, timed.err);
    let mut line = run_args(&xclbin, &insts, &args);
    let folder = built.path("");
    line.extend(["--elfs", str(&folder)]);
    assert_eq!(npuc(&line).code, Some(0), "the ELFs are those of the cores");
    let last = line.len() - 1;
    line[last] = str(built.folder.path());
    refuses(&line, 3, &["no core_COL_ROW.elf is there"]);
    assert_eq!(
        std::fs::read(&output).expect("the output is there"),
        samples
    );

    for (file, text) in [
        ("passthrough.xclbin", "AIE_PARTITION"),
        ("passthrough.pdi", "aie_image"),
        ("cdo_init.bin", "Lock"),
        ("core_0_2.elf", "__start"),
        ("insts_main.bin", "ddr_patch"),
    ] {
        let outcome = npuc(&["inspect", str(&built.path(file))]);
        assert_eq!(outcome.code, Some(0), "{file}: {}", outcome.err);
        assert!(
            outcome.out.contains(text),
            "{file} does not show {text}:\n{}",
            outcome.out
        );
    }
    let sound = npuc(&["lint", str(&xclbin), "--insts", str(&insts)]);
    assert_eq!(sound.code, Some(0), "{}{}", sound.out, sound.err);
    let no_stream = built.path("passthrough.pdi");
    refuses(
        &[
            "lint",
            str(&xclbin),
            "--insts",
            str(&no_stream),
            str(&insts),
        ],
        1,
        &["one finding"],
    );
    for file in ["core_0_2.elf", "passthrough.xclbin", "passthrough.pdi"] {
        let outcome = npuc(&["disasm", str(&built.path(file))]);
        assert_eq!(outcome.code, Some(0), "{file}: {}", outcome.err);
        assert!(outcome.out.contains("vldb"), "{file}:\n{}", outcome.out);
    }
}

#[test]
fn a_trace_is_made_of_trace_events() {
    let built = Built::new();
    let input = built.file("in.bin", &[7; 65536]);
    let (output, trace) = (built.path("out.bin"), built.path("trace.json"));
    let (xclbin, insts) = (
        built.path("passthrough.xclbin"),
        built.path("insts_main.bin"),
    );
    let args = [
        format!("in:{}", input.display()),
        format!("out:{}:65536", output.display()),
    ];
    let mut line = run_args(&xclbin, &insts, &args);
    let folder = built.path("");
    line.extend(["--elfs", str(&folder), "--trace", str(&trace)]);
    let outcome = npuc(&line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    let names = trace_names(&trace);
    for name in [
        "passthrough",
        "waits for lock 49",
        "BD 0",
        "lock 0",
        "bytes a cycle",
    ] {
        assert!(names.contains(name), "{name} of {names:?}");
    }
}

/// Four cores at a product: each core's kernel, each channel's descriptors, locks and host memory.
#[test]
fn the_product_of_four_cores_is_traced_and_drawn() {
    let built = Built::of("matmul_i8");
    let trace = built.path("trace.json");
    let (xclbin, insts) = (
        built.path("matmul_i8.xclbin"),
        built.path("insts_m64_n256.bin"),
    );
    let (a, b) = (
        built.file("a.bin", &[1; 64 * 512]),
        built.file("b.bin", &[2; 512 * 256]),
    );
    let c = built.path("c.bin");
    let args = [
        format!("in:{}", a.display()),
        format!("in:{}", b.display()),
        format!("out:{}:{}", c.display(), 64 * 256 * 4),
    ];
    let mut line = run_args(&xclbin, &insts, &args);
    let folder = built.path("");
    line.extend(["--elfs", str(&folder), "--trace", str(&trace)]);
    let outcome = npuc(&line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    let sums = std::fs::read(&c).expect("the product");
    let (words, _) = sums.as_chunks::<4>();
    assert!(words.iter().all(|w| i32::from_le_bytes(*w) == 512 * 2));
    let names = trace_names(&trace);
    for name in [
        "matmul_i8",
        "matmul_i8_acc",
        "BD 0",
        "lock 4",
        "bytes a cycle",
    ] {
        assert!(names.contains(name), "{name} of {names:?}");
    }
    for tile in ["core tile (3,2)", "shim tile (0,0)", "host memory (DDR)"] {
        assert!(names.contains(tile), "{tile} of {names:?}");
    }

    let drawn = npuc(&["draw", "matmul_i8"]);
    assert_eq!(drawn.code, Some(0), "{}", drawn.err);
    for column in 0..4 {
        let texts = [
            format!("core tile ({column},2)"),
            format!("<title>a{column}</title>"),
            format!("<title>b{column}</title>"),
            format!("<title>c{column}</title>"),
        ];
        for text in texts {
            assert!(drawn.out.contains(&text), "{text} in {}", drawn.out);
        }
    }
}

/// The names in a trace, of events, processes and threads, once each event has what viewers need and
/// no two spans of a track overlap.
fn trace_names(trace: &Path) -> std::collections::BTreeSet<String> {
    let text = std::fs::read(trace).expect("a trace");
    let json: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let events = json["traceEvents"].as_array().expect("events");
    let mut ends = std::collections::BTreeMap::new();
    let mut names = std::collections::BTreeSet::new();
    for event in events {
        let (name, phase) = (event["name"].as_str(), event["ph"].as_str());
        let (pid, tid) = (event["pid"].as_u64(), event["tid"].as_u64());
        let ts = event["ts"].as_f64().expect("a time");
        names.insert(name.expect("a name").to_owned());
        match phase {
            Some("X") => {
                let track = (pid.expect("a process"), tid.expect("a thread"));
                let end = ends.entry(track).or_insert(0.0);
                let duration = event["dur"].as_f64().expect("a duration");
                assert!(duration > 0.0 && ts >= *end - 1e-6, "{event}");
                *end = ts + duration;
            }
            Some("C") => {
                let values = event["args"].as_object().expect("values");
                assert!(values.values().all(serde_json::Value::is_number), "{event}");
            }
            Some("M") => {
                let named = event["args"]["name"].as_str();
                names.insert(named.expect("what is named").to_owned());
            }
            other => panic!("phase {other:?}"),
        }
    }
    names
}

#[test]
fn a_picture_shows_tiles_fifos_and_routes() {
    let built = Built::new();
    let drawn = npuc(&["draw", "passthrough"]);
    assert_eq!(drawn.code, Some(0), "{}", drawn.err);
    for text in [
        "<svg ",
        "core tile (0,2)",
        "shim tile (0,0)",
        "<title>in</title>",
        "2 × 4 KiB",
        "prefers-color-scheme:dark",
    ] {
        assert!(drawn.out.contains(text), "{text} in {}", drawn.out);
    }
    let file = built.path("picture.svg");
    let xclbin = built.path("passthrough.xclbin");
    let outcome = npuc(&["draw", str(&xclbin), "--out", str(&file)]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    let picture = std::fs::read_to_string(&file).expect("written");
    assert!(picture.contains("MM2S0 of core tile (0,2)"), "{picture}");
    refuses(&["draw", "nothing"], 1, &["unknown overlay `nothing`"]);
}

#[test]
fn a_second_build_comes_from_the_cache() {
    let built = Built::new();
    let before = std::fs::read(built.path("passthrough.xclbin")).expect("built");
    let outcome = npuc(&["build", "passthrough", "--out", str(built.folder.path())]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert!(outcome.out.contains("cached"), "{}", outcome.out);
    let again = tempfile::tempdir().expect("a temporary folder");
    let outcome = npuc(&["build", "passthrough", "--out", str(again.path())]);
    assert!(outcome.out.contains("built"), "{}", outcome.out);
    let rebuilt =
        std::fs::read(again.path().join("passthrough/passthrough.xclbin")).expect("built");
    assert_eq!(before, rebuilt, "the same inputs give the same bytes");
}

#[test]
fn unknown_overlay() {
    refuses(
        &["build", "matmul"],
        1,
        &["unknown overlay `matmul`", "did you mean `matmul_i8`?"],
    );
    refuses(&["build", "--frobnicate"], 2, &["unexpected argument"]);
}

#[test]
fn unusable_xclbin() {
    let built = Built::new();
    let good = std::fs::read(built.path("passthrough.xclbin")).expect("built");
    let insts = built.path("insts_main.bin");
    let truncated = built.file("truncated.xclbin", &good[..good.len() / 2]);
    let mut garbled = good.clone();
    // One bit of the PDI's image header table.
    let pdi = std::fs::read(built.path("passthrough.pdi")).expect("built");
    let place = good
        .windows(64)
        .position(|w| w == &pdi[..64])
        .expect("the PDI is inside");
    garbled[place + 0x34] ^= 0x10;
    let garbled = built.file("garbled.xclbin", &garbled);
    let mut wrong = good.clone();
    wrong[..7].copy_from_slice(b"xclbin9");
    let wrong = built.file("wrong.xclbin", &wrong);
    let missing = built.folder.path().join("missing.xclbin");
    let empty = built.file("empty.xclbin", b"");
    for (file, text) in [
        (&truncated, "help:"),
        (&garbled, "checksum"),
        (&wrong, "help:"),
        (&missing, "No such file"),
        (&empty, "help:"),
    ] {
        refuses(&run_args(file, &insts, &[]), 3, &[text]);
    }
    refuses(
        &["inspect", str(&wrong)],
        3,
        &["which no known format does"],
    );
    refuses(&["inspect", str(&truncated)], 3, &["truncated.xclbin"]);
    refuses(&["disasm", str(&empty)], 3, &["empty.xclbin"]);
}

#[test]
fn unusable_stream_and_buffers() {
    let built = Built::new();
    let xclbin = built.path("passthrough.xclbin");
    let mut stream = std::fs::read(built.path("insts_main.bin")).expect("built");
    let short = built.file("short.bin", &stream[..20]);
    refuses(&run_args(&xclbin, &short, &[]), 3, &["short.bin"]);
    stream[16] = 0x7b;
    let unknown = built.file("unknown.bin", &stream);
    refuses(&run_args(&xclbin, &unknown, &[]), 3, &["opcode", "123"]);

    let insts = built.path("insts_main.bin");
    let input = built.file("in.bin", &[0; 65536]);
    let whole = format!("in:{}", input.display());
    let small = [
        whole.clone(),
        format!("out:{}/o.bin:4096", built.folder.path().display()),
    ];
    refuses(
        &run_args(&xclbin, &insts, &small),
        1,
        &["argument 1", "4096"],
    );
    refuses(&run_args(&xclbin, &insts, &[whole]), 1, &["argument 1"]);
    refuses(
        &run_args(&xclbin, &insts, &["nonsense".into()]),
        2,
        &["nonsense"],
    );
    let budget = [
        format!("in:{}", input.display()),
        format!("out:{}/o.bin:65536", built.folder.path().display()),
    ];
    let mut line = run_args(&xclbin, &insts, &budget);
    line.extend(["--budget", "1000"]);
    refuses(&line, 1, &["1000 cycles"]);
}

#[test]
fn assembles_what_it_disassembles() {
    let built = Built::new();
    let core = built.path("core_0_2.elf");
    let listed = npuc(&["disasm", str(&core)]);
    assert_eq!(listed.code, Some(0), "{}", listed.err);
    let text = built.file("core.s", listed.out.as_bytes());
    let again = built.folder.path().join("again.elf");
    let outcome = npuc(&["asm", str(&text), "--output", str(&again)]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert!(outcome.out.contains("bytes of program"), "{}", outcome.out);
    let relisted = npuc(&["disasm", str(&again)]);
    assert_eq!(relisted.out, listed.out);

    let bad = built.file("bad.s", b"main:\n frobnicate r0\n");
    refuses(&["asm", str(&bad)], 3, &["bad.s", "line 2", "frobnicate"]);
    assert!(!bad.with_extension("elf").exists());
    let raw = npuc(&["asm", str(&text), "--raw"]);
    assert_eq!(raw.code, Some(0), "{}", raw.err);
    assert!(built.folder.path().join("core.bin").exists());
}

#[test]
fn explains_kernels() {
    let outcome = npuc(&["explain", "passthrough"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    for text in [
        "passthrough 4096 bytes",
        "by slot st",
        "| vst",
        "hardware loop",
    ] {
        assert!(outcome.out.contains(text), "`{text}`: {}", outcome.out);
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("add.kir");
    let text =
        "kernel @add(%p: ptr) {\n  %a = load i32 %p, 0\n  %b = add %a, %a\n  store %b, %p, 4\n}\n";
    std::fs::write(&file, text).expect("the file is written");
    let outcome = npuc(&["explain", str(&file)]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert!(outcome.out.contains("add: "), "{}", outcome.out);
    refuses(
        &["explain", "pasthrough"],
        1,
        &["did you mean `passthrough`?"],
    );
    refuses(&["explain", "passthrough", "7"], 1, &["4096 bytes"]);
    refuses(
        &["explain", "nothing"],
        1,
        &["layernorm, matmul_bf16, matmul_bf16_acc"],
    );
}

#[test]
fn check_says_what_is_wrong_with_a_design() {
    let outcome = npuc(&["check", "scale_i16"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert!(
        outcome.out.contains("8 fifos, 4 workers, 1 sequence;"),
        "{}",
        outcome.out
    );
    refuses(&["check", "scale_i61"], 1, &["did you mean `scale_i16`?"]);

    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |content: &str| {
        let path = folder.path().join("design.txt");
        std::fs::write(&path, content).expect("the file is written");
        path
    };
    let three = "design d on npu1 columns 2 {
        fifo a: i32[8] depth 1 (0,0) -> (1,2)
        fifo b: i32[8] depth 1 (0,0) -> (1,2)
        fifo c: i32[8] depth 1 (1,0) -> (1,2)
    }";
    let path = file(three);
    let wrong = [
        "core (1,2) needs 3 input channels",
        "a core tile has 2",
        "join `a` and `b` through the memory tile of column 1",
    ];
    refuses(&["check", str(&path)], 1, &wrong);
    let path = file(&three.replace("depth 1 (1,0)", "deep 1 (1,0)"));
    refuses(
        &["check", str(&path)],
        3,
        &["4:24: found `deep`, expected `depth`"],
    );
}

#[test]
fn check_and_draw_put_open_tiles_somewhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("design.txt");
    let text = "design d on npu1 columns 1 {
        fifo a: i32[8] depth 1 shim:s -> core:c
        fifo b: i32[8] depth 1 core:c -> shim:s
    }";
    std::fs::write(&path, text).expect("the file is written");
    let checked = npuc(&["check", str(&path)]);
    assert_eq!(checked.code, Some(0), "{}", checked.err);
    for place in ["shim:s is (0,0)", "core:c is (0,2)"] {
        assert!(checked.out.contains(place), "{}", checked.out);
    }
    let drawn = npuc(&["draw", str(&path)]);
    assert!(drawn.out.contains("core tile (0,2)"), "{}", drawn.err);
    let many = text.replace(
        "shim:s -> core:c",
        "shim:s -> core:c, core:d, core:e, core:f, (0,2)",
    );
    std::fs::write(&path, many).expect("written");
    refuses(
        &["check", str(&path)],
        1,
        &["4 open cores and 1 on tiles", "1 columns have 4"],
    );
}

#[test]
fn all_fifos_that_share_a_channel_are_drawn() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("design.txt");
    let text = "design d on npu1 columns 1 {
        fifo a: i32[8] depth 1 (0,0) -> (0,2) packet 1
        fifo b: i32[8] depth 1 (0,0) -> (0,3) packet 2
    }";
    std::fs::write(&path, text).expect("the file is written");
    let drawn = npuc(&["draw", str(&path)]);
    assert!(
        drawn.out.contains("<title>a, b</title>"),
        "{}{}",
        drawn.out,
        drawn.err
    );
}

#[test]
fn a_design_is_drawn_without_programs() {
    let built = Built::new();
    let drawn = npuc(&["draw", str(&built.path("design.txt"))]);
    assert_eq!(drawn.code, Some(0), "{}", drawn.err);
    for text in ["<svg ", "core tile (0,2)", "<title>in</title>", "2 × 4 KiB"] {
        assert!(drawn.out.contains(text), "{text} in {}", drawn.out);
    }
    let broken = built.file("broken.txt", b"design d on npu1 columns 2");
    let message = ["found the end, expected `{`"];
    refuses(&["draw", str(&broken)], 3, &message);
}
