//! Records as one page of HTML that needs nothing but itself: for each operation a plot and a table of ratios.

use super::job::{Baseline, Op};
use super::plot::{Labels, Series, escape, log_log};
use super::{Record, machine};
use clap::ValueEnum;
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");

/// The baselines that a page has columns for, in their order.
const BASELINES: [&str; 2] = [Baseline::Blst.name(), Baseline::Arkworks.name()];

/// The page: the machine, then a section for each operation, then remarks (what was left out, what went wrong).
pub fn html(records: &[Record], remarks: &[String]) -> String {
    let mut out = String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    // Writing to a string does not fail.
    let _ = write!(out, "<title>Arblast: bench</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n");
    out.push_str("<h1>Arblast: bench</h1>\n");
    out.push_str(
        "<p>Each figure is the median of interleaved rounds of both sides in one process, after their results were \
         found equal. A ratio is the baseline's time by ours in the same run: above 1 ours is faster.</p>\n",
    );
    out.push_str(&facts(records));
    let link = |group: &Vec<&Record>| {
        let name = escape(group.first().map_or("", |first| first.op));
        format!("<a href=\"#{name}\">{name}</a>\n")
    };
    let _ = write!(out, "<nav>\n{}</nav>\n", groups(records).iter().map(link).collect::<String>());
    for group in groups(records) {
        out.push_str(&section(&group));
    }
    if !remarks.is_empty() {
        let items: String = remarks.iter().map(|remark| format!("<li>{}</li>\n", escape(remark))).collect();
        let _ = write!(out, "<h2>Remarks</h2>\n<ul>\n{items}</ul>\n");
    }
    out + "</body>\n</html>\n"
}

/// The machine and the sides.
fn facts(records: &[Record]) -> String {
    let mut facts = machine::facts();
    if let Some(first) = records.first() {
        // Some operations have one thread whatever was asked for.
        let threads = records.iter().map(|r| r.threads).max().unwrap_or(first.threads);
        facts.push(("Backend", format!("{}, threads: {threads}", first.backend)));
    }
    let row = |(name, fact): &(&str, String)| format!("<tr><th>{name}</th><td>{}</td></tr>\n", escape(fact));
    format!("<table class=\"facts\">\n{}</table>\n", facts.iter().map(row).collect::<String>())
}

/// The records of each operation, in the order in which operations first occur.
fn groups(records: &[Record]) -> Vec<Vec<&Record>> {
    let mut groups: Vec<Vec<&Record>> = Vec::new();
    for record in records {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| first.op == record.op)) {
            Some(group) => group.push(record),
            None => groups.push(vec![record]),
        }
    }
    groups
}

/// Heading, plot and table of one operation; nothing for an empty group.
fn section(group: &[&Record]) -> String {
    let Some(first) = group.first() else { return String::new() };
    let about = about(first.op);
    // "What it is: what the size counts".
    let unit = about.rsplit_once(": ").map_or("size", |(_, unit)| unit);
    let title = format!("{}: time against size, both logarithmic", first.op);
    let plot = log_log(&Labels { title: &title, x: unit, y_text: &time }, &series(group));
    let name = escape(first.op);
    format!("<h2 id=\"{name}\">{name}</h2>\n<p>{}</p>\n{plot}{}", escape(&about), ratios(group))
}

/// What the help of the command line says of an operation.
fn about(op: &str) -> String {
    let value = Op::from_str(op, false).ok().and_then(|op| op.to_possible_value());
    value.and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
}

/// Sizes of the group, ascending.
fn sizes(group: &[&Record]) -> Vec<usize> {
    let mut sizes: Vec<usize> = group.iter().map(|r| r.size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

fn at<'a>(group: &[&'a Record], size: usize, baseline: &str) -> Option<&'a Record> {
    group.iter().copied().find(|r| r.size == size && r.baseline == baseline)
}

/// Our time at a size: beside the first baseline that was measured.
fn ours(group: &[&Record], size: usize) -> Option<u64> {
    BASELINES.iter().find_map(|baseline| at(group, size, baseline)).map(|r| r.median_ns)
}

/// Ours, then each baseline; the colours go by the place in this list, so none is missing from it.
fn series(group: &[&Record]) -> Vec<Series> {
    let sizes = sizes(group);
    let points = |time: &dyn Fn(usize) -> Option<u64>| {
        sizes.iter().filter_map(|size| Some((*size as f64, time(*size)? as f64))).collect()
    };
    let name = group.first().map_or_else(String::new, |first| format!("arblast ({})", first.backend));
    let mut all = vec![Series { name, points: points(&|size| ours(group, size)) }];
    all.extend(BASELINES.map(|baseline| Series {
        name: baseline.into(),
        points: points(&|size| at(group, size, baseline).map(|r| r.baseline_median_ns)),
    }));
    all
}

/// Times and ratios, a row a size; the baselines that the group has.
fn ratios(group: &[&Record]) -> String {
    let here: Vec<&str> = BASELINES.into_iter().filter(|b| group.iter().any(|r| r.baseline == *b)).collect();
    let mut out = String::from("<div class=\"scroll\"><table class=\"figures\">\n<tr><th>size</th><th>ours</th>");
    out.push_str("<th>ours, each</th>");
    for baseline in &here {
        let _ = write!(out, "<th>{baseline}</th><th>ratio</th>");
    }
    out.push_str("</tr>\n");
    for size in sizes(group) {
        let ours = ours(group, size).unwrap_or_default() as f64;
        let _ = write!(out, "<tr><td>{size}</td><td>{}</td><td>{}</td>", time(ours), time(ours / size as f64));
        for baseline in &here {
            out.push_str(&at(group, size, baseline).map_or_else(|| "<td>–</td><td>–</td>".into(), cells));
        }
        out.push_str("</tr>\n");
    }
    out + "</table></div>\n"
}

fn cells(record: &Record) -> String {
    let class = if record.ratio < 1.0 { "ratio below" } else { "ratio" };
    format!("<td>{}</td><td class=\"{class}\">{:.2}</td>", time(record.baseline_median_ns as f64), record.ratio)
}

/// Nanoseconds as three digits with a unit; a power of ten without a fraction.
fn time(ns: f64) -> String {
    let (unit, name) = match ns {
        _ if ns < 999.5 => (1.0, "ns"),
        _ if ns < 999.5e3 => (1e3, "µs"),
        _ if ns < 999.5e6 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    let value = ns / unit;
    match value {
        _ if (value - value.round()).abs() < 1e-9 => format!("{value:.0} {name}"),
        _ if value < 9.995 => format!("{value:.2} {name}"),
        _ if value < 99.95 => format!("{value:.1} {name}"),
        _ => format!("{value:.0} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::sample;
    use super::*;

    fn record(op: &'static str, size: usize, baseline: &'static str) -> Record {
        Record {
            op,
            size,
            baseline,
            backend: "<cpu>".into(),
            ratio: 2.5,
            median_ns: 400,
            baseline_median_ns: 1000,
            ..sample()
        }
    }

    #[test]
    fn times_have_three_digits() {
        for (ns, text) in [
            (0.0, "0 ns"),
            (3.617, "3.62 ns"),
            (1e3, "1 µs"),
            (999.7, "1.00 µs"),
            (12_345.0, "12.3 µs"),
            (2.5e9, "2.50 s"),
        ] {
            assert_eq!(time(ns), text);
        }
    }

    #[test]
    fn groups_keep_the_order_of_operations() {
        let records = ["ntt", "verify", "ntt"].map(|op| record(op, 8, "arkworks"));
        let groups = groups(&records);
        assert_eq!(groups.iter().map(|g| (g[0].op, g.len())).collect::<Vec<_>>(), [("ntt", 2), ("verify", 1)]);
        assert_eq!(section(&[]), "");
    }

    #[test]
    fn page_is_whole_escaped_and_self_contained() {
        let records = [record("msm-g1", 8, "blst"), record("msm-g1", 64, "blst"), record("msm-g1", 8, "arkworks")];
        let page = html(&records, &["left <out>".into()]);
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
        assert!(page.contains("arblast (&lt;cpu&gt;)") && !page.contains("<cpu>") && page.contains("left &lt;out&gt;"));
        assert!(page.contains("<td class=\"ratio\">2.50</td>") && page.contains("<td>–</td>"));
        for foreign in ["<script", "<link", "http:", "https:", "@import", "url("] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert_eq!(page.matches("<svg").count(), 1);
    }

    #[test]
    fn page_of_nothing_and_of_one_point() {
        assert!(!html(&[], &[]).contains("<svg"));
        let page = html(&[record("verify", 1, "blst")], &[]);
        assert_eq!((page.matches("<polyline").count(), page.contains("NaN")), (2, false));
    }
}
