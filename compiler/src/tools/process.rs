//! One run of a program: with a time limit, its words in a file of bounded size.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// Bytes that a program may say before it is stopped.
const MOST_WORDS: u64 = 64 << 20;
/// Bytes of its words that are read from each end.
const READ: u64 = 64 << 10;
/// Lines that are shown of the beginning and of the end.
const LINES: (usize, usize) = (20, 10);
/// Longest line that is shown, in characters.
const LINE: usize = 300;
/// Exit code of a process that an interrupt ended, as shells have it.
const ENDED_BY_USER: i32 = 130;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// It was stopped at its time limit.
    TimeLimit(Duration),
    /// It was stopped because it said too much.
    Flood,
    /// It was stopped because the user asked for the end.
    Interrupted,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Code(code) => write!(f, "ended with code {code}"),
            End::Signal(signal) => write!(f, "was ended by signal {signal}"),
            End::TimeLimit(limit) => write!(
                f,
                "was stopped: it did not end within its time limit of {} s",
                limit.as_secs_f64()
            ),
            End::Flood => write!(
                f,
                "was stopped: it had written {MOST_WORDS} bytes of output"
            ),
            End::Interrupted => f.write_str("was stopped: the build was interrupted"),
        }
    }
}

fn ended(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Code(code),
        (None, signal) => End::Signal(signal.unwrap_or_default()),
    }
}

/// Whether the user has asked for the end.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on the first interrupt or termination ends the programs that run, and lets no other start;
/// the second ends this process at once.
///
/// # Errors
/// When the system or another listener does not let us listen: then interrupts end this process alone.
pub fn heed_interrupts() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(ENDED_BY_USER);
        }
    })
}

/// Runs `program` in `folder`, both of its outputs in the file `log`, and waits for its end.
///
/// At the limit, and where [`heed_interrupts`] hears of one, the program is killed together with those
/// that it started.
///
/// # Errors
/// When it cannot be started or waited for.
pub fn run(
    program: &Path,
    args: &[String],
    folder: &Path,
    log: &Path,
    limit: Duration,
) -> io::Result<End> {
    let words = File::create(log)?;
    let mut child = Command::new(program)
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(words.try_clone()?)
        .stderr(words)
        .process_group(0)
        .spawn()?;
    let group = Pid::from_child(&child);
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    let stopped = loop {
        if let Some(status) = child.try_wait()? {
            return Ok(ended(status));
        }
        if INTERRUPTED.load(Ordering::SeqCst) {
            break End::Interrupted;
        }
        if Instant::now() >= end {
            break End::TimeLimit(limit);
        }
        if fs::metadata(log)?.len() > MOST_WORDS {
            break End::Flood;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    };
    // It may have ended by itself in between.
    let _ = kill_process_group(group, Signal::KILL);
    child.wait()?;
    Ok(stopped)
}

/// What a program said, as much of it as is worth showing.
pub fn words(log: &Path) -> String {
    let Ok(text) = all_words(log) else {
        return String::new();
    };
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.trim_end())
        .filter(|line| !line.is_empty())
        .map(shown)
        .collect();
    let (first, last) = LINES;
    if lines.len() <= first + last {
        return lines.join("\n");
    }
    let left_out = format!("({} more lines)", lines.len() - first - last);
    let end = &lines[lines.len() - last..];
    [&lines[..first], &[left_out], end].concat().join("\n")
}

/// A line without control characters, cut where it is too long.
fn shown(line: &str) -> String {
    let clean = |c: char| {
        if c.is_control() && c != '\t' {
            '\u{fffd}'
        } else {
            c
        }
    };
    let mut text: String = line.chars().take(LINE).map(clean).collect();
    if line.chars().nth(LINE).is_some() {
        text.push_str(" …");
    }
    text
}

/// Everything that a program said, but for the middle of very much.
///
/// # Errors
/// When the file cannot be read.
pub fn all_words(log: &Path) -> io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    if length <= 2 * READ {
        file.read_to_end(&mut bytes)?;
    } else {
        file.by_ref().take(READ).read_to_end(&mut bytes)?;
        bytes.push(b'\n');
        file.seek(SeekFrom::End(-(READ as i64)))?;
        file.take(READ).read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: Duration) -> (End, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let args = ["-c".to_owned(), script.to_owned()];
        let end = run(Path::new("/bin/sh"), &args, folder.path(), &log, limit);
        (end.expect("it starts"), words(&log))
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn both_outputs_and_the_code() {
        let (end, words) = sh("echo one; echo two >&2; pwd >/dev/null; exit 3", LONG);
        assert_eq!((end, words.as_str()), (End::Code(3), "one\ntwo"));
    }

    #[test]
    fn a_signal() {
        let (end, _) = sh("kill -SEGV $$", LONG);
        assert_eq!(end, End::Signal(11));
        assert_eq!(end.to_string(), "was ended by signal 11");
    }

    #[test]
    fn a_hang_ends_with_all_that_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let mark = folder.path().join("mark");
        let script = format!("(sleep 1; touch {}) & sleep 60", mark.display());
        let start = Instant::now();
        let (end, _) = sh(&script, Duration::from_millis(200));
        assert_eq!(end, End::TimeLimit(Duration::from_millis(200)));
        assert!(start.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(1300));
        assert!(!mark.exists(), "a program that it started lives on");
    }

    #[test]
    fn a_flood_of_words_is_stopped_and_little_of_it_is_shown() {
        let (end, words) = sh("yes 0123456789", LONG);
        assert_eq!(end, End::Flood);
        assert_eq!(words.lines().count(), LINES.0 + LINES.1 + 1);
        assert!(words.contains("more lines)"), "{words}");
    }

    #[test]
    fn long_lines_and_control_characters() {
        let (_, words) = sh("printf 'a\\033b'; printf '%0400d' 0", LONG);
        assert!(words.starts_with("a\u{fffd}b"), "{words}");
        assert!(words.ends_with(" …"), "{words}");
    }
}
