//! `arblast-gen`: writes the generated sources, or with `--check` says which of them differ.
//!
//! Run from the root of the repository. The parameters are in `tools/gen/bls12_381.toml`; nothing that this program
//! writes is an input of it.
//!
//! | file | subject |
//! |---|---|
//! | `params.rs` | the parameter file; p and r |
//! | `field.rs` | arithmetic by big integers |
//! | `isogeny.rs` | isogenies from their kernels |
//! | `map.rs` | constants of hashing to the curves |
//! | `vector.rs` | constants of the host's eight-way arithmetic |
//! | `hdl.rs` | constants of the FPGA designs |
//! | `wgsl.rs` | field arithmetic in WGSL |
//! | `rust.rs` | how constants are written in Rust |

mod field;
mod hdl;
mod isogeny;
mod map;
mod params;
mod rust;
mod vector;
mod wgsl;

use params::Params;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// The generated files by path from the root of the repository, with what they hold.
fn outputs(params: &Params) -> Result<Vec<(&'static str, String)>, String> {
    let mut files = vec![
        ("host/src/cpu/vector/generated.rs", vector::emit(params)?),
        ("host/src/cpu/vector/map/generated.rs", map::emit(params)?),
        ("hdl/src/generated.rs", hdl::emit(params)?),
        ("kernels/src/generated.rs", wgsl::constants(params)),
    ];
    files.extend(wgsl::emit(params)?);
    Ok(files)
}

fn run(root: &Path, check: bool) -> Result<(), String> {
    let source = root.join("tools/gen/bls12_381.toml");
    let text = fs::read_to_string(&source).map_err(|e| format!("{}: {e}", source.display()))?;
    let params = Params::parse(&text)?;
    let mut stale = Vec::new();
    for (path, content) in outputs(&params)? {
        let file = root.join(path);
        if fs::read_to_string(&file).is_ok_and(|old| old == content) {
            continue;
        }
        stale.push(path);
        if !check {
            fs::write(&file, content).map_err(|e| format!("{}: {e}", file.display()))?;
            println!("wrote {path}");
        }
    }
    if check && !stale.is_empty() {
        return Err(format!("not what the parameters give: {}; run arblast-gen", stale.join(", ")));
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = match arguments.as_slice() {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => {
            eprintln!("usage: arblast-gen [--check], in the root of the repository");
            return ExitCode::from(2);
        }
    };
    match run(Path::new("."), check) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("arblast-gen: {reason}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_files_are_what_the_parameters_give() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        assert_eq!(run(&root, true), Ok(()));
    }

    #[test]
    fn a_broken_parameter_is_named() {
        let text = include_str!("../bls12_381.toml");
        let broken = |from: &str, to: &str| Params::parse(&text.replace(from, to)).err().unwrap_or_default();
        assert!(broken("magnitude", "size").contains("seed.magnitude"));
        assert!(broken("beta = -1", "beta = -5").contains("u²"));
        assert!(broken("0xd201000000010000", "0xd201000000010001").contains("divisible by 3"));
        assert!(broken("generator = 7", "generator = 4").contains("scalar.generator"));
        assert!(broken("c6bb\"", "c6bc\"").contains("g1"));
        assert!(broken("1bdb8\"", "1bdb9\"").contains("g2"));
        let square = Params::parse(&text.replace("z = [-2, -1]", "z = [3, 4]")).and_then(|p| map::emit(&p));
        assert!(square.err().unwrap_or_default().contains("map_g2.z"));
    }
}
