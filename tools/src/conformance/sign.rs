//! Lines `secret key:message:signature` in hex, of min-pk (96-byte signatures) and min-sig (48 bytes).
//!
//! Each line is signed, and the signature in the file verified. The lines do not name their domain separation tag:
//! they come from suites for the basic scheme, so that is the one used.

use super::data::unhex;
use super::{Env, Outcome, Report, Stop, settle};
use arblast::bls::{Ciphersuite, MinPk, MinSig, SecretKey, Signature};

const MIN_PK_DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_";
const MIN_SIG_DST: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

/// Whether the first line has the form of the suite.
pub(super) fn recognise(text: &str) -> bool {
    let parts: Vec<&str> = text.lines().next().unwrap_or_default().trim().split(':').collect();
    parts.len() == 3 && parts[0].len() == 64 && [96, 192].contains(&parts[2].len())
}

/// Runs a file, a case a line.
pub(super) fn run(name: &str, text: &str, env: Env<'_>, report: &mut Report) {
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let parts: Vec<&str> = line.trim().split(':').collect();
        let min_sig = parts.last().is_some_and(|signature| signature.len() == 96);
        let suite = if min_sig { "sign min-sig" } else { "sign min-pk" };
        let outcome = settle(|| match parts[..] {
            [secret, message, signature] if min_sig => min_sig_case(secret, message, signature, env),
            [secret, message, signature] => min_pk_case(secret, message, signature, env),
            _ => Err(Stop::Unreadable("the line has not three parts".into())),
        });
        report.record(suite, format!("{name} line {}", i + 1), outcome);
    }
}

/// The two variants differ in their types only.
macro_rules! case {
    ($name:ident, $variant:ty, $dst:expr) => {
        fn $name(secret: &str, message: &str, signature: &str, env: Env<'_>) -> Result<Outcome, Stop> {
            let (secret, message, signature) = (unhex(secret)?, unhex(message)?, unhex(signature)?);
            let suite = Ciphersuite::<$variant>::new($dst)?;
            let secret = SecretKey::from_bytes(&secret)?;
            let got = hex::encode(suite.sign(&secret, &message).to_bytes());
            if got != hex::encode(&signature) {
                return Ok(Outcome::compare(&got, &hex::encode(&signature)));
            }
            let (key, signature) = (secret.public_key::<$variant>(), Signature::from_bytes(&signature)?);
            let valid = suite.verify(env.dispatcher, env.call, &key, &message, &signature)?;
            Ok(if valid { Outcome::Passed } else { Outcome::Failed("the signature does not verify".into()) })
        }
    };
}

case!(min_pk_case, MinPk, MIN_PK_DST);
case!(min_sig_case, MinSig, MIN_SIG_DST);
