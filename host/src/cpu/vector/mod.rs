//! Eight-way arithmetic of BLS12-381 on AVX-512 IFMA.
//!
//! Structure of arrays: a value is a few vectors, vector i holding limb i of eight independent elements. Everything
//! takes, or is made from, an [`Ifma`](token::Ifma) token, which only detection makes; so nothing here is reached on a
//! CPU without the instructions, whatever the build was for. Variable time: for public data only.
//!
//! # Limits
//! A Zen 5 core starts two 512-bit IFMA a cycle, and little else here competes for those two pipes. A multiplication in
//! Fp is 257 of them, so 128.5 cycles for eight, 3.6 ns each at 4.5 GHz, against 22 ns for blst; a batch-affine
//! addition is five multiplications and a square, 20.7 ns.
//!
//! What it comes to: 3.9 to 4.2 ns for a multiplication, 10.4 in Fp2, 27 for a batch-affine addition of points in
//! vectors and 35 for one of points anywhere in memory. What bounds it is the window of the vector schedulers, more than
//! instructions: a multiplication with its reduction is a chain of 150 cycles for 128 cycles' work, and what is in
//! flight reaches only a little into the next. Additions, shifts and unpacking overlap fully with IFMA (16 of them beside
//! 16 IFMA take no cycle more; 16 permutations across 128 bits take 3.4), but only if they are ready when they come:
//! those that wait for a product just before them hold up the product after them. Tried without gain: two products in
//! one function, carries passed on at once, longer prefetch, larger batches.
//!
//! | file | subject |
//! |---|---|
//! | `token.rs` | the proof that the CPU has the instructions |
//! | `mont.rs` | columns, products, Montgomery reduction, for any number of limbs |
//! | `memory.rs` | transposition between elements in memory and vectors of limbs |
//! | `pages.rs` | large pages under large buffers |
//! | `fp.rs`, `fr.rs`, `fp2.rs` | the fields |
//! | `coordinate.rs`, `invert.rs` | Fp and Fp2 as the coordinates of points; inversion across the lanes |
//! | `curve.rs` | the two curves: endomorphisms, conversion |
//! | `adder.rs` | batch-affine addition of pairs, exceptional pairs included |
//! | `runs.rs` | sums of many lists as trees |
//! | `dense.rs` | sums of long lists, block by block |
//! | `msm/` | multi-scalar multiplication |
//! | `map/` | hashing to the curves, square roots, decompression, membership by endomorphism |
//! | `subgroup.rs` | membership checks by sums of random subsets |
//! | `sum.rs` | sums by index lists |
//! | `ntt/` | the number-theoretic transform over Fr |
//! | `pages.rs` | large pages under large buffers |
//! | `tower/`, `pairing/` | Fp6 and Fp12; Miller loops and the final exponentiation |
//! | `generated.rs` | constants, by `arblast-gen` |
//! | `field_tests.rs` | tests of the fields |
//! | `twin.rs` | the same arithmetic by big integers: the reference of the tests |

mod adder;
#[cfg(test)]
mod adder_tests;
mod coordinate;
mod curve;
mod dense;
#[cfg(test)]
mod dense_tests;
#[cfg(test)]
mod field_tests;
mod fp;
mod fp2;
mod fr;
#[rustfmt::skip]
mod generated;
mod invert;
mod map;
mod memory;
mod mont;
mod msm;
mod ntt;
mod pages;
mod pairing;
mod runs;
mod subgroup;
mod sum;
mod token;
mod tower;
#[cfg(test)]
mod twin;

pub(super) use coordinate::Coordinate;
pub(super) use curve::{AffineOf, E1, E2};
pub(super) use fp::Fp8;
pub(super) use fp2::Fp2x8;
pub(super) use fr::Fr8;
pub(super) use map::{decompress, hash, map, multiply, to_affine};
pub(super) use msm::{Bases, Split, Table, Workspaces, msm, msm_fixed};
pub(super) use ntt::{FEWEST as NTT_FEWEST, ntt};
pub(super) use pairing::{LineTable, final_exponentiation, miller_loop, miller_loop_stored};
pub(super) use subgroup::members;
pub(super) use sum::sum;
pub(super) use token::Ifma;
