//! `amanuensis models`.

use super::{amanuensis, run, told};
use crate::models::checkpoint;
use crate::models::server::{Faults, Server};

#[test]
fn nothing_here_and_what_can_be_had() {
    let (code, out, _) = run(["models", "list", "--models-dir", "/nonexistent/models"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(out);
}

#[test]
fn get_list_verify() {
    let server = Server::start(&checkpoint(), &["model.safetensors"], Faults::default());
    let folder = tempfile::tempdir().unwrap();
    let models = |arguments: &[&str]| {
        let output = amanuensis()
            .env("AMANUENSIS_MODELS", folder.path())
            .arg("models")
            .args(arguments)
            .output();
        let (code, out, err) = told(output.unwrap());
        let hide = |text: String| text.replace(folder.path().to_str().unwrap(), "FOLDER");
        (code, hide(out), hide(err))
    };
    let (code, out, err) = models(&["get", "owner/model", "--endpoint", &server.endpoint]);
    assert_eq!((code, &*err), (0, ""));
    insta::assert_snapshot!(out, @"owner/model at 0123456789abcdef0123456789abcdef01234567: 3 files, 300027 bytes, in FOLDER/owner--model");

    let (code, out, _) = models(&["list"]);
    assert_eq!(code, 0);
    let first: Vec<&str> = out.lines().take(2).collect();
    insta::assert_snapshot!(first.join("\n"), @"
    Here, in FOLDER:
      owner--model    1 MB, owner/model at 01234567
    ");

    let (code, out, err) = models(&["verify"]);
    assert_eq!((code, &*err), (0, ""));
    assert_eq!(out.matches(": whole\n").count(), 3, "{out}");

    std::fs::write(folder.path().join("owner--model/vocab.json"), "[]").unwrap();
    std::fs::remove_file(folder.path().join("owner--model/config.json")).unwrap();
    let (code, out, err) = models(&["verify", "owner/model"]);
    assert_eq!(code, 4);
    insta::assert_snapshot!(format!("{out}{err}"));
}

#[test]
fn a_name_nobody_knows() {
    let (code, out, err) = run(["models", "get", "huge", "--models-dir", "/nonexistent"]);
    assert_eq!((code, &*out), (2, ""));
    insta::assert_snapshot!(err);
}

#[test]
fn a_hub_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = run([
        "models",
        "get",
        "owner/model",
        "--endpoint",
        "http://127.0.0.1:9",
        "--models-dir",
        folder.path().to_str().unwrap(),
    ]);
    assert_eq!(code, 7, "{err}");
}
