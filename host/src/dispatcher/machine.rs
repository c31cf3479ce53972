//! Where the program runs: the processor, and the user's folders.

use std::path::PathBuf;

/// The processor's name, as the operating system gives it.
pub fn processor() -> String {
    let name = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    name.unwrap_or_else(|| format!("unnamed {} processor", std::env::consts::ARCH))
}

/// `arblast` in the folder that an environment variable of the XDG base directory specification names, or at its
/// default below the home folder. A relative path counts as none, as the specification says.
fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute(variable).or_else(|| Some(absolute("HOME")?.join(below_home)))?;
    Some(folder.join("arblast"))
}

/// The folder of what must outlast a restart.
pub(crate) fn state_folder() -> Option<PathBuf> {
    user_folder("XDG_STATE_HOME", ".local/state")
}

/// The folder of what can be made again.
pub(crate) fn cache_folder() -> Option<PathBuf> {
    user_folder("XDG_CACHE_HOME", ".cache")
}
