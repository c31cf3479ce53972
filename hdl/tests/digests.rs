//! The Verilog of every design is the one whose digest is committed; the README has the register map of the source.

use arblast_hdl::designs::{NAMES, by_name};
use arblast_hdl::engine::registers;
use std::path::Path;

#[test]
fn verilog_is_the_committed_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/digests.txt");
    let now: String = NAMES.iter().map(|name| format!("{} {name}\n", by_name(name).unwrap().digest())).collect();
    if std::env::var_os("ARBLAST_BLESS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(now, committed, "the Verilog changed; if it was meant to, run with ARBLAST_BLESS=1");
}

#[test]
fn readme_has_the_register_map() {
    let readme = include_str!("../README.md");
    assert!(readme.contains(&registers::markdown()), "expected in README.md:\n{}", registers::markdown());
}

#[test]
fn writing_a_design_gives_its_files() {
    let folder = std::env::temp_dir().join(format!("arblast-files-{}", std::process::id()));
    let written = arblast_hdl::files::write("aggregate-g1", &folder).unwrap();
    let names: Vec<_> = written.files.iter().map(|f| f.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["aggregate_g1.v", "aggregate_g1.f", "registers.md"]);
    assert_eq!(std::fs::read_to_string(&written.files[0]).unwrap(), written.design.verilog);
    let error = arblast_hdl::files::write("no-such-design", &folder).unwrap_err();
    assert!(error.to_string().contains("msm-g1-small"), "{error}");
    std::fs::remove_dir_all(&folder).unwrap();
}
