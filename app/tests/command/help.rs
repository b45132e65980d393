//! Help, completions and manual pages.

use super::run;

#[test]
fn the_overview() {
    let (code, out, err) = run(["--help"]);
    assert_eq!((code, &*err), (0, ""));
    insta::assert_snapshot!(out);
}

#[test]
fn transcribe() {
    let (code, out, _) = run(["transcribe", "-h"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(out);
}

#[test]
fn models_get() {
    let (code, out, _) = run(["models", "get", "-h"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(out);
}

#[test]
fn a_wrong_option_is_a_usage_error() {
    for wrong in [
        &["transcribe"][..],
        &["transcribe", "a.wav", "--beam-size", "0"],
        &["transcribe", "a.wav", "--temperature", "hot"],
        &["transcribe", "a.wav", "--device", "gpu"],
        &["transcribe", "a.wav", "--format", "docx"],
        &["listen"],
    ] {
        let (code, out, err) = run(wrong);
        assert_eq!((code, &*out), (2, ""), "{wrong:?}");
        assert!(err.contains("error:"), "{err}");
    }
}

#[test]
fn completions_know_the_options() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, out, _) = run(["completions", shell]);
        assert_eq!(code, 0);
        assert!(out.contains("word-timestamps"), "{shell}");
    }
}

/// The script is accepted by the shell it is for.
#[test]
fn bash_takes_its_completions() {
    let (_, script, _) = run(["completions", "bash"]);
    let Ok(mut shell) = std::process::Command::new("bash")
        .args(["-n"])
        .stdin(std::process::Stdio::piped())
        .spawn()
    else {
        println!("left out: there is no bash here");
        return;
    };
    std::io::Write::write_all(&mut shell.stdin.take().unwrap(), script.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success());
}

#[test]
fn manual_pages_for_every_command() {
    let (code, out, _) = run(["man"]);
    assert_eq!(code, 0);
    assert!(out.contains(".TH amanuensis 1"), "{out}");
    let folder = tempfile::tempdir().unwrap();
    let (code, _, _) = run(["man", "--output-dir", folder.path().to_str().unwrap()]);
    assert_eq!(code, 0);
    for page in [
        "amanuensis",
        "amanuensis-transcribe",
        "amanuensis-models-get",
    ] {
        let text = std::fs::read_to_string(folder.path().join(format!("{page}.1"))).unwrap();
        assert!(text.contains(&format!(".TH {page} 1")), "{page}: {text}");
    }
}
