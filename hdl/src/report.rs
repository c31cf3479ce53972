//! What a design needs on an FPGA, by yosys: LUTs, registers, DSP slices, memories, and the longest path of logic.

use crate::designs;
use crate::emit::Design;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::{fs, io};

/// What a VU9P has: LUTs, registers, DSP slices, 36-kbit block RAMs, UltraRAMs.
pub const VU9P: Resources = Resources { lut: 1_182_240, ff: 2_364_480, dsp: 6_840, bram: 2_160.0, uram: 960 };

/// What a report can run into.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is no design of this name.
    #[error("there is no design {got:?}; there are: {}", designs::NAMES.join(", "))]
    Name {
        /// The name asked for.
        got: String,
    },
    /// yosys is not there.
    #[error("yosys is not installed ({0}); install it with: apt-get install yosys")]
    NoYosys(io::Error),
    /// yosys ended with an error.
    #[error("yosys failed: {0}")]
    Failed(String),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Counts of resources. Shift-register LUTs and LUT memories are counted as LUTs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Resources {
    /// LUTs.
    pub lut: u64,
    /// Registers.
    pub ff: u64,
    /// DSP48E2 slices.
    pub dsp: u64,
    /// Block RAMs of 36 kbit; one of 18 kbit is half.
    pub bram: f64,
    /// UltraRAMs.
    pub uram: u64,
}

impl Resources {
    /// The largest part of any of the resources of `device` that is needed, in percent.
    pub fn percent_of(&self, device: &Resources) -> f64 {
        let part = |got: f64, has: f64| 100.0 * got / has;
        [
            part(self.lut as f64, device.lut as f64),
            part(self.ff as f64, device.ff as f64),
            part(self.dsp as f64, device.dsp as f64),
            part(self.bram, device.bram),
            part(self.uram as f64, device.uram as f64),
        ]
        .into_iter()
        .fold(0.0, f64::max)
    }
}

/// A design's report.
#[derive(Clone, Debug)]
pub struct Report {
    /// Top module.
    pub design: String,
    /// All instances together.
    pub total: Resources,
    /// Each module's own cells, children left out.
    pub modules: BTreeMap<String, Resources>,
    /// The longest path of logic between registers inside one module: its name, and the number of cells on it.
    pub longest_path: Option<(String, u64)>,
}

/// Synthesises the design `name` with yosys (`synth_xilinx -family xcup`) and counts. Minutes for the larger ones.
///
/// # Errors
/// An unknown name; yosys absent or failing.
pub fn report(name: &str) -> Result<Report, ReportError> {
    let design = designs::by_name(name).ok_or_else(|| ReportError::Name { got: name.into() })?;
    of(&design)
}

/// The same for any design.
///
/// # Errors
/// yosys absent or failing.
pub fn of(design: &Design) -> Result<Report, ReportError> {
    let folder = std::env::temp_dir().join(format!("arblast-report-{}-{}", std::process::id(), design.name));
    let file = |path: &PathBuf| {
        let path = path.clone();
        move |source| ReportError::File { path, source }
    };
    fs::create_dir_all(&folder).map_err(file(&folder))?;
    let source = folder.join("design.v");
    fs::write(&source, &design.verilog).map_err(file(&source))?;
    let top = &design.name;
    // `ltp` would follow a path through mapped registers, memories and children: all of them are cut out first.
    let children: String = design.modules.iter().map(|module| format!(" */t:{module}")).collect();
    let script = format!(
        "read_verilog -sv -DARBLAST_DSP48E2 design.v; synth_xilinx -family xcup -top {top} -noiopad -noclkbuf; \
         tee -o stat.txt stat -top {top}; delete */t:FD* */t:SRL* */t:DSP* */t:RAM* */t:URAM*{children}; \
         tee -o ltp.txt ltp"
    );
    let run = Command::new("yosys")
        .current_dir(&folder)
        .args(["-q", "-p", &script])
        .output()
        .map_err(ReportError::NoYosys)?;
    let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(file(&folder.join(name)));
    let result = if run.status.success() {
        let modules = modules(&read("stat.txt")?);
        let mut total = modules.get(top).copied().unwrap_or_default();
        // yosys prints the whole hierarchy's cells last, under this title.
        if let Some(all) = modules.get("design hierarchy") {
            total = *all;
        }
        Ok((modules, total, longest(&read("ltp.txt")?)))
    } else {
        let text = String::from_utf8_lossy(&run.stderr);
        Err(ReportError::Failed(text.lines().rev().take(10).collect::<Vec<_>>().join("\n")))
    };
    let _ = fs::remove_dir_all(&folder);
    let (mut modules, total, longest_path) = result?;
    modules.remove("design hierarchy");
    Ok(Report { design: top.clone(), total, modules, longest_path })
}

/// The cells of each section of `stat`'s output.
fn modules(text: &str) -> BTreeMap<String, Resources> {
    let mut all: BTreeMap<String, Resources> = BTreeMap::new();
    let mut section = String::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("=== ").and_then(|l| l.strip_suffix(" ===")) {
            section = title.into();
            all.entry(section.clone()).or_default();
        }
        let mut words = line.split_whitespace();
        if let (Some(cell), Some(Ok(count)), None) = (words.next(), words.next().map(str::parse::<u64>), words.next()) {
            let cells = all.entry(section.clone()).or_default();
            match cell {
                "SRL16E" | "SRLC32E" | "LUT1" | "LUT2" | "LUT3" | "LUT4" | "LUT5" | "LUT6" => cells.lut += count,
                "RAM32X1D" | "RAM64X1D" => cells.lut += 2 * count,
                "RAM32M" | "RAM64M" => cells.lut += 4 * count,
                "RAM128X1D" => cells.lut += 4 * count,
                "RAM32M16" | "RAM64M8" | "RAM256X1D" => cells.lut += 8 * count,
                "RAM512X1S" => cells.lut += 8 * count,
                "FDRE" | "FDSE" | "FDCE" | "FDPE" => cells.ff += count,
                "DSP48E2" => cells.dsp += count,
                "RAMB36E2" => cells.bram += count as f64,
                "RAMB18E2" => cells.bram += count as f64 / 2.0,
                "URAM288" => cells.uram += count,
                _ => {}
            }
        }
    }
    all.remove("");
    all
}

/// The module with the longest path in `ltp`'s output, and its length.
fn longest(text: &str) -> Option<(String, u64)> {
    text.lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("Longest topological path in ")?.split_once(" (length=")?;
            Some((name.to_string(), rest.trim_end_matches("):").parse().ok()?))
        })
        .max_by_key(|(_, length)| *length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "=== leaf ===\n\n   Number of cells:  9\n     DSP48E2   1\n     LUT2   6\n     SRL16E  2\n
=== top ===\n\n     FDRE   4\n     leaf   2\n\n=== design hierarchy ===\n\n   top  1\n     leaf  2\n
     DSP48E2  2\n     FDRE  4\n     LUT2  12\n     SRL16E  4\n     RAMB18E2 3\n";

    #[test]
    fn statistics_are_read() {
        let all = modules(STAT);
        assert_eq!(all["leaf"], Resources { lut: 8, dsp: 1, ..Resources::default() });
        let total = all["design hierarchy"];
        assert_eq!(total, Resources { lut: 16, ff: 4, dsp: 2, bram: 1.5, uram: 0 });
        assert!((total.percent_of(&VU9P) - 100.0 * 1.5 / 2160.0).abs() < 1e-9);
        let path = "Longest topological path in a (length=25):\n 0: x\nLongest topological path in b (length=59):\n";
        assert_eq!(longest(path), Some(("b".into(), 59)));
    }
}
