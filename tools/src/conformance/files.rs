//! The walk over a folder, and the recognition of what a file is.

use super::{Env, Outcome, Report, bls, eip2333, eip2537, rfc9380, scalar_mul, sign};
use serde_json::Value;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The row of files that belong to no known suite.
const UNKNOWN: &str = "(unknown)";

/// Largest file that is read; the suites' own are below 2 MiB.
const LARGEST: u64 = 64 << 20;

/// The files below `dir`, sorted; hidden ones are left out. A folder that cannot be read, and a symbolic link to a
/// folder, which is not followed, are in the list as if they were files. `dir` may be a file.
pub(super) fn below(dir: &Path) -> io::Result<Vec<PathBuf>> {
    if fs::metadata(dir)?.is_file() {
        return Ok(vec![dir.to_owned()]);
    }
    let (mut files, mut folders) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if folder == dir => return Err(e),
            // Reading it as a file fails, so that it is counted as not understood.
            Err(_) => {
                files.push(folder);
                continue;
            }
        };
        for entry in entries {
            let entry = entry?;
            let is_folder = entry.file_type()?.is_dir();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if is_folder { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    files.sort();
    Ok(files)
}

/// Recognises one file and runs its cases.
pub(super) fn run_file(root: &Path, path: &Path, env: Env<'_>, report: &mut Report) {
    let name = path.strip_prefix(root).ok().filter(|p| !p.as_os_str().is_empty()).unwrap_or(path);
    let name = name.display().to_string();
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    if extension == "md" || (extension.is_empty() && (stem.starts_with("LICENSE") || stem.starts_with("README"))) {
        return report.ignore();
    }
    let mut give_up = |suite: &str, why: String| report.record(suite, name.clone(), Outcome::NotUnderstood(why));
    let text = match read(path) {
        Ok(text) => text,
        Err(why) => return give_up(UNKNOWN, why),
    };
    match extension.as_str() {
        "json" => match serde_json::from_str::<Value>(&text) {
            Ok(value) => json(&name, path, &value, env, report),
            Err(e) => give_up(UNKNOWN, format!("malformed JSON: {e}")),
        },
        "yaml" | "yml" => match serde_saphyr::from_str::<Value>(&text) {
            Ok(value) => yaml(&name, path, &value, env, report),
            Err(e) => give_up(UNKNOWN, format!("malformed YAML: {}", one_line(&e.to_string()))),
        },
        "txt" if sign::recognise(&text) => sign::run(&name, &text, env, report),
        "txt" if trusted_setup(&text) => give_up("kzg", no_feature("KZG")),
        other => give_up(UNKNOWN, format!("no suite has files like this (extension {other:?})")),
    }
}

/// The text of a regular file of bounded size.
fn read(path: &Path) -> Result<String, String> {
    let metadata = fs::metadata(path).map_err(|e| format!("cannot be read: {e}"))?;
    if !metadata.is_file() {
        return Err("not a regular file".into());
    }
    if metadata.len() > LARGEST {
        return Err(format!("{} bytes, more than the {LARGEST} that are read", metadata.len()));
    }
    fs::read_to_string(path).map_err(|e| format!("cannot be read: {e}"))
}

/// Recognises a JSON file by its fields.
fn json(name: &str, path: &Path, value: &Value, env: Env<'_>, report: &mut Report) {
    let first = value.get(0);
    let has = |fields: &[&str]| fields.iter().all(|f| value.get(f).is_some());
    let first_has = |field: &str| first.is_some_and(|v| v.get(field).is_some());
    if first_has("Input") {
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        return eip2537::run(name, stem, value, env, report);
    }
    if has(&["ciphersuite", "curve", "vectors"]) || has(&["name", "hash", "tests", "DST"]) {
        return rfc9380::run(name, value, env, report);
    }
    if first_has("seed") && first_has("master_SK") {
        return eip2333::run(name, value, env, report);
    }
    if has(&["curve", "group", "vectors"]) {
        return scalar_mul::run(name, value, env, report);
    }
    let (suite, why) = if has(&["steps", "genesis_validators_root"]) {
        ("eip3076", no_feature("slashing protection"))
    } else if has(&["crypto"]) || folders(path).any(|f| f == "eip2335") {
        ("eip2335", no_feature("keystores"))
    } else {
        (UNKNOWN, "JSON of no known suite".into())
    };
    report.record(suite, name.to_owned(), Outcome::NotUnderstood(why));
}

/// The names of the folders that a file lies in, the innermost first.
fn folders(path: &Path) -> impl Iterator<Item = &str> {
    path.ancestors().skip(1).filter_map(|f| f.file_name()?.to_str())
}

/// Recognises a YAML case by the folder it lies in.
fn yaml(name: &str, path: &Path, value: &Value, env: Env<'_>, report: &mut Report) {
    if let Some(handler) = folders(path).next().and_then(bls::Handler::from_folder) {
        return report.record(&format!("bls {}", handler.name()), name.to_owned(), bls::run(handler, value, env));
    }
    if folders(path).any(|f| f.starts_with("kzg")) {
        return report.record("kzg", name.to_owned(), Outcome::NotUnderstood(no_feature("KZG")));
    }
    report.record(UNKNOWN, name.to_owned(), Outcome::NotUnderstood("YAML in no folder of a known suite".into()));
}

/// c-kzg's text form of the ceremony's result: two counts, then points.
fn trusted_setup(text: &str) -> bool {
    let mut lines = text.lines();
    lines.next() == Some("4096") && lines.next() == Some("65")
}

fn no_feature(what: &str) -> String {
    format!("no such feature yet: {what}")
}

/// The first line of a parser's message; some draw a picture of the place below it.
fn one_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
