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
fn a_design_has_its_files() {
    let engine = by_name("aggregate-g1").unwrap();
    let texts = arblast_hdl::files::texts(&engine, None);
    let names: Vec<_> = texts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["aggregate_g1.v", "aggregate_g1.f", "registers.md"]);
    assert!(texts[0].1 == engine.verilog && texts[2].1.contains(&registers::markdown()));
    let unit = by_name("mod-add").unwrap();
    let bench = arblast_hdl::testbench::of("mod-add", &unit);
    let names: Vec<_> = arblast_hdl::files::texts(&unit, bench).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["mod_add.v", "mod_add.f", "mod_add_tb.v"]);
}
