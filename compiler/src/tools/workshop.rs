//! The folder in which tools work for one design, and what is kept of it.
//!
//! Every command runs in the folder and names its files relative to it, and stands beside them as a
//! script. So the folder can move: what a failed step left goes to `NAME.failed` beside the output,
//! where its script repeats the step; what succeeded becomes part of the output.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Toolchain;
use super::error::{BadOutput, Failed, ToolError};
use super::find::Tool;
use super::process::{self, End};

/// A command that a tool is to run.
#[derive(Clone, Debug)]
pub struct Call {
    /// Tool.
    pub tool: Tool,
    /// What it is to do, with the part of the design it does it for.
    pub step: String,
    /// Name of the script that repeats it, without its ending.
    pub script: String,
    /// Arguments; files are relative to the workshop's folder.
    pub args: Vec<String>,
    /// Files that it writes.
    pub outputs: Vec<String>,
}

/// How long a step took.
#[derive(Clone, Debug, PartialEq)]
pub struct StepTime {
    /// Step.
    pub step: String,
    /// Who did it.
    pub by: String,
    /// How long it took.
    pub time: Duration,
    /// What there is to say of the result.
    pub note: String,
}

/// The folder of one design.
#[derive(Debug)]
pub struct Workshop<'a> {
    toolchain: &'a Toolchain,
    /// Folder in which the design's own folders are.
    out: PathBuf,
    /// Where what a failed step left is kept.
    failed: PathBuf,
    folder: OnceLock<TempDir>,
    steps: Mutex<Vec<StepTime>>,
}

impl<'a> Workshop<'a> {
    /// A workshop for the design `name`, whose output will be in the folder `out`. Nothing is made
    /// before a tool is called.
    pub fn new(toolchain: &'a Toolchain, name: &str, out: &Path) -> Self {
        Workshop {
            toolchain,
            out: out.to_owned(),
            failed: out.join(format!("{name}.failed")),
            folder: OnceLock::new(),
            steps: Mutex::default(),
        }
    }

    /// The tools.
    pub fn toolchain(&self) -> &'a Toolchain {
        self.toolchain
    }

    /// The folder, made when it is first asked for.
    ///
    /// # Errors
    /// [`ToolError::Io`] when it cannot be made.
    pub fn folder(&self) -> Result<&Path, ToolError> {
        if self.folder.get().is_none() {
            let failed = |e| ToolError::io("create a folder in", &self.out)(e);
            fs::create_dir_all(&self.out).map_err(failed)?;
            let made = tempfile::Builder::new()
                .prefix(".workshop-")
                .tempdir_in(&self.out)
                .map_err(failed)?;
            // Where another thread was faster, its folder counts and this one goes.
            let _ = self.folder.set(made);
        }
        Ok(self.folder.get().map_or(Path::new(""), TempDir::path))
    }

    /// Puts a file into the folder.
    ///
    /// # Errors
    /// [`ToolError::Io`] when it cannot be written.
    pub fn put(&self, name: &str, content: &[u8]) -> Result<(), ToolError> {
        let path = self.folder()?.join(name);
        fs::write(&path, content).map_err(ToolError::io("write", path))
    }

    /// Reads a file of the folder.
    ///
    /// # Errors
    /// [`ToolError::Io`] when it cannot be read.
    pub fn get(&self, name: &str) -> Result<Vec<u8>, ToolError> {
        let path = self.folder()?.join(name);
        fs::read(&path).map_err(ToolError::io("read", path))
    }

    /// Runs a command; its outputs are there and not empty afterwards.
    ///
    /// # Errors
    /// [`ToolError::Failed`] when the tool failed or hung, with its words; [`ToolError::Output`] when
    /// it said that all is well and wrote nothing. Either way its outputs are gone.
    pub fn run(&self, call: &Call) -> Result<(), ToolError> {
        let start = Instant::now();
        let found = self.toolchain.program(call.tool)?;
        let folder = self.folder()?;
        self.write_script(call)?;
        let log = folder.join(format!("{}.log", call.script));
        let limit = self.toolchain.limit();
        let end = process::run(&found.path, &call.args, folder, &log, limit)
            .map_err(ToolError::io("start", &found.path))?;
        let words = process::words(&log);
        if words.is_empty() {
            fs::remove_file(&log).map_err(ToolError::io("remove", &log))?;
        }
        if end != End::Code(0) {
            self.discard(call)?;
            return Err(ToolError::Failed(Box::new(Failed {
                step: call.step.clone(),
                tool: call.tool.name(),
                end: end.to_string(),
                words,
                command: self.command(call),
                script: self.script(call),
            })));
        }
        for output in &call.outputs {
            let written = fs::metadata(folder.join(output)).map_or(0, |meta| meta.len());
            if written == 0 {
                self.discard(call)?;
                let what = "the tool says that all is well, but the file is not there or empty";
                return Err(self.unusable(call, output, what));
            }
        }
        let by = match &found.version {
            Some(version) => format!("{} {version}", call.tool.name()),
            None => call.tool.name().to_owned(),
        };
        self.note(&call.step, &by, start.elapsed());
        Ok(())
    }

    /// Removes what a failed command may have half written.
    fn discard(&self, call: &Call) -> Result<(), ToolError> {
        for output in &call.outputs {
            let path = self.folder()?.join(output);
            if path.exists() {
                fs::remove_file(&path).map_err(ToolError::io("remove", path))?;
            }
        }
        Ok(())
    }

    /// The error of an output that cannot be used; the output is removed.
    pub fn unusable(&self, call: &Call, file: &str, what: impl ToString) -> ToolError {
        if let Err(e) = self.discard(call) {
            return e;
        }
        ToolError::Output(Box::new(BadOutput {
            step: call.step.clone(),
            tool: call.tool.name(),
            file: file.to_owned(),
            what: what.to_string(),
            command: self.command(call),
            script: self.script(call),
        }))
    }

    /// Notes how long a step took.
    pub fn note(&self, step: &str, by: &str, time: Duration) {
        let step = StepTime {
            step: step.to_owned(),
            by: by.to_owned(),
            time,
            note: String::new(),
        };
        self.steps().push(step);
    }

    /// Adds what there is to say of a step's result.
    pub fn remark(&self, step: &str, note: &str) {
        if let Some(noted) = self.steps().iter_mut().find(|noted| noted.step == step) {
            noted.note = note.to_owned();
        }
    }

    /// Does a step of this compiler itself and notes how long it took.
    pub fn timed<T>(&self, step: &str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.note(step, "npuc", start.elapsed());
        result
    }

    fn steps(&self) -> std::sync::MutexGuard<'_, Vec<StepTime>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The steps so far, in the order in which they ended.
    pub fn times(&self) -> Vec<StepTime> {
        self.steps().clone()
    }

    /// Files of the folder, by name: inputs and outputs of the commands, scripts, and what the tools
    /// said. Folders inside are left out.
    ///
    /// # Errors
    /// [`ToolError::Io`] when they cannot be read.
    pub fn files(&self) -> Result<Vec<(String, Vec<u8>)>, ToolError> {
        let Some(folder) = self.folder.get().map(TempDir::path) else {
            return Ok(Vec::new());
        };
        let read = ToolError::io("read", folder);
        let entries: Vec<fs::DirEntry> = fs::read_dir(folder)
            .and_then(Iterator::collect)
            .map_err(read)?;
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.path();
            if path.is_file() {
                let content = fs::read(&path).map_err(ToolError::io("read", &path))?;
                files.push((entry.file_name().to_string_lossy().into_owned(), content));
            }
        }
        files.sort();
        Ok(files)
    }

    /// Keeps the folder for whoever wants to repeat a failed step, in place of what was kept before.
    ///
    /// # Errors
    /// [`ToolError::Io`] when it cannot be moved.
    pub fn keep(self) -> Result<(), ToolError> {
        forget(&self.failed)?;
        match self.folder.into_inner() {
            None => Ok(()),
            Some(folder) => fs::rename(folder.keep(), &self.failed)
                .map_err(ToolError::io("rename to", &self.failed)),
        }
    }

    /// Drops the folder, and what an earlier build kept of a failure.
    ///
    /// # Errors
    /// [`ToolError::Io`] when that cannot be removed.
    pub fn done(self) -> Result<(), ToolError> {
        forget(&self.failed)
    }

    /// Path of the script that repeats a command, where a failure leaves it.
    fn script(&self, call: &Call) -> PathBuf {
        self.failed.join(format!("{}.sh", call.script))
    }

    /// A command as one types it, in the place where a failure leaves its files.
    fn command(&self, call: &Call) -> String {
        let folder = quoted(&self.failed.to_string_lossy());
        format!("cd {folder} && {}", self.line(call))
    }

    fn line(&self, call: &Call) -> String {
        let program = self.toolchain.program(call.tool);
        let program = program.map_or(Path::new(call.tool.name()), |found| &found.path);
        let words = [program.to_string_lossy().into_owned()];
        let words = words.iter().chain(&call.args).map(|word| quoted(word));
        words.collect::<Vec<_>>().join(" ")
    }

    fn write_script(&self, call: &Call) -> Result<(), ToolError> {
        let text = format!(
            "#!/bin/sh\n# {}\ncd \"$(dirname \"$0\")\" && exec {}\n",
            call.step,
            self.line(call)
        );
        let path = self.folder()?.join(format!("{}.sh", call.script));
        fs::write(&path, text).map_err(ToolError::io("write", &path))?;
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, mode).map_err(ToolError::io("write", path))
    }
}

/// Removes a folder, if it is there.
fn forget(folder: &Path) -> Result<(), ToolError> {
    match folder.exists() {
        true => fs::remove_dir_all(folder).map_err(ToolError::io("remove", folder)),
        false => Ok(()),
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_for_a_shell() {
        assert_eq!(quoted("-Wl,-T,a.ld"), "-Wl,-T,a.ld");
        assert_eq!(quoted("--passes=default<O1>"), "'--passes=default<O1>'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
