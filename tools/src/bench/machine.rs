//! What a figure was measured on: processor, system, versions, date.

use arblast::processor;
use std::time::{SystemTime, UNIX_EPOCH};

/// The lock file that this program was built by; versions are read from it.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// The processor's name, its logical cores and the system, in one line.
pub(super) fn line() -> String {
    let cores = cores();
    let plural = if cores == 1 { "" } else { "s" };
    format!("{}, {cores} logical core{plural}, {}", processor(), std::env::consts::OS)
}

/// The same and more, each with its name.
pub(super) fn facts() -> Vec<(&'static str, String)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let version = |package| format!("{package} {}", locked(LOCK, package).unwrap_or("of unknown version"));
    let versions = [concat!("arblast ", env!("CARGO_PKG_VERSION")).into(), version("blst"), version("ark-bls12-381")];
    vec![
        ("Processor", processor()),
        ("Logical cores", cores().to_string()),
        ("Operating system", system()),
        ("Versions", versions.join(", ")),
        ("Date", date(now)),
    ]
}

/// A warning where more ran in the last minute than the cores and `threads` of ours account for.
pub(super) fn busy(threads: usize) -> Option<String> {
    let load = std::fs::read_to_string("/proc/loadavg").ok()?;
    warning(load.split_whitespace().next()?.parse().ok()?, cores(), threads)
}

/// A job that is longer than a time slice is interrupted, a shorter one seldom: so a load is on the longer side's time.
fn warning(load: f64, cores: usize, threads: usize) -> Option<String> {
    let most = cores.max(threads) as f64 + 0.5;
    let what = "the machine was busy with other work, and ratios are off where a job took some milliseconds or more";
    (load > most).then(|| format!("{what} (load {load:.1} on {cores} logical cores)"))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn system() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.map_or(std::env::consts::OS, |name| name.trim_matches('"'));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{name} {} {}", kernel.trim(), std::env::consts::ARCH).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The version of a package in a lock file.
fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

/// Day and minute in UTC of a time in seconds after 1970; the Gregorian calendar counted in years from March on, in
/// cycles of 400 years (146,097 days).
pub(crate) fn date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = cycle * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", seconds / 3600 % 24, seconds / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(951_782_399), "2000-02-28 23:59 UTC");
        assert_eq!(date(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(date(1_798_761_599), "2026-12-31 23:59 UTC");
        assert_eq!(date(4_107_542_400), "2100-03-01 00:00 UTC");
    }

    #[test]
    fn a_busy_machine_is_told() {
        assert!(warning(9.5, 2, 1).is_some_and(|text| text.contains("load 9.5 on 2 logical cores")));
        assert_eq!([warning(1.0, 1, 1), warning(2.4, 2, 1), warning(4.0, 2, 4)], [None, None, None]);
    }

    #[test]
    fn versions_are_in_the_lock_file() {
        assert_eq!(locked("name = \"x\"\nversion = \"1.2\"\n", "x"), Some("1.2"));
        assert_eq!(locked("name = \"x\"\n", "x"), None);
        assert!(locked(LOCK, "blst").is_some() && locked(LOCK, "ark-bls12-381").is_some());
        assert!(facts().iter().all(|(_, fact)| !fact.is_empty()));
    }
}
