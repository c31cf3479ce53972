//! Files of a design for a hardware flow: Verilog, file list, register map, and a testbench.

use crate::emit::Design;
use crate::engine::registers;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What writing a design can run into.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Files of these names are there with other contents. Nothing was written.
    #[error("{}: there with other content; nothing was written", list(paths))]
    Occupied {
        /// The files.
        paths: Vec<PathBuf>,
    },
    /// A file could not be written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// A file of a design: its name and its content.
pub type Text = (String, String);

/// The files of a design: `TOP.v`; `TOP.f`, the list of source files; for an engine `registers.md`; `TOP_tb.v`, a
/// self-checking testbench, where one is given. The same inputs give the same bytes.
pub fn texts(design: &Design, testbench: Option<String>) -> Vec<Text> {
    let top = &design.name;
    let mut texts = vec![(format!("{top}.v"), design.verilog.clone()), (format!("{top}.f"), format!("{top}.v\n"))];
    if design.ports.iter().any(|port| port.name == "s_axil_awaddr") {
        let title = format!("# Registers of {top} (AXI4-Lite, 32 bits, all answers OKAY)\n\n");
        texts.push(("registers.md".into(), title + &registers::markdown()));
    }
    texts.extend(testbench.map(|text| (format!("{top}_tb.v"), text)));
    texts
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub path: PathBuf,
    /// Whether it was there already, byte for byte.
    pub unchanged: bool,
}

/// Writes files into `folder`, which is made if it is not there. A file that is there with another content is
/// overwritten only with `force`; without it nothing at all is written.
///
/// # Errors
/// [`WriteError::Occupied`] and [`WriteError::File`].
pub fn write(texts: &[Text], folder: &Path, force: bool) -> Result<Vec<Written>, WriteError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| WriteError::File { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let mut files = Vec::new();
    let mut paths = Vec::new();
    for (name, text) in texts {
        let path = folder.join(name);
        let there = match fs::read(&path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&path)(error)),
        };
        let unchanged = there.as_ref().is_some_and(|bytes| bytes == text.as_bytes());
        if there.is_some() && !unchanged {
            paths.push(path.clone());
        }
        files.push(Written { path, unchanged });
    }
    if !paths.is_empty() && !force {
        return Err(WriteError::Occupied { paths });
    }
    for (file, (_, text)) in files.iter().zip(texts).filter(|(file, _)| !file.unchanged) {
        fs::write(&file.path, text).map_err(failed(&file.path))?;
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_others_is_overwritten() {
        let folder = std::env::temp_dir().join(format!("arblast-write-{}", std::process::id()));
        let texts = |b: &str| vec![("a.v".to_string(), "module a;\n".to_string()), ("b.v".into(), b.into())];
        let states = |files: Vec<Written>| files.iter().map(|file| file.unchanged).collect::<Vec<_>>();
        assert_eq!(states(write(&texts("1"), &folder, false).unwrap()), [false, false]);
        assert_eq!(states(write(&texts("1"), &folder, false).unwrap()), [true, true]);
        fs::remove_file(folder.join("a.v")).unwrap();
        let error = write(&texts("2"), &folder, false).unwrap_err();
        assert!(matches!(&error, WriteError::Occupied { paths } if paths == &[folder.join("b.v")]), "{error}");
        assert!(!folder.join("a.v").exists() && fs::read_to_string(folder.join("b.v")).unwrap() == "1");
        assert_eq!(states(write(&texts("2"), &folder, true).unwrap()), [false, false]);
        assert_eq!(fs::read_to_string(folder.join("b.v")).unwrap(), "2");
        fs::remove_dir_all(&folder).unwrap();
    }
}
