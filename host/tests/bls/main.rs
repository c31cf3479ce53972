//! `arblast::bls` against constants of the standards, and against whoever makes keys, signatures and batches badly.
//! Each property is written once, for both variants.

mod batch;
mod faulty;
mod keys;
mod suite;
mod vectors;

use arblast::bls::{PublicKey, SecretKey, Signature, Variant};
use arblast::{Call, Class, Dispatcher, Selection};
use std::sync::OnceLock;

/// A dispatcher on blst with two threads.
fn dispatcher() -> &'static Dispatcher {
    static SHARED: OnceLock<Dispatcher> = OnceLock::new();
    SHARED.get_or_init(new_dispatcher)
}

fn new_dispatcher() -> Dispatcher {
    let builder = Dispatcher::builder().select(Selection::CpuPortable).threads(2).retirement_record(None);
    builder.build().expect("blst alone needs nothing")
}

fn call() -> Call {
    Call::new(Class::Block)
}

/// A secret key for tests.
fn secret(index: u32) -> SecretKey {
    SecretKey::derive_master(&[0x5a; 32]).expect("32 bytes suffice").derive_child(index)
}

fn key<V: Variant>(index: u32) -> PublicKey<V> {
    secret(index).public_key()
}

/// The key of −s.
fn opposite<V: Variant>(key: &PublicKey<V>) -> PublicKey<V> {
    PublicKey::from_point(key.point().negate()).expect("−K is the identity only if K is")
}

fn identity<V: Variant>() -> Signature<V> {
    Signature::from_point(arblast::InSubgroup::identity())
}

fn hex<const N: usize>(text: &str) -> [u8; N] {
    ::hex::decode(text).expect("hexadecimal").try_into().expect("the right length")
}
