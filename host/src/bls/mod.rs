//! BLS signatures: keys, ciphersuites, aggregates and batches (draft-irtf-cfrg-bls-signature-05).
//!
//! [`Ciphersuite::<MinPk>::POP`](Ciphersuite::POP) is Ethereum's; [`MinSig`] swaps the groups. Signing is blst's
//! constant-time code on the calling thread. Verification goes through the [`Dispatcher`](crate::Dispatcher), whose
//! devices compute points and products; the verdict is the CPU's.
//!
//! ```
//! use arblast::bls::{Ciphersuite, MinPk, SecretKey, SignatureSet};
//! use arblast::{Call, Class, Dispatcher};
//!
//! let dispatcher = Dispatcher::builder().build()?;
//! let (suite, call) = (Ciphersuite::<MinPk>::POP, Call::new(Class::Block));
//! let secret = SecretKey::key_gen(&[7; 32], b"")?;
//! let signature = suite.sign(&secret, b"message");
//! assert!(suite.verify(&dispatcher, &call, &secret.public_key(), b"message", &signature)?);
//!
//! let sets = [SignatureSet::single(b"message", secret.public_key(), signature)];
//! assert!(suite.verify_batch(&dispatcher, &call, &sets)?.all_valid());
//! # Ok::<(), arblast::Error>(())
//! ```
//!
//! | file | subject |
//! |---|---|
//! | `variant.rs` | which group holds keys and which signatures |
//! | `curve.rs` | the two groups behind one trait |
//! | `secret.rs` | secret keys: generation, EIP-2333 derivation, signing; the `unsafe` calls |
//! | `path.rs` | EIP-2334 paths |
//! | `keys.rs` | public keys and signatures |
//! | `suite.rs` | ciphersuites: sign, verify, aggregate, proofs of possession |
//! | `batch.rs` | batch verification; `messages.rs`, `weights.rs` its parts, `locate.rs` when it fails |

mod batch;
mod curve;
mod keys;
mod locate;
mod messages;
mod path;
mod secret;
mod suite;
mod variant;
mod weights;

pub use batch::{BatchVerdict, SignatureSet};
pub use keys::{PublicKey, Signature};
pub use secret::SecretKey;
pub use suite::Ciphersuite;
pub use variant::{MinPk, MinSig, Variant};
