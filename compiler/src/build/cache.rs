//! The content-addressed cache: one folder per key, complete or absent.
//!
//! An entry is written to a temporary folder beside its place and renamed into it, so that a reader
//! never meets half an entry and two builds at once are safe: the second to finish finds the place
//! taken by equal content. Every entry carries the digests of its files; one that does not match
//! them any more is dropped and built again.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::BuildError;

/// File that names the digest of every other file of an entry, as `sha256sum` writes it.
pub const DIGESTS: &str = "digests.sha256";

/// Key of an entry: a digest of everything that the entry's content follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Key for the given parts; the compiler's own sources are always part of it.
    pub fn new<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut digest = Sha256::new();
        for part in std::iter::once(env!("NPUC_SOURCE_DIGEST")).chain(parts) {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part.as_bytes());
        }
        Key(hex(&digest.finalize()))
    }

    /// The key in hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A folder of entries.
#[derive(Clone, Debug)]
pub struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// The cache in `dir`, which is made if it does not exist.
    ///
    /// # Errors
    /// [`BuildError::Io`] when the folder cannot be made.
    pub fn open(dir: &Path) -> Result<Self, BuildError> {
        fs::create_dir_all(dir).map_err(|e| BuildError::io("create", dir, e))?;
        Ok(Cache {
            dir: dir.to_path_buf(),
        })
    }

    /// The entry under `key`, if it is there and its files match their digests.
    pub fn get(&self, key: &Key) -> Option<PathBuf> {
        let entry = self.dir.join(key.as_str());
        if !entry.is_dir() {
            return None;
        }
        if verify(&entry) {
            return Some(entry);
        }
        // A damaged entry only costs a rebuild; that it cannot be removed shows in `put`.
        let _ = fs::remove_dir_all(&entry);
        None
    }

    /// Makes the entry under `key` from `files` (name, content) and returns its folder.
    ///
    /// # Errors
    /// [`BuildError::Io`] when the entry cannot be written.
    pub fn put(&self, key: &Key, files: &[(String, Vec<u8>)]) -> Result<PathBuf, BuildError> {
        let entry = self.dir.join(key.as_str());
        let staged = stage(&self.dir)?;
        let mut digests = String::new();
        for (name, bytes) in files {
            write(&staged.path().join(name), bytes)?;
            digests += &format!("{}  {name}\n", hex(&Sha256::digest(bytes)));
        }
        write(&staged.path().join(DIGESTS), digests.as_bytes())?;
        match fs::rename(staged.path(), &entry) {
            Ok(()) => {
                // The folder is in place now: nothing is left to clean up.
                let _ = staged.keep();
                Ok(entry)
            }
            // Another build was faster; same key, same content.
            Err(_) if self.get(key).is_some() => Ok(entry),
            Err(e) => Err(BuildError::io("rename to", &entry, e)),
        }
    }
}

/// Brings the files of `entry` to `target`, replacing what is there as a whole. Does nothing when
/// `target` holds them already.
///
/// # Errors
/// [`BuildError::Io`] when `target` cannot be written.
pub fn publish(entry: &Path, target: &Path) -> Result<(), BuildError> {
    let digests = read(&entry.join(DIGESTS))?;
    if fs::read(target.join(DIGESTS)).is_ok_and(|have| have == digests) && verify(target) {
        return Ok(());
    }
    let parent = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|e| BuildError::io("create", parent, e))?;
    let staged = stage(parent)?;
    let entries = fs::read_dir(entry).map_err(|e| BuildError::io("read", entry, e))?;
    for file in entries {
        let file = file.map_err(|e| BuildError::io("read", entry, e))?;
        write(&staged.path().join(file.file_name()), &read(&file.path())?)?;
    }
    // A folder that is not empty cannot be renamed over: what is there moves into the trash first.
    // Another build may publish in between, then the move is tried again.
    let trash = stage(parent)?;
    for attempt in 0.. {
        match fs::rename(staged.path(), target) {
            Ok(()) => break,
            Err(e) if attempt == 16 => return Err(BuildError::io("rename to", target, e)),
            Err(_) => {
                let _ = fs::rename(target, trash.path().join(attempt.to_string()));
            }
        }
    }
    let _ = staged.keep();
    Ok(())
}

/// Whether every file that the digests name is there and matches.
fn verify(dir: &Path) -> bool {
    let Ok(digests) = fs::read_to_string(dir.join(DIGESTS)) else {
        return false;
    };
    digests.lines().all(|line| {
        let Some((digest, name)) = line.split_once("  ") else {
            return false;
        };
        fs::read(dir.join(name)).is_ok_and(|bytes| hex(&Sha256::digest(bytes)) == digest)
    })
}

fn stage(parent: &Path) -> Result<tempfile::TempDir, BuildError> {
    tempfile::Builder::new()
        .prefix(".staged-")
        .tempdir_in(parent)
        .map_err(|e| BuildError::io("create a temporary folder in", parent, e))
}

fn read(path: &Path) -> Result<Vec<u8>, BuildError> {
    fs::read(path).map_err(|e| BuildError::io("read", path, e))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    fs::write(path, bytes).map_err(|e| BuildError::io("write", path, e))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Vec<(String, Vec<u8>)> {
        vec![
            ("a.txt".into(), text.into()),
            ("b.bin".into(), vec![0, 1, 2]),
        ]
    }

    #[test]
    fn entry_round_trips_and_a_damaged_one_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let key = Key::new(["design", "kernel"]);
        assert_eq!(cache.get(&key), None);
        let entry = cache.put(&key, &files("one")).unwrap();
        assert_eq!(cache.get(&key), Some(entry.clone()));
        assert_eq!(cache.put(&key, &files("one")).unwrap(), entry);
        fs::write(entry.join("a.txt"), "damaged").unwrap();
        assert_eq!(cache.get(&key), None);
        assert!(!entry.exists());
    }

    #[test]
    fn keys_tell_parts_apart() {
        assert_ne!(Key::new(["ab", "c"]), Key::new(["a", "bc"]));
        assert_eq!(Key::new(["ab", "c"]), Key::new(["ab", "c"]));
    }

    #[test]
    fn publish_replaces_the_whole_folder() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("cache")).unwrap();
        let target = dir.path().join("out/kernel");
        let one = cache.put(&Key::new(["1"]), &files("one")).unwrap();
        publish(&one, &target).unwrap();
        fs::write(target.join("stray"), "").unwrap();
        publish(&one, &target).unwrap();
        assert!(
            target.join("stray").exists(),
            "an up-to-date folder is left alone"
        );
        let two = cache.put(&Key::new(["2"]), &files("two")).unwrap();
        publish(&two, &target).unwrap();
        assert_eq!(fs::read_to_string(target.join("a.txt")).unwrap(), "two");
        assert!(!target.join("stray").exists());
        let left: Vec<_> = fs::read_dir(dir.path().join("out")).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary folder is left");
    }

    #[test]
    fn concurrent_builds_agree() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("cache")).unwrap();
        let target = dir.path().join("out");
        std::thread::scope(|s| {
            for n in 0..8 {
                let (cache, target) = (&cache, &target);
                s.spawn(move || {
                    let text = ["one", "two"][n % 2];
                    let entry = cache.put(&Key::new([text]), &files(text)).unwrap();
                    publish(&entry, target).unwrap();
                });
            }
        });
        assert!(verify(&target));
    }
}
