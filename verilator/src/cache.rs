//! The folder of built models: private to its owner, because the code in it is loaded into the process.

use crate::error::{Error, file};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

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
}
