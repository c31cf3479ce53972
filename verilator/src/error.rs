//! What can go wrong between a design and its running model.

use std::path::PathBuf;

/// An error of the simulation room.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Verilator is not there.
    #[error("Verilator is not installed ({reason}); install it with: apt-get install verilator g++ make")]
    NoVerilator {
        /// What the attempt to run it said.
        reason: String,
    },
    /// Verilator is older than what the designs were tried with.
    #[error("Verilator {got} is too old, {wanted} or later is needed; install it with: apt-get install verilator")]
    OldVerilator {
        /// The version found.
        got: String,
        /// The oldest version that will do.
        wanted: &'static str,
    },
    /// A tool ended with an error.
    #[error("{tool} failed: {output}")]
    Tool {
        /// The tool.
        tool: &'static str,
        /// The end of what it wrote.
        output: String,
    },
    /// The cache folder cannot be trusted: code is loaded from it.
    #[error("{path} must be a folder that only its owner can enter (mode 0700, owned by this user): {reason}")]
    Cache {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Reading or writing a file failed.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The model could not be loaded.
    #[error("the model cannot be loaded: {0}")]
    Load(String),
    /// The design did not answer within its budget of cycles.
    #[error("{what} took more than its budget of {budget} cycles")]
    Budget {
        /// What was waited for.
        what: &'static str,
        /// The budget.
        budget: u64,
    },
    /// The design reported an error or answered with something it must never answer.
    #[error("the design reported: {0}")]
    Design(String),
    /// The caller gave something that the design has no room for.
    #[error("{what}: got {got}, at most {limit}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much was given.
        got: u64,
        /// How much fits.
        limit: u64,
    },
    /// The caller's control ended the run.
    #[error("the run was ended by its caller")]
    Stopped,
}

/// A file error with the path it is about.
pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.into();
    move |source| Error::File { path, source }
}
