//! `arblast devices`: what the operator is told about every backend, and from which sizes on `auto` uses a device.

use crate::bench::machine::date;
use arblast::backend::Kind;
use arblast::{Crossover, CrossoverReport, DeviceReport, Dispatcher, OpCrossover, SelfTest};
use serde::Serialize;
use std::fmt::Write;

/// One backend, present or not.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The name on command lines.
    pub name: String,
    /// Reference, vector engine, device or simulation; `None` where it is absent.
    pub kind: Option<&'static str>,
    /// Whether it is there.
    pub present: bool,
    /// Why it is not there.
    pub absent_reason: Option<String>,
    /// Hardware and driver, as the vendor names them.
    pub hardware: Option<String>,
    /// Version of driver, library or design.
    pub version: Option<String>,
    /// `passed`, `failed` or `not run`.
    pub self_test: &'static str,
    /// Why the self-test failed.
    pub self_test_reason: Option<String>,
    /// `closed` (in use), `open`, `half-open` or `retired`.
    pub breaker: &'static str,
    /// Why it is retired.
    pub retired_reason: Option<String>,
    /// Since when it is retired, in seconds since the Unix epoch.
    pub retired_at_unix_seconds: Option<u64>,
    /// From which sizes on `auto` uses it; none of a backend that `auto` does not choose.
    pub crossovers: Vec<CrossoverLine>,
    /// When the crossovers were measured, in seconds since the Unix epoch.
    pub crossovers_measured_at_unix_seconds: Option<u64>,
    /// Why the last measurement of them ended early.
    pub crossovers_fault: Option<String>,
}

/// The crossover of one operation on a device.
#[derive(Clone, Debug, Serialize)]
pub struct CrossoverLine {
    /// The operation.
    pub operation: &'static str,
    /// `measured`, `extrapolated`, `never` or `not measured`.
    pub state: &'static str,
    /// From how many items on the device is used; `None` where it is not.
    pub from_items: Option<usize>,
    /// The largest size that was measured.
    pub measured_up_to: usize,
    /// The CPU's time over the device's at that size.
    pub ratio: Option<f64>,
}

impl From<&OpCrossover> for CrossoverLine {
    fn from(operation: &OpCrossover) -> Self {
        let state = match operation.crossover {
            Crossover::From { extrapolated: false, .. } => "measured",
            Crossover::From { extrapolated: true, .. } => "extrapolated",
            Crossover::Never { .. } => "never",
            _ => "not measured",
        };
        Self {
            operation: operation.op.name(),
            state,
            from_items: operation.crossover.start(),
            measured_up_to: operation.measured_up_to,
            ratio: operation.ratio,
        }
    }
}

/// A report for each backend of the dispatcher.
pub fn reports(dispatcher: &Dispatcher) -> Vec<Report> {
    let crossovers = dispatcher.crossovers();
    let with_crossovers = |device: DeviceReport| {
        let mut report = Report::from(device);
        if let Some(known) = crossovers.devices.iter().find(|known| known.device == report.name) {
            report.crossovers = known.operations.iter().map(CrossoverLine::from).collect();
            report.crossovers_measured_at_unix_seconds = known.measured_at_unix_seconds;
            report.crossovers_fault = known.fault.clone();
        }
        report
    };
    dispatcher.devices().into_iter().map(with_crossovers).collect()
}

impl From<DeviceReport> for Report {
    fn from(device: DeviceReport) -> Self {
        let (self_test, self_test_reason) = match device.self_test {
            SelfTest::NotRun => ("not run", None),
            SelfTest::Passed => ("passed", None),
            SelfTest::Failed(reason) => ("failed", Some(reason)),
        };
        let (hardware, version) = device.description.map(|d| (d.hardware, d.version)).unzip();
        let (retired_reason, retired_at_unix_seconds) =
            device.retirement.map(|r| (r.reason, r.at_unix_seconds)).unzip();
        Self {
            name: device.name,
            kind: device.kind.map(kind),
            present: device.absent.is_none(),
            absent_reason: device.absent,
            hardware,
            version,
            self_test,
            self_test_reason,
            breaker: device.breaker.name(),
            retired_reason,
            retired_at_unix_seconds,
            crossovers: vec![],
            crossovers_measured_at_unix_seconds: None,
            crossovers_fault: None,
        }
    }
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Reference => "reference",
        Kind::VectorEngine => "vector engine",
        Kind::Device => "device",
        Kind::Simulation => "simulation",
    }
}

/// The reports for a person: a block for each backend, then what `auto` and `cpu` mean.
pub fn text(reports: &[Report], crossovers: &CrossoverReport) -> String {
    let mut out = String::new();
    for report in reports {
        block(&mut out, report);
    }
    let engine = reports.iter().find(|r| r.kind == Some("vector engine") && r.present && r.self_test == "passed");
    let best = engine.or_else(|| reports.iter().find(|r| r.kind == Some("reference")));
    if let Some(best) = best {
        // Writing to a string does not fail, here and below.
        let _ = writeln!(out, "`cpu` means {} on this machine.", best.name);
    }
    let _ = match (&crossovers.devices[..], &crossovers.cache) {
        ([], _) => writeln!(out, "`auto` means `cpu`: there is no device beside the CPU, and nothing to measure."),
        (_, Some(path)) => {
            writeln!(out, "`auto` goes by the crossovers above, kept in\n  {}", path.display())
        }
        (_, None) => writeln!(out, "`auto` goes by the crossovers above, which are not kept."),
    };
    for note in &crossovers.notes {
        let _ = writeln!(out, "note: {note}");
    }
    out
}

/// From how many items on a device is used, a line for each operation.
fn crossover_lines(out: &mut String, report: &Report) {
    let when = report.crossovers_measured_at_unix_seconds.map(|at| format!(", measured {}", date(at)));
    let _ = writeln!(out, "  crossovers with the CPU{}:", when.unwrap_or_default());
    for line in &report.crossovers {
        let about = if line.state == "extrapolated" { " (extrapolated)" } else { "" };
        let from = match line.from_items {
            Some(size) => format!("from {size}{about}"),
            None => line.state.to_owned(),
        };
        let at_most =
            line.ratio.map(|ratio| format!("{} times the CPU's pace at {}", pace(ratio), line.measured_up_to));
        let text = format!("    {:<14} {from:<26} {}", line.operation, at_most.unwrap_or_default());
        let _ = writeln!(out, "{}", text.trim_end());
    }
    if let Some(fault) = &report.crossovers_fault {
        let _ = writeln!(out, "    not all was measured: {fault}");
    }
}

/// A ratio with three digits or all before the point.
fn pace(ratio: f64) -> String {
    let decimals = if ratio < 0.1 { 3 } else { usize::from(ratio < 100.0) + usize::from(ratio < 10.0) };
    format!("{ratio:.decimals$}")
}

fn block(out: &mut String, report: &Report) {
    if let Some(reason) = &report.absent_reason {
        let _ = writeln!(out, "{}: absent\n  {:<11}{reason}\n", report.name, "reason");
        return;
    }
    let mut state = report.self_test.to_owned();
    if let Some(reason) = &report.self_test_reason {
        let _ = write!(state, ": {reason}");
    }
    let mut breaker = report.breaker.to_owned();
    if let Some(reason) = &report.retired_reason {
        let _ = write!(breaker, ": {reason}; `arblast devices --readmit {}` when it is mended", report.name);
    }
    let _ = writeln!(out, "{}: present", report.name);
    for (label, value) in [
        ("kind", report.kind.unwrap_or_default()),
        ("hardware", report.hardware.as_deref().unwrap_or_default()),
        ("version", report.version.as_deref().unwrap_or_default()),
        ("self-test", &state),
        ("breaker", &breaker),
    ] {
        let _ = writeln!(out, "  {label:<11}{value}");
    }
    if !report.crossovers.is_empty() {
        crossover_lines(out, report);
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use arblast::backend::{Backend, Control, Description, IndexLists, Op};
    use arblast::cpu::CpuPortable;
    use arblast::{Builder, DeviceError, Measure};
    use ark_bls12_381::G1Affine;
    use std::sync::Arc;

    fn builder() -> Builder {
        Dispatcher::builder().retirement_record(None).crossover_cache(None).vector_engine(false).threads(1)
    }

    #[test]
    fn absent_backends_are_named_with_the_reason() {
        let dispatcher = builder().absent("gpu", "no driver").build().unwrap();
        let reports = reports(&dispatcher);
        assert_eq!(reports.len(), 2);
        assert!(reports[0].present && !reports[1].present);
        let text = text(&reports, &dispatcher.crossovers());
        assert!(text.contains("gpu: absent\n  reason     no driver"), "{text}");
        assert!(text.contains("`cpu` means cpu-portable"), "{text}");
        assert!(text.contains("`auto` means `cpu`: there is no device beside"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }

    /// A device that sums by blst.
    struct Adder(CpuPortable);

    impl Backend for Adder {
        fn name(&self) -> &str {
            "adder"
        }
        fn describe(&self) -> Description {
            Description { hardware: "blst".into(), version: "1".into() }
        }
        fn supports(&self, op: Op, size: usize) -> bool {
            op == Op::SumG1 && size <= 64
        }
        fn sum_g1(&self, p: &[G1Affine], lists: &IndexLists, c: &Control) -> Result<Vec<G1Affine>, DeviceError> {
            self.0.sum_g1(p, lists, c)
        }
    }

    #[test]
    fn a_device_is_listed_with_its_crossovers() {
        let device = || Arc::new(Adder(CpuPortable::new(1)));
        let dispatcher = builder().backend(device()).measure_crossovers(Measure::AtBuild).build().unwrap();
        let listed = reports(&dispatcher);
        let [line] = &listed[1].crossovers[..] else { panic!("{listed:?}") };
        assert_eq!((line.operation, line.measured_up_to), ("sum-g1", 64));
        let text_of = |dispatcher: &Dispatcher| text(&reports(dispatcher), &dispatcher.crossovers());
        let measured = text_of(&dispatcher);
        assert!(measured.contains("  crossovers with the CPU, measured 20"), "{measured}");
        assert!(
            measured.contains("    sum-g1         ") && measured.contains(" times the CPU's pace at 64"),
            "{measured}"
        );
        assert!(measured.contains("`auto` goes by the crossovers above, which are not kept."), "{measured}");
        assert!(measured.lines().all(|line| line.len() <= 80), "{measured}");
        let unmeasured = builder().backend(device()).measure_crossovers(Measure::Never).build().unwrap();
        let text = text_of(&unmeasured);
        assert!(text.contains("    sum-g1         not measured\n"), "{text}");
        let json = serde_json::to_value(reports(&dispatcher)).unwrap();
        assert_eq!(json[1]["crossovers"][0]["operation"], "sum-g1");
        assert_eq!(json[0]["crossovers"].as_array().map(Vec::len), Some(0));
    }

    #[test]
    fn ratios_have_three_digits() {
        assert_eq!([0.012_34, 0.951, 2.345_6, 12.345_6, 1234.4].map(pace), ["0.012", "0.95", "2.35", "12.3", "1234"]);
    }
}
