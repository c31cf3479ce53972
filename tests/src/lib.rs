//! What every backend must do, checked against arkworks and blst.
//!
//! | module | subject |
//! |---|---|
//! | [`suite`] | every operation of a backend against arkworks: a new backend gets all tests by naming itself |
//! | [`harness`] | the suite as tests, with absent devices reported as skipped |
//! | [`random`] | seeded inputs |
//! | [`fuzz`] | the bodies of the fuzz targets, which the tests run too |
//! | [`faulty`] | a device that fails on demand |
//!
//! Seeded tests print their seed when they fail; `ARBLAST_TEST_SEED` sets another.

pub mod faulty;
pub mod fuzz;
pub mod harness;
pub mod random;
pub mod suite;
