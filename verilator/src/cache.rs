//! The folder of built models: private to its owner, because the code in it is loaded into the process.

use crate::error::{Error, file};
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The folder that models are built in: `ARBLAST_SIM_CACHE`, else `XDG_CACHE_HOME`/arblast-sim, else
/// ~/.cache/arblast-sim.
pub fn default_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("ARBLAST_SIM_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|home| home.join("arblast-sim")))
        .or_else(|| set("HOME").map(|home| home.join(".cache").join("arblast-sim")))
}

/// Makes the folder if it is not there, and checks that only its owner, this user, can enter it.
///
/// # Errors
/// [`Error::Cache`] where it is a link or no folder, belongs to somebody else, or is open to others.
pub fn private_folder(path: &Path) -> Result<(), Error> {
    let refuse = |reason: String| Error::Cache { path: path.into(), reason };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(file(parent))?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(file(path)(e)),
        _ => {}
    }
    let found = fs::symlink_metadata(path).map_err(file(path))?;
    let this_user = fs::metadata("/proc/self").map_err(file("/proc/self"))?.uid();
    if !found.is_dir() {
        return Err(refuse("it is not a folder".into()));
    }
    if found.uid() != this_user {
        return Err(refuse(format!("it belongs to user {}, this is user {this_user}", found.uid())));
    }
    if found.permissions().mode() & 0o077 != 0 {
        return Err(refuse(format!("its mode is {:o}", found.permissions().mode() & 0o777)));
    }
    Ok(())
}

/// The shared library in a built folder.
pub(crate) const MODEL: &str = "model.so";
/// Its SHA-256, written when it was built.
const SEAL: &str = "model.sha256";
/// Beginning of the names of folders that a build is made in; the number of the process follows.
const WORK: &str = "work-";

fn digest(path: &Path) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(file(path))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes the hash of a folder's model beside it.
pub(crate) fn seal(folder: &Path) -> Result<(), Error> {
    let path = folder.join(SEAL);
    fs::write(&path, digest(&folder.join(MODEL))?).map_err(file(path))
}

/// Whether a folder holds a whole model, as it was built. One that was cut short or changed is removed.
///
/// # Errors
/// [`Error::Cache`] where others can enter the folder: what is in it is then nobody's word.
pub(crate) fn holds_model(folder: &Path) -> Result<bool, Error> {
    if fs::symlink_metadata(folder).is_err() {
        return Ok(false);
    }
    private_folder(folder)?;
    let sealed = fs::read_to_string(folder.join(SEAL));
    if digest(&folder.join(MODEL)).is_ok_and(|found| sealed.is_ok_and(|sealed| sealed == found)) {
        return Ok(true);
    }
    fs::remove_dir_all(folder).map_err(file(folder))?;
    Ok(false)
}

/// A new folder for a build.
pub(crate) fn work_folder(root: &Path) -> Result<PathBuf, Error> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let work = root.join(format!("{WORK}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    let _ = fs::remove_dir_all(&work);
    private_folder(&work)?;
    Ok(work)
}

/// Renames what was built in `work` to `built`; removes it where the building failed or another process was first.
pub(crate) fn publish(result: Result<(), Error>, work: &Path, built: &Path) -> Result<(), Error> {
    if result.is_err() || fs::rename(work, built).is_err() {
        let _ = fs::remove_dir_all(work);
    }
    result
}

/// Removes the work folders of processes that are gone: their builds were interrupted.
pub(crate) fn remove_abandoned(root: &Path) {
    let name = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let process = name(&entry).strip_prefix(WORK).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if process.is_some_and(|id| !Path::new("/proc").join(id.to_string()).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_is_private_and_an_open_one_is_refused() {
        let base = std::env::temp_dir().join(format!("arblast-cache-{}", std::process::id()));
        let path = base.join("models");
        private_folder(&path).unwrap();
        private_folder(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(private_folder(&path), Err(Error::Cache { .. })));
        let link = base.join("link");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(private_folder(&link), Err(Error::Cache { .. })));
        fs::remove_dir_all(&base).unwrap();
    }

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("arblast-cache-{name}-{}", std::process::id()));
        private_folder(&path).unwrap();
        path
    }

    /// A library that is not byte for byte what was built is not loaded: its folder is removed, to be built again.
    #[test]
    fn a_changed_or_cut_model_is_not_taken() {
        let root = folder("seal");
        let built = root.join("model");
        assert!(!holds_model(&built).unwrap());
        for harm in [b"code".as_slice(), b"codf", b"cod", b""] {
            private_folder(&built).unwrap();
            fs::write(built.join(MODEL), b"code").unwrap();
            seal(&built).unwrap();
            fs::write(built.join(MODEL), harm).unwrap();
            assert_eq!((holds_model(&built).unwrap(), built.exists()), (harm == b"code", harm == b"code"));
        }
        private_folder(&built).unwrap();
        fs::write(built.join(MODEL), b"code").unwrap();
        assert!(!holds_model(&built).unwrap(), "without a hash");
        private_folder(&built).unwrap();
        fs::set_permissions(&built, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(holds_model(&built), Err(Error::Cache { .. })) && built.exists());
        fs::remove_dir_all(&root).unwrap();
    }

    /// Only root may give a folder away, so elsewhere the test looks at a folder that is root's already.
    #[test]
    fn another_users_folder_is_refused() {
        let root = folder("owner");
        let path = match std::os::unix::fs::chown(&root, Some(1), None) {
            Ok(()) => root.clone(),
            Err(_) => PathBuf::from("/root"),
        };
        let error = private_folder(&path).unwrap_err();
        assert!(matches!(&error, Error::Cache { reason, .. } if reason.contains("belongs to user")), "{error}");
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn interrupted_builds_are_removed_and_running_ones_kept() {
        let root = folder("work");
        let mine = work_folder(&root).unwrap();
        // The largest number of a process is 2^22.
        let gone = root.join(format!("{WORK}{}-0", 1 << 23));
        fs::create_dir(&gone).unwrap();
        remove_abandoned(&root);
        assert!(mine.exists() && !gone.exists());
        fs::remove_dir_all(&root).unwrap();
    }
}
