//! `cargo run --release -p arblast-hdl --example emit -- NAME FOLDER`: writes a design and its testbench.

use arblast_hdl::{designs, files};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, folder] = &arguments[..] else {
        eprintln!("usage: emit NAME FOLDER, with NAME one of: {}", designs::NAMES.join(", "));
        return ExitCode::FAILURE;
    };
    match files::write(name, Path::new(folder)) {
        Ok(written) => {
            let modules = written.design.modules.len();
            println!("{modules} modules, SHA-256 {}", written.design.digest());
            written.files.iter().for_each(|file| println!("{}", file.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
