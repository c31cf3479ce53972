//! Arblast host crate.
