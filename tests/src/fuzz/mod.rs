//! The bodies of the fuzz targets: a function of arbitrary bytes that panics when something is wrong.
//!
//! `cargo fuzz` runs them from `tests/fuzz`; the tests run them over seeded random and mutated inputs.

mod decoders;
mod signature_sets;

pub use decoders::decoders;
pub use signature_sets::signature_sets;

use arblast::{Call, Class, Dispatcher, Selection};
use std::sync::OnceLock;

/// A dispatcher on the reference, one thread, made once.
fn dispatcher() -> &'static Dispatcher {
    static DISPATCHER: OnceLock<Dispatcher> = OnceLock::new();
    DISPATCHER.get_or_init(|| {
        let builder = Dispatcher::builder().select(Selection::CpuPortable).threads(1).retirement_record(None);
        builder.build().unwrap_or_else(|e| panic!("the reference cannot be used: {e}"))
    })
}

fn call() -> Call {
    Call::new(Class::Admission)
}
