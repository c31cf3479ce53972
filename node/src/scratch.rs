//! A folder of its own under the system's temporary folder, removed when it is dropped.

use std::io;
use std::path::{Path, PathBuf};

/// A temporary folder. Dropping it removes the folder and everything in it.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A new, empty folder whose name begins with `label`.
    ///
    /// # Errors
    /// The system refuses to create it, or has no randomness for its name.
    pub fn new(label: &str) -> io::Result<Self> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let path = std::env::temp_dir().join(format!("arblast-{label}-{}", hex::encode(random)));
        std::fs::create_dir(&path)?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a temporary folder was left behind");
        }
    }
}
