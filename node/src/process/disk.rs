//! Free space: a validator stops signing before its disk is full, and stops altogether before a write fails.
//!
//! A full disk can leave the vote record or the engine's journal half written. Both survive that (records are replaced
//! as a whole, journals have checksums), but a validator that cannot record its votes must not vote, and one that
//! cannot store blocks must not run. Two thresholds keep it from getting there.

use crate::status::{Cause, Status};
use std::path::PathBuf;
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
pub fn free(folder: &std::path::Path) -> std::io::Result<u64> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
