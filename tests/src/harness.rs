//! The suite as tests of a harness that can report a test as skipped at run time.

use crate::suite::checks;
use arblast::backend::Backend;
use libtest_mimic::{Completion, Failed, Trial};
use std::path::PathBuf;
use std::sync::Arc;

/// One test for each operation on a backend, or, where the backend is absent, one that is reported as skipped with
/// the reason. An operation that the backend does not have is reported as skipped too.
pub fn backend_trials(label: &str, backend: Result<Arc<dyn Backend>, String>) -> Vec<Trial> {
    let trial = |check: crate::suite::Check| {
        let (name, backend) = (format!("{label}::{}", check.op), backend.clone());
        Trial::ignorable_test(name, move || match backend {
            Err(reason) => skip(&reason),
            Ok(backend) if !backend.supports(check.op, 1) => skip("the backend does not have this operation"),
            Ok(backend) => done(check.run(&*backend)),
        })
    };
    checks().into_iter().map(trial).collect()
}

/// Reports a test as skipped.
///
/// # Errors
/// None; the type is what a test returns.
pub fn skip(reason: &str) -> Result<Completion, Failed> {
    Ok(Completion::ignored_with(reason))
}

/// Reports a test as passed, or as failed with a message.
///
/// # Errors
/// The message.
pub fn done(result: Result<(), String>) -> Result<Completion, Failed> {
    result.map(|()| Completion::Completed).map_err(Failed::from)
}

/// Where the public vectors are, if they are: beside the repository.
pub fn public_vectors() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors");
    folder.is_dir().then_some(folder)
}
