//! Point by point, eight at a time: hashing to the curves, decompression, membership by endomorphism, multiplication,
//! affine coordinates.
//!
//! # Limits
//! Counted in IFMA (two a cycle, eight lanes, 4.5 GHz: a thousand of them are 14 ns for each element): a product in Fp is
//! 257, a square 201, in Fp2 642 and 514; a power of `power.rs` is 378 squares and 80 products, 97,000, 1.35 µs. Hashing
//! to G2 is four powers (5.4 µs), 126 doublings of 3,724 (6.5 µs), 15 additions of 9,502 (2.0 µs) and some 80 products for
//! maps and isogeny (0.7 µs): 14.6 µs, and 0.7 µs of SHA-256 by blst. It takes 18.8 µs, against 119 µs of blst: powers run
//! at 92 %, doublings at 80 % of the multipliers' pace. In G1 it is two powers, 63 doublings of 1,446, six additions and
//! some 200 products, 5.1 µs of 6.0, against 37.7. A point decoded costs one power in G1 (of 5.2 µs with the subgroup
//! check by endomorphism), two in G2 (of 8.0).
//!
//! | file | subject |
//! |---|---|
//! | `field.rs` | what the maps need of Fp and Fp2: signs, sums, constants |
//! | `lazy.rs` | sums of products with one reduction |
//! | `power.rs` | x^((p−3)/4) |
//! | `root.rs` | square roots in Fp and Fp2 |
//! | `jacobian.rs` | points in Jacobian coordinates |
//! | `sswu.rs` | the simplified SWU maps |
//! | `isogeny.rs` | isogenies to the curves, cofactors |
//! | `target.rs` | the two curves as targets |
//! | `hash.rs` | hash and map to curve |
//! | `member.rs` | the subgroups by endomorphism |
//! | `decode.rs` | decompression |
//! | `multiply.rs` | each point times a scalar |
//! | `normal.rs` | from Jacobian to affine coordinates |
//! | `generated.rs` | constants, by `arblast-gen` |

mod decode;
mod field;
#[rustfmt::skip]
mod generated;
mod hash;
mod isogeny;
mod jacobian;
mod lazy;
#[cfg(test)]
mod lazy_tests;
mod member;
mod multiply;
mod normal;
mod power;
mod root;
mod sswu;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use decode::decompress;
pub(crate) use hash::{hash, map};
pub(crate) use member::{Subgroup, members_by_endomorphism};
pub(crate) use multiply::multiply;
pub(crate) use normal::to_affine;
