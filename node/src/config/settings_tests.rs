//! What the configuration file, the environment and the flags say together.

use super::*;
use crate::scratch::Scratch;

/// What `run` is given, with a configuration file of this text; `None` for the folder means that it is gone after.
fn resolve(text: &str, flags: &[&str]) -> Result<Settings, String> {
    let folder = Scratch::new("settings").unwrap();
    resolve_in(&folder, text, flags)
}

fn resolve_in(folder: &Scratch, text: &str, flags: &[&str]) -> Result<Settings, String> {
    let file = folder.path().join("config.toml");
    std::fs::write(&file, text).unwrap();
    let mut arguments = vec![format!("--config={}", file.display())];
    arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
    let matches = command().try_get_matches_from(arguments).map_err(|error| error.to_string())?;
    // The folder's name is random.
    let shown = format!("{}/", folder.path().display());
    Settings::resolve(&matches).map_err(|error| error.to_string().replace(&shown, ""))
}

#[test]
fn a_flag_counts_before_the_file_and_the_file_before_the_default() {
    let text = "http-port = 8100\nmetrics-port = \"9100\"\nlog-format = \"json\"\nobserve = true\naccel-audit = 0.5\n";
    let settings = resolve(text, &["--http-port=8200"]).unwrap();
    assert_eq!((settings.http_port, settings.metrics_port), (8200, 9100));
    assert_eq!((settings.log_format, settings.observe), (LogFormat::Json, true));
    assert_eq!(settings.accel_audit, Audit::Rate(0.5));
    assert_eq!(settings.listen_time, Duration::from_secs(2));
    assert!(!resolve(text, &["--observe=false"]).unwrap().observe);
    assert!(resolve("", &["--observe"]).unwrap().observe);
}

#[test]
fn paths_in_the_file_and_by_default_are_relative_to_its_folder() {
    let folder = Scratch::new("paths").unwrap();
    let text = "datadir = \"elsewhere\"\nvote-key = \"/keys/vote\"\n";
    let settings = resolve_in(&folder, text, &["--peers=p.toml"]).unwrap();
    assert_eq!(settings.datadir, folder.path().join("elsewhere"));
    assert_eq!(settings.vote_record, folder.path().join("votes.record"));
    assert_eq!(settings.vote_key, Path::new("/keys/vote"));
    assert_eq!(settings.peers, Path::new("p.toml"), "a flag is relative to the working directory");
}

#[test]
fn a_mistake_is_named_with_its_line_and_a_suggestion() {
    let cases = [
        ("\n\nhtpp-port = 1", "config.toml:3: unknown setting htpp-port; did you mean http-port?"),
        ("# one\nhttp_port = 1", "config.toml:2: unknown setting http_port; did you mean http-port?"),
        ("http-port = 70000", "config.toml:1: http-port: got \"70000\", 70000 is not in 0..=65535"),
        ("\nlog-format = \"jsno\"", "config.toml:2: log-format: got \"jsno\", expected text, json; did you mean json?"),
        ("accel = \"gpu\"", "config.toml:1: accel: got \"gpu\", expected auto, cpu, cpu-portable"),
        ("accel-audit = 2", "config.toml:1: accel-audit: "),
        ("accel-adaptor = \"x\"", "config.toml:1: unknown setting accel-adaptor; did you mean accel-adapter?"),
        ("accel-adapter = \"\"", "config.toml:1: accel-adapter: got \"\", expected a part of the adapter's name"),
        (
            "accel = \"cpu\"\naccel-adapter = \"x\"",
            "config.toml:2: accel-adapter: it names a GPU, and accel is cpu; leave it out, or set accel to wgpu",
        ),
        ("listen-time = \"3 minutes\"", "config.toml:1: listen-time: got \"3 minutes\", expected the unit ms or s"),
        (
            "min-free-space = \"1GB\"",
            "config.toml:1: min-free-space: got \"1GB\", expected a number and KiB, MiB or GiB",
        ),
        ("log-level = \"inof\"", "config.toml:1: log-level: got \"inof\", which is no level (did you mean info?)"),
        ("http-port = 1\nhttp-port = 2", "config.toml:2: duplicate key"),
        ("http-address = 127.0.0.1", "config.toml:1: "),
        ("http-address = \"localhost\"", "config.toml:1: http-address: got \"localhost\", invalid IP address"),
        ("datadir = [1]", "config.toml:1: datadir is a array, expected a single value"),
        ("[network]\nhttp-port = 1", "config.toml:1: network is a table, expected a single value"),
        ("keep-blocks = 1", "config.toml:1: keep-blocks: got \"1\", 1 is not in 256.."),
        ("config = \"x\"", "config.toml:1: unknown setting config"),
        ("help = true", "config.toml:1: unknown setting help"),
        ("vote-record = \"data/votes\"", "config.toml:1: vote-record"),
        ("vote-record = \"x/../data/votes\"", "config.toml:1: vote-record"),
        ("http-port = 7\nmetrics-port = 7", "config.toml:2: metrics-port is 7, and so is http-port"),
        ("block-interval = \"61s\"", "config.toml:1: block-interval is 61s, expected at most 60s"),
    ];
    for (text, expected) in cases {
        let error = resolve(text, &[]).expect_err(text);
        assert!(error.starts_with(expected), "{text:?}:\n got      {error}\n expected {expected}");
    }
}

/// Whether there is such an adapter is asked when the hardware is opened.
#[test]
fn an_adapter_is_a_setting_of_builds_with_gpus() {
    let settings = resolve("accel = \"wgpu\"\naccel-adapter = \"RTX\"", &["--accel-adapter=Radeon"]);
    if cfg!(feature = "wgpu") {
        assert_eq!(settings.unwrap().accel_adapter.as_deref(), Some("Radeon"));
        return;
    }
    let error = settings.unwrap_err();
    assert!(error.starts_with("--accel-adapter: accel-adapter: this program was built without wgpu"), "{error}");
    let error = resolve("\naccel-adapter = \"RTX\"", &[]).unwrap_err();
    assert!(error.starts_with("config.toml:2: accel-adapter: this program was built without wgpu"), "{error}");
    assert!(error.ends_with("--features wgpu"), "{error}");
}

#[test]
fn trouble_with_a_flag_names_the_flag() {
    let error = resolve("datadir = \"d\"", &["--vote-record=/tmp", "--datadir=/"]).unwrap_err();
    assert!(error.starts_with("--vote-record: "), "{error}");
    let error = resolve("http-port = 9000", &[]).unwrap_err();
    assert!(error.contains("config.toml (by default): metrics-port is 9000"), "{error}");
    let missing = command().try_get_matches_from(["--config=/nowhere/config.toml"]).unwrap();
    let error = Settings::resolve(&missing).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/config.toml: cannot be read"), "{error}");
}

#[test]
fn every_setting_has_a_variable_of_its_name_and_words_of_help() {
    for argument in command().get_arguments().filter(|argument| argument.get_id() != "help") {
        let name = argument.get_long().unwrap();
        let variable = format!("ARBLAST_{}", name.replace('-', "_").to_uppercase());
        assert_eq!(argument.get_env(), Some(std::ffi::OsStr::new(&variable)), "{name}");
        assert!(argument.get_help().is_some_and(|help| help.to_string().len() > 10), "{name}");
    }
}
