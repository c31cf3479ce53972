//! The bench room: `operations.rs` measures every operation of `arblast bench` under criterion.
//!
//! `cargo bench -p arblast-benches` runs them all, `cargo bench -p arblast-benches -- ntt` those of which the name
//! matches. Names are `op/size=…/backend=…`, so that `critcmp` compares saved baselines
//! (`-- --save-baseline before`), and, with `critcmp BASELINE -g '(.*)/backend=.*'`, backends with each other.
