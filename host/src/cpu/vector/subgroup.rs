//! Membership in the subgroup of order r, for many points at once.
//!
//! # Method and error
//! Let H be the subgroup, and let some point Pⱼ of the list not be in it. Draw a subset of the list by fair coins. Given
//! the coins of all other points, the sums with and without Pⱼ differ by Pⱼ, so at most one of the two is in H: the
//! sum of the subset is in H with probability at most 1/2. The sums of 128 independent subsets are all in H with
//! probability at most 2^-128, over coins drawn from the operating system after the points are known. This holds for
//! any group and any subgroup. (A random linear combination with long coefficients does not do as well: the cofactors
//! have small primes, 3 and 11 in G1, 13 and 23 in G2, and a point of order 3 has a multiple of 3 for its coefficient,
//! and so goes unseen, one time in three. Subsets spend a fresh coin on each sum instead.)
//!
//! The sums come from the buckets of the MSM (`msm/subset.rs`), about 128/log2(n) additions a point, against 126
//! doublings for the deterministic test by endomorphism (`map/member.rs`), which judges the 128 sums. Where one is not in
//! H, the list is halved, and lists too short to gain are judged point by point.

use super::curve::{AffineOf, PointOf, import, on_curve};
use super::map::{Subgroup, members_by_endomorphism};
use super::msm::{Workspaces, subset_sums};
use super::token::Ifma;
use crate::backend::Control;
use crate::cpu::threads::Threads;
use crate::error::DeviceError;
use ark_ec::AffineRepr;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// Points of one task at most: 15 ms in G1. The more points, the less the 128 sums cost.
const TASK: usize = 1 << 14;

/// Points below which testing each of them is quicker than testing 128 sums. One thread of a Zen 5, µs for each point, by
/// sums and one by one: 320 points 5.3 and 3.7 in G1, 7.7 and 4.9 in G2; 512 points 3.6 and 3.7, 5.5 and 4.9; 1,024
/// points 2.2 and 3.7, 3.7 and 4.9.
const FEWEST: usize = 640;

/// For each point, whether it is on the curve and in the subgroup; the identity is. Variable time.
pub(crate) fn members<C: Subgroup>(
    ifma: Ifma,
    threads: &Threads,
    workspaces: &Workspaces<C>,
    points: &[AffineOf<C>],
    control: &Control,
) -> Result<Vec<bool>, DeviceError> {
    let verdicts =
        threads.map_pieces(control, points, 2 * FEWEST, TASK, |piece| judge::<C>(ifma, workspaces, piece, control))?;
    Ok(verdicts.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

/// The verdicts for one task.
fn judge<C: Subgroup>(
    ifma: Ifma,
    workspaces: &Workspaces<C>,
    points: &[AffineOf<C>],
    control: &Control,
) -> Result<Vec<bool>, DeviceError> {
    let stored = import::<C>(ifma, points);
    let mut verdicts: Vec<bool> = points.iter().map(AffineRepr::is_zero).collect();
    let mut candidates = Vec::with_capacity(points.len());
    for (start, eight) in (0..).step_by(8).zip(stored.chunks(8)) {
        let mask = on_curve::<C>(ifma, eight);
        candidates.extend((start..start + eight.len()).filter(|&i| mask >> (i - start) & 1 == 1 && !verdicts[i]));
    }
    let live: Vec<PointOf<C>> = candidates.iter().map(|&i| stored[i]).collect();
    for (i, member) in candidates.into_iter().zip(members_of_curve::<C>(ifma, workspaces, &live, control)?) {
        verdicts[i] = member;
    }
    Ok(verdicts)
}

/// For each point, whether it is in the subgroup; all of them on the curve and none the identity.
pub(super) fn members_of_curve<C: Subgroup>(
    ifma: Ifma,
    workspaces: &Workspaces<C>,
    points: &[PointOf<C>],
    control: &Control,
) -> Result<Vec<bool>, DeviceError> {
    let mut verdicts = vec![false; points.len()];
    Test { ifma, workspaces, points, rng: fresh_rng()? }.judge(0, points.len(), &mut verdicts, control)?;
    Ok(verdicts)
}

/// A generator that the author of the points cannot foresee.
fn fresh_rng() -> Result<ChaCha8Rng, DeviceError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| DeviceError::Failed(format!("no randomness: {e}")))?;
    Ok(ChaCha8Rng::from_seed(seed))
}

struct Test<'a, C: Subgroup> {
    ifma: Ifma,
    workspaces: &'a Workspaces<C>,
    points: &'a [PointOf<C>],
    rng: ChaCha8Rng,
}

impl<C: Subgroup> Test<'_, C> {
    /// Judges points `start..end`.
    fn judge(&mut self, start: usize, end: usize, verdicts: &mut [bool], control: &Control) -> Result<(), DeviceError> {
        if end - start < FEWEST {
            verdicts[start..end].copy_from_slice(&members_by_endomorphism::<C>(self.ifma, &self.points[start..end]));
            return Ok(());
        }
        let (rng, points) = (&mut self.rng, &self.points[start..end]);
        let sums = self.workspaces.with(self.ifma, |work| subset_sums::<C>(self.ifma, work, points, rng, control))?;
        // Where there is no sum, it is the identity; a sign changes nothing.
        let sums: Vec<PointOf<C>> = sums.into_iter().flatten().map(|(sum, _)| sum).collect();
        if members_by_endomorphism::<C>(self.ifma, &sums).into_iter().all(|member| member) {
            verdicts[start..end].fill(true);
            return Ok(());
        }
        let middle = start.midpoint(end);
        self.judge(start, middle, verdicts, control)?;
        self.judge(middle, end, verdicts, control)
    }
}
