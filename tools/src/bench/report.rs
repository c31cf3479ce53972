//! Records of measurements, and their forms: a table of 80 columns, JSON, CSV.

use serde::Serialize;
use std::fmt::Write;

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// The operation.
    pub op: &'static str,
    /// Its size.
    pub size: usize,
    /// The backend under test.
    pub backend: String,
    /// Threads it was given.
    pub threads: usize,
    /// Its median time.
    pub median_ns: u64,
    /// What it was compared with.
    pub baseline: &'static str,
    /// The baseline's median time.
    pub baseline_median_ns: u64,
    /// `baseline_median_ns / median_ns`: above 1 the backend is faster.
    pub ratio: f64,
    /// Whether both sides computed the same result before they were timed.
    pub verified: bool,
    /// Processor, cores and system.
    pub machine: String,
    /// Threads that the baseline's side used.
    pub baseline_threads: usize,
    /// Interleaved rounds that the medians are of.
    pub rounds: usize,
    /// `cpu` where times are those that the one thread ran, `wall` where they are those that passed.
    pub clock: &'static str,
}

/// The geometric mean of the ratios; `None` of nothing.
pub fn geometric_mean(records: &[Record]) -> Option<f64> {
    let logs: f64 = records.iter().map(|r| r.ratio.ln()).sum();
    (!records.is_empty()).then(|| (logs / records.len() as f64).exp())
}

/// The table, a line a record.
pub fn table(records: &[Record]) -> String {
    let mut out = String::new();
    let Some(first) = records.first() else { return out };
    let mut line = |text: String| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(first.machine.clone());
    let plural = if first.threads == 1 { "" } else { "s" };
    let clock = if first.clock == "cpu" { ", CPU time" } else { "" };
    line(format!("{} against {}, {} thread{plural}{clock}", first.backend, first.baseline, first.threads));
    line(format!("{:<22}{:>9}{:>12}{:>13}{:>8}  {:<10}", "op", "size", "median", first.baseline, "ratio", "verified"));
    for r in records {
        let (ours, theirs) = (duration(r.median_ns), duration(r.baseline_median_ns));
        let verified = if r.verified { "yes" } else { "no" };
        let note = if r.baseline_threads == r.threads { "" } else { " *" };
        line(format!("{:<22}{:>9}{ours:>12}{theirs:>13}{:>8.3}  {verified}{note}", r.op, r.size, r.ratio));
    }
    if records.iter().any(|r| r.baseline_threads != r.threads) {
        line(format!("* {} has one thread here: the job is not naturally cut in parts", first.baseline));
    }
    out
}

/// A time with three or four digits.
fn duration(ns: u64) -> String {
    let ns = ns as f64;
    match ns {
        _ if ns < 1e4 => format!("{ns:.0} ns"),
        _ if ns < 1e7 => format!("{:.1} us", ns / 1e3),
        _ if ns < 1e10 => format!("{:.1} ms", ns / 1e6),
        _ => format!("{:.2} s", ns / 1e9),
    }
}

/// The records as CSV, with a header.
pub fn to_csv(records: &[Record]) -> String {
    let mut out = String::from(
        "op,size,backend,threads,median_ns,baseline,baseline_median_ns,ratio,verified,machine,baseline_threads,rounds,clock\n",
    );
    for r in records {
        let machine = r.machine.replace('"', "\"\"");
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "{},{},{},{},{},{},{},{:.4},{},\"{machine}\",{},{},{}",
            r.op,
            r.size,
            r.backend,
            r.threads,
            r.median_ns,
            r.baseline,
            r.baseline_median_ns,
            r.ratio,
            r.verified,
            r.baseline_threads,
            r.rounds,
            r.clock
        );
    }
    out
}

/// A record for tests: as wide as records get.
#[cfg(test)]
pub(super) fn sample() -> Record {
    Record {
        op: "fast-aggregate-verify",
        size: 1 << 24,
        backend: "cpu-portable".into(),
        threads: 16,
        median_ns: 999_900_000,
        baseline: "arkworks",
        baseline_median_ns: 999_900_000,
        ratio: 1.0,
        verified: true,
        machine: "A \"processor\", 16 logical cores, linux".into(),
        baseline_threads: 1,
        rounds: 5,
        clock: "wall",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(ratio: f64) -> Record {
        let baseline_median_ns = (999_900_000.0 * ratio) as u64;
        Record { ratio, baseline_median_ns, ..sample() }
    }

    #[test]
    fn mean_is_geometric() {
        assert_eq!(geometric_mean(&[]), None);
        assert!((geometric_mean(&[record(0.5), record(2.0)]).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn table_fits_a_terminal() {
        assert!(table(&[record(9.876)]).lines().all(|line| line.len() <= 80));
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn records_have_the_promised_fields() {
        let json = serde_json::to_value(record(1.0)).unwrap();
        for field in
            "op size backend threads median_ns baseline baseline_median_ns ratio verified machine".split_whitespace()
        {
            assert!(json.get(field).is_some(), "{field}");
        }
        assert_eq!(to_csv(&[record(1.0)]).lines().count(), 2);
    }
}
