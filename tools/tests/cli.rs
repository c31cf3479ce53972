//! The command line as its users meet it: output, errors, exit status.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs `arblast` with a state folder of its own.
fn arblast(arguments: &[&str]) -> Output {
    let state = std::env::temp_dir().join(format!("arblast-cli-{}", std::process::id()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_arblast"));
    command.args(arguments).env("XDG_STATE_HOME", state).env_remove("RUST_LOG").output().unwrap()
}

/// The record of retired devices is where the operator's state is, and re-admission strikes a device from it.
#[test]
fn a_retired_device_is_readmitted_once() {
    let state = std::env::temp_dir().join(format!("arblast-cli-retired-{}", std::process::id()));
    std::fs::create_dir_all(state.join("arblast")).unwrap();
    let record = r#"{"retired": {"gpu": {"reason": "msm-g1: an audit", "at_unix_seconds": 1}}}"#;
    std::fs::write(state.join("arblast/retired.json"), record).unwrap();
    let readmit = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arblast"));
        command.args(["devices", "--readmit", "gpu"]).env("XDG_STATE_HOME", &state).output().unwrap()
    };
    let first = readmit();
    assert_eq!(first.status.code(), Some(0), "{}", err(&first));
    assert_eq!(readmit().status.code(), Some(1));
    std::fs::remove_dir_all(state).unwrap();
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn vectors(folder: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(folder).display().to_string()
}

#[test]
fn devices_are_listed_for_people_and_programs() {
    let text = arblast(&["devices"]);
    assert_eq!(text.status.code(), Some(0), "{}", err(&text));
    assert!(out(&text).contains("cpu-portable: present") && out(&text).contains("self-test  passed"), "{}", out(&text));
    let json = arblast(&["devices", "--json"]);
    let devices: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(devices[0]["name"], "cpu-portable");
    assert_eq!(devices[0]["self_test"], "passed");
    assert_eq!(devices[0]["breaker"], "closed");
    let readmit = arblast(&["devices", "--readmit", "gpu"]);
    assert_eq!(readmit.status.code(), Some(1));
    assert!(err(&readmit).contains("\"gpu\" is not retired"), "{}", err(&readmit));
}

#[test]
fn conformance_says_by_its_status_whether_all_passed() {
    for backend in ["auto", "cpu", "cpu-portable"] {
        let good = arblast(&["conformance", &vectors("good"), "--backend", backend]);
        assert_eq!(good.status.code(), Some(0), "{}{}", out(&good), err(&good));
    }
    for folder in ["failing", "not_understood", "malformed", ""] {
        let bad = arblast(&["conformance", &vectors(folder)]);
        assert_eq!(bad.status.code(), Some(1), "{folder}: {}", out(&bad));
    }
    let absent = arblast(&["conformance", &vectors("absent")]);
    assert_eq!(absent.status.code(), Some(2));
    assert!(err(&absent).contains("cannot be read"), "{}", err(&absent));
}

#[test]
fn unknown_backends_are_refused_with_the_known_ones() {
    for arguments in [["conformance", "."].as_slice(), &["bench", "--op", "verify"]] {
        let refused = arblast(&[arguments, &["--backend", "abacus"]].concat());
        assert_eq!(refused.status.code(), Some(2));
        let text = err(&refused);
        assert!(text.contains("unknown backend \"abacus\"") && text.contains("cpu-portable"), "{text}");
    }
}

#[test]
fn bench_measures_and_writes_its_records() {
    let folder = std::env::temp_dir().join(format!("arblast-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (json, csv) = (folder.join("a.json").display().to_string(), folder.join("a.csv").display().to_string());
    for baseline in ["blst", "arkworks"] {
        for threads in ["1", "2"] {
            let line = ["bench", "--op", "all", "--sizes", "1,2^2", "--backend", "cpu-portable", "--seconds", "0"];
            let rest = ["--baseline", baseline, "--threads", threads, "--json", &json, "--csv", &csv];
            let done = arblast(&[line.as_slice(), &rest].concat());
            assert_eq!(done.status.code(), Some(0), "{}{}", out(&done), err(&done));
            assert!(out(&done).contains("geometric mean of 26 ratios"), "{}", out(&done));
            assert!(out(&done).lines().all(|line| line.len() <= 80), "{}", out(&done));
            let records: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
            assert_eq!(records.as_array().map(Vec::len), Some(26));
            for record in records.as_array().unwrap() {
                assert_eq!(record["verified"], true);
                assert_eq!(record["baseline"], baseline);
                let [ours, theirs, ratio] =
                    ["median_ns", "baseline_median_ns", "ratio"].map(|f| record[f].as_f64().unwrap());
                assert!((theirs / ours - ratio).abs() < 1e-9 && ours > 0.0, "{record}");
            }
            assert_eq!(std::fs::read_to_string(&csv).unwrap().lines().count(), 27);
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn bench_refuses_what_has_no_meaning() {
    for (arguments, why) in [
        (["--op", "fp-mul", "--backend", "cpu-portable"].as_slice(), "vector engine: cpu-portable is blst"),
        (&["--op", "fp2-mul", "--baseline", "arkworks", "--sizes", "100"], "multiple of 64"),
        (&["--op", "ntt"], "blst has no NTT"),
        (&["--op", "ntt", "--baseline", "arkworks", "--sizes", "6"], "power of two"),
        (&["--op", "add"], "no such operation"),
        (&["--op", "verify", "--sizes", "many"], "is no size"),
    ] {
        let refused = arblast(&[&["bench"], arguments].concat());
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        assert!(err(&refused).contains(why), "{arguments:?}: {}", err(&refused));
    }
    let ntt = arblast(&["bench", "--op", "ntt", "--baseline", "arkworks", "--sizes", "1,2^6", "--seconds", "0"]);
    assert_eq!(ntt.status.code(), Some(0), "{}", err(&ntt));
}

#[test]
fn help_is_there_for_every_command() {
    for arguments in [["--help"].as_slice(), &["devices", "--help"], &["conformance", "--help"], &["bench", "--help"]] {
        let help = arblast(arguments);
        assert_eq!(help.status.code(), Some(0));
        assert!(out(&help).lines().all(|line| line.chars().count() <= 80), "{}", out(&help));
    }
}

/// With no time for a figure the suite measures the first size of each operation, and still writes a whole page.
#[test]
fn suite_writes_a_page() {
    let folder = std::env::temp_dir().join(format!("arblast-suite-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let [page, json] = ["page.html", "records.json"].map(|name| folder.join(name).display().to_string());
    let run = arblast(&["bench", "--suite", "cpu", "--seconds", "0", "--html", &page, "--json", &json]);
    assert_eq!(run.status.code(), Some(0), "{}", err(&run));
    let (page, json) = (std::fs::read_to_string(page).unwrap(), std::fs::read(json).unwrap());
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n") && !page.contains("NaN"));
    for op in ["msm-g1", "verify-batch", "ntt"] {
        assert!(page.contains(&format!("<h2 id=\"{op}\">{op}</h2>")), "{op}");
    }
    // The field operations need the engine; invert-fr and ntt have one baseline.
    let records: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert!(matches!(records.as_array().map(Vec::len), Some(46 | 50)), "{records}");
    let nowhere = arblast(&["bench", "--suite", "cpu", "--html", "/nonexistent/page.html"]);
    assert_eq!((nowhere.status.code(), err(&nowhere).contains("cannot be written")), (Some(2), true));
    std::fs::remove_dir_all(folder).unwrap();
}
