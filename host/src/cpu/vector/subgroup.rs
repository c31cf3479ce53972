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
//! doublings for the deterministic test, which the 128 sums are put to. Where one is not in H, the list is halved, and
//! lists too short to gain are judged by blst point by point: a refusal is always blst's.
//!
//! The deterministic test: P is in the subgroup if and only if the endomorphism multiplies it as it multiplies the
//! subgroup's points, by z² in G1 (up to sign φ) and by |z| in G2 (up to sign ψ). Scott, eprint 2021/1130, proved for
//! this curve by El Housni, Guillevic and Piellard, eprint 2022/352.

use super::adder::{Pairs, PointRef};
use super::curve::{AffineOf, Curve, PointOf, apply_endomorphism, export, import, on_curve};
use super::generated::Z_ABS;
use super::msm::{Workspaces, subset_sums};
use super::runs::Workspace;
use super::token::Ifma;
use crate::backend::Control;
use crate::cpu::threads::Threads;
use crate::error::DeviceError;
use ark_ec::AffineRepr;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// Points of one task at most: 15 ms in G1. The more points, the less the 128 sums cost.
const TASK: usize = 1 << 14;

/// Points below which blst, point by point, is quicker than 128 sums and their test.
const FEWEST: usize = 96;

/// For each point, whether it is on the curve and in the subgroup; the identity is. Variable time.
pub(crate) fn members<C: Curve>(
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
fn judge<C: Curve>(
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
    let points: Vec<AffineOf<C>> = candidates.iter().map(|&i| points[i]).collect();
    for (i, member) in candidates.into_iter().zip(members_of_curve::<C>(ifma, workspaces, &points, &live, control)?) {
        verdicts[i] = member;
    }
    Ok(verdicts)
}

/// For each point, whether it is in the subgroup; all of them on the curve and none the identity, in both forms.
pub(super) fn members_of_curve<C: Curve>(
    ifma: Ifma,
    workspaces: &Workspaces<C>,
    points: &[AffineOf<C>],
    stored: &[PointOf<C>],
    control: &Control,
) -> Result<Vec<bool>, DeviceError> {
    let mut verdicts = vec![false; points.len()];
    Test { ifma, workspaces, points, stored, rng: fresh_rng()? }.judge(0, points.len(), &mut verdicts, control)?;
    Ok(verdicts)
}

/// Whether every point is in the subgroup, by the deterministic test; all of them on the curve, none the identity.
fn all_members<C: Curve>(
    ifma: Ifma,
    work: &mut Workspace<C::Coordinate>,
    points: &[PointOf<C>],
    control: &Control,
) -> Result<bool, DeviceError> {
    let mut multiples = points.to_vec();
    for _ in 0..C::POWER {
        match multiply_by_z::<C>(work, &multiples, control)? {
            Some(next) => multiples = next,
            None => return Ok(false),
        }
    }
    let mut images = points.to_vec();
    apply_endomorphism::<C>(ifma, &mut images.iter_mut().collect::<Vec<_>>());
    let affine = |points: Vec<PointOf<C>>| {
        export::<C>(ifma, &points.into_iter().map(|point| Some((point, false))).collect::<Vec<_>>())
    };
    Ok(affine(multiples) == affine(images))
}

/// |z|·P for each point, by doubling and adding; `None` if the identity comes up, which no member of the subgroup gives.
fn multiply_by_z<C: Curve>(
    work: &mut Workspace<C::Coordinate>,
    points: &[PointOf<C>],
    control: &Control,
) -> Result<Option<Vec<PointOf<C>>>, DeviceError> {
    work.reset(points.len());
    work.points[..points.len()].copy_from_slice(points);
    let doubled = |i| (PointRef::work(i, false), PointRef::work(i, false));
    let raised = |i| (PointRef::work(i, false), PointRef::base(i, false));
    for bit in (0..Z_ABS.ilog2()).rev() {
        let steps: &[&dyn Fn(usize) -> (PointRef, PointRef)] =
            if Z_ABS >> bit & 1 == 1 { &[&doubled, &raised] } else { &[&doubled] };
        for step in steps {
            let mut pairs = Pairs::default();
            for i in 0..points.len() {
                let (a, b) = step(i);
                pairs.push(a, b, i);
            }
            work.add(points, &mut pairs, control)?;
            if pairs.sums().any(|sum| sum.is_none()) {
                return Ok(None);
            }
        }
    }
    Ok(Some(work.points[..points.len()].to_vec()))
}

/// A generator that the author of the points cannot foresee.
fn fresh_rng() -> Result<ChaCha8Rng, DeviceError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| DeviceError::Failed(format!("no randomness: {e}")))?;
    Ok(ChaCha8Rng::from_seed(seed))
}

struct Test<'a, C: Curve> {
    ifma: Ifma,
    workspaces: &'a Workspaces<C>,
    points: &'a [AffineOf<C>],
    stored: &'a [PointOf<C>],
    rng: ChaCha8Rng,
}

impl<C: Curve> Test<'_, C> {
    /// Judges points `start..end`.
    fn judge(&mut self, start: usize, end: usize, verdicts: &mut [bool], control: &Control) -> Result<(), DeviceError> {
        if end - start < FEWEST {
            for (verdict, point) in verdicts[start..end].iter_mut().zip(&self.points[start..end]) {
                *verdict = C::in_subgroup(point);
            }
            return Ok(());
        }
        let (rng, stored) = (&mut self.rng, &self.stored[start..end]);
        let all_in = self.workspaces.with(self.ifma, |work| {
            let sums = subset_sums::<C>(work, stored, rng, control)?;
            // A point and its negative are members together.
            let sums: Vec<PointOf<C>> = sums.into_iter().flatten().map(|(point, _)| point).collect();
            all_members::<C>(self.ifma, work, &sums, control)
        })?;
        if all_in {
            verdicts[start..end].fill(true);
            return Ok(());
        }
        let middle = start.midpoint(end);
        self.judge(start, middle, verdicts, control)?;
        self.judge(middle, end, verdicts, control)
    }
}
