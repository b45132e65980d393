//! Files are replaced at once or not at all.

use amanuensis::output::replace;
use std::fs;

#[test]
fn a_file_and_its_folders_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/talk.txt");
    replace(&path, b"text").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"text");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn content_is_replaced_and_permissions_stay() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talk.txt");
    fs::write(&path, "a long text that was there before").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    replace(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640
    );
}

#[test]
fn new_files_are_as_open_as_any() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
    replace(&ours, b"x").unwrap();
    fs::write(&plain, "x").unwrap();
    assert_eq!(
        fs::metadata(&ours).unwrap().permissions(),
        fs::metadata(&plain).unwrap().permissions()
    );
}

#[test]
fn a_symbolic_link_stays_one() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    fs::write(&real, "old").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    replace(&link, b"new").unwrap();
    assert_eq!(fs::read(&real).unwrap(), b"new");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

/// The device that is always full: it is written to and refuses, and it is still a device.
#[test]
fn a_full_disk_is_said() {
    use std::os::unix::fs::FileTypeExt;
    let error = replace("/dev/full".as_ref(), b"text").unwrap_err();
    insta::assert_snapshot!(error);
    assert!(
        fs::metadata("/dev/full")
            .unwrap()
            .file_type()
            .is_char_device()
    );
}

#[test]
fn a_path_through_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "x").unwrap();
    let error = replace(&path.join("talk.txt"), b"text")
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cannot make the folder") || error.starts_with("cannot write"),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), b"x");
}
