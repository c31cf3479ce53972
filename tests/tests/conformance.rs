//! The public vectors, where they lie beside the repository: all passed, none not understood, on every backend.

use arblast::{Audit, Dispatcher, Selection};
use arblast_tests::faulty::Faulty;
use arblast_tests::harness::{done, public_vectors, skip};
use arblast_tools::conformance;
use libtest_mimic::{Arguments, Trial};
use std::path::PathBuf;
use std::sync::Arc;

/// The folders, with the fewest cases that must have passed in each: a suite cannot pass by losing its cases.
const SUITES: [(&str, usize); 6] = [
    ("bls", 72),
    ("eip2537", 909),
    ("rfc9380", 20),
    ("eip2333", 4),
    ("bls_commonware", 391),
    ("constantine_scalarmul", 240),
];

/// On the reference, and on a device whose every answer is audited.
const BACKENDS: [&str; 2] = ["cpu-portable", "device"];

fn main() {
    let vectors = public_vectors();
    let trials: Vec<Trial> = BACKENDS
        .into_iter()
        .flat_map(|backend| SUITES.map(|(suite, fewest)| (backend, suite, fewest)))
        .map(|(backend, suite, fewest)| {
            let vectors = vectors.clone();
            Trial::ignorable_test(format!("{suite} on {backend}"), move || match vectors {
                Some(folder) => done(passes(folder.join(suite), backend, fewest)),
                None => skip("../shared/vectors is absent"),
            })
        })
        .collect();
    if vectors.is_none() {
        let cases: usize = SUITES.iter().map(|(_, cases)| cases).sum();
        println!("../shared/vectors is absent: {} suites of {cases} cases or more are skipped", SUITES.len());
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn passes(folder: PathBuf, backend: &str, fewest: usize) -> Result<(), String> {
    let builder = Dispatcher::builder().threads(1).retirement_record(None);
    let builder = match backend {
        "device" => builder
            .select(Selection::Only("device".into()))
            .audit(Audit::Always)
            .backend(Arc::new(Faulty::new("device"))),
        _ => builder.select(Selection::CpuPortable),
    };
    let dispatcher = builder.build().map_err(|e| e.to_string())?;
    let report = conformance::run(&folder, &dispatcher).map_err(|e| format!("{}: {e}", folder.display()))?;
    if !report.all_passed() {
        return Err(report.to_string());
    }
    let passed = report.total().passed;
    if passed < fewest { Err(format!("only {passed} cases of at least {fewest}\n{report}")) } else { Ok(()) }
}
