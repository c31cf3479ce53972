//! The record of retired devices, kept across restarts.
//!
//! A JSON file, replaced as a whole. A device is retired for a wrong answer and stays so until its operator re-admits
//! it. A record that cannot be read is an error for the operator, not an empty record: otherwise a damaged file would
//! re-admit every device.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Why a device was retired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retirement {
    /// What it did.
    pub reason: String,
    /// When, in seconds since the Unix epoch.
    pub at_unix_seconds: u64,
}

#[derive(Default, Serialize, Deserialize)]
struct Contents {
    retired: BTreeMap<String, Retirement>,
}

/// The record, in a file or, without one, in memory.
pub(super) struct Record {
    path: Option<PathBuf>,
    contents: Mutex<Contents>,
}

impl Record {
    /// Reads the record at `path`; a file that does not exist is an empty record.
    ///
    /// # Errors
    /// [`Error::Record`] if the file exists and cannot be read or understood.
    pub(super) fn open(path: Option<PathBuf>) -> Result<Self, Error> {
        let contents = match &path {
            Some(path) => read(path)?,
            None => Contents::default(),
        };
        Ok(Self { path, contents: Mutex::new(contents) })
    }

    /// Why `device` is retired, if it is.
    pub(super) fn retirement(&self, device: &str) -> Option<Retirement> {
        self.lock().retired.get(device).cloned()
    }

    /// Retires `device`. The record in memory holds even if the file cannot be written.
    ///
    /// # Errors
    /// [`Error::Record`] if the file cannot be written.
    pub(super) fn retire(&self, device: &str, reason: &str) -> Result<(), Error> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let entry = Retirement { reason: reason.to_owned(), at_unix_seconds: now.as_secs() };
        let mut contents = self.lock();
        contents.retired.insert(device.to_owned(), entry);
        self.write(&contents)
    }

    /// Strikes `device` from the record; whether it was there.
    ///
    /// # Errors
    /// [`Error::Record`] if the file cannot be written.
    pub(super) fn readmit(&self, device: &str) -> Result<bool, Error> {
        let mut contents = self.lock();
        let was_there = contents.retired.remove(device).is_some();
        if was_there {
            self.write(&contents)?;
        }
        Ok(was_there)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Writes a new file, syncs it and renames it over the old one.
    fn write(&self, contents: &Contents) -> Result<(), Error> {
        let Some(path) = &self.path else { return Ok(()) };
        let write = || -> std::io::Result<()> {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let new = path.with_extension("new");
            std::fs::write(&new, serde_json::to_vec_pretty(contents)?)?;
            std::fs::File::open(&new)?.sync_all()?;
            std::fs::rename(&new, path)
        };
        write().map_err(|e| failure(path, &e))
    }
}

fn failure(path: &Path, reason: &dyn std::fmt::Display) -> Error {
    Error::Record { path: path.display().to_string(), reason: reason.to_string() }
}

fn read(path: &Path) -> Result<Contents, Error> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| {
            failure(path, &format!("not a record ({e}); restore it, or remove it to re-admit every device"))
        }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Contents::default()),
        Err(e) => Err(failure(path, &e)),
    }
}

/// Where the record is kept by default: `arblast/retired.json` in the user's state folder.
pub fn default_record_path() -> Option<PathBuf> {
    Some(super::machine::state_folder()?.join("retired.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("arblast-record-{}-{name}", std::process::id())).join("retired.json")
    }

    #[test]
    fn survives_a_restart_until_readmitted() {
        let path = scratch("restart");
        Record::open(Some(path.clone())).unwrap().retire("gpu0", "wrong point").unwrap();
        let record = Record::open(Some(path.clone())).unwrap();
        assert_eq!(record.retirement("gpu0").unwrap().reason, "wrong point");
        assert!(record.readmit("gpu0").unwrap());
        assert!(!record.readmit("gpu0").unwrap());
        assert_eq!(Record::open(Some(path.clone())).unwrap().retirement("gpu0"), None);
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let path = scratch("damaged");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, b"{\"retired\": {\"gpu0").unwrap();
        assert!(matches!(Record::open(Some(path.clone())), Err(Error::Record { .. })));
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
