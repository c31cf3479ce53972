//! Writes a design for a hardware flow: Verilog, file list, register map, and a self-checking testbench for the units.

use crate::designs;
use crate::emit::Design;
use crate::engine::registers;
use crate::testbench;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What writing a design can run into.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// There is no design of this name.
    #[error("there is no design {got:?}; there are: {}", designs::NAMES.join(", "))]
    Name {
        /// The name asked for.
        got: String,
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

/// What was written.
#[derive(Debug)]
pub struct Written {
    /// The design.
    pub design: Design,
    /// The files, in the order of their writing.
    pub files: Vec<PathBuf>,
}

/// Writes the design `name` (one of [`designs::NAMES`]) into `folder`, which is made if it is not there.
///
/// Files: `TOP.v`; `TOP.f`, the list of source files; for an engine `registers.md`; for a unit `TOP_tb.v`, a testbench
/// for Icarus Verilog and Verilator (`--binary`) that ends with PASS or FAIL. The same name gives the same bytes.
///
/// # Errors
/// An unknown name, and what writing runs into.
pub fn write(name: &str, folder: &Path) -> Result<Written, WriteError> {
    let design = designs::by_name(name).ok_or_else(|| WriteError::Name { got: name.into() })?;
    let top = design.name.clone();
    let mut texts = vec![(format!("{top}.v"), design.verilog.clone()), (format!("{top}.f"), format!("{top}.v\n"))];
    if design.ports.iter().any(|port| port.name == "s_axil_awaddr") {
        texts.push(("registers.md".into(), registers::markdown()));
    }
    if let Some(bench) = testbench::of(name, &design) {
        texts.push((format!("{top}_tb.v"), bench));
    }
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| WriteError::File { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let mut files = Vec::new();
    for (file, text) in texts {
        let path = folder.join(file);
        fs::write(&path, text).map_err(failed(&path))?;
        files.push(path);
    }
    Ok(Written { design, files })
}
