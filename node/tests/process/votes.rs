//! Votes as the log of a validator shows them.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// Everything that one key signed, over all processes that had it.
#[derive(Default)]
pub struct Votes(Mutex<BTreeMap<(u64, u64), Signed>>);

#[derive(Default)]
struct Signed {
    notarized: BTreeSet<String>,
    nullified: bool,
    finalized: BTreeSet<String>,
}

/// What the line about a signature says.
const SIGNED: &str = "signed a vote";

impl Votes {
    /// Takes note of a line if it is about a signature.
    pub fn read(&self, line: &str) {
        if !line.contains(SIGNED) {
            return;
        }
        let Ok(line) = serde_json::from_str::<Value>(line) else { return };
        let fields = line.get("fields").unwrap_or(&line);
        let number = |name: &str| fields[name].as_u64().expect("a number");
        let (kind, digest) = (fields["kind"].as_str().expect("a kind"), fields["digest"].as_str().expect("a digest"));
        let mut votes = self.0.lock().unwrap();
        let signed = votes.entry((number("epoch"), number("view"))).or_default();
        match kind {
            "notarize" => drop(signed.notarized.insert(digest.into())),
            "finalize" => drop(signed.finalized.insert(digest.into())),
            "nullify" => signed.nullified = true,
            other => panic!("an unknown kind of vote: {other}"),
        }
    }

    /// In how many views there is a vote.
    pub fn views(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The highest view with a vote.
    pub fn highest(&self) -> u64 {
        self.0.lock().unwrap().last_key_value().map_or(0, |((_, view), _)| *view)
    }

    /// Checks that no two votes conflict.
    pub fn check(&self) -> Result<(), String> {
        conflict([self])
    }
}

/// Checks that no two votes conflict, over several logs of one key.
pub fn conflict<'a>(logs: impl IntoIterator<Item = &'a Votes>) -> Result<(), String> {
    let mut all = BTreeMap::<_, Signed>::new();
    for votes in logs {
        for (round, signed) in votes.0.lock().unwrap().iter() {
            let both = all.entry(*round).or_default();
            both.notarized.extend(signed.notarized.iter().cloned());
            both.finalized.extend(signed.finalized.iter().cloned());
            both.nullified |= signed.nullified;
        }
    }
    for ((_, view), Signed { notarized, nullified, finalized }) in all {
        if notarized.len() > 1 || finalized.len() > 1 || (nullified && !finalized.is_empty()) {
            return Err(format!(
                "conflicting votes in view {view}: notarize {notarized:?}, finalize {finalized:?}, nullify {nullified}"
            ));
        }
    }
    Ok(())
}

#[test]
fn conflicting_votes_are_found() {
    let line = |kind: &str, view: u64, digest: &str| {
        format!(
            r#"{{"level":"DEBUG","fields":{{"message":"{SIGNED}","kind":"{kind}","epoch":0,"view":{view},"digest":"{digest}"}}}}"#
        )
    };
    let votes = |lines: &[String]| {
        let votes = Votes::default();
        lines.iter().for_each(|line| votes.read(line));
        votes
    };
    let good =
        votes(&[line("notarize", 1, "a"), line("notarize", 1, "a"), line("nullify", 1, ""), line("finalize", 2, "b")]);
    assert_eq!((good.views(), good.highest(), good.check()), (2, 2, Ok(())));
    assert!(votes(&[line("notarize", 1, "a"), line("notarize", 1, "b")]).check().is_err());
    assert!(votes(&[line("finalize", 1, "a"), line("finalize", 1, "b")]).check().is_err());
    assert!(votes(&[line("finalize", 1, "a"), line("nullify", 1, "")]).check().is_err());
    assert!(conflict([&good, &votes(&[line("notarize", 1, "c")])]).is_err(), "a copy counts, too");
}
