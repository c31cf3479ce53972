//! The `arblast` command line; everything is in the library.

fn main() -> std::process::ExitCode {
    arblast_tools::cli::main()
}
