//! `cargo xtask`: sets a machine up, builds the kernels, runs the tests and the benchmarks.
//!
//! - [`setup`]: what the machine needs besides Rust.
//! - [`kernels`]: all overlays, with progress and a table.
//! - [`dist`]: what ships, with digests.
//! - [`doctor`]: what stands between this machine and its NPU, and which tools there are.
//! - [`mod@test`]: the whole test suite.
//! - [`mod@bench`]: the benchmarks, each a table and a JSON file.

use clap::{Parser, Subcommand};

mod bench;
mod dist;
mod doctor;
mod kernels;
mod setup;
mod test;

/// The project's tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the machine needs besides Rust: Debian packages, by name
    Setup,
    /// Build the overlays into target/kernels and print what each of them takes
    BuildKernels(Box<kernels::Args>),
    /// Collect what ships of the overlays into target/dist, with digests
    Dist(dist::Args),
    /// Run every test of the workspace
    Test(test::Args),
    /// Find what stands between this machine and its NPU, and which tools npuc can call
    Doctor(doctor::Args),
    /// Run a benchmark; prints a table and writes target/bench/NAME.json
    Bench(bench::Args),
}

fn main() -> miette::Result<()> {
    match Cli::parse().task {
        Task::Setup => setup::run(),
        Task::BuildKernels(args) => kernels::run(&args),
        Task::Dist(args) => dist::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Doctor(args) => doctor::run(&args),
        Task::Bench(args) => bench::run(&args),
    }
}

/// The workspace's folder.
fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(std::path::Path::new("."))
        .to_path_buf()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
