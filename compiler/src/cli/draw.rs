//! `npuc draw`: a picture of the array.

use std::path::PathBuf;

use formats::cdo::Cdo;
use formats::pdi::Pdi;
use formats::xclbin::{Contents, Xclbin};

use super::{Failure, print, read};
use crate::build::cache::Key;
use crate::build::files;
use crate::draw::{Names, Scene, to_svg};
use crate::overlays;
use array::design::{Design, Spot};
use array::lower::lower;
use array::package::Configuration;
use array::place::place;
use array::verify::verify;

/// Arguments of `npuc draw`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// XCLBIN, design as text, or name of an overlay
    what: String,
    /// Where to write the SVG, instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let path = PathBuf::from(&args.what);
    let svg = if path.is_file() {
        let content = read(&path)?;
        match std::str::from_utf8(&content) {
            Ok(text) if text.trim_start().starts_with("design") => {
                let design = text.parse::<Design<Spot>>();
                text_design(design.map_err(|e| Failure::input(&path, e))?)?
            }
            _ => {
                let cdo = configuration(&content).map_err(|e| Failure::input(&path, e))?;
                let title = path.file_name().unwrap_or(path.as_os_str());
                to_svg(
                    &Scene::new(&cdo, &Names::default()),
                    &title.to_string_lossy(),
                )
            }
        }
    } else {
        overlay(&args.what)?
    };
    match &args.out {
        Some(out) => super::write(out, svg.as_bytes()),
        None => print(&svg),
    }
}

/// The picture of a design, whose cores have no programs yet.
fn text_design(design: Design<Spot>) -> Result<String, Failure> {
    let placement = place(design).map_err(Failure::work)?;
    let verified = verify(placement.design).map_err(Failure::work)?;
    let lowered = lower(&verified).map_err(Failure::work)?;
    let cdo = Configuration::registers(&lowered).map_err(Failure::work)?;
    Ok(to_svg(
        &Scene::new(&cdo, &Names::of(&lowered)),
        &lowered.name,
    ))
}

fn overlay(name: &str) -> Result<String, Failure> {
    let overlay = overlays::find(name).map_err(Failure::work)?;
    let source = overlay.source().map_err(Failure::work)?;
    let design = verify(source.design.clone()).map_err(Failure::work)?;
    let names = Names::of(&lower(&design).map_err(Failure::work)?);
    let built = files::build(name, &source, &Key::new([name]), &|_| ()).map_err(Failure::work)?;
    let file = built.iter().find(|(file, _)| file.ends_with(".xclbin"));
    let (_, xclbin) = file.ok_or_else(|| Failure::work("the overlay has no XCLBIN"))?;
    let cdo = configuration(xclbin).map_err(Failure::work)?;
    Ok(to_svg(
        &Scene::new(&cdo, &names),
        &format!("{name}: {}", overlay.about),
    ))
}

/// The register writes of an XCLBIN's first kernel.
fn configuration(xclbin: &[u8]) -> Result<Cdo, String> {
    let text = |e: &dyn std::fmt::Display| e.to_string();
    let file = Xclbin::parse(xclbin).map_err(|e| text(&e))?;
    let contents = Contents::of(&file).map_err(|e| text(&e))?;
    let units = contents.units().map_err(|e| text(&e))?;
    let unit = units.first().ok_or("there is no kernel instance")?;
    let pdi = Pdi::parse(&unit.pdi.image).map_err(|e| text(&e))?;
    Ok(pdi.cdo().clone())
}
