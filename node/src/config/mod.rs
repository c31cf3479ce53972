//! What an operator sets, and the files that a validator reads.
//!
//! A setting has one name in three places: the flag `--http-port`, the environment variable `ARBLAST_HTTP_PORT`, and
//! the line `http-port = 8000` of the configuration file. A flag counts before the environment, the environment before
//! the file, the file before the default. Relative paths in the file are relative to the file's folder, others to the
//! working directory.
//!
//! [`Settings`] is the one list of settings: flags, help, defaults and the file's keys are all made from it.
//! [`Settings::resolve`] reads the file and refuses what it does not know or what cannot be, with the line and a
//! suggestion.
//!
//! | module | file |
//! |---|---|
//! | [`keys`] | the two secrets of a validator |
//! | [`genesis`] | what the network agreed on |
//! | [`peers`] | where the validators listen |

pub mod file;
pub mod genesis;
pub mod keys;
pub mod peers;
mod settings;

pub use settings::{ConfigError, LogFormat, Settings, Size, duration};

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Why a file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {what}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct FileError {
    /// The file.
    path: PathBuf,
    /// The line, from 1, if the trouble has one.
    line: Option<usize>,
    /// What is wrong, and what to do.
    what: String,
}

impl FileError {
    /// Trouble with a file as a whole.
    pub fn new(path: &Path, what: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, what: what.into() }
    }

    /// The same trouble in a line; 0 is no line.
    #[must_use]
    pub fn at(self, line: usize) -> Self {
        Self { line: (line > 0).then_some(line), ..self }
    }
}

/// Largest text file read: a genesis of 100,000 accounts is 13 MB.
const MOST_TEXT: u64 = 64 << 20;

/// Reads a text file of bounded size.
fn read_text(path: &Path) -> Result<String, FileError> {
    let refused = |error: std::io::Error| FileError::new(path, format!("cannot be read: {error}"));
    let mut text = String::new();
    let length = File::open(path).and_then(|file| file.take(MOST_TEXT + 1).read_to_string(&mut text));
    if length.map_err(refused)? as u64 > MOST_TEXT {
        return Err(FileError::new(path, format!("larger than {MOST_TEXT} bytes, so it cannot be the right file")));
    }
    Ok(text)
}

/// The most similar of some names, if one is similar enough to be meant.
fn suggest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let rated = known.into_iter().map(|known| (strsim::jaro_winkler(name, known), known));
    rated.filter(|(rating, _)| *rating > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

/// Adds "did you mean" to serde's message about an unknown field.
fn with_suggestion(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    match quoted.next().filter(|_| message.starts_with("unknown field")) {
        Some(unknown) => match suggest(unknown, quoted) {
            Some(known) => format!("{message}; did you mean `{known}`?"),
            None => message.to_owned(),
        },
        None => message.to_owned(),
    }
}
