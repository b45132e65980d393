//! The build driver: overlays to files, in parallel, through the cache.
//!
//! - [`cache`]: complete entries under digests of what they follow from.
//! - [`core`]: one core's program, from kernel IR to a checked ELF.
//! - [`files`]: one overlay, from its description to the bytes of every file; `make`: the part that
//!   tools of other projects may take over.
//! - [`report`]: what an overlay takes and how well its loops run.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::overlays::{self, Overlay, user};
use crate::tools::{StepTime, Toolchain, Workshop};
use cache::{Cache, Key, publish};
use report::Report;

pub mod cache;
pub mod core;
mod error;
pub mod files;
mod make;
pub mod report;

pub use error::BuildError;

/// Where builds go.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder of the output; overlay NAME is in the folder NAME inside.
    pub out: PathBuf,
    /// Folder of the cache.
    pub cache: PathBuf,
    /// Who does which step.
    pub toolchain: Toolchain,
}

/// Told what a build is at. Calls come from several threads.
pub trait Observer: Sync {
    /// The overlay has come to this stage.
    fn stage(&self, overlay: &str, stage: &'static str);
}

/// An observer that does not look.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Observer for Silent {
    fn stage(&self, _overlay: &str, _stage: &'static str) {}
}

/// Where an overlay's files came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From the cache.
    Cache,
    /// Built now.
    Built,
}

/// A built overlay.
#[derive(Clone, Debug)]
pub struct Built {
    /// What it takes.
    pub report: Report,
    /// Folder of its files.
    pub folder: PathBuf,
    /// Where they came from.
    pub source: Source,
    /// How long it took.
    pub time: Duration,
    /// Its steps, in the order in which they ended; none when it came from the cache.
    pub steps: Vec<StepTime>,
}

/// Builds overlays in parallel, each into its folder of `options.out`.
///
/// # Errors
/// The error of the first overlay in order that does not build; the others are built all the same.
pub fn build_all(
    overlays: &[Overlay],
    options: &Options,
    observer: &dyn Observer,
) -> Result<Vec<Built>, BuildError> {
    let cache = Cache::open(&options.cache)?;
    let built: Vec<Result<Built, BuildError>> = overlays
        .par_iter()
        .map(|overlay| build(overlay, &cache, options, observer))
        .collect();
    built.into_iter().collect()
}

/// Builds a design that is text, with the files of its kernels beside it, into the folder of
/// `options.out` that has its name.
///
/// # Errors
/// [`BuildError::User`] when the files are not what they should be; others when it does not build.
pub fn build_file(
    path: &Path,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Built, BuildError> {
    let start = Instant::now();
    let cache = Cache::open(&options.cache)?;
    let user = user::load(path)?;
    let name = user.source.design.name.clone();
    let job = Job {
        name: &name,
        source: &user.source,
        cpp: &user.cpp,
    };
    build_job(&job, start, &cache, options, observer)
}

fn build(
    overlay: &Overlay,
    cache: &Cache,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Built, BuildError> {
    let start = Instant::now();
    let name = overlay.name.as_str();
    observer.stage(name, "describing");
    let source = overlay.source().map_err(|e| BuildError::overlay(name, e))?;
    let job = Job {
        name,
        source: &source,
        cpp: &[],
    };
    build_job(&job, start, cache, options, observer)
}

/// What there is to build.
struct Job<'a> {
    name: &'a str,
    source: &'a overlays::Source,
    /// C++ files of kernels, name and content.
    cpp: &'a [(String, String)],
}

impl Job<'_> {
    /// Digest of everything that the output follows from.
    fn key(&self, toolchain: &Toolchain) -> Key {
        let (design, kernels) = (&self.source.design, &self.source.kernels);
        let mut parts = vec![
            self.name.to_owned(),
            design.to_string(),
            kernels.to_string(),
            toolchain.identity(),
        ];
        for (file, content) in self.cpp {
            parts.extend([file.clone(), content.clone()]);
        }
        Key::new(parts.iter().map(String::as_str))
    }
}

fn build_job(
    job: &Job,
    start: Instant,
    cache: &Cache,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Built, BuildError> {
    let name = job.name;
    let key = job.key(&options.toolchain);
    let (entry, from, steps) = match cache.get(&key) {
        Some(entry) => (entry, Source::Cache, Vec::new()),
        None => {
            let stage = |stage| observer.stage(name, stage);
            let shop = Workshop::new(&options.toolchain, name, &options.out);
            let input = files::Input {
                name,
                source: job.source,
                cpp: job.cpp,
                key: &key,
            };
            let files = match files::build_with(&input, &shop, &stage) {
                Ok(files) => files,
                Err(error) => {
                    shop.keep().map_err(|e| BuildError::overlay(name, e))?;
                    return Err(error);
                }
            };
            let steps = shop.times();
            shop.done().map_err(|e| BuildError::overlay(name, e))?;
            (cache.put(&key, &files)?, Source::Built, steps)
        }
    };
    observer.stage(name, "publishing");
    let folder = options.out.join(name);
    publish(&entry, &folder)?;
    Ok(Built {
        report: report::read(&folder)?,
        folder,
        source: from,
        time: start.elapsed(),
        steps,
    })
}
