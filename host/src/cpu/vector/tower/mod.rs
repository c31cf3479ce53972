//! The tower Fp2 ⊂ Fp6 = Fp2[v]/(v³ − ξ) ⊂ Fp12 = Fp6[w]/(w² − v), ξ = 1 + u, eight elements at a time.
//!
//! Products are kept in columns through all the sums of Karatsuba's method, and each coefficient of a result is reduced
//! once (Aranha et al., eprint 2010/526, section 4).
//!
//! | file | subject |
//! |---|---|
//! | `wide.rs` | sums of products before reduction |
//! | `fp6.rs`, `fp12.rs` | the fields |
//! | `line.rs` | sparse elements |
//! | `across.rs` | one element of Fp12 across the lanes, for latency |
//! | `tests.rs` | tests against arkworks |

mod across;
mod fp12;
mod fp6;
mod line;
#[cfg(test)]
mod tests;
mod wide;

pub(crate) use across::{Across, Lines, settle};
pub(crate) use fp12::{Fp12x8, Scratch};
pub(crate) use line::{Line, MonicLine, TwoLines};
pub(crate) use wide::product_sum;
