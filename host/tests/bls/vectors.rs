//! Ethereum's `bls` vectors, where the checkout has them beside the workspace (`../shared/vectors/bls`).

use super::{call, dispatcher};
use arblast::bls::{BatchVerdict, Ciphersuite, MinPk, PublicKey, SecretKey, Signature, SignatureSet};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const SUITE: Ciphersuite<MinPk> = Ciphersuite::POP;

/// The cases of one folder: name and text. `None`, and a line that says so, where there is no such folder.
fn cases(folder: &str) -> Option<BTreeMap<String, String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors/bls").join(folder);
    let Ok(files) = std::fs::read_dir(&root) else {
        eprintln!("SKIPPED: 1 suite of vectors, {}: there is no such folder", root.display());
        return None;
    };
    let paths = files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "yaml"));
    let name = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    Some(paths.map(|path| (name(&path), std::fs::read_to_string(&path).unwrap())).collect())
}

/// The byte strings between `field` and the next field or the end.
fn bytes(text: &str, field: &str) -> Vec<Vec<u8>> {
    let after = text.split_once(&format!("{field}:")).map_or("", |(_, after)| after);
    let fields = ["pubkey", "message", "signature", "privkey", "output"];
    let end = fields.iter().filter_map(|f| after.find(f)).min().unwrap_or(after.len());
    let quoted = after[..end].split('\'').filter_map(|item| item.strip_prefix("0x"));
    quoted.map(|item| hex::decode(item).unwrap()).collect()
}

fn one(text: &str, field: &str) -> Vec<u8> {
    bytes(text, field).pop().unwrap()
}

/// The output, for cases whose output is true or false.
fn expected(text: &str) -> bool {
    text.trim_end().ends_with("output: true")
}

fn keys(text: &str) -> Option<Vec<PublicKey<MinPk>>> {
    bytes(text, "pubkeys").iter().map(|b| PublicKey::from_bytes(b).ok()).collect()
}

/// Runs a folder's cases, whose undecodable inputs count as false.
fn check(folder: &str, verdict: impl Fn(&str) -> Option<bool>) {
    for (name, text) in cases(folder).into_iter().flatten() {
        assert_eq!(verdict(&text).unwrap_or(false), expected(&text), "{name}");
    }
}

#[test]
fn sign() {
    for (name, text) in cases("sign").into_iter().flatten() {
        let secret = SecretKey::from_bytes(&one(&text, "privkey"));
        let signed = secret.ok().map(|secret| SUITE.sign(&secret, &one(&text, "message")).to_bytes().to_vec());
        assert_eq!(signed, bytes(&text, "output").pop(), "{name}");
    }
}

#[test]
fn verify() {
    check("verify", |text| {
        let key = PublicKey::from_bytes(&one(text, "pubkey")).ok()?;
        let signature = Signature::from_bytes(&one(text, "signature")).ok()?;
        SUITE.verify(dispatcher(), &call(), &key, &one(text, "message"), &signature).ok()
    });
}

#[test]
fn aggregate() {
    for (name, text) in cases("aggregate").into_iter().flatten() {
        let signatures: Vec<_> =
            bytes(&text, "input").iter().map(|bytes| Signature::from_bytes(bytes).unwrap()).collect();
        let aggregate = SUITE.aggregate(dispatcher(), &call(), &signatures).ok();
        assert_eq!(aggregate.map(|a| a.to_bytes().to_vec()), bytes(&text, "output").pop(), "{name}");
    }
}

#[test]
fn aggregate_verify() {
    check("aggregate_verify", |text| {
        let messages = bytes(text, "messages");
        let signed: Vec<_> = keys(text)?.into_iter().zip(messages.iter().map(Vec::as_slice)).collect();
        let signature = Signature::from_bytes(&one(text, "signature")).ok()?;
        SUITE.aggregate_verify(dispatcher(), &call(), &signed, &signature).ok()
    });
}

#[test]
fn fast_aggregate_verify() {
    check("fast_aggregate_verify", |text| {
        let signature = Signature::from_bytes(&one(text, "signature")).ok()?;
        SUITE.fast_aggregate_verify(dispatcher(), &call(), &keys(text)?, &one(text, "message"), &signature).ok()
    });
}

#[test]
fn batch_verify() {
    check("batch_verify", |text| {
        let signatures: Vec<_> = bytes(text, "signatures");
        let sets = keys(text)?
            .into_iter()
            .zip(bytes(text, "messages"))
            .zip(signatures)
            .map(|((key, message), s)| Some(SignatureSet::single(message, key, Signature::from_bytes(&s).ok()?)));
        let sets: Vec<_> = sets.collect::<Option<_>>()?;
        let verdict = SUITE.verify_batch(dispatcher(), &call(), &sets).ok()?;
        let alone = |set: &SignatureSet<MinPk>| {
            SUITE.verify(dispatcher(), &call(), &set.keys[0], &set.message, &set.signature).unwrap()
        };
        assert_eq!(verdict.clone().verdicts(sets.len()), sets.iter().map(alone).collect::<Vec<_>>());
        Some(verdict == BatchVerdict::AllValid)
    });
}
