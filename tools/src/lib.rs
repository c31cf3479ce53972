//! The toolkit behind the `arblast` command line, as a library so that the tests call the same code.
//!
//! | module | subject |
//! |---|---|
//! | [`cli`] | the command line: arguments, exit codes, errors for a person |
//! | [`devices`] | `arblast devices`: what there is, and why not |
//! | [`conformance`] | `arblast conformance`: public vector suites through the dispatcher |
//! | [`bench`] | `arblast bench`: a backend against blst or arkworks, side by side |
#![warn(missing_docs)]

pub mod bench;
pub mod cli;
pub mod conformance;
pub mod devices;
