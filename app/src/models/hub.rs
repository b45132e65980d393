//! Fetching models from the Hugging Face hub.
//!
//! Source of the protocol: huggingface_hub documentation, "Hub API endpoints" (`/api/models/…/revision`,
//! `/api/models/…/tree`, `/…/resolve/…`). A file kept by Git LFS carries its SHA-256 there, any other its
//! Git blob id, the SHA-1 of `blob SIZE\0` and the content.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use sha1::{Digest, Sha1};

use super::catalog::plain;
use super::manifest::{feed, hex, sha256_of};
use super::{FileEntry, Manifest, ModelError};

/// The largest answer of the API that is read, in bytes.
const MAX_ANSWER: u64 = 16 << 20;

/// How often in a row a download may break off without a byte having arrived.
const ATTEMPTS: u32 = 4;

/// Files of a checkpoint that are worth having, beside its weights.
const WANTED: [&str; 9] = [
    "added_tokens.json",
    "config.json",
    "generation_config.json",
    "merges.txt",
    "normalizer.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
];

/// The weights in one file, and the list of parts where they are in several.
const WEIGHTS: &str = "model.safetensors";
const WEIGHTS_INDEX: &str = "model.safetensors.index.json";

/// A hub.
pub struct Hub {
    agent: ureq::Agent,
    endpoint: String,
    /// Wait before trying again, times the number of the attempt.
    pause: Duration,
}

/// What happens during a download, for a progress display.
pub trait Transfer {
    /// A file begins; `present` of its `bytes` are here from before.
    fn begin(&mut self, name: &str, bytes: u64, present: u64);
    /// Bytes have arrived.
    fn advance(&mut self, bytes: u64);
    /// The file is whole and matches its checksum.
    fn end(&mut self, name: &str);
    /// Whether to stop.
    fn stopped(&self) -> bool;
}

#[derive(Deserialize)]
struct Revision {
    sha: String,
}

#[derive(Clone, Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    oid: String,
    lfs: Option<Lfs>,
}

#[derive(Clone, Deserialize)]
struct Lfs {
    oid: String,
}

impl Hub {
    /// The public hub.
    pub const PUBLIC: &str = "https://huggingface.co";

    /// A hub at `endpoint`, such as [`Hub::PUBLIC`].
    pub fn new(endpoint: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("amanuensis/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .build();
        Self {
            agent: config.into(),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            pause: Duration::from_secs(1),
        }
    }

    /// The wait before a broken download is taken up again, times the number of the attempt.
    #[must_use]
    pub fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Fetches a checkpoint into `folder`. Files that are whole stay, parts are taken up where they
    /// end, and every file is compared with its checksum before it gets its name.
    ///
    /// # Errors
    /// The network, the hub, the disk, a checksum; or `transfer` says stop.
    pub fn fetch(
        &self,
        repository: &str,
        revision: &str,
        folder: &Path,
        transfer: &mut dyn Transfer,
    ) -> Result<Manifest, ModelError> {
        let api = format!("{}/api/models/{repository}", self.endpoint);
        let commit: Revision = self.json(&format!("{api}/revision/{revision}"))?;
        if !plain(&commit.sha) {
            return Err(ModelError::Answer {
                url: api,
                reason: "the commit is not a plain word".to_owned(),
            });
        }
        let tree: Vec<Entry> = self.json(&format!("{api}/tree/{}", commit.sha))?;
        let wanted = choose(tree, repository)?;
        fs::create_dir_all(folder).map_err(|source| ModelError::File {
            path: folder.to_owned(),
            source,
        })?;
        let earlier = Manifest::read(folder).ok().flatten();
        let mut files = Vec::new();
        for entry in wanted {
            let url = format!(
                "{}/{repository}/resolve/{}/{}",
                self.endpoint, commit.sha, entry.path
            );
            self.file(&url, &entry, folder, transfer)?;
            let path = folder.join(&entry.path);
            files.push(FileEntry {
                sha256: match &entry.lfs {
                    Some(lfs) => lfs.oid.clone(),
                    None => sha256_of(&path)?,
                },
                name: entry.path,
                bytes: entry.size,
            });
        }
        let manifest = Manifest {
            repository: repository.to_owned(),
            revision: commit.sha,
            files,
        };
        if earlier.as_ref() != Some(&manifest) {
            manifest.write(folder)?;
        }
        Ok(manifest)
    }

    /// One file, whole and verified.
    fn file(
        &self,
        url: &str,
        entry: &Entry,
        folder: &Path,
        transfer: &mut dyn Transfer,
    ) -> Result<(), ModelError> {
        let path = folder.join(&entry.path);
        if size_of(&path) == Some(entry.size) && entry.matches(&path)?.is_ok() {
            transfer.begin(&entry.path, entry.size, entry.size);
            transfer.end(&entry.path);
            return Ok(());
        }
        let part = folder.join(format!("{}.part", entry.path));
        let failed = |source| ModelError::File {
            path: part.clone(),
            source,
        };
        if size_of(&part).is_some_and(|size| size > entry.size) {
            fs::remove_file(&part).map_err(failed)?;
        }
        transfer.begin(&entry.path, entry.size, size_of(&part).unwrap_or(0));
        let mut attempt = 0;
        loop {
            let present = size_of(&part).unwrap_or(0);
            if present == entry.size && part.exists() {
                break;
            }
            match self.piece(url, present, entry.size, &part, transfer) {
                Ok(()) => {}
                Err(error @ ModelError::Network { .. }) => {
                    attempt = if size_of(&part).unwrap_or(0) > present {
                        1
                    } else {
                        attempt + 1
                    };
                    if attempt >= ATTEMPTS {
                        return Err(error);
                    }
                    std::thread::sleep(self.pause * attempt);
                }
                Err(error) => return Err(error),
            }
        }
        if let Err((expected, found)) = entry.matches(&part)? {
            fs::remove_file(&part).map_err(failed)?;
            return Err(ModelError::Checksum {
                file: entry.path.clone(),
                expected,
                found,
            });
        }
        fs::rename(&part, &path).map_err(failed)?;
        transfer.end(&entry.path);
        Ok(())
    }

    /// Asks for the rest of a file and appends what arrives, until the end or a break.
    fn piece(
        &self,
        url: &str,
        present: u64,
        total: u64,
        part: &Path,
        transfer: &mut dyn Transfer,
    ) -> Result<(), ModelError> {
        let network = |reason: String| ModelError::Network {
            url: url.to_owned(),
            reason,
        };
        let failed = |source| ModelError::File {
            path: part.to_owned(),
            source,
        };
        let mut request = self.agent.get(url).header("Accept-Encoding", "identity");
        if present > 0 {
            request = request.header("Range", format!("bytes={present}-"));
        }
        let response = request.call().map_err(|e| network(e.to_string()))?;
        let mut options = File::options();
        options.create(true);
        let mut file = match response.status().as_u16() {
            206 if present > 0 => options.append(true).open(part),
            200 => options.write(true).truncate(true).open(part),
            status @ (500..=599 | 408) => return Err(network(format!("the hub answers {status}"))),
            status => {
                return Err(ModelError::Status {
                    url: url.to_owned(),
                    status,
                });
            }
        }
        .map_err(failed)?;
        let mut size = file.metadata().map_err(failed)?.len();
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        while size < total {
            if transfer.stopped() {
                return Err(ModelError::Interrupted);
            }
            let count = body
                .read(&mut buffer)
                .map_err(|e| network(e.to_string()))?
                .min((total - size) as usize);
            if count == 0 {
                return Err(network(format!(
                    "the connection ended after {size} of {total} bytes"
                )));
            }
            file.write_all(&buffer[..count]).map_err(failed)?;
            size += count as u64;
            transfer.advance(count as u64);
        }
        file.sync_all().map_err(failed)
    }

    fn json<T: for<'de> Deserialize<'de>>(&self, url: &str) -> Result<T, ModelError> {
        let network = |reason: String| ModelError::Network {
            url: url.to_owned(),
            reason,
        };
        let response = self
            .agent
            .get(url)
            .call()
            .map_err(|e| network(e.to_string()))?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(ModelError::Status {
                url: url.to_owned(),
                status,
            });
        }
        let mut text = Vec::new();
        response
            .into_body()
            .into_reader()
            .take(MAX_ANSWER)
            .read_to_end(&mut text)
            .map_err(|e| network(e.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| ModelError::Answer {
            url: url.to_owned(),
            reason: error.to_string(),
        })
    }
}

impl Entry {
    /// Compares a file with the checksum the hub gave; the inner error holds expected and found.
    fn matches(&self, path: &Path) -> Result<Result<(), (String, String)>, ModelError> {
        let (expected, found) = if let Some(lfs) = &self.lfs {
            (&lfs.oid, sha256_of(path)?)
        } else {
            let mut hash = Sha1::new();
            hash.update(format!("blob {}\0", size_of(path).unwrap_or(0)));
            feed(path, |bytes| hash.update(bytes))?;
            (&self.oid, hex(&hash.finalize()))
        };
        Ok(if *expected == found {
            Ok(())
        } else {
            Err((expected.clone(), found))
        })
    }
}

fn size_of(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.len())
}

/// The files to fetch, small ones first.
fn choose(tree: Vec<Entry>, repository: &str) -> Result<Vec<Entry>, ModelError> {
    let lacks = |missing| ModelError::NotWhisper {
        repository: repository.to_owned(),
        missing,
    };
    let files: Vec<Entry> = tree
        .into_iter()
        .filter(|entry| entry.kind == "file" && plain(&entry.path))
        .collect();
    let has = |name: &str| files.iter().any(|entry| entry.path == name);
    if !has("config.json") {
        return Err(lacks("config.json"));
    }
    let whole = has(WEIGHTS);
    if !whole && !has(WEIGHTS_INDEX) {
        return Err(lacks("model.safetensors"));
    }
    let is_part = |name: &str| name.starts_with("model-0") && name.ends_with(".safetensors");
    let mut chosen: Vec<Entry> = files
        .iter()
        .filter(|entry| {
            let name = entry.path.as_str();
            WANTED.contains(&name)
                || if whole {
                    name == WEIGHTS
                } else {
                    name == WEIGHTS_INDEX || is_part(name)
                }
        })
        .cloned()
        .collect();
    chosen.sort_by(|a, b| (a.size, &a.path).cmp(&(b.size, &b.path)));
    Ok(chosen)
}
