//! `amanuensis completions` and `amanuensis man`.

use std::path::Path;

use clap::CommandFactory;

use super::print;
use crate::cli::Cli;
use crate::exit::{CommandError, Exit};
use crate::output::{OutputError, replace};

pub(super) fn completions(shell: clap_complete::Shell) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "amanuensis", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

pub(super) fn pages(folder: Option<&Path>) -> Result<Exit, CommandError> {
    let mut command = Cli::command();
    command.build();
    let Some(folder) = folder else {
        print(&render(command)?)?;
        return Ok(Exit::Done);
    };
    write_pages(command, "amanuensis", folder)?;
    Ok(Exit::Done)
}

fn write_pages(command: clap::Command, name: &str, folder: &Path) -> Result<(), CommandError> {
    for sub in command.get_subcommands().filter(|c| c.get_name() != "help") {
        let page = format!("{name}-{}", sub.get_name());
        write_pages(sub.clone(), &page, folder)?;
    }
    let path = folder.join(format!("{name}.1"));
    let text = render(command)?;
    replace(&path, text.as_bytes())?;
    Ok(())
}

fn render(command: clap::Command) -> Result<String, CommandError> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|source| OutputError::Stdout { source })?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
