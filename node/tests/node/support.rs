//! Keys and a dispatcher for tests.

use arblast::{Dispatcher, Selection};
use arblast_node::crypto::{self, SecretKey};
use arblast_node::genesis::Validator;
use commonware_cryptography::{Signer as _, ed25519};

/// A dispatcher on blst that leaves no trace on the machine.
pub fn dispatcher() -> Dispatcher {
    Dispatcher::builder().select(Selection::CpuPortable).retirement_record(None).build().expect("blst needs nothing")
}

/// A secret key that depends on a label and a number only.
pub fn secret(label: &str, index: u8) -> SecretKey {
    SecretKey::key_gen(&[index; 32], label.as_bytes()).expect("32 bytes are enough")
}

/// The genesis entry of a validator.
pub fn entry(identity: &ed25519::PrivateKey, vote: &SecretKey) -> Validator {
    Validator {
        identity: identity.public_key(),
        vote: crypto::address(vote).as_ref().try_into().expect("48 bytes"),
        proof: crypto::prove_possession(vote).to_bytes(),
    }
}

/// The number in a variable of the environment, or `short`: a test's long form and its short one.
pub fn long_form(variable: &str, short: u64) -> u64 {
    std::env::var(variable)
        .map_or(short, |asked| asked.parse().unwrap_or_else(|_| panic!("{variable}: got {asked:?}, expected a number")))
}

/// Shows the nodes' log if `RUST_LOG` asks for it.
pub fn log() {
    if let Ok(filter) = std::env::var("RUST_LOG") {
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    }
}
