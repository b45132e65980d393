//! `amanuensis models`.

use std::fmt::Write;
use std::path::PathBuf;

use super::print;
use crate::cli::{Models, ModelsAction};
use crate::exit::{CommandError, Exit};
use crate::interrupt;
use crate::models::{
    Hub, KNOWN, MANIFEST, Manifest, ModelError, Store, Transfer, Verdict, folder_name, repository,
};
use crate::progress::Bar;

pub(super) fn run(options: &Models) -> Result<Exit, CommandError> {
    let store = Store::locate(options.models_dir.as_deref())?;
    match &options.action {
        ModelsAction::List => list(&store),
        ModelsAction::Get {
            name,
            revision,
            endpoint,
        } => get(&store, name, revision, endpoint),
        ModelsAction::Verify { names } => verify(&store, names),
    }
}

fn list(store: &Store) -> Result<Exit, CommandError> {
    let here = store.list()?;
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(out, "Here, in {}:", store.folder().display());
    if here.is_empty() {
        out.push_str("  none\n");
    }
    for name in &here {
        let origin = match Manifest::read(&store.path_of(name)) {
            Ok(Some(manifest)) => {
                let bytes: u64 = manifest.files.iter().map(|f| f.bytes).sum();
                format!(
                    "{} MB, {} at {:.8}",
                    bytes.div_ceil(1_000_000),
                    manifest.repository,
                    manifest.revision
                )
            }
            Ok(None) => "no manifest".to_owned(),
            Err(_) => "damaged manifest".to_owned(),
        };
        let _ = writeln!(out, "  {name:<16}{origin}");
    }
    out.push_str("To be fetched with: amanuensis models get NAME\n");
    for known in KNOWN
        .iter()
        .filter(|k| !here.contains(&folder_name(k.name)))
    {
        let _ = writeln!(
            out,
            "  {:<16}{} million parameters, {}",
            known.name, known.megaparameters, known.repository
        );
    }
    print(&out)?;
    Ok(Exit::Done)
}

fn get(store: &Store, name: &str, revision: &str, endpoint: &str) -> Result<Exit, CommandError> {
    let repository = repository(name).ok_or_else(|| ModelError::UnknownName {
        name: name.to_owned(),
    })?;
    interrupt::listen();
    let folder = store.path_of(name);
    let mut display = Display::default();
    let manifest = Hub::new(endpoint).fetch(repository, revision, &folder, &mut display)?;
    let bytes: u64 = manifest.files.iter().map(|f| f.bytes).sum();
    print(&format!(
        "{} at {}: {} files, {bytes} bytes, in {}\n",
        manifest.repository,
        manifest.revision,
        manifest.files.len(),
        folder.display()
    ))?;
    Ok(Exit::Done)
}

#[derive(Default)]
struct Display {
    bar: Option<Bar>,
}

impl Transfer for Display {
    fn begin(&mut self, name: &str, bytes: u64, present: u64) {
        self.bar = Some(Bar::bytes(name, bytes, present));
    }

    fn advance(&mut self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.advance(bytes);
        }
    }

    fn end(&mut self, _name: &str) {
        self.bar = None;
    }

    fn stopped(&self) -> bool {
        interrupt::asked()
    }
}

fn verify(store: &Store, names: &[String]) -> Result<Exit, CommandError> {
    let folders: Vec<PathBuf> = if names.is_empty() {
        let all = store.list()?.into_iter().map(|name| store.path_of(&name));
        all.filter(|folder| folder.join(MANIFEST).exists())
            .collect()
    } else {
        let found: Result<_, _> = names.iter().map(|name| store.find(name)).collect();
        found?
    };
    let mut first_error = None;
    for folder in folders {
        if let Err(error) = verify_one(folder) {
            crate::exit::show(&error);
            first_error.get_or_insert(error.exit);
        }
    }
    Ok(first_error.unwrap_or(Exit::Done))
}

fn verify_one(path: PathBuf) -> Result<(), CommandError> {
    let manifest = match Manifest::read(&path)? {
        Some(manifest) => manifest,
        None => return Err(ModelError::Unverifiable { path }.into()),
    };
    let mut out = String::new();
    let mut wrong = 0;
    let verdicts = manifest.verify(&path)?;
    for (file, verdict) in &verdicts {
        let text = match verdict {
            Verdict::Whole => "whole".to_owned(),
            Verdict::Missing => "missing".to_owned(),
            Verdict::Size(found) => format!("damaged: {found} bytes instead of {}", file.bytes),
            Verdict::Content => "damaged: SHA-256 differs".to_owned(),
        };
        wrong += usize::from(*verdict != Verdict::Whole);
        let _ = writeln!(out, "{}: {text}", path.join(&file.name).display());
    }
    print(&out)?;
    if wrong > 0 {
        return Err(ModelError::Damaged {
            path,
            wrong,
            total: verdicts.len(),
        }
        .into());
    }
    Ok(())
}
