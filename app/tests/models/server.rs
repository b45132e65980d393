//! A hub on the loopback interface, with the misbehaviour the tests ask for.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The commit every branch leads to.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What the server does wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// Every answer with content breaks off after so many bytes of it.
    pub(crate) break_after: Option<usize>,
    /// `Range` is ignored.
    pub(crate) no_ranges: bool,
    /// The first answers have this status.
    pub(crate) first_status: Vec<u16>,
    /// This file's content is not what the listing says.
    pub(crate) corrupt: Option<String>,
}

/// A request as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
}

struct State {
    files: HashMap<String, Vec<u8>>,
    lfs: Vec<String>,
    faults: Mutex<Faults>,
    seen: Mutex<Vec<Seen>>,
}

/// A running hub with one repository, `owner/model`.
pub(crate) struct Server {
    pub(crate) endpoint: String,
    state: Arc<State>,
}

impl Server {
    /// Serves `files`; those in `lfs` are listed with a SHA-256, the others with a Git blob id.
    pub(crate) fn start(files: &[(&str, Vec<u8>)], lfs: &[&str], faults: Faults) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            files: files
                .iter()
                .map(|(name, content)| ((*name).to_owned(), content.clone()))
                .collect(),
            lfs: lfs.iter().map(|&name| name.to_owned()).collect(),
            faults: Mutex::new(faults),
            seen: Mutex::default(),
        });
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                std::thread::spawn(move || state.answer(&stream));
            }
        });
        Self { endpoint, state }
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        *self.state.faults.lock().unwrap() = faults;
    }

    /// Requests for file contents so far.
    pub(crate) fn downloads(&self) -> Vec<Seen> {
        let seen = self.state.seen.lock().unwrap();
        seen.iter()
            .filter(|seen| seen.path.contains("/resolve/"))
            .cloned()
            .collect()
    }
}

impl State {
    fn answer(&self, stream: &TcpStream) {
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        let Some(request) = lines.next() else { return };
        let path = request.split(' ').nth(1).unwrap().to_owned();
        let range = lines.take_while(|line| !line.is_empty()).find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("range").then(|| value.to_owned())
        });
        self.seen.lock().unwrap().push(Seen {
            path: path.clone(),
            range: range.clone(),
        });
        let mut faults = self.faults.lock().unwrap();
        if !faults.first_status.is_empty() {
            let status = faults.first_status.remove(0);
            return respond(stream, status, "", b"", None);
        }
        let faults = faults.clone();
        let api = "/api/models/owner/model";
        if let Some(rest) = path.strip_prefix(api) {
            let body = match rest {
                "/revision/main" => format!("{{\"sha\": \"{COMMIT}\"}}"),
                _ if rest == format!("/tree/{COMMIT}") => self.listing(),
                _ => return respond(stream, 404, "", b"", None),
            };
            return respond(stream, 200, "", body.as_bytes(), None);
        }
        let file = path.strip_prefix(&format!("/owner/model/resolve/{COMMIT}/"));
        let Some(content) = file.and_then(|name| self.files.get(name)) else {
            return respond(stream, 404, "", b"", None);
        };
        let mut content = content.clone();
        if faults.corrupt.as_deref() == file {
            content[0] ^= 1;
        }
        let from = range.filter(|_| !faults.no_ranges).and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse()
                .ok()
        });
        match from {
            Some(from) => {
                let total = content.len();
                let header = format!("Content-Range: bytes {from}-{}/{total}\r\n", total - 1);
                respond(stream, 206, &header, &content[from..], faults.break_after);
            }
            None => respond(stream, 200, "", &content, faults.break_after),
        }
    }

    fn listing(&self) -> String {
        let mut rows = vec![
            "{\"type\": \"directory\", \"oid\": \"0\", \"size\": 0, \"path\": \"onnx\"}".to_owned(),
        ];
        for (name, content) in &self.files {
            let mut row = format!(
                "{{\"type\": \"file\", \"size\": {}, \"path\": \"{name}\"",
                content.len()
            );
            if self.lfs.contains(name) {
                let hash = hex(&Sha256::digest(content));
                write!(
                    row,
                    ", \"oid\": \"pointer\", \"lfs\": {{\"oid\": \"{hash}\", \"size\": {}}}}}",
                    content.len()
                )
                .unwrap();
            } else {
                let mut blob = format!("blob {}\0", content.len()).into_bytes();
                blob.extend(content);
                write!(row, ", \"oid\": \"{}\"}}", hex(&Sha1::digest(&blob))).unwrap();
            }
            rows.push(row);
        }
        format!("[{}]", rows.join(", "))
    }
}

fn respond(mut stream: &TcpStream, status: u16, header: &str, body: &[u8], stop: Option<usize>) {
    let head = format!(
        "HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n{header}\r\n",
        body.len()
    );
    let sent = &body[..stop.unwrap_or(body.len()).min(body.len())];
    // The client may hang up first.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(sent));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
