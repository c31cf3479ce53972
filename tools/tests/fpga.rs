//! `arblast hdl` and `arblast sim` as their users meet them. Where Verilator is absent, what needs it is skipped.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn arblast(arguments: &[&str], environment: &[(&str, &Path)]) -> Output {
    let state = std::env::temp_dir().join(format!("arblast-fpga-state-{}", std::process::id()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_arblast"));
    command.args(arguments).env("XDG_STATE_HOME", state).env_remove("RUST_LOG");
    environment.iter().for_each(|(name, value)| {
        command.env(name, value);
    });
    command.output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A private folder of this test.
fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("arblast-fpga-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

/// A program in a folder, from a shell script.
fn program(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

#[test]
fn designs_are_listed_and_emitted_and_nothing_is_overwritten() {
    let list = arblast(&["hdl", "list"], &[]);
    assert!(list.status.code() == Some(0) && out(&list).contains("msm-g1-small"), "{}", out(&list));
    let folder = folder("emit");
    let emit = |rest: &[&str]| {
        arblast(&[["hdl", "emit", "--out", folder.to_str().unwrap(), "--design"].as_slice(), rest].concat(), &[])
    };
    for (name, files) in [
        ("aggregate-g1", ["aggregate_g1.v", "aggregate_g1.f", "registers.md", "aggregate_g1_tb.v"].as_slice()),
        ("mod-add", &["mod_add.v", "mod_add.f", "mod_add_tb.v"]),
    ] {
        let first = emit(&[name]);
        assert_eq!(first.status.code(), Some(0), "{}", err(&first));
        for file in files {
            assert!(folder.join(file).is_file() && out(&first).contains(file), "{}", out(&first));
        }
        let again = out(&emit(&[name]));
        assert_eq!(again.matches("unchanged").count(), files.len(), "{again}");
    }
    std::fs::write(folder.join("mod_add.v"), "mine").unwrap();
    let refused = emit(&["mod-add"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("mod_add.v") && err(&refused).contains("--force"), "{}", err(&refused));
    assert_eq!(std::fs::read_to_string(folder.join("mod_add.v")).unwrap(), "mine");
    assert_eq!(emit(&["mod-add", "--force"]).status.code(), Some(0));
    assert!(std::fs::read_to_string(folder.join("mod_add.v")).unwrap().contains("module mod_add"));
    let unknown = emit(&["msm-g1-smal"]);
    assert_eq!(unknown.status.code(), Some(2));
    let text = err(&unknown);
    assert!(text.contains("similar value exists: 'msm-g1-small'") && text.contains("aggregate-g1"), "{text}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn absent_and_old_tools_are_named_with_their_install_command() {
    let folder = folder("path");
    let path = [("PATH", folder.as_path())];
    for (line, wanted) in [
        (["sim", "aggregate", "--n", "8"].as_slice(), "apt-get install verilator"),
        (&["hdl", "report", "--design", "mod-add"], "apt-get install yosys"),
        (&["conformance", ".", "--backend", "fpga-sim"], "apt-get install verilator"),
    ] {
        let refused = arblast(line, &path);
        assert_eq!(refused.status.code(), Some(2), "{line:?}");
        assert!(err(&refused).contains(wanted), "{}", err(&refused));
    }
    let devices = out(&arblast(&["devices"], &path));
    assert!(devices.contains("fpga-sim: absent") && devices.contains("Verilator is not installed"), "{devices}");
    program(&folder, "verilator", "echo 'Verilator 4.228 2022-10-01 rev UNKNOWN.REV'");
    let old = arblast(&["sim", "aggregate", "--n", "8"], &path);
    assert_eq!(old.status.code(), Some(2));
    assert!(err(&old).contains("4.228") && err(&old).contains("5.006 or later is needed"), "{}", err(&old));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn bad_arguments_are_refused_before_anything_is_built() {
    for line in [
        "sim msm-g1 --n 0",
        "sim msm-g1 --n 8 --window-bits 16",
        "sim msm-g1 --n 8 --windows 25",
        "sim aggregate --n 8 --backpressure 100",
        "sim aggregate --n 8 --trace a.txt",
        "sim aggregate --n 8 --clock-mhz 0",
        "sim aggregate --n 2000000",
        "sim pairing --n 8",
    ] {
        let refused = arblast(&line.split(' ').collect::<Vec<_>>(), &[]);
        assert_eq!(refused.status.code(), Some(2), "{line}");
    }
}

#[test]
fn a_simulation_reports_and_draws() {
    if !has("verilator") {
        println!("SKIPPED a_simulation_reports_and_draws: install Verilator with: apt-get install verilator");
        return;
    }
    let folder = folder("sim");
    let [json, plot] = ["a.json", "a.svg"].map(|name| folder.join(name).display().to_string());
    let line = ["sim", "msm-g1", "--n", "40", "--window-bits", "4", "--windows", "22", "--backpressure", "20"];
    let done = arblast(&[line.as_slice(), &["--json", &json, "--plot", &plot, "--clock-mhz", "200"]].concat(), &[]);
    assert_eq!(done.status.code(), Some(0), "{}{}", out(&done), err(&done));
    let text = out(&done);
    assert!(text.contains("equal to the CPU's") && text.contains("200 MHz (an assumption"), "{text}");
    assert!(err(&done).is_empty(), "no bar without a terminal: {}", err(&done));
    let record: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!((&record["equals_cpu"], &record["windows"]), (&true.into(), &22.into()));
    let [cycles, additions, occupancy] =
        ["cycles", "additions", "adder_occupancy"].map(|f| record[f].as_f64().unwrap());
    assert!(cycles > 0.0 && (additions / cycles - occupancy).abs() < 1e-9, "{record}");
    let svg = std::fs::read_to_string(&plot).unwrap();
    for part in ["pairs in the queue", "accumulate", "<path class=\"adder\"", "clock</text>"] {
        assert!(svg.contains(part), "{part}");
    }
    assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN"));
    let nowhere = arblast(&["sim", "aggregate", "--n", "8", "--json", "/nonexistent/a.json"], &[]);
    assert_eq!((nowhere.status.code(), err(&nowhere).contains("cannot be written")), (Some(2), true));
    std::fs::remove_dir_all(folder).unwrap();
}

/// A Verilator that breaks the model's field arithmetic on the way: the run must say so.
#[test]
fn a_wrong_engine_is_noticed() {
    let Some(real) = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path).map(|folder| folder.join("verilator")).find(|program| program.is_file())
    }) else {
        println!("SKIPPED a_wrong_engine_is_noticed: install Verilator with: apt-get install verilator");
        return;
    };
    let folder = folder("wrong");
    let real = real.display();
    program(
        &folder,
        "verilator",
        &format!(
            "test -f shim.cpp && sed -i 's/limb\\[i\\] - P\\[i\\]/limb[i] - P[i] + (i == 0)/' shim.cpp\nexec {real} \"$@\""
        ),
    );
    let cache = folder.join("cache");
    let wrapped = folder.join("verilator");
    let wrong =
        arblast(&["sim", "aggregate", "--n", "8"], &[("ARBLAST_VERILATOR", &wrapped), ("ARBLAST_SIM_CACHE", &cache)]);
    assert_eq!(wrong.status.code(), Some(1), "{}{}", out(&wrong), err(&wrong));
    assert!(err(&wrong).contains("the engine is wrong") || out(&wrong).contains("NOT THE CPU'S"), "{}", err(&wrong));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_simulation_is_a_backend_by_name() {
    if !has("verilator") {
        println!("SKIPPED the_simulation_is_a_backend_by_name: install Verilator with: apt-get install verilator");
        return;
    }
    let line = ["bench", "--op", "sum-g1", "--sizes", "8", "--seconds", "0", "--backend", "fpga-sim"];
    let bench = arblast(&line, &[]);
    assert_eq!(bench.status.code(), Some(0), "{}", err(&bench));
    assert!(out(&bench).contains("yes"), "{}", out(&bench));
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/good");
    let conformance = arblast(&["conformance", vectors.to_str().unwrap(), "--backend", "fpga-sim"], &[]);
    assert_eq!(conformance.status.code(), Some(0), "{}{}", out(&conformance), err(&conformance));
}
