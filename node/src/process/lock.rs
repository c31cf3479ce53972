//! The data folder: locked while a process uses it, and bound to one network.

use crate::genesis::Genesis;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Another process uses it.
    #[error("datadir {}: in use by another process; stop it, or give this validator a folder of its own", .0.display())]
    InUse(PathBuf),
    /// It holds the data of another network.
    #[error(
        "datadir {}: holds the data of the network {found}, but the genesis is {expected}; set datadir to another \
         folder, or genesis to the right file", path.display()
    )]
    OtherNetwork {
        /// The folder.
        path: PathBuf,
        /// The genesis digest noted there.
        found: String,
        /// The digest of the genesis given.
        expected: String,
    },
    /// The system refused something.
    #[error("datadir {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
}

/// A data folder in use by this process.
pub struct Data {
    /// Held for the lock on it.
    _lock: File,
}

impl Data {
    /// Locks the folder, which is made if it is missing, and makes sure that it belongs to the network of `genesis`.
    ///
    /// # Errors
    /// [`DataError`].
    pub fn open(path: &Path, genesis: &Genesis) -> Result<Self, DataError> {
        let io = |at: &Path| {
            let path = at.to_path_buf();
            move |source| DataError::Io { path, source }
        };
        std::fs::create_dir_all(path).map_err(io(path))?;
        let name = path.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&name).map_err(io(&name))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(DataError::InUse(path.into())),
            Err(std::fs::TryLockError::Error(source)) => return Err(io(&name)(source)),
        }
        let (note, expected) = (path.join("network"), genesis.digest().to_string());
        match std::fs::read_to_string(&note) {
            Ok(found) if found.trim() == expected => {}
            Ok(found) => {
                return Err(DataError::OtherNetwork { path: path.into(), found: found.trim().into(), expected });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::write(&note, expected + "\n").map_err(io(&note))?;
            }
            Err(error) => return Err(io(&note)(error)),
        }
        Ok(Self { _lock: file })
    }
}
