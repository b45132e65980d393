//! `npuc-mlir`: see [`npuc_mlir::cli`].

fn main() -> std::process::ExitCode {
    npuc_mlir::cli::main()
}
