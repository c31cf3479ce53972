//! The transform over Fr: two rounds of column transforms, eight columns at a time (Bailey's four steps).
//!
//! The n = N₁·N₂ values are a matrix of N₁ rows and N₂ columns, value j₁·N₂ + j₂ in row j₁ and column j₂. With
//! k = k₁ + N₁·k₂,
//!
//! y[k] = Σ over j₂ of ω^(j₂·k₁)·ω₂^(j₂·k₂) · (Σ over j₁ of ω₁^(j₁·k₁)·x[j₁, j₂]),  ω₁ = ω^N₂, ω₂ = ω^N₁.
//!
//! 1. Eight columns j₂ at a time, one a lane: the inner sums by a transform of N₁ rows; times the *twists* ω^(j₂·k₁);
//!    an 8×8 transpose, so that lanes hold eight k₁; stored at row j₂ of the output matrix, columns k₁.
//! 2. Eight columns k₁ of that matrix at a time: the outer sums by a transform of N₂ rows, stored over them: row k₂,
//!    column k₁ is y[k₁ + N₁·k₂], the natural order.
//!
//! All lanes share their factors, which depend on the row only, and no step ever works across lanes. A group of eight
//! columns is N·320 bytes, which stay in L2 up to N = 2^11 and beyond by recursion (`column.rs`); memory is read twice
//! and written twice, whatever n is.
//!
//! # What is folded into what
//! - Values stay in arkworks' Montgomery form: the transform is linear, and factors are no Montgomery form at all.
//! - 1/n of the inverse, and the powers of a coset's offset that depend on j₂ (before) or k₁ (after), are in the twists.
//!   The powers that depend on j₁ or k₂ take one multiplication more a value.
//! - Twists are not in memory: T[k₁ + 8] = T[k₁]·s⁸ for the s = ω^j₂ of each lane.
//!
//! # Cost
//! For eight values of 2^16: 6.5 multiplications by known factors (61 IFMA), one by a twist (101) and one for the next
//! twist (61), 20 to settle: 580 IFMA, 290 cycles, 8.1 ns a value at 4.5 GHz. Measured on a Zen 5 at 4.5 GHz, one thread:
//! 13.0 ns at 2^16, 14.2 at 2^18, 23 at 2^22, 26 at 2^24, where memory and first writes to pages come in; arkworks 0.6
//! takes 190 to 210 at 2^16 and 2^18. Half of the time at 2^16 is general butterflies, a third the first round's loads,
//! first butterflies and twists, an eighth the second round's.
//!
//! | file | subject |
//! |---|---|
//! | `kernel.rs` | multiplication by known factors, butterflies, and their ranges |
//! | `column.rs` | the transform of the rows of eight columns |
//! | `factors.rs` | tables of factors |
//! | `words.rs` | between memory and limbs |
//! | `tests.rs` | against arkworks and a plain sum; limbs driven to their bounds |

mod column;
mod factors;
mod kernel;
#[cfg(test)]
mod tests;
mod words;

use super::fr::Fr8;
use super::pages;
use super::token::Ifma;
use crate::backend::{Control, NttKind};
use crate::cpu::threads::Threads;
use crate::cpu::transform::{powers, roots_of_order};
use crate::error::DeviceError;
use ark_bls12_381::Fr;
use ark_ff::Field;
use column::{Grid, Twist};
use factors::{factors, roots};
use kernel::Factor;

/// The fewest values: eight columns of eight.
pub(crate) const FEWEST: usize = 64;

/// Values of one task: about 10 ms.
const PIECE: usize = 1 << 20;

/// Values below which a second thread is not worth waking: about 100 µs.
const ALONE: usize = 1 << 13;

/// The transform of n values, a power of two from [`FEWEST`] to 2^32; in natural order, with arkworks' root of unity.
///
/// # Errors
/// What `control` says at a checkpoint.
pub(crate) fn ntt(
    ifma: Ifma,
    threads: &Threads,
    values: &[Fr],
    kind: NttKind,
    control: &Control,
) -> Result<Vec<Fr>, DeviceError> {
    let plan = Plan::new(ifma, values.len(), kind);
    let mut out = Vec::with_capacity(values.len());
    pages::ask_for_large(&mut out);
    let grid = Grid::new(values, &mut out);
    plan.each_group(threads, control, plan.n2 / 8, |groups| plan.columns(&grid, groups))?;
    plan.each_group(threads, control, plan.n1 / 8, |groups| plan.rows(&grid, groups))?;
    // SAFETY: there is room for as many, and the second round has written every one.
    unsafe { out.set_len(values.len()) };
    Ok(out)
}

/// 1, g, g², …: a factor for each of `rows` rows.
fn column_factors(ifma: Ifma, g: Fr, rows: usize) -> Vec<Factor> {
    factors(ifma, &powers(g).take(rows).collect::<Vec<_>>())
}

/// What a transform needs besides its values.
struct Plan {
    ifma: Ifma,
    n1: usize,
    n2: usize,
    /// The factors of the blocks, enough for both rounds.
    roots: &'static [Factor],
    /// g^(N₂·j₁) for a transform on a coset.
    before: Option<Vec<Factor>>,
    /// g^(−N₁·k₂) for an inverse transform from a coset.
    after: Option<Vec<Factor>>,
    /// ω^8 and the coset's factor to the eighth, by which twists step from group to group.
    steps: [Fr; 2],
    /// In lane l the twist's factor for a row, ω^l (over g), and its scale, g^l or 1/n; Montgomery form with 2^260.
    first: [Fr8; 2],
}

impl Plan {
    fn new(ifma: Ifma, n: usize, kind: NttKind) -> Self {
        let log = n.ilog2();
        let (log1, log2) = (log - log / 2, log / 2);
        let (n1, n2) = (1usize << log1, 1usize << log2);
        let [omega, inverse, fraction] = *roots_of_order(log);
        let one = Fr::ONE;
        let (omega, scale) = if kind.inverse { (inverse, fraction) } else { (omega, one) };
        let offset = kind.coset.filter(|g| *g != one);
        // The offset as it multiplies values before, or its inverse as it multiplies them after.
        let (before, after) = if kind.inverse { (None, offset.and_then(|g| g.inverse())) } else { (offset, None) };
        let eight = |g: Fr| powers(g).take(8).collect::<Vec<_>>();
        let lanes = |x: [Fr; 8]| Fr8::from_words(ifma, x.each_ref().map(|x| &x.0.0));
        let (row, scales) = (eight(omega), eight(before.unwrap_or(one)));
        Self {
            ifma,
            n1,
            n2,
            roots: roots(ifma, log1, kind.inverse),
            before: before.map(|g| column_factors(ifma, g.pow([n2 as u64]), n1)),
            after: after.map(|g| column_factors(ifma, g.pow([n1 as u64]), n2)),
            steps: [omega.pow([8u64]), before.unwrap_or(one).pow([8u64])],
            first: [
                lanes(std::array::from_fn(|l| row[l] * after.unwrap_or(one))),
                lanes(std::array::from_fn(|l| scales[l] * scale)),
            ],
        }
    }

    /// Runs `work` on ranges that make up all groups, each at most [`PIECE`] values; four to a thread.
    fn each_group(
        &self,
        threads: &Threads,
        control: &Control,
        groups: usize,
        work: impl Fn(std::ops::Range<usize>) + Sync,
    ) -> Result<(), DeviceError> {
        let most = (PIECE * groups / (self.n1 * self.n2)).max(1);
        let alone = threads.count() == 1 || self.n1 * self.n2 < ALONE;
        let share = if alone { groups } else { groups.div_ceil(4 * threads.count()) };
        let chunk = share.min(most);
        let range = |task: usize| task * chunk..((task + 1) * chunk).min(groups);
        threads.map_tasks(control, groups.div_ceil(chunk), |task| work(range(task))).map(drop)
    }

    /// The first round on some groups of columns.
    fn columns(&self, grid: &Grid, groups: std::ops::Range<usize>) {
        let mut twist = Twist::new(self.ifma, self.steps, self.first, groups.start);
        // SAFETY: the token proves the features; each task has groups of its own.
        unsafe { column::first_round(self.ifma, self.shape(), grid, groups, &mut twist, self.before.as_deref()) }
    }

    /// The second round on some groups of columns.
    fn rows(&self, grid: &Grid, groups: std::ops::Range<usize>) {
        // SAFETY: the token proves the features; each task has groups of its own, and the first round is over.
        unsafe { column::second_round(self.ifma, self.shape(), grid, groups, self.after.as_deref()) }
    }

    fn shape(&self) -> column::Shape<'_> {
        column::Shape { n1: self.n1, n2: self.n2, roots: self.roots }
    }
}
