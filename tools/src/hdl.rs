//! `arblast hdl`: the FPGA designs as files for a hardware flow, and what they need on a device.

use arblast_hdl::report::{Report, Resources, VU9P};
use arblast_hdl::{designs, files, testbench};
use std::fmt::Write;
use std::path::Path;

/// The designs' names.
pub const NAMES: &[&str] = designs::NAMES;

/// A line for each design: name, top module, modules, bits of its ports.
pub fn list() -> String {
    let mut out = format!("{:<18}{:<18}{:>8}  {}\n", "design", "top module", "modules", "ports");
    for design in NAMES.iter().filter_map(|name| designs::by_name(name).map(|design| (name, design))) {
        let (name, design) = design;
        let engine = design.ports.iter().any(|port| port.name == "s_axil_awaddr");
        let ports = if engine { "AXI-Lite, AXI-Stream in and out" } else { "operands in, results out" };
        let _ = writeln!(out, "{name:<18}{:<18}{:>8}  {ports}", design.name, design.modules.len());
    }
    out
}

/// Writes a design's files into `folder`, and says what was written and how to run the testbench.
///
/// # Errors
/// Files that are there with other contents, unless `force`; what writing runs into.
pub fn emit(name: &str, folder: &Path, force: bool) -> Result<String, files::WriteError> {
    let Some(design) = designs::by_name(name) else { return Ok(String::new()) };
    let bench = testbench::of(name, &design).or_else(|| arblast_verilator::testbench::of(name));
    let texts = files::texts(&design, bench);
    let written = files::write(&texts, folder, force)?;
    let mut out = format!("{name}: {} modules, SHA-256 {}\n", design.modules.len(), design.digest());
    for (file, (_, text)) in written.iter().zip(&texts) {
        let state = if file.unchanged { ", unchanged" } else { "" };
        let _ = writeln!(out, "  {} ({} lines{state})", file.path.display(), text.lines().count());
    }
    let top = &design.name;
    if texts.iter().any(|(file, _)| *file == format!("{top}_tb.v")) {
        let _ = write!(
            out,
            "Run the testbench in {} with either of:\n  \
             iverilog -g2005 -DARBLAST_PLAIN -o {top}.vvp {top}.v {top}_tb.v && vvp {top}.vvp\n  \
             verilator --binary -DARBLAST_PLAIN -Wno-fatal -Wno-lint -Wno-style \\\n    \
             --top-module {top}_tb {top}.v {top}_tb.v && obj_dir/V{top}_tb\n",
            folder.display()
        );
    }
    Ok(out)
}

/// The report as a table: a row for each module with its children, the whole, and how it fits.
pub fn table(report: &Report) -> String {
    let mut out = format!(
        "{:<26}{:>6}{:>9}{:>9}{:>7}{:>8}{:>6}{:>6}\n",
        "unit (with its children)", "times", "LUT", "FF", "DSP", "BRAM36", "URAM", "path"
    );
    let row = |name: &str, times: &str, r: &Resources, path: &str| {
        format!("{name:<26}{times:>6}{:>9}{:>9}{:>7}{:>8}{:>6}{path:>6}\n", r.lut, r.ff, r.dsp, r.bram, r.uram)
    };
    for unit in &report.units {
        let path = unit.path.map_or("-".into(), |cells| cells.to_string());
        out += &row(&unit.name, &unit.instances.to_string(), &unit.each, &path);
    }
    out += &row(&format!("whole: {}", report.design), "", &report.total, "");
    let share = |got: f64, all: f64| format!("{:.2}%", 100.0 * got / all);
    let (total, all) = (&report.total, &VU9P);
    let _ = writeln!(
        out,
        "{:<26}{:>6}{:>9}{:>9}{:>7}{:>8}{:>6}",
        "of a VU9P",
        "",
        share(total.lut as f64, all.lut as f64),
        share(total.ff as f64, all.ff as f64),
        share(total.dsp as f64, all.dsp as f64),
        share(total.bram, all.bram),
        share(total.uram as f64, all.uram as f64)
    );
    if let Some((module, cells)) = &report.longest_path {
        let _ = writeln!(out, "Longest path between registers inside a module: {cells} cells, in {module}.");
    }
    out + "Counted by yosys (synth_xilinx -family xcup); shift-register and memory LUTs are in LUT.\n\
           Nothing was placed or routed.\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use arblast_hdl::report::Unit;

    #[test]
    fn designs_are_listed_and_have_testbenches() {
        let text = list();
        assert_eq!(text.lines().count(), NAMES.len() + 1);
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        for name in ["mod-add", "msm-g1-small", "aggregate-g1", "aggregate-g2"] {
            let design = designs::by_name(name).unwrap();
            assert!(
                testbench::of(name, &design).or_else(|| arblast_verilator::testbench::of(name)).is_some(),
                "{name}"
            );
        }
    }

    #[test]
    fn a_report_has_a_row_for_each_unit_and_its_share() {
        let each = Resources { lut: 118_224, ff: 10, dsp: 684, bram: 216.0, uram: 96 };
        let unit = Unit { name: "top".into(), instances: 1, each, path: Some(33) };
        let longest_path = Some(("top".into(), 33));
        let report =
            Report { design: "top".into(), total: each, modules: Default::default(), units: vec![unit], longest_path };
        let text = table(&report);
        assert!(text.contains("10.00%") && text.contains("33 cells, in top"), "{text}");
        assert!(text.lines().take(4).all(|line| line.len() <= 80), "{text}");
    }
}
