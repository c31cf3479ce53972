//! What of a design a simulation exercised: lines, branches, and the toggling of signals of at most 64 bits.

use crate::error::{Error, file};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Points that Verilator counts, and those of them that a run reached at least ten times (its default).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Points reached.
    pub covered: u64,
    /// All points.
    pub total: u64,
}

impl Summary {
    /// Part reached, in percent.
    pub fn percent(&self) -> f64 {
        100.0 * self.covered as f64 / self.total.max(1) as f64
    }
}

/// Runs `verilator_coverage` on the data that a model wrote: the Verilog of `sources` with a count at each line goes
/// into `folder`; `%` marks what was reached too seldom.
///
/// # Errors
/// [`Error::Tool`] where the program is absent or fails; [`Error::File`].
pub fn annotate(data: &Path, sources: &Path, folder: &Path) -> Result<Summary, Error> {
    let absolute = |path: &Path| fs::canonicalize(path).map_err(file(path));
    let tool = "verilator_coverage";
    let mut command = Command::new(tool);
    command.current_dir(sources).arg("--annotate").args([absolute(folder)?, absolute(data)?]);
    let output = command.output().map_err(|e| Error::Tool { tool, output: e.to_string() })?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match summary(&text) {
        Some(summary) if output.status.success() => Ok(summary),
        _ => Err(Error::Tool { tool, output: text }),
    }
}

/// Reads "Total coverage (123/456) 26.00%".
fn summary(text: &str) -> Option<Summary> {
    let (covered, rest) = text.split_once("Total coverage (")?.1.split_once('/')?;
    let total = rest.split_once(')')?.0;
    Some(Summary { covered: covered.parse().ok()?, total: total.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_read() {
        let said = "Total coverage (123/456) 26.00%\nSee lines with '%00' in out\n";
        assert_eq!(summary(said), Some(Summary { covered: 123, total: 456 }));
        assert_eq!(summary("%Error: Can't read x.dat"), None);
    }
}
