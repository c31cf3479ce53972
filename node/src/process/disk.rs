//! Free space: a validator stops signing before its disk is full, and stops altogether before a write fails.
//!
//! A full disk can leave the vote record or the engine's journal half written. Both survive that (records are replaced
//! as a whole, journals have checksums), but a validator that cannot record its votes must not vote, and one that
//! cannot store blocks must not run. Two thresholds keep it from getting there.

use crate::status::{Cause, Status};
use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the free space is looked at.
const INTERVAL: Duration = Duration::from_millis(500);

/// Watches the free space of the folders that a validator writes to.
pub struct Watch {
    folders: [PathBuf; 2],
    least: u64,
    status: Status,
}

impl Watch {
    /// Watches `folders`; below `least` bytes the validator observes.
    pub const fn new(folders: [PathBuf; 2], least: u64, status: Status) -> Self {
        Self { folders, least, status }
    }

    /// Watches until a quarter of the threshold is left; then returns what to tell the operator.
    pub async fn run(&self) -> String {
        loop {
            for folder in &self.folders {
                let free = match free(folder) {
                    Ok(free) => free,
                    Err(error) => {
                        tracing::warn!(folder = %folder.display(), %error, "the free space is not known");
                        continue;
                    }
                };
                if free < self.least {
                    let (folder, free, least) = (folder.display(), free >> 20, self.least >> 20);
                    let what = format!(
                        "{folder} has {free} MiB left, less than min-free-space of {least} MiB. Make room, then \
                         restart the validator"
                    );
                    self.status.observe(Cause::DiskFull, &*what);
                    if free < least / 4 {
                        return format!("the disk is nearly full: {what}");
                    }
                }
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }
}

/// Bytes that this process may still write to the file system of a folder.
///
/// # Errors
/// What the system answered.
pub fn free(folder: &Path) -> io::Result<u64> {
    let path = CString::new(folder.as_os_str().as_bytes())?;
    let mut stat = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `path` ends in a zero byte, and `stat` has room for what is written.
    let outcome = unsafe { libc::statvfs(path.as_ptr(), stat.as_mut_ptr()) };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so that it has written the whole of `stat`.
    let stat = unsafe { stat.assume_init() };
    #[allow(clippy::unnecessary_cast, reason = "the types differ between systems")]
    Ok((stat.f_bavail as u64).saturating_mul(stat.f_frsize as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::status::Role;

    #[test]
    fn free_space_is_found_where_there_is_a_file_system() {
        let folder = Scratch::new("disk").unwrap();
        assert!(free(folder.path()).unwrap() > 0);
        assert!(free(&folder.path().join("missing")).is_err());
    }

    #[tokio::test]
    async fn a_validator_stops_signing_and_then_stops() {
        let folder = Scratch::new("disk-full").unwrap();
        let watch = |least| {
            let status = Status::default();
            assert!(status.vote());
            let folders = [folder.path().to_path_buf(), folder.path().to_path_buf()];
            (Watch::new(folders, least, status.clone()), status)
        };
        let (plenty, status) = watch(0);
        assert!(tokio::time::timeout(INTERVAL / 2, plenty.run()).await.is_err(), "it goes on");
        assert_eq!(status.role(), Role::Voting);
        // Less than the threshold is free, but more than a quarter of it.
        let (low, status) = watch(free(folder.path()).unwrap() * 2);
        assert!(tokio::time::timeout(INTERVAL / 2, low.run()).await.is_err());
        assert!(matches!(status.role(), Role::Observing(reason) if reason.cause == Cause::DiskFull));
        let (full, status) = watch(u64::MAX);
        let message = full.run().await;
        assert!(message.contains("Make room"), "{message}");
        assert!(matches!(status.role(), Role::Observing(_)));
    }
}
