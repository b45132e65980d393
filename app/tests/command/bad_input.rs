//! What can be wrong, one case each: message and exit code.

use std::fs;
use std::process::{Command, Stdio};

use super::transcribe::{Desk, text};
use super::{amanuensis, told};
use crate::support::parrot;
use crate::support::wav::{self, Format};

/// A model like the parrot, with something done to it.
fn damaged_model(desk: &Desk, damage: impl FnOnce(&std::path::Path)) -> (i32, String) {
    let folder = desk.path("model");
    parrot::write(&folder);
    damage(&folder);
    let mut command = amanuensis();
    command.arg("transcribe").arg(desk.path("talk.wav")).args([
        "--device",
        "cpu",
        "--model",
        text(&folder),
    ]);
    let (code, out, err) = told(command.output().unwrap());
    assert_eq!(out, "");
    (code, err.replace(text(&folder), "MODEL"))
}

fn refused(name: &str, content: &[u8], expected: i32) -> String {
    let desk = Desk::new();
    desk.put(name, content);
    let (code, out, err) = desk.run(&[name]);
    assert_eq!((code, &*out), (expected, ""), "{err}");
    err
}

#[test]
fn not_audio() {
    insta::assert_snapshot!(refused("notes.wav", b"these are notes", 3));
}

#[test]
fn empty() {
    insta::assert_snapshot!(refused("nothing.wav", b"", 3));
}

#[test]
fn ten_hours_announced_and_none_there() {
    let header = wav::header(16_000, 1, Format::I16, 36_000 * 32_000);
    insta::assert_snapshot!(refused("cut.wav", &header, 3));
}

/// What is there of a file that ends early is transcribed, and the warning says how far it goes.
#[test]
fn an_early_end() {
    let desk = Desk::new();
    let mut bytes = wav::file(16_000, &[&[0.0; 160_000]], Format::I16);
    bytes.truncate(44 + 2 * 48_000);
    desk.put("cut.wav", &bytes);
    let (code, out, err) = desk.run(&["cut.wav", "--quiet"]);
    assert_eq!((code, &*out), (0, "Amen.\nAmen.\n"));
    insta::assert_snapshot!(err, @"warning: cut.wav ends after 0:00:03.000 of the 0:00:10.000 its header announces");
}

#[test]
fn unreadable_path() {
    let (code, out, err) = Desk::new().run(&["missing.wav"]);
    assert_eq!((code, &*out), (3, ""));
    insta::assert_snapshot!(err);
    let (code, _, err) = Desk::new().run(&["."]);
    assert_eq!(code, 3);
    assert!(err.contains(". is a directory, not an audio file"), "{err}");
}

/// A tenth of a second is audio: it is transcribed, and the length is right.
#[test]
fn a_tenth_of_a_second() {
    let desk = Desk::new();
    desk.put(
        "short.wav",
        &wav::file(16_000, &[&[0.1; 1600]], Format::I16),
    );
    let (code, out, err) = desk.run(&["short.wav", "--format", "json"]);
    assert_eq!((code, &*err), (0, ""));
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["duration"], 0.1);
}

#[test]
fn truncated_model() {
    let (code, err) = damaged_model(&Desk::new(), |folder| {
        let path = folder.join("model.safetensors");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    });
    assert_eq!(code, 4);
    assert!(err.contains("MODEL/model.safetensors"), "{err}");
    assert!(err.contains("help: "), "{err}");
}

#[test]
fn wrong_vocabulary() {
    let (code, err) = damaged_model(&Desk::new(), |folder| {
        fs::write(
            folder.join("vocab.json"),
            "{\"a\": 0, \"<|endoftext|>\": 5}",
        )
        .unwrap();
    });
    assert_eq!(code, 4);
    insta::assert_snapshot!(err);
}

#[test]
fn no_such_model() {
    let desk = Desk::new();
    let mut command = amanuensis();
    command.arg("transcribe").arg(desk.path("talk.wav")).args([
        "--device",
        "cpu",
        "--model",
        "tiny.en",
        "--models-dir",
        "/nonexistent/models",
    ]);
    let (code, out, err) = told(command.output().unwrap());
    assert_eq!((code, &*out), (4, ""));
    insta::assert_snapshot!(err);
}

#[test]
fn full_disk_behind_the_standard_output() {
    let desk = Desk::new();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let (code, _, err) = told(
        desk.command(&["talk.wav"])
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .unwrap(),
    );
    assert_eq!(code, 5);
    insta::assert_snapshot!(err);
}

#[test]
fn full_disk_behind_a_file() {
    let (code, _, err) = Desk::new().run(&["talk.wav", "--output", "/dev/full"]);
    assert_eq!(code, 5);
    insta::assert_snapshot!(err);
}

/// No room for the new file: the old one stays whole, and nothing half-written is left.
#[test]
fn full_disk_leaves_the_old_output() {
    let desk = Desk::new();
    fs::create_dir(desk.path("texts")).unwrap();
    desk.put("texts/talk.txt", b"the text of yesterday\n");
    let run = desk.command(&["talk.wav", "-o", "texts"]);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""])
        .arg(run.get_program())
        .args(run.get_args())
        .current_dir(run.get_current_dir().unwrap());
    let (code, _, err) = told(shell.output().unwrap());
    assert_eq!(code, 5, "{err}");
    assert!(
        err.contains("cannot write texts/talk.txt: File too large"),
        "{err}"
    );
    assert_eq!(desk.read("texts/talk.txt"), "the text of yesterday\n");
    assert_eq!(desk.names("texts"), ["talk.txt"]);
}
