//! The node as processes: `arblast-node run`, four on the loopback interface or in network namespaces, killed, copied,
//! rolled back, cut off and flooded.
//!
//! What a validator signed is read from its log: each signature passes one place, which writes one line before the
//! vote leaves. What the others received shows in theirs: a validator that sees two conflicting votes blocks their
//! sender and says so.
//!
//! Each test has a short form, which runs unless told otherwise, and a long one behind a variable of the environment;
//! both print what they measured. All of them are bounded in time, and every process they start ends with them.

mod client;
mod disk;
mod durable;
mod flood;
mod kills;
mod load;
mod network;
mod operator;
mod partition;
mod records;
mod votes;

/// The number in a variable of the environment, or `short`.
fn long_form(variable: &str, short: u64) -> u64 {
    std::env::var(variable)
        .map_or(short, |asked| asked.parse().unwrap_or_else(|_| panic!("{variable}: got {asked:?}, expected a number")))
}
