//! Public vector suites, every case through the dispatcher on the backend under test.
//!
//! [`run`] walks a folder. Each file is recognised by what it holds and, where the suites themselves go by names
//! (Ethereum's handler folders, the files of EIP-2537), by its name; then its cases run and are counted.
//!
//! - A file that is not recognised, does not parse, lacks a field, or belongs to a feature that does not exist yet is
//!   *not understood*: it counts against the run. It never panics.
//! - A file that says itself that it is about another curve or hash function (RFC 9380's suites for P-256 and others)
//!   is *out of scope*: counted and listed, neither for nor against the run, since no operation here could compute it.
//! - Markdown and licence texts are no vectors: passed over, with a count. So are hidden files, without one.
//!
//! | suite | recognised by | operations it exercises |
//! |---|---|---|
//! | `bls` | a handler folder of ethereum/bls12-381-tests, yaml | decompression, hash, signatures, batches |
//! | `eip2537` | `Input`/`Expected`, file name | sums, multiplication, MSM, pairing check, map to curve |
//! | `rfc9380` | `ciphersuite`, `curve`, `vectors` | hash to curve, map to curve, sums |
//! | `eip2333` | `seed`, `master_SK` | key derivation |
//! | `scalar-mul` | `curve`, `group`, `vectors` | multiplication and MSM |
//! | `sign` | lines `secret key:message:signature` | signing and verification |

mod bls;
mod data;
mod eip2333;
mod eip2537;
mod files;
mod report;
mod rfc9380;
mod scalar_mul;
mod sign;

pub use report::{Counts, Outcome, Report};

use arblast::{Call, Class, Dispatcher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// What every case needs.
#[derive(Clone, Copy)]
pub(crate) struct Env<'a> {
    pub dispatcher: &'a Dispatcher,
    pub call: &'a Call,
}

/// Why a case did not come to a verdict of its own.
pub(crate) enum Stop {
    /// The case cannot be read.
    Unreadable(String),
    /// The dispatcher refused a call that the case needs.
    Refused(arblast::Error),
}

impl From<arblast::Error> for Stop {
    fn from(error: arblast::Error) -> Self {
        Self::Refused(error)
    }
}

impl From<Stop> for Outcome {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Unreadable(why) => Outcome::NotUnderstood(why),
            Stop::Refused(error) => Outcome::Failed(format!("the dispatcher refused the call: {error}")),
        }
    }
}

impl From<arblast::PointError> for Stop {
    fn from(error: arblast::PointError) -> Self {
        Self::Unreadable(format!("a point of the case does not decode: {error}"))
    }
}

/// Runs the body of a case. A panic under it is a failure of that case, and the walk goes on.
pub(crate) fn settle(body: impl FnOnce() -> Result<Outcome, Stop>) -> Outcome {
    // Nothing that a case changes outlives it but the dispatcher, which survives panics by its own contract.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(done) => done.unwrap_or_else(Outcome::from),
        Err(_) => Outcome::Failed("it panicked; the message is above".into()),
    }
}

/// Runs every vector file below `dir` (or the one file `dir`) through `dispatcher`.
///
/// Files are taken in the order of their paths.
///
/// # Errors
/// Where `dir` itself, or an entry of a folder, cannot be read. A file that cannot be read is not understood, and the
/// walk goes on.
pub fn run(dir: &Path, dispatcher: &Dispatcher) -> std::io::Result<Report> {
    let call = Call::new(Class::Job);
    let env = Env { dispatcher, call: &call };
    let mut report = Report::default();
    for path in files::below(dir)? {
        files::run_file(dir, &path, env, &mut report);
    }
    Ok(report)
}
