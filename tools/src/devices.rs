//! `arblast devices`: what the operator is told about every backend.

use arblast::backend::Kind;
use arblast::{DeviceReport, Dispatcher, SelfTest};
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
}

/// A report for each backend of the dispatcher.
pub fn reports(dispatcher: &Dispatcher) -> Vec<Report> {
    dispatcher.devices().into_iter().map(Report::from).collect()
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

/// The reports for a person: a block for each backend.
pub fn text(reports: &[Report]) -> String {
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
    out
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
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_backends_are_named_with_the_reason() {
        let dispatcher = Dispatcher::builder()
            .retirement_record(None)
            .vector_engine(false)
            .absent("gpu", "no driver")
            .threads(1)
            .build()
            .unwrap();
        let reports = reports(&dispatcher);
        assert_eq!(reports.len(), 2);
        assert!(reports[0].present && !reports[1].present);
        let text = text(&reports);
        assert!(text.contains("gpu: absent\n  reason     no driver"), "{text}");
        assert!(text.contains("`cpu` means cpu-portable"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }
}
