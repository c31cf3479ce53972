//! The walker itself, on vector files made for it: what passes, fails, is not understood, is malformed, out of scope.

use arblast::{Dispatcher, Selection};
use arblast_tests::random::Random;
use arblast_tools::conformance::{self, Counts, Outcome, Report};
use std::path::{Path, PathBuf};

fn vectors(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(folder)
}

fn dispatcher() -> Dispatcher {
    Dispatcher::builder().select(Selection::CpuPortable).threads(1).retirement_record(None).build().unwrap()
}

fn walk(path: &Path) -> Report {
    conformance::run(path, &dispatcher()).unwrap()
}

#[test]
fn good_files_pass() {
    let report = walk(&vectors("good"));
    assert_eq!(report.total(), Counts { passed: 19, failed: 0, not_understood: 0, out_of_scope: 2 }, "{report}");
    assert!(report.all_passed());
    assert_eq!(report.ignored(), 1);
    assert_eq!(report.suites().len(), 9 + 2 + 1 + 2, "{report}");
    assert!(report.to_string().lines().all(|line| line.len() <= 80), "{report}");
}

#[test]
fn wrong_expectations_fail_and_are_named() {
    let report = walk(&vectors("failing"));
    assert_eq!(report.total(), Counts { passed: 0, failed: 8, not_understood: 0, out_of_scope: 0 }, "{report}");
    assert!(!report.all_passed());
    let text = report.to_string();
    for name in ["wrong_verdict.yaml", "blsG1Add.json wrong_sum", "fail-blsG1Add.json other_reason", "keys.json case 0"]
    {
        assert!(text.lines().any(|line| line.starts_with("FAILED") && line.contains(name)), "{name}\n{text}");
    }
}

#[test]
fn unknown_files_count_against_the_run() {
    let folder = vectors("not_understood");
    let report = walk(&folder);
    assert_eq!(report.total(), Counts { passed: 0, failed: 0, not_understood: 12, out_of_scope: 0 }, "{report}");
    assert!(report.problems().iter().all(|(_, outcome)| matches!(outcome, Outcome::NotUnderstood(_))));
    for suite in ["eip3076", "eip2335", "kzg"] {
        assert_eq!(report.suites()[suite].not_understood, 1, "{report}");
    }
}

#[test]
fn malformed_files_are_not_understood() {
    let report = walk(&vectors("malformed"));
    assert_eq!(report.total(), Counts { passed: 0, failed: 0, not_understood: 21, out_of_scope: 0 }, "{report}");
}

#[test]
fn nothing_is_not_a_pass() {
    let empty = scratch("empty");
    let report = walk(&empty);
    assert_eq!(report.total(), Counts::default());
    assert!(!report.all_passed());
    assert!(conformance::run(&empty.join("absent"), &dispatcher()).is_err());
    std::fs::remove_dir_all(empty).unwrap();
}

#[test]
fn a_single_file_can_be_walked() {
    let report = walk(&vectors("good/bls/verify/valid.yaml"));
    assert_eq!(report.total().passed, 1, "{report}");
}

/// Good files cut short at any place, or with bytes changed, are read without a panic.
#[test]
fn mutilated_files_do_not_panic() {
    let mut random = Random::new("walker");
    let folder = scratch("mutilated");
    for name in [
        "bls/verify/valid.yaml",
        "bls/aggregate/two.yaml",
        "bls/batch_verify/two.yaml",
        "bls/hash_to_G2/own.yaml",
        "eip2537/fail-blsG1Add.json",
        "eip2537/blsG1MultiExp.json",
        "eip2333/keys.json",
        "rfc9380/expand.json",
        "rfc9380/P256.json",
    ] {
        let good = std::fs::read(vectors("good").join(name)).unwrap();
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        for _ in 0..60 {
            let mut bytes = good.clone();
            if random.below(2) == 0 {
                bytes.truncate(random.below(good.len()));
            }
            for _ in 0..random.below(3) {
                if !bytes.is_empty() {
                    let place = random.below(bytes.len());
                    bytes[place] = random.number() as u8;
                }
            }
            std::fs::write(&path, &bytes).unwrap();
            let report = walk(&folder);
            let panicked =
                |(_, outcome): &&(String, Outcome)| matches!(outcome, Outcome::Failed(w) if w.contains("panicked"));
            let panicked = report.problems().iter().find(panicked);
            assert!(panicked.is_none(), "{panicked:?}: {}", String::from_utf8_lossy(&bytes));
        }
        std::fs::remove_file(&path).unwrap();
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// An empty folder of this process.
fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("arblast-walker-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
