//! The text format of Prometheus (version 0.0.4): writing it, and bringing the runtime's own page into it.
//!
//! The runtime writes OpenMetrics, where the metadata of a counter leave out the `_total` that its samples have, and the
//! page ends with `# EOF`. Read as 0.0.4 its counters would have neither type nor help. [`Registry`] sets that right.

use std::fmt::{Display, Write as _};

/// What a family's samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Name and value of each label.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// A page under construction.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    pub fn into_text(self) -> String {
        self.text
    }

    /// Begins a family; its samples follow. The name of a counter ends in `_total`.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        debug_assert_eq!(kind == Kind::Counter, name.ends_with("_total"), "{name}");
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {}", kind.name()));
        Family { page: self, name }
    }

    /// A family of one sample without labels.
    pub fn gauge(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.family(name, Kind::Gauge, help).sample(&[], value);
    }

    /// A family of one sample without labels.
    pub fn counter(&mut self, name: &'static str, help: &str, value: u64) {
        self.family(name, Kind::Counter, help).sample(&[], value);
    }

    /// Appends a page that has this format.
    pub fn append(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

/// A family whose samples are being written.
pub(super) struct Family<'a> {
    page: &'a mut Page,
    name: &'static str,
}

impl Family<'_> {
    /// Writes a sample.
    pub fn sample(&mut self, labels: Labels<'_>, value: impl Display) {
        let (name, labels) = (self.name, rendered(labels));
        self.page.line(format_args!("{name}{labels} {value}"));
    }

    /// Writes the samples of a histogram: `buckets` holds upper bounds in seconds with the number of observations in
    /// each bucket alone; `more` are those beyond the last.
    pub fn histogram(&mut self, labels: Labels<'_>, buckets: impl Iterator<Item = (f64, u64)>, more: u64, sum: f64) {
        let name = self.name;
        let mut count = 0;
        for (bound, observations) in buckets {
            count += observations;
            self.bucket(labels, &bound.to_string(), count);
        }
        count += more;
        self.bucket(labels, "+Inf", count);
        let labels = rendered(labels);
        self.page.line(format_args!("{name}_sum{labels} {sum}"));
        self.page.line(format_args!("{name}_count{labels} {count}"));
    }

    fn bucket(&mut self, labels: Labels<'_>, bound: &str, count: u64) {
        let name = self.name;
        let labels: Vec<_> = labels.iter().copied().chain([("le", bound)]).collect();
        self.page.line(format_args!("{name}_bucket{} {count}", rendered(&labels)));
    }
}

fn rendered(labels: Labels<'_>) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// The page of the runtime's registry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registry<'a>(pub &'a str);

impl<'a> Registry<'a> {
    /// The page in the format of Prometheus.
    pub fn page(&self) -> String {
        let counters: std::collections::HashSet<&str> = self.types("counter").collect();
        let mut page = String::with_capacity(self.0.len() + 8 * counters.len());
        for line in self.0.lines() {
            let mut words = line.splitn(4, ' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some("#"), Some(keyword @ ("HELP" | "TYPE")), Some(name), Some(rest)) => {
                    let total = if counters.contains(name) && !name.ends_with("_total") { "_total" } else { "" };
                    let rest = if keyword == "TYPE" && rest == "unknown" { "untyped" } else { rest };
                    let _ = writeln!(page, "# {keyword} {name}{total} {rest}");
                }
                // Units and the end of the page are not part of the format.
                (Some("#"), ..) => {}
                _ => {
                    page.push_str(line);
                    page.push('\n');
                }
            }
        }
        page
    }

    fn types(&self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        let declared = self.0.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        declared.filter(move |(_, declared)| *declared == kind).map(|(name, _)| name)
    }

    /// The values of the samples whose name ends in `_suffix`.
    pub fn values(&self, suffix: &str) -> Vec<f64> {
        let samples = self.0.lines().filter(|line| !line.starts_with('#'));
        let named = samples.filter(|line| {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            name.strip_suffix(suffix).is_some_and(|prefix| prefix.ends_with('_'))
        });
        named.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_written_as_prometheus_reads_them() {
        let mut page = Page::default();
        page.gauge("a_height", "Height.", 7);
        let mut family = page.family("b_seconds", Kind::Histogram, "Time.");
        family.histogram(&[("op", "x\"\\\n")], [(0.000016, 1), (0.5, 2)].into_iter(), 4, 1.25);
        page.family("c_total", Kind::Counter, "Count.").sample(&[("k", "v"), ("l", "w")], 3);
        let expected = "# HELP a_height Height.\n# TYPE a_height gauge\na_height 7\n\
            # HELP b_seconds Time.\n# TYPE b_seconds histogram\n\
            b_seconds_bucket{op=\"x\\\"\\\\\\n\",le=\"0.000016\"} 1\n\
            b_seconds_bucket{op=\"x\\\"\\\\\\n\",le=\"0.5\"} 3\n\
            b_seconds_bucket{op=\"x\\\"\\\\\\n\",le=\"+Inf\"} 7\n\
            b_seconds_sum{op=\"x\\\"\\\\\\n\"} 1.25\nb_seconds_count{op=\"x\\\"\\\\\\n\"} 7\n\
            # HELP c_total Count.\n# TYPE c_total counter\nc_total{k=\"v\",l=\"w\"} 3\n";
        assert_eq!(page.into_text(), expected);
    }

    #[test]
    fn the_runtimes_counters_keep_type_and_help() {
        let registry = Registry(
            "# HELP n_reads Reads.\n# TYPE n_reads counter\nn_reads_total{peer=\"a b\"} 2\nn_reads_total{peer=\"c\"} 3.5\n\
             # HELP n_open Open.\n# TYPE n_open gauge\n# UNIT n_open x\nn_open 1\n\
             # HELP n_odd Odd.\n# TYPE n_odd unknown\nn_odd 1\n# EOF\n",
        );
        assert_eq!(
            registry.page(),
            "# HELP n_reads_total Reads.\n# TYPE n_reads_total counter\nn_reads_total{peer=\"a b\"} 2\n\
             n_reads_total{peer=\"c\"} 3.5\n# HELP n_open Open.\n# TYPE n_open gauge\nn_open 1\n\
             # HELP n_odd Odd.\n# TYPE n_odd untyped\nn_odd 1\n"
        );
        assert_eq!(registry.values("reads_total"), [2.0, 3.5]);
        assert_eq!(registry.values("open"), [1.0]);
        assert!(registry.values("pen").is_empty(), "a suffix is a whole word");
    }
}
