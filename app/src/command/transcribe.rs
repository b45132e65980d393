//! `amanuensis transcribe`.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::load;
use crate::audio::AudioReader;
use crate::cli::Transcribe;
use crate::engine::{Engine, Report};
use crate::exit::{CommandError, Exit, show};
use crate::interrupt;
use crate::output::{Format, OutputError, Provenance, Segment, Transcript, replace};
use crate::progress::Bar;

/// The argument that stands for the standard input.
const STDIN: &str = "-";

/// Where the outputs of one input go.
enum Target {
    /// To the standard output, as it comes where the form allows.
    Stdout(Format),
    /// To files, when it is over.
    Files(Vec<(Format, PathBuf)>),
}

pub(super) fn run(arguments: &Transcribe) -> Result<Exit, CommandError> {
    let targets = targets(arguments)?;
    if let Some(folder) = &arguments.output_dir {
        std::fs::create_dir_all(folder).map_err(|source| OutputError::Folder {
            folder: folder.clone(),
            source,
        })?;
    }
    interrupt::listen();
    let mut engine = load(&arguments.model, arguments.quiet)?;
    let options = engine.options(&arguments.decoding)?;
    let mut exit = Exit::Done;
    for (file, target) in arguments.files.iter().zip(&targets) {
        let mut sink = Sink {
            target,
            provenance: engine.provenance().clone(),
            count: 0,
            echo: !arguments.quiet && std::io::stdout().is_terminal(),
            failure: None,
        };
        if let Err(error) = one(&mut engine, &options, file, &mut sink, arguments.quiet) {
            show(&error);
            if exit == Exit::Done {
                exit = error.exit;
            }
            if error.exit == Exit::Output {
                break;
            }
        }
        if interrupt::asked() {
            exit = Exit::Interrupted;
            break;
        }
    }
    Ok(exit)
}

fn one(
    engine: &mut Engine,
    options: &whisper::transcribe::TranscribeOptions,
    file: &Path,
    sink: &mut Sink<'_>,
    quiet: bool,
) -> Result<(), CommandError> {
    let mut reader = if file == Path::new(STDIN) {
        AudioReader::stdin()?
    } else {
        AudioReader::open(file)?
    };
    let bar = if quiet {
        Bar::hidden()
    } else {
        Bar::audio(reader.name(), reader.info().seconds)
    };
    sink.begin()?;
    let outcome = engine.transcribe(&mut reader, options, &mut |report| {
        match report {
            Report::Segment(segment) => bar.suspend(|| sink.segment(segment)),
            Report::Progress(seconds) => bar.set(seconds as u64),
        }
        if interrupt::asked() || sink.failure.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    drop(bar);
    sink.end(&outcome.transcript)?;
    for warning in reader.warnings() {
        eprintln!("warning: {warning}");
    }
    if !quiet {
        sink.remark(&outcome.transcript, reader.name());
    }
    outcome.failure.map_or(Ok(()), Err)
}

/// Takes segments as they come and the transcript at the end.
struct Sink<'a> {
    target: &'a Target,
    provenance: Provenance,
    count: usize,
    /// Whether segments that go to files are shown on the terminal as well.
    echo: bool,
    failure: Option<OutputError>,
}

impl Sink<'_> {
    fn begin(&mut self) -> Result<(), OutputError> {
        match self.target {
            Target::Stdout(format) => write_out(&format.header(&self.provenance)),
            Target::Files(_) => Ok(()),
        }
    }

    fn segment(&mut self, segment: &Segment) {
        let text = match self.target {
            Target::Stdout(format) => format.segment(self.count, segment),
            Target::Files(_) if self.echo => {
                // A VTT cue without its line breaks: times, then text.
                let cue = Format::Vtt.segment(self.count, &without_words(segment));
                let (times, text) = cue.split_once('\n').unwrap_or((&cue, ""));
                format!("[{times}] {}\n", text.trim())
            }
            Target::Files(_) => return,
        };
        self.count += 1;
        if let Err(error) = write_out(&text) {
            self.failure.get_or_insert(error);
        }
    }

    fn end(&mut self, transcript: &Transcript) -> Result<(), OutputError> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        match self.target {
            Target::Stdout(format) if format.streams() => Ok(()),
            Target::Stdout(format) => write_out(&format.render(transcript)),
            Target::Files(files) => files
                .iter()
                .try_for_each(|(format, path)| replace(path, format.render(transcript).as_bytes())),
        }
    }

    /// Says on the standard error what the outputs themselves have no room for.
    fn remark(&self, transcript: &Transcript, name: &str) {
        if transcript.segments.is_empty() && transcript.complete {
            eprintln!("{name}: no speech found");
        }
        if !transcript.complete {
            let reached = transcript.segments.last().map_or(0.0, |s| s.end);
            eprintln!("{name}: ended early, after {reached:.2} s; what was done is written");
        }
        let named = match self.target {
            Target::Stdout(format) => format.names_provenance(),
            Target::Files(files) => files.iter().all(|(format, _)| format.names_provenance()),
        };
        if !named {
            eprintln!("{name}: {}", self.provenance.line());
        }
    }
}

fn without_words(segment: &Segment) -> Segment {
    Segment {
        words: Vec::new(),
        ..segment.clone()
    }
}

fn write_out(text: &str) -> Result<(), OutputError> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|source| OutputError::Stdout { source })
}

/// Decides where everything goes, before anything is done.
fn targets(arguments: &Transcribe) -> Result<Vec<Target>, CommandError> {
    let files = &arguments.files;
    let mut formats = arguments.format.clone();
    formats.sort_by_key(|format| Format::ALL.iter().position(|known| known == format));
    formats.dedup();
    let stdin = files
        .iter()
        .filter(|file| *file == Path::new(STDIN))
        .count();
    if stdin > 1 {
        return Err(CommandError::usage(
            "the standard input can be read once only",
            "give - once",
        ));
    }
    if let Some(folder) = &arguments.output_dir {
        let mut taken: HashMap<PathBuf, &PathBuf> = HashMap::new();
        return files
            .iter()
            .map(|file| {
                let stem = stem(file);
                let mut paths = Vec::new();
                for &format in &formats {
                    let path = format.path_in(folder, &stem);
                    if let Some(other) = taken.insert(path.clone(), file) {
                        return Err(CommandError::usage(
                            format!(
                                "{} and {} would both be written to {}",
                                other.display(),
                                file.display(),
                                path.display()
                            ),
                            "transcribe them into different folders",
                        ));
                    }
                    paths.push((format, path));
                }
                Ok(Target::Files(paths))
            })
            .collect();
    }
    let [format] = formats[..] else {
        return Err(CommandError::usage(
            format!("{} forms of output do not fit in one stream", formats.len()),
            "write files: --output-dir DIR",
        ));
    };
    if files.len() > 1 && (format != Format::Txt || arguments.output.is_some()) {
        return Err(CommandError::usage(
            format!(
                "{format} of {} files does not fit in one stream",
                files.len()
            ),
            "write files: --output-dir DIR",
        ));
    }
    Ok(files
        .iter()
        .map(|_| match &arguments.output {
            Some(path) => Target::Files(vec![(format, path.clone())]),
            None => Target::Stdout(format),
        })
        .collect())
}

/// The name an input's outputs get, without extension.
fn stem(file: &Path) -> String {
    if file == Path::new(STDIN) {
        return "stdin".to_owned();
    }
    let stem = file.file_stem().unwrap_or(file.as_os_str());
    stem.to_string_lossy().into_owned()
}
