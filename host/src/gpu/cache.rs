//! Compiled pipelines on disk, so that a second start compiles nothing.
//!
//! One file for each adapter, driver version and family, in `arblast/pipelines` under the user's cache folder; readable
//! by its owner only, and preceded by a SHA-256 of its content. A file that does not match, or belongs to somebody else,
//! is ignored and written again.

use arblast_kernels::Family;
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The cache of a device.
pub(super) struct PipelineCache {
    handle: wgpu::PipelineCache,
    path: PathBuf,
    /// Length of what was saved last.
    saved: Mutex<usize>,
}

impl PipelineCache {
    /// The cache of an adapter; `None` where the adapter or the user has none.
    pub fn open(device: &wgpu::Device, info: &wgpu::AdapterInfo, family: Family) -> Option<Self> {
        if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return None;
        }
        let key = wgpu::util::pipeline_cache_key(info)?;
        let path = folder()?.join(format!("{key}-{family:?}.bin").to_lowercase());
        let data = load(&path);
        // SAFETY: the data is what `get_data` gave for this adapter: its checksum matches, and only this user can have
        // written it. `fallback` has the driver ignore what it does not understand.
        let handle = unsafe {
            device.create_pipeline_cache(&wgpu::PipelineCacheDescriptor {
                label: Some("arblast"),
                data: data.as_deref(),
                fallback: true,
            })
        };
        Some(Self { handle, path, saved: Mutex::new(data.map_or(0, |data| data.len())) })
    }

    /// For a pipeline's descriptor.
    pub fn handle(&self) -> &wgpu::PipelineCache {
        &self.handle
    }

    /// Writes what was compiled; a failure costs only time, and is logged.
    pub fn save(&self) {
        let Some(data) = self.handle.get_data() else { return };
        let Ok(mut saved) = self.saved.lock() else { return };
        if data.len() == *saved {
            return;
        }
        match store(&self.path, &data) {
            Ok(()) => *saved = data.len(),
            Err(error) => tracing::debug!(path = %self.path.display(), %error, "compiled pipelines were not kept"),
        }
    }
}

/// `arblast/pipelines` in the user's cache folder.
fn folder() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join("arblast").join("pipelines"))
}

/// The content of a cache file, if it is whole and ours.
fn load(path: &Path) -> Option<Vec<u8>> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let (file, folder) = (std::fs::metadata(path).ok()?, std::fs::metadata(path.parent()?).ok()?);
        // Linux's own word for who this process is; elsewhere the file and its folder must agree.
        let own = std::fs::metadata("/proc/self").map_or(file.uid(), |process| process.uid());
        if file.mode() & 0o022 != 0 || folder.mode() & 0o022 != 0 || [file.uid(), folder.uid()] != [own, own] {
            return None;
        }
    }
    let bytes = std::fs::read(path).ok()?;
    let (sum, data) = bytes.split_at_checked(32)?;
    (Sha256::digest(data).as_slice() == sum).then(|| data.to_vec())
}

fn store(path: &Path, data: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    // Beside the file and then over it: a reader sees the old content or the new one.
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(&Sha256::digest(data))?;
    file.write_all(data)?;
    drop(file);
    std::fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_or_foreign_file_is_ignored() {
        let folder = std::env::temp_dir().join(format!("arblast-pipelines-{}", std::process::id()));
        let path = folder.join("adapter.bin");
        store(&path, b"compiled").unwrap();
        assert_eq!(load(&path).as_deref(), Some(&b"compiled"[..]));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[40 - 1] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(load(&path), None);
        std::fs::write(&path, b"short").unwrap();
        assert_eq!(load(&path), None);
        store(&path, b"compiled again").unwrap();
        assert!(load(&path).is_some());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
            assert_eq!(load(&path), None, "a file that others can write");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
