//! `cargo xtask dist`: what a machine with an NPU needs of the build, with digests.
//!
//! Below `target/dist/`: a folder for each overlay with its XCLBIN, instruction streams and report, and
//! `manifest.json`. Nothing in it depends on the machine, the folder or the time, so two clones make
//! the same bytes; a digest of the manifest is taken over `overlays`, which names every file.

use std::fs;
use std::path::{Path, PathBuf};

use miette::{Context, IntoDiagnostic};
use npuc::build::{Options, Silent, build_all};
use npuc::overlays::{self, Overlay};
use npuc::tools::Toolchain;
use runtime::Digest;
use serde_json::{Value, json};

/// Arguments of `cargo xtask dist`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder of the output, which is replaced
    #[arg(long, value_name = "DIR", default_value = "target/dist")]
    out: PathBuf,
}

/// Builds every overlay and collects what ships.
pub(crate) fn run(args: &Args) -> miette::Result<()> {
    let root = crate::root();
    let out = root.join(&args.out);
    let manifest = collect(
        &overlays::standard().into_diagnostic()?,
        &root.join("target/kernels"),
        &out,
    )?;
    for overlay in manifest["overlays"].as_array().into_iter().flatten() {
        for file in overlay["files"].as_array().into_iter().flatten() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            println!("{}  {}", text(&file["sha256"]), text(&file["path"]));
        }
    }
    println!("{}  manifest.json", text_digest(&manifest));
    println!("written to {}", out.display());
    Ok(())
}

fn text_digest(manifest: &Value) -> Digest {
    Digest::of(format!("{manifest:#}\n").as_bytes())
}

/// Builds overlays into `built` and copies what ships of them to `out`; the manifest.
fn collect(overlays: &[Overlay], built: &Path, out: &Path) -> miette::Result<Value> {
    let options = Options {
        out: built.to_owned(),
        cache: built.join(".cache"),
        toolchain: Toolchain::builtin(),
    };
    let made = build_all(overlays, &options, &Silent).map_err(|e| miette::miette!("{e}"))?;
    let parent = out.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).into_diagnostic()?;
    // All of it at once, or what was there before.
    let staged = tempfile::tempdir_in(parent).into_diagnostic()?;
    let mut listed = Vec::new();
    for (overlay, made) in overlays.iter().zip(&made) {
        let name = &overlay.name;
        fs::create_dir(staged.path().join(name)).into_diagnostic()?;
        let mut files = Vec::new();
        for file in shipped(&made.folder)? {
            let path = format!("{name}/{file}");
            let bytes = fs::read(made.folder.join(&file)).into_diagnostic()?;
            fs::write(staged.path().join(&path), &bytes).into_diagnostic()?;
            files.push(json!({
                "path": path,
                "bytes": bytes.len(),
                "sha256": Digest::of(&bytes).to_string(),
            }));
        }
        listed.push(json!({ "name": name, "about": overlay.about, "files": files }));
    }
    let manifest =
        json!({ "version": env!("CARGO_PKG_VERSION"), "device": "npu1", "overlays": listed });
    fs::write(
        staged.path().join("manifest.json"),
        format!("{manifest:#}\n"),
    )
    .into_diagnostic()?;
    if out.exists() {
        fs::remove_dir_all(out)
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot replace {}", out.display()))?;
    }
    fs::rename(staged.keep(), out)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot write {}", out.display()))?;
    Ok(manifest)
}

/// Names of the files that ship, sorted.
fn shipped(folder: &Path) -> miette::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).into_diagnostic()? {
        let name = entry.into_diagnostic()?.file_name();
        let name = name.to_string_lossy().into_owned();
        let stream = name.starts_with("insts_") && name.ends_with(".bin");
        if name.ends_with(".xclbin") || stream || name == "report.json" {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_folders_get_the_same_bytes() {
        let overlays = [overlays::find("passthrough").expect("it is there")];
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let manifests = folders.each_ref().map(|folder| {
            let (built, out) = (folder.path().join("kernels"), folder.path().join("dist"));
            // What an earlier run left is gone.
            fs::create_dir_all(out.join("old")).expect("made");
            let manifest = collect(&overlays, &built, &out).expect("it builds");
            assert!(!out.join("old").exists());
            for file in manifest["overlays"][0]["files"].as_array().expect("files") {
                let path = out.join(file["path"].as_str().expect("a path"));
                let bytes = fs::read(path).expect("it is there");
                let pinned = Digest::parse(file["sha256"].as_str().expect("a digest"));
                assert_eq!(pinned.expect("of the runtime's form"), Digest::of(&bytes));
            }
            fs::read(out.join("manifest.json")).expect("it is there")
        });
        assert_eq!(manifests[0], manifests[1]);
        let text = String::from_utf8(manifests[0].clone()).expect("text");
        assert!(text.contains("passthrough/passthrough.xclbin"), "{text}");
        assert!(text.contains("passthrough/insts_main.bin"), "{text}");
    }
}
