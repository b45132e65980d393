//! From a hub into a folder.

use amanuensis::models::{Hub, Manifest, ModelError, Transfer};
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::checkpoint;
use super::server::{COMMIT, Faults, Server};

/// Counts, and stops after a number of bytes if asked to.
#[derive(Default)]
struct Counter {
    arrived: u64,
    present: u64,
    whole: Vec<String>,
    stop_after: Option<u64>,
}

impl Transfer for Counter {
    fn begin(&mut self, _: &str, _: u64, present: u64) {
        self.present += present;
    }
    fn advance(&mut self, bytes: u64) {
        self.arrived += bytes;
    }
    fn end(&mut self, name: &str) {
        self.whole.push(name.to_owned());
    }
    fn stopped(&self) -> bool {
        self.stop_after.is_some_and(|limit| self.arrived >= limit)
    }
}

fn start(faults: Faults) -> Server {
    Server::start(&checkpoint(), &["model.safetensors"], faults)
}

fn fetch(server: &Server, folder: &Path, counter: &mut Counter) -> Result<Manifest, ModelError> {
    Hub::new(&server.endpoint).with_pause(Duration::ZERO).fetch(
        "owner/model",
        "main",
        folder,
        counter,
    )
}

/// The text of an error without the address of this run's server.
fn told(error: &ModelError, server: &Server) -> String {
    error.to_string().replace(&server.endpoint, "http://hub")
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_checkpoint_is_fetched_and_nothing_else() {
    let server = start(Faults::default());
    let folder = tempfile::tempdir().unwrap();
    let mut counter = Counter::default();
    let manifest = fetch(&server, folder.path(), &mut counter).unwrap();
    assert_eq!(manifest.revision, COMMIT);
    assert_eq!(
        names(folder.path()),
        [
            "amanuensis-model.json",
            "config.json",
            "model.safetensors",
            "vocab.json"
        ]
    );
    for (name, content) in checkpoint() {
        if counter.whole.iter().any(|whole| whole == name) {
            assert_eq!(fs::read(folder.path().join(name)).unwrap(), content);
        }
    }
    assert_eq!(Manifest::read(folder.path()).unwrap(), Some(manifest));
}

#[test]
fn a_second_time_fetches_nothing() {
    let server = start(Faults::default());
    let folder = tempfile::tempdir().unwrap();
    fetch(&server, folder.path(), &mut Counter::default()).unwrap();
    let before = server.downloads().len();
    let mut counter = Counter::default();
    fetch(&server, folder.path(), &mut counter).unwrap();
    assert_eq!(counter.arrived, 0);
    assert_eq!(server.downloads().len(), before);
}

/// A connection that breaks every 70000 bytes: five requests, each from where the last one ended.
#[test]
fn a_broken_download_goes_on_where_it_ended() {
    let server = start(Faults {
        break_after: Some(70_000),
        ..Faults::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let mut counter = Counter::default();
    fetch(&server, folder.path(), &mut counter).unwrap();
    let ranges: Vec<Option<String>> = server
        .downloads()
        .into_iter()
        .filter(|seen| seen.path.ends_with("model.safetensors"))
        .map(|seen| seen.range)
        .collect();
    let expected = [
        None,
        Some(70_000),
        Some(140_000),
        Some(210_000),
        Some(280_000),
    ];
    assert_eq!(
        ranges,
        expected.map(|from| from.map(|from: u32| format!("bytes={from}-")))
    );
    assert_eq!(counter.arrived, 300_000 + 25 + 2);
}

#[test]
fn an_interrupted_download_goes_on_with_the_next_command() {
    let server = start(Faults::default());
    let folder = tempfile::tempdir().unwrap();
    let mut counter = Counter {
        stop_after: Some(100_000),
        ..Counter::default()
    };
    let stopped = fetch(&server, folder.path(), &mut counter).unwrap_err();
    assert!(matches!(stopped, ModelError::Interrupted));
    assert!(!folder.path().join("model.safetensors").exists());
    let kept = fs::metadata(folder.path().join("model.safetensors.part"))
        .unwrap()
        .len();
    assert!(kept >= 90_000, "{kept} bytes");

    let mut counter = Counter::default();
    fetch(&server, folder.path(), &mut counter).unwrap();
    assert_eq!(counter.arrived + kept, 300_000);
    assert!(!folder.path().join("model.safetensors.part").exists());
}

#[test]
fn a_hub_without_ranges_begins_anew() {
    let server = start(Faults::default());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.safetensors.part"), vec![9; 1000]).unwrap();
    server.set_faults(Faults {
        no_ranges: true,
        ..Faults::default()
    });
    fetch(&server, folder.path(), &mut Counter::default()).unwrap();
}

#[test]
fn a_server_error_is_tried_again() {
    let server = start(Faults::default());
    let folder = tempfile::tempdir().unwrap();
    fetch(&server, folder.path(), &mut Counter::default()).unwrap();
    fs::remove_file(folder.path().join("vocab.json")).unwrap();
    // Two answers for the listing, then two failures for the file.
    struct Late<'a>(&'a Server);
    impl Transfer for Late<'_> {
        fn begin(&mut self, name: &str, _: u64, _: u64) {
            if name == "vocab.json" {
                self.0.set_faults(Faults {
                    first_status: vec![503, 500],
                    ..Faults::default()
                });
            }
        }
        fn advance(&mut self, _: u64) {}
        fn end(&mut self, _: &str) {}
        fn stopped(&self) -> bool {
            false
        }
    }
    Hub::new(&server.endpoint)
        .with_pause(Duration::ZERO)
        .fetch("owner/model", "main", folder.path(), &mut Late(&server))
        .unwrap();
    assert!(folder.path().join("vocab.json").exists());
}

#[test]
fn a_damaged_download_is_refused_and_removed() {
    let server = start(Faults {
        corrupt: Some("model.safetensors".to_owned()),
        ..Faults::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let error = fetch(&server, folder.path(), &mut Counter::default()).unwrap_err();
    insta::assert_snapshot!(told(&error, &server));
    assert_eq!(names(folder.path()), ["config.json", "vocab.json"]);
}

#[test]
fn a_damaged_small_file_is_refused_by_its_blob_id() {
    let server = start(Faults {
        corrupt: Some("config.json".to_owned()),
        ..Faults::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let error = fetch(&server, folder.path(), &mut Counter::default()).unwrap_err();
    assert!(
        matches!(&error, ModelError::Checksum { file, .. } if file == "config.json"),
        "{error}"
    );
}

#[test]
fn a_damaged_file_here_is_fetched_again() {
    let server = start(Faults::default());
    let folder = tempfile::tempdir().unwrap();
    fetch(&server, folder.path(), &mut Counter::default()).unwrap();
    let path = folder.path().join("model.safetensors");
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[1000] ^= 1;
    fs::write(&path, damaged).unwrap();
    fetch(&server, folder.path(), &mut Counter::default()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn an_unknown_repository() {
    let server = start(Faults::default());
    let folder = tempfile::tempdir().unwrap();
    let error = Hub::new(&server.endpoint)
        .fetch(
            "owner/other",
            "main",
            folder.path(),
            &mut Counter::default(),
        )
        .unwrap_err();
    insta::assert_snapshot!(told(&error, &server));
}

#[test]
fn a_repository_without_weights() {
    let files = [("config.json", b"{}".to_vec())];
    let server = Server::start(&files, &[], Faults::default());
    let folder = tempfile::tempdir().unwrap();
    let error = fetch(&server, folder.path(), &mut Counter::default()).unwrap_err();
    insta::assert_snapshot!(told(&error, &server));
}

#[test]
fn names_that_lead_out_of_the_folder_are_not_fetched() {
    let mut files = checkpoint();
    files.push(("../model.safetensors", b"x".to_vec()));
    files.push(("model-0/../../x.safetensors", b"x".to_vec()));
    let server = Server::start(&files, &[], Faults::default());
    let folder = tempfile::tempdir().unwrap();
    fetch(
        &server,
        &folder.path().join("inner"),
        &mut Counter::default(),
    )
    .unwrap();
    assert_eq!(names(folder.path()), ["inner"]);
}

#[test]
fn nobody_listens() {
    let folder = tempfile::tempdir().unwrap();
    let error = Hub::new("http://127.0.0.1:9")
        .with_pause(Duration::ZERO)
        .fetch(
            "owner/model",
            "main",
            folder.path(),
            &mut Counter::default(),
        )
        .unwrap_err();
    assert!(matches!(error, ModelError::Network { .. }), "{error}");
}

#[test]
fn a_connection_that_never_gives_a_byte_ends() {
    let server = start(Faults::default());
    let folder = tempfile::tempdir().unwrap();
    server.set_faults(Faults {
        break_after: Some(0),
        ..Faults::default()
    });
    let error = fetch(&server, folder.path(), &mut Counter::default()).unwrap_err();
    assert!(matches!(error, ModelError::Network { .. }), "{error}");
    assert_eq!(server.downloads().len(), 4);
}
