//! The emitted testbenches as a hardware engineer runs them: in Icarus Verilog, which shares no code with Verilator, and
//! in Verilator. With a wrong expectation they must fail.

mod common;

use arblast_hdl::Design;
use arblast_hdl::designs::{aggregate_g1, aggregate_g2, by_name, msm_g1};
use arblast_verilator::testbench;
use ark_bls12_381::{g1, g2};
use common::verilator;
use std::process::Command;

/// Runs `bench` in both simulators and expects `right` of it; `wrong`, in Icarus, and expects both of `faults`.
fn in_two_simulators(test: &str, design: &Design, bench: &str, right: &str, wrong: &str, faults: [&str; 2]) {
    assert_ne!(bench, wrong);
    let top = &design.name;
    let folder = std::env::temp_dir().join(format!("arblast-bench-{top}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (file, text) in [("design.v", design.verilog.as_str()), ("bench.v", bench), ("wrong.v", wrong)] {
        std::fs::write(folder.join(file), text).unwrap();
    }
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).current_dir(&folder).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).to_string()
    };
    let passes = |said: String| assert!(said.contains(right), "{top}: {said}");
    if Command::new("iverilog").arg("-V").output().is_err() {
        println!("SKIPPED {test}: Icarus Verilog is not installed; install it with: apt-get install iverilog");
    } else {
        run("iverilog", &["-g2005", "-DARBLAST_PLAIN", "-o", "tb", "design.v", "bench.v"]);
        passes(run("vvp", &["tb"]));
        run("iverilog", &["-g2005", "-DARBLAST_PLAIN", "-o", "wrong", "design.v", "wrong.v"]);
        let said = run("vvp", &["wrong"]);
        assert!(faults.iter().all(|fault| said.contains(fault)), "{top}: {said}");
    }
    if verilator(test) {
        let bench = format!("{top}_tb");
        let quiet = ["--binary", "-Wno-fatal", "-Wno-lint", "-Wno-style", "-DARBLAST_PLAIN"];
        run("verilator", &[&quiet[..], &["--top-module", &bench, "design.v", "bench.v"]].concat());
        passes(run(&format!("obj_dir/V{bench}"), &[]));
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_engines_testbenches_pass_in_two_simulators() {
    let benches = [
        (msm_g1("msm_g1", (2, 3)), testbench::msm("msm_g1", (2, 3), 6, 7), 6),
        (aggregate_g1("aggregate_g1", (6, 5)), testbench::aggregate::<g1::Config>("aggregate_g1", (6, 5), 7), 5),
        (aggregate_g2("aggregate_g2", (6, 5)), testbench::aggregate::<g2::Config>("aggregate_g2", (6, 5), 7), 5),
    ];
    for (design, bench, sums) in benches {
        let wrong = bench.replacen("want_y[1] = 768'h", "want_y[1] = 768'h1", 1);
        let faults = ["FAIL: sum 1", "FAIL: 1 errors"];
        let test = "the_engines_testbenches_pass_in_two_simulators";
        in_two_simulators(test, &design, &bench, &format!("PASS: {sums} sums"), &wrong, faults);
    }
}

#[test]
fn the_folded_adders_testbench_passes_in_two_simulators() {
    let design = by_name("point-add-g2").unwrap();
    let bench = arblast_hdl::testbench::of("point-add-g2", &design).unwrap();
    let wrong = bench.replacen("sum_c0[4] = 384'h", "sum_c0[4] = 384'h1; //", 1);
    let faults = ["FAIL: coordinate 1 of sum 1", "FAIL: 1 errors"];
    let test = "the_folded_adders_testbench_passes_in_two_simulators";
    in_two_simulators(test, &design, &bench, "PASS: 24 sums", &wrong, faults);
}

/// What can be emitted has a testbench.
#[test]
fn every_design_has_a_testbench() {
    for name in arblast_hdl::designs::NAMES {
        let design = by_name(name).unwrap();
        let bench = arblast_hdl::testbench::of(name, &design).or_else(|| testbench::of(name));
        assert!(bench.is_some_and(|text| text.contains(&format!("module {}_tb;", design.name))), "{name}");
    }
}
