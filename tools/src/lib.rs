//! The toolkit behind the `arblast` command line, as a library so that the tests call the same code.
//!
//! | module | subject |
//! |---|---|
//! | [`cli`] | the command line: arguments, exit codes, errors for a person |
//! | [`devices`], [`adapters`] | `arblast devices`: what there is, and why not |
//! | [`backends`], [`progress`] | backends by name; a line of progress |
//! | [`conformance`] | `arblast conformance`: public vector suites through the dispatcher |
//! | [`hdl`] | `arblast hdl`: the FPGA designs as files, and what they need |
//! | [`sim`] | `arblast sim`: an engine under simulation, compared with the CPU |
//! | [`bench`] | `arblast bench`: a backend against blst or arkworks, side by side |
#![warn(missing_docs)]

pub mod adapters;
pub mod backends;
pub mod bench;
pub mod cli;
pub mod conformance;
pub mod devices;
pub mod hdl;
pub mod progress;
pub mod sim;
