//! What a design needs on an FPGA, by yosys: LUTs, registers, DSP slices, memories, and the longest path of logic.

use crate::designs;
use crate::emit::Design;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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
    /// The same `count` times more.
    fn add(&mut self, other: &Resources, count: u64) {
        self.lut += count * other.lut;
        self.ff += count * other.ff;
        self.dsp += count * other.dsp;
        self.bram += count as f64 * other.bram;
        self.uram += count * other.uram;
    }

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
    /// Each module with its children, as often as it is there; the top module first, then by weight.
    pub units: Vec<Unit>,
    /// The longest path of logic between registers inside one module: its name, and the number of cells on it.
    pub longest_path: Option<(String, u64)>,
}

/// A module of a design.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Its name.
    pub name: String,
    /// How often it is in the whole design.
    pub instances: u64,
    /// What one instance takes, its children included.
    pub each: Resources,
    /// Cells on the longest path of logic inside the module itself.
    pub path: Option<u64>,
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
    with_progress(design, &mut |_| ())
}

/// The same; `progress` is told of each of yosys' passes when it begins.
///
/// # Errors
/// yosys absent or failing.
pub fn with_progress(design: &Design, progress: &mut dyn FnMut(&str)) -> Result<Report, ReportError> {
    let folder = std::env::temp_dir().join(format!("arblast-report-{}-{}", std::process::id(), design.name));
    let _ = fs::remove_dir_all(&folder);
    fs::DirBuilder::new().mode(0o700).create(&folder).map_err(file(&folder))?;
    let result = synthesise(design, &folder, progress);
    let _ = fs::remove_dir_all(&folder);
    let (stat, ltp) = result?;
    let (mut modules, children) = modules(&stat);
    // yosys prints the whole hierarchy's cells last, under this title, where there is more than one module.
    let hierarchy = modules.remove("design hierarchy");
    let total = hierarchy.or_else(|| modules.get(&design.name).copied()).unwrap_or_default();
    let paths = paths(&ltp);
    let longest_path = paths.iter().max_by_key(|(_, length)| **length).map(|(name, length)| (name.clone(), *length));
    let units = units(&design.name, &modules, &children, &paths);
    Ok(Report { design: design.name.clone(), total, modules, units, longest_path })
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> ReportError {
    let path = path.to_path_buf();
    move |source| ReportError::File { path, source }
}

/// Runs yosys in `folder`; gives what its `stat` and `ltp` said.
fn synthesise(design: &Design, folder: &Path, progress: &mut dyn FnMut(&str)) -> Result<(String, String), ReportError> {
    let (source, log) = (folder.join("design.v"), folder.join("errors.txt"));
    fs::write(&source, &design.verilog).map_err(file(&source))?;
    let top = &design.name;
    // `ltp` would follow a path through mapped registers, memories and children: all of them are cut out first.
    let children: String = design.modules.iter().map(|module| format!(" */t:{module}")).collect();
    let script = format!(
        "read_verilog -sv -DARBLAST_DSP48E2 design.v; synth_xilinx -family xcup -top {top} -noiopad -noclkbuf; \
         tee -o stat.txt stat -top {top}; delete */t:FD* */t:SRL* */t:DSP* */t:RAM* */t:URAM*{children}; \
         tee -o ltp.txt ltp"
    );
    let errors = fs::File::create(&log).map_err(file(&log))?;
    let mut yosys = Command::new("yosys")
        .current_dir(folder)
        .args(["-p", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .map_err(ReportError::NoYosys)?;
    for line in yosys.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines()).map_while(Result::ok)
    {
        // "3.27.1. Executing TECHMAP pass (map to technology primitives)."
        if let Some((number, pass)) = line.split_once(". Executing ")
            && number.chars().all(|c| c.is_ascii_digit() || c == '.')
        {
            progress(pass.split(" (").next().unwrap_or(pass).trim_end_matches('.'));
        }
    }
    let ended = yosys.wait().map_err(ReportError::NoYosys)?;
    if !ended.success() {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        return Err(ReportError::Failed(format!("{ended}\n{}", lines[lines.len().saturating_sub(10)..].join("\n"))));
    }
    let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(file(&folder.join(name)));
    Ok((read("stat.txt")?, read("ltp.txt")?))
}

/// Instances of modules inside modules: for each, how often which child.
type Children = BTreeMap<String, Vec<(String, u64)>>;

/// The modules with their children's cells, from the top down.
fn units(
    top: &str,
    modules: &BTreeMap<String, Resources>,
    children: &Children,
    paths: &BTreeMap<String, u64>,
) -> Vec<Unit> {
    fn weigh(name: &str, modules: &BTreeMap<String, Resources>, children: &Children) -> Resources {
        let mut sum = modules.get(name).copied().unwrap_or_default();
        for (child, count) in children.get(name).into_iter().flatten() {
            sum.add(&weigh(child, modules, children), *count);
        }
        sum
    }
    fn count(name: &str, times: u64, children: &Children, instances: &mut BTreeMap<String, u64>) {
        *instances.entry(name.into()).or_default() += times;
        for (child, inside) in children.get(name).into_iter().flatten() {
            count(child, times * inside, children, instances);
        }
    }
    let mut instances = BTreeMap::new();
    count(top, 1, children, &mut instances);
    let mut units: Vec<Unit> = instances
        .into_iter()
        .map(|(name, instances)| {
            let (each, path) = (weigh(&name, modules, children), paths.get(&name).copied());
            Unit { name, instances, each, path }
        })
        .collect();
    units.sort_by_key(|unit| (unit.name != top, std::cmp::Reverse(unit.instances * (unit.each.lut + unit.each.ff))));
    units
}

/// The cells of each section of `stat`'s output, and the other modules that each has.
fn modules(text: &str) -> (BTreeMap<String, Resources>, Children) {
    let mut all: BTreeMap<String, Resources> = BTreeMap::new();
    let mut others = Children::new();
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
                _ => others.entry(section.clone()).or_default().push((cell.into(), count)),
            }
        }
    }
    all.remove("");
    // Cells of other kinds (carries, multiplexers) are no modules.
    others.values_mut().for_each(|cells| cells.retain(|(name, _)| all.contains_key(name)));
    (all, others)
}

/// The longest path in each module, from `ltp`'s output.
fn paths(text: &str) -> BTreeMap<String, u64> {
    text.lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("Longest topological path in ")?.split_once(" (length=")?;
            Some((name.to_string(), rest.trim_end_matches("):").parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "=== leaf ===\n\n   Number of cells:  9\n     DSP48E2   1\n     LUT2   6\n     SRL16E  2\n
=== top ===\n\n     FDRE   4\n     leaf   2\n\n=== design hierarchy ===\n\n   top  1\n     leaf  2\n
     DSP48E2  2\n     FDRE  4\n     LUT2  12\n     SRL16E  4\n     RAMB18E2 3\n";

    #[test]
    fn statistics_are_read() {
        let (all, children) = modules(STAT);
        assert_eq!(all["leaf"], Resources { lut: 8, dsp: 1, ..Resources::default() });
        let total = all["design hierarchy"];
        assert_eq!(total, Resources { lut: 16, ff: 4, dsp: 2, bram: 1.5, uram: 0 });
        assert!((total.percent_of(&VU9P) - 100.0 * 1.5 / 2160.0).abs() < 1e-9);
        let path = "Longest topological path in a (length=25):\n 0: x\nLongest topological path in b (length=59):\n";
        let paths = paths(path);
        assert_eq!(paths, BTreeMap::from([("a".into(), 25), ("b".into(), 59)]));
        let units = units("top", &all, &children, &paths);
        assert_eq!(
            units.iter().map(|unit| (unit.name.as_str(), unit.instances)).collect::<Vec<_>>(),
            [("top", 1), ("leaf", 2)]
        );
        assert_eq!(units[0].each, Resources { lut: 16, ff: 4, dsp: 2, ..Resources::default() });
    }
}
