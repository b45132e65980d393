//! `amanuensis transcribe` from the command line to the files.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{amanuensis, told};
use crate::support::wav::{self, Format};
use crate::support::{fixture, parrot};

/// A folder with recordings in it, and commands that run there with the parrot as model.
pub(super) struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let desk = Self { folder };
        desk.put(
            "talk.wav",
            &wav::file(16_000, &[&[0.0; 48_000]], Format::I16),
        );
        desk
    }

    pub(super) fn put(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = amanuensis();
        command
            .current_dir(self.folder.path())
            .args([
                "transcribe",
                "--device",
                "cpu",
                "--threads",
                "1",
                "--beam-size",
                "1",
            ])
            .args(["--no-condition-on-previous-text", "--model"])
            .arg(parrot::folder())
            .args(arguments);
        command
    }

    /// Runs it; the model's changing path is hidden, and so is the kernels' name.
    pub(super) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let (code, out, err) = told(self.command(arguments).output().unwrap());
        (code, hide(&out), hide(&err))
    }

    pub(super) fn read(&self, name: &str) -> String {
        hide(&fs::read_to_string(self.path(name)).unwrap())
    }

    /// Names in a folder of the desk, in order.
    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn hide(text: &str) -> String {
    let text = text.replace(parrot::folder().to_str().unwrap(), "MODEL");
    let Some((before, rest)) = text.split_once("host f32 (") else {
        return text;
    };
    let after = rest.split_once(')').map_or("", |(_, after)| after);
    format!("{before}host f32{}", hide(after))
}

#[test]
fn text_goes_to_the_standard_output_and_what_served_to_the_other() {
    let (code, out, err) = Desk::new().run(&["talk.wav"]);
    assert_eq!((code, &*out), (0, "Amen.\nAmen.\n"));
    insta::assert_snapshot!(err, @"talk.wav: amanuensis 0.1.0; model MODEL; device cpu; kernels host f32");
}

#[test]
fn quiet_is_quiet() {
    let (code, out, err) = Desk::new().run(&["talk.wav", "--quiet"]);
    assert_eq!((code, &*out, &*err), (0, "Amen.\nAmen.\n", ""));
}

#[test]
fn auto_says_what_it_chose() {
    let desk = Desk::new();
    let mut command = amanuensis();
    command
        .arg("transcribe")
        .arg(desk.path("talk.wav"))
        .arg("--model")
        .arg(parrot::folder());
    let (code, _, err) = told(command.output().unwrap());
    assert_eq!(code, 0);
    assert!(
        err.starts_with("device auto: cpu, because it alone runs encoder and decoder"),
        "{err}"
    );
}

#[test]
fn every_form_becomes_a_file() {
    let desk = Desk::new();
    let (code, out, _) = desk.run(&[
        "talk.wav",
        "--format",
        "txt,srt,vtt,tsv,json",
        "--output-dir",
        "texts",
        "--word-timestamps",
    ]);
    assert_eq!((code, &*out), (0, ""));
    assert_eq!(
        desk.names("texts"),
        ["talk.json", "talk.srt", "talk.tsv", "talk.txt", "talk.vtt"]
    );
    assert!(
        desk.read("texts/talk.vtt")
            .contains("NOTE amanuensis 0.1.0; model MODEL; device cpu; kernels host f32\n")
    );
    let json: serde_json::Value = serde_json::from_str(&desk.read("texts/talk.json")).unwrap();
    assert_eq!(json["text"], "Amen.Amen.");
    assert_eq!(json["duration"], 3.0);
    assert_eq!(json["complete"], true);
    assert_eq!(json["amanuensis"]["device"], "cpu");
    assert_eq!(json["amanuensis"]["kernels"], "host f32");
    assert_eq!(json["words"].as_array().unwrap().len(), 2);
}

#[test]
fn subtitles_stream_to_the_standard_output() {
    let (code, out, err) = Desk::new().run(&["talk.wav", "--format", "vtt"]);
    assert_eq!((code, &*err), (0, ""));
    insta::assert_snapshot!(out);
}

#[test]
fn the_standard_input_is_an_input() {
    let desk = Desk::new();
    let mut child = desk
        .command(&["-", "--format", "tsv", "--output-dir", "."])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let bytes = fs::read(fixture("tone.m4a")).unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let (code, _, err) = told(child.wait_with_output().unwrap());
    assert_eq!(code, 0, "{err}");
    assert_eq!(desk.read("stdin.tsv"), "start\tend\ttext\n0\t1500\tAmen.\n");
}

#[test]
fn outputs_of_several_files_lie_side_by_side() {
    let desk = Desk::new();
    desk.put(
        "second.wav",
        &wav::file(8_000, &[&[0.0; 8_000]], Format::U8),
    );
    let (code, _, err) = desk.run(&["talk.wav", "missing.wav", "second.wav", "-o", "texts"]);
    assert_eq!(code, 3);
    assert_eq!(desk.names("texts"), ["second.txt", "talk.txt"]);
    assert!(err.contains("cannot open missing.wav"), "{err}");
}

/// What Ctrl-C does.
fn interrupt(child: &Child) {
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
}

/// Segments come before the end: the first line is read while the process still waits for audio.
#[test]
fn an_interrupt_ends_with_what_is_done() {
    let desk = Desk::new();
    desk.put(
        "long.wav",
        &wav::file(8_000, &[&vec![0.0; 8_000 * 1500]], Format::U8),
    );
    let mut child = desk
        .command(&["long.wav"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "Amen.");
    interrupt(&child);
    let rest = lines
        .map(Result::unwrap)
        .inspect(|line| assert_eq!(line, "Amen."))
        .count();
    let (code, _, err) = told(child.wait_with_output().unwrap());
    assert_eq!(code, 130, "{err}");
    assert!(rest < 749, "{rest} lines after the interrupt");
    assert!(err.contains("long.wav: ended early, after "), "{err}");
}

/// Files get what was done until the interrupt, and say that it is not all.
#[test]
fn an_interrupted_file_says_so() {
    let desk = Desk::new();
    desk.put(
        "long.wav",
        &wav::file(8_000, &[&vec![0.0; 8_000 * 1500]], Format::U8),
    );
    let mut child = desk
        .command(&["talk.wav", "long.wav", "-f", "json", "-o", "texts"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !desk.path("texts/talk.json").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it has ended");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    interrupt(&child);
    let (code, _, err) = told(child.wait_with_output().unwrap());
    assert_eq!(code, 130, "{err}");
    // Under load the interrupt may come before the first window is done; then no file is made.
    if desk.path("texts/long.json").exists() {
        let json: serde_json::Value = serde_json::from_str(&desk.read("texts/long.json")).unwrap();
        assert_eq!(json["complete"], false);
        assert!(!json["segments"].as_array().unwrap().is_empty());
    }
    assert!(
        desk.names("texts")
            .iter()
            .all(|name| name.ends_with(".json"))
    );
}

#[test]
fn a_reader_that_has_had_enough_ends_it_quietly() {
    let desk = Desk::new();
    desk.put(
        "long.wav",
        &wav::file(8_000, &[&vec![0.0; 8_000 * 300]], Format::U8),
    );
    let mut child = desk
        .command(&["long.wav"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let (code, _, err) = told(child.wait_with_output().unwrap());
    assert_eq!((code, &*err), (5, ""));
}

#[test]
fn what_does_not_fit_together_is_refused_before_anything_is_done() {
    let desk = Desk::new();
    desk.put("talk.flac", b"");
    fs::create_dir(desk.path("other")).unwrap();
    let refused = |arguments: &[&str]| {
        let (code, out, err) = desk.run(arguments);
        assert_eq!((code, &*out), (2, ""), "{arguments:?}: {err}");
        err
    };
    let all = [
        refused(&["talk.wav", "--format", "txt,json"]),
        refused(&["talk.wav", "talk.flac", "--format", "srt"]),
        refused(&["talk.wav", "talk.flac", "-o", "texts"]),
        refused(&["talk.wav", "talk.flac", "--output", "both.txt"]),
        refused(&["-", "-"]),
    ];
    insta::assert_snapshot!(all.concat());
    assert!(!desk.path("texts").exists());
}

#[test]
fn devices_without_whisper_are_refused_by_name() {
    let desk = Desk::new();
    for device in ["npu", "emulator"] {
        let mut command = amanuensis();
        command
            .arg("transcribe")
            .arg(desk.path("talk.wav"))
            .args(["--device", device]);
        let (code, out, err) = told(command.output().unwrap());
        assert_eq!((code, &*out), (6, ""));
        assert!(
            err.contains(&format!(
                "the {device} does not run these steps of Whisper yet: encoder, decoder"
            )),
            "{err}"
        );
    }
}

#[test]
fn bench_measures() {
    let desk = Desk::new();
    let mut command = amanuensis();
    command
        .args([
            "bench",
            "--runs",
            "2",
            "--device",
            "cpu",
            "--beam-size",
            "1",
            "--model",
        ])
        .arg(parrot::folder())
        .arg(desk.path("talk.wav"));
    let (code, out, err) = told(command.output().unwrap());
    assert_eq!((code, &*err), (0, ""));
    let names: Vec<&str> = out.lines().map(|line| line[..22].trim_end()).collect();
    assert_eq!(
        names,
        [
            "served by",
            "audio",
            "decode and resample",
            "load model",
            "transcribe",
            "  encoder",
            "  decoder",
            "real-time factor",
            "tokens",
            "cpu time",
            "peak memory"
        ]
    );
    assert!(out.contains("audio                 3.00 s\n"), "{out}");
    let (code, out, _) = told(command.arg("--json").output().unwrap());
    let figures: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, figures["audio_seconds"].as_f64()), (0, Some(3.0)));
    let part = |name: &str| figures[name].as_f64().unwrap();
    let steps = part("encoder_seconds") + part("decoder_seconds");
    assert!(steps > 0.0 && steps <= part("transcribe_seconds"), "{out}");
}

#[test]
fn a_multilingual_model_detects_the_language_and_translates() {
    let desk = Desk::new();
    let model = desk.path("model");
    parrot::write_multilingual(&model);
    let hear = |options: &[&str]| {
        let mut command = amanuensis();
        command
            .args([
                "transcribe",
                "--device",
                "cpu",
                "--threads",
                "1",
                "--beam-size",
                "1",
            ])
            .args(["--format", "json", "--quiet", "--model"])
            .args([&model, &desk.path("talk.wav")]);
        let (code, out, err) = told(command.args(options).output().unwrap());
        assert_eq!((code, &*err), (0, ""), "{options:?}");
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        let field = |name: &str| json[name].as_str().unwrap().to_owned();
        assert_eq!(field("text"), "Amen.Amen.", "{options:?}");
        (field("language"), field("language_code"), field("task"))
    };
    let said = |language: &str, code: &str, task: &str| {
        (language.to_owned(), code.to_owned(), task.to_owned())
    };
    let alone = "--no-condition-on-previous-text";
    assert_eq!(hear(&[alone]), said("german", "de", "transcribe"));
    let french = hear(&[alone, "--language", "French"]);
    assert_eq!(french, said("french", "fr", "transcribe"));
    let translated = hear(&[alone, "--task", "translate"]);
    assert_eq!(translated, said("german", "de", "translate"));
    let with_words = hear(&[alone, "--word-timestamps"]);
    assert_eq!(with_words.1, "de");
}

#[test]
fn batches_hear_the_same_and_refuse_what_needs_an_order() {
    let desk = Desk::new();
    let hear = |options: &[&str]| {
        let mut command = amanuensis();
        command.args([
            "transcribe",
            "--device",
            "cpu",
            "--beam-size",
            "1",
            "--model",
        ]);
        command.arg(parrot::folder()).arg(desk.path("talk.wav"));
        told(command.args(options).output().unwrap())
    };
    let alone = hear(&["--no-condition-on-previous-text", "--without-timestamps"]);
    let together = hear(&[
        "--no-condition-on-previous-text",
        "--without-timestamps",
        "--batch",
        "3",
    ]);
    assert_eq!((alone.0, &alone.1), (0, &together.1));
    for options in [
        &["--batch", "3"][..],
        &[
            "--batch",
            "3",
            "--no-condition-on-previous-text",
            "--word-timestamps",
        ],
    ] {
        let (code, out, err) = hear(options);
        assert_eq!((code, &*out), (2, ""));
        assert!(err.contains("help: "), "{err}");
    }
}

/// A path as an argument.
pub(super) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
