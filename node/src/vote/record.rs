//! The record of votes, synced before a signature leaves.
//!
//! The engine's journal protects against double voting only while the journal is there. This record protects when the
//! data folder is lost, restored from a backup or copied: it lives elsewhere, and is written before each signature.
//!
//! # File
//!
//! ```text
//! | "ARBLVOT1" (8) | owner (32) | marks (147, see `marks`) | SHA-256 of all that (32) |
//! ```
//!
//! The owner is a digest of network and vote key, so that a record is not used for another validator by mistake.
//!
//! # Durability
//!
//! An update writes a temporary file, syncs it, renames it over the record and syncs the folder; only then is the
//! vote allowed. A crash leaves the old record or the new one, never a mixture, so a record that does not decode was
//! damaged later, and the validator must not guess: [`FileRecord::open`] fails. After a failed write nothing more is
//! signed in this process, because it is unknown which of the two is on the disk.
//!
//! A lost record is not recreated silently: [`FileRecord::create`] is a separate step, for a key that never voted.
//! An open record is locked, so that two processes cannot vote from one.

use super::marks::{Marks, Refusal, Vote};
use commonware_cryptography::{Hasher as _, Sha256};
use commonware_utils::sync::Mutex;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"ARBLVOT1";
const LENGTH: usize = MAGIC.len() + 32 + Marks::BYTES + 32;

/// Decides whether a vote may be signed, and remembers it durably before it says yes.
pub trait Record: Send + Sync + 'static {
    /// Records `vote`, or refuses it. Once this returns `Ok`, the vote survives a crash.
    ///
    /// # Errors
    /// A [`RecordError`]; the vote must not be signed.
    fn authorize(&self, vote: &Vote) -> Result<(), RecordError>;

    /// Hears of a vote that carries this validator's signature, wherever it comes from. A record that does not
    /// [cover](Marks::covers) it is not the only one that votes with this key.
    fn witnessed(&self, _: &Vote) {}
}

/// Why a vote must not be signed, or a record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It conflicts with an earlier vote.
    #[error(transparent)]
    Conflict(#[from] Refusal),
    /// The record cannot be read or written.
    #[error("vote record {path}: {action}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was attempted.
        action: &'static str,
        /// What the system answered.
        source: io::Error,
    },
    /// The record is damaged.
    #[error("vote record {path}: {what}; restore it, or retire this vote key")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// The record belongs to another validator or network.
    #[error("vote record {path}: written for another vote key or network")]
    Owner {
        /// The file.
        path: PathBuf,
    },
    /// Another process votes from this record.
    #[error("vote record {path}: in use by another process")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// This validator does not vote yet, or any more; see [`crate::status::Role`].
    #[error("not voting: {role}")]
    NotVoting {
        /// What it does instead.
        role: &'static str,
    },
    /// An earlier write failed.
    #[error("vote record {path}: an earlier write failed; nothing is signed until a restart")]
    Broken {
        /// The file.
        path: PathBuf,
    },
}

/// A record in memory, for the deterministic simulation: it survives a simulated crash as long as it is kept.
#[derive(Debug, Default)]
pub struct MemoryRecord {
    marks: Mutex<Marks>,
}

impl Record for MemoryRecord {
    fn authorize(&self, vote: &Vote) -> Result<(), RecordError> {
        let mut marks = self.marks.lock();
        if let Some(next) = marks.admit(vote)? {
            *marks = next;
        }
        Ok(())
    }
}

/// A record in a file.
#[derive(Debug)]
pub struct FileRecord {
    path: PathBuf,
    owner: [u8; 32],
    /// The marks on the disk, or `None` once a write has failed.
    state: Mutex<Option<Marks>>,
    /// Held for the lock on it; a file beside the record, because the record itself is replaced.
    _lock: File,
}

impl FileRecord {
    /// A new record for a key that never voted.
    ///
    /// # Errors
    /// [`RecordError::Io`] if the file exists or cannot be written, [`RecordError::Locked`].
    pub fn create(path: &Path, owner: [u8; 32]) -> Result<Self, RecordError> {
        let lock = lock(path)?;
        if path.exists() {
            return Err(io_error(path, "create", io::ErrorKind::AlreadyExists.into()));
        }
        let marks = Marks::default();
        store(path, &owner, &marks)?;
        Ok(Self { path: path.into(), owner, state: Mutex::new(Some(marks)), _lock: lock })
    }

    /// A record for a key whose votes are not known, but certainly lie at or below `floor`: nothing there is ever
    /// signed again. Replaces what is at `path`.
    ///
    /// # Errors
    /// [`RecordError::Io`], [`RecordError::Locked`].
    pub fn create_above(path: &Path, owner: [u8; 32], floor: (u64, u64)) -> Result<Self, RecordError> {
        let lock = lock(path)?;
        let marks = Marks::above(floor);
        store(path, &owner, &marks)?;
        Ok(Self { path: path.into(), owner, state: Mutex::new(Some(marks)), _lock: lock })
    }

    /// An existing record.
    ///
    /// # Errors
    /// Every [`RecordError`] but a conflict; a missing file is [`RecordError::Io`].
    pub fn open(path: &Path, owner: [u8; 32]) -> Result<Self, RecordError> {
        let lock = lock(path)?;
        let marks = load(path, &owner)?;
        Ok(Self { path: path.into(), owner, state: Mutex::new(Some(marks)), _lock: lock })
    }
}

impl FileRecord {
    /// What was voted for; `None` once a write has failed.
    pub fn marks(&self) -> Option<Marks> {
        self.state.lock().clone()
    }
}

impl Record for FileRecord {
    fn authorize(&self, vote: &Vote) -> Result<(), RecordError> {
        let mut state = self.state.lock();
        let marks = state.as_ref().ok_or_else(|| RecordError::Broken { path: self.path.clone() })?;
        if let Some(next) = marks.admit(vote)? {
            *state = None;
            store(&self.path, &self.owner, &next)?;
            *state = Some(next);
        }
        Ok(())
    }
}

fn io_error(path: &Path, action: &'static str, source: io::Error) -> RecordError {
    RecordError::Io { path: path.into(), action, source }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn lock(path: &Path) -> Result<File, RecordError> {
    let lock = beside(path, ".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock)
        .map_err(|source| io_error(&lock, "open", source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(RecordError::Locked { path: path.into() }),
        Err(std::fs::TryLockError::Error(source)) => Err(io_error(&lock, "lock", source)),
    }
}

fn store(path: &Path, owner: &[u8; 32], marks: &Marks) -> Result<(), RecordError> {
    let mut bytes = Vec::with_capacity(LENGTH);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(owner);
    bytes.extend_from_slice(&marks.encode());
    let checksum = Sha256::hash(&[&bytes]);
    bytes.extend_from_slice(checksum.as_ref());

    let temporary = beside(path, ".new");
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
    };
    write().map_err(|source| io_error(path, "write", source))
}

fn load(path: &Path, owner: &[u8; 32]) -> Result<Marks, RecordError> {
    let corrupt = |what| RecordError::Corrupt { path: path.into(), what };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LENGTH as u64 + 1).read_to_end(&mut bytes))
        .map_err(|source| io_error(path, "read", source))?;
    if bytes.len() != LENGTH {
        return Err(corrupt("its length is wrong"));
    }
    let (content, checksum) = bytes.split_at(LENGTH - 32);
    if Sha256::hash(&[content]).as_ref() != checksum {
        return Err(corrupt("its checksum does not match"));
    }
    let (magic, content) = content.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(corrupt("it is no vote record of this version"));
    }
    let (found, marks) = content.split_at(32);
    if found != owner {
        return Err(RecordError::Owner { path: path.into() });
    }
    let marks = marks.try_into().map_err(|_| corrupt("its length is wrong"))?;
    Marks::decode(marks).ok_or_else(|| corrupt("its marks do not decode"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::vote::marks::Kind;

    const OWNER: [u8; 32] = [3; 32];

    fn vote(kind: Kind, view: u64, digest: u8) -> Vote {
        Vote { kind, epoch: 0, view, digest: [digest; 32] }
    }

    #[test]
    fn a_damaged_record_refuses_to_open() {
        let folder = Scratch::new("record-damage").unwrap();
        let path = folder.path().join("votes");
        let record = FileRecord::create(&path, OWNER).unwrap();
        record.authorize(&vote(Kind::Notarize, 1, 1)).unwrap();
        drop(record);
        let good = std::fs::read(&path).unwrap();
        assert_eq!(good.len(), LENGTH);
        for position in 0..good.len() {
            let mut bad = good.clone();
            bad[position] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            assert!(matches!(FileRecord::open(&path, OWNER), Err(RecordError::Corrupt { .. })), "byte {position}");
        }
        for length in [0, 1, LENGTH - 1] {
            std::fs::write(&path, &good[..length]).unwrap();
            assert!(matches!(FileRecord::open(&path, OWNER), Err(RecordError::Corrupt { .. })), "{length} bytes");
        }
        let mut long = good.clone();
        long.push(0);
        std::fs::write(&path, &long).unwrap();
        assert!(matches!(FileRecord::open(&path, OWNER), Err(RecordError::Corrupt { .. })));
        std::fs::write(&path, &good).unwrap();
        assert!(matches!(FileRecord::open(&path, [4; 32]), Err(RecordError::Owner { .. })));
        assert!(FileRecord::open(&path, OWNER).is_ok());
    }

    #[test]
    fn a_missing_record_is_not_invented_and_an_existing_one_not_replaced() {
        let folder = Scratch::new("record-missing").unwrap();
        let path = folder.path().join("votes");
        assert!(matches!(FileRecord::open(&path, OWNER), Err(RecordError::Io { action: "read", .. })));
        drop(FileRecord::create(&path, OWNER).unwrap());
        assert!(matches!(FileRecord::create(&path, OWNER), Err(RecordError::Io { action: "create", .. })));
    }

    #[test]
    fn the_record_outlives_the_process() {
        let folder = Scratch::new("record-restart").unwrap();
        let path = folder.path().join("votes");
        let record = FileRecord::create(&path, OWNER).unwrap();
        record.authorize(&vote(Kind::Notarize, 7, 1)).unwrap();
        record.authorize(&vote(Kind::Finalize, 7, 1)).unwrap();
        drop(record);
        let record = FileRecord::open(&path, OWNER).unwrap();
        record.authorize(&vote(Kind::Notarize, 7, 1)).unwrap();
        for conflict in [vote(Kind::Notarize, 7, 2), vote(Kind::Notarize, 6, 1), vote(Kind::Nullify, 7, 0)] {
            assert!(matches!(record.authorize(&conflict), Err(RecordError::Conflict(_))), "{conflict:?}");
        }
    }

    #[test]
    fn a_kill_between_write_and_rename_leaves_the_old_record() {
        let folder = Scratch::new("record-kill").unwrap();
        let path = folder.path().join("votes");
        let record = FileRecord::create(&path, OWNER).unwrap();
        record.authorize(&vote(Kind::Notarize, 1, 1)).unwrap();
        drop(record);
        // The signature for view 2 never left: its record was only half written when the process died.
        std::fs::write(beside(&path, ".new"), b"ARBLVOT1 half").unwrap();
        let record = FileRecord::open(&path, OWNER).unwrap();
        assert!(record.authorize(&vote(Kind::Notarize, 1, 2)).is_err());
        record.authorize(&vote(Kind::Notarize, 2, 2)).unwrap();
        drop(record);
        let record = FileRecord::open(&path, OWNER).unwrap();
        assert!(record.authorize(&vote(Kind::Notarize, 2, 1)).is_err());
    }

    #[test]
    fn nothing_is_signed_after_a_failed_write() {
        let folder = Scratch::new("record-broken").unwrap();
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let path = inner.join("votes");
        let record = FileRecord::create(&path, OWNER).unwrap();
        std::fs::remove_dir_all(&inner).unwrap();
        assert!(matches!(record.authorize(&vote(Kind::Notarize, 1, 1)), Err(RecordError::Io { action: "write", .. })));
        std::fs::create_dir(&inner).unwrap();
        assert!(matches!(record.authorize(&vote(Kind::Notarize, 2, 1)), Err(RecordError::Broken { .. })));
    }

    #[test]
    fn one_process_votes_from_a_record() {
        let folder = Scratch::new("record-lock").unwrap();
        let path = folder.path().join("votes");
        let first = FileRecord::create(&path, OWNER).unwrap();
        assert!(matches!(FileRecord::open(&path, OWNER), Err(RecordError::Locked { .. })));
        drop(first);
        assert!(FileRecord::open(&path, OWNER).is_ok());
    }
}
