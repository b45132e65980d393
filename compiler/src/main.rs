//! `npuc`: see [`npuc::cli`].

fn main() -> std::process::ExitCode {
    npuc::cli::main()
}
