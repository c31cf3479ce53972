//! The bench room: `operations.rs` measures every operation of `arblast bench` under criterion.
//!
//! `cargo bench -p arblast-benches` runs them all, `cargo bench -p arblast-benches -- ntt` those of which the name
//! matches. Names are `op/size=…/backend=…`, so that `critcmp` compares saved baselines
//! (`-- --save-baseline before`), and, with `critcmp BASELINE -g '(.*)/backend=.*'`, backends with each other.

/// Flags of criterion that take no value; the argument after any other flag is its value, unless it is joined to it by
/// an equals sign.
const WITHOUT_VALUE: [&str; 14] = [
    "--bench",
    "--test",
    "--list",
    "--exact",
    "--ignored",
    "--include-ignored",
    "--nocapture",
    "--no-capture",
    "--show-output",
    "--quick",
    "--quiet",
    "--verbose",
    "--noplot",
    "--discard-baseline",
];

/// The arguments of a command line that are neither flags nor values of flags: criterion's filters.
pub fn filters(arguments: impl Iterator<Item = String>) -> Vec<String> {
    let (mut filters, mut is_value) = (Vec::new(), false);
    for argument in arguments {
        if is_value {
            is_value = false;
        } else if argument.starts_with('-') {
            let short_without_value = ["-n", "-v"].contains(&argument.as_str());
            is_value = !short_without_value && !argument.contains('=') && !WITHOUT_VALUE.contains(&argument.as_str());
        } else {
            filters.push(argument);
        }
    }
    filters
}

#[cfg(test)]
mod tests {
    use super::filters;

    #[test]
    fn values_of_flags_are_no_filters() {
        let filters = |line: &str| filters(line.split_whitespace().map(str::to_owned));
        assert_eq!(filters("--bench"), [""; 0]);
        assert_eq!(filters("msm-g1 --bench"), ["msm-g1"]);
        assert_eq!(filters("--save-baseline before ntt --bench"), ["ntt"]);
        assert_eq!(filters("--save-baseline=before ntt"), ["ntt"]);
        assert_eq!(filters("-b before -n verify --sample-size 10 ntt"), ["verify", "ntt"]);
        assert_eq!(filters("--sample-size"), [""; 0]);
    }
}
