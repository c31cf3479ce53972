//! Sums of random subsets, by the buckets and the fold of the MSM.

use super::fold::Buckets;
use super::group::sum_buckets;
use super::sort::Sorted;
use crate::backend::Control;
use crate::cpu::vector::adder::{PointRef, Sum};
use crate::cpu::vector::curve::{Curve, ElementOf, PointOf};
use crate::cpu::vector::runs::Workspace;
use crate::cpu::vector::token::Ifma;
use crate::error::DeviceError;
use rand_core::Rng;

/// Subsets that are drawn: an error of 2^-128.
const SUBSETS: usize = 128;

/// The sums of [`SUBSETS`] subsets of the points, each point in each subset by a fair coin of its own.
///
/// Each point draws a number of b bits for each of ⌈128/b⌉ windows; bit j of window w says whether it is in subset
/// w·b + j. Points with one number share a bucket, so a point costs ⌈128/b⌉ additions instead of 64, and the fold of
/// the buckets gives the sum for each bit. May give a few sums more than asked for. No point may be the identity.
pub(crate) fn subset_sums<C: Curve>(
    ifma: Ifma,
    work: &mut Workspace<C::Coordinate>,
    bases: &[PointOf<C>],
    rng: &mut dyn Rng,
    control: &Control,
) -> Result<Vec<Sum<ElementOf<C>>>, DeviceError> {
    let bits = width(bases.len());
    let mut sums = Vec::with_capacity(2 * SUBSETS);
    for _ in 0..SUBSETS.div_ceil(bits) {
        let sorted = draw(bases.len(), bits, rng);
        let points = sum_buckets::<C>(ifma, work, bases, &sorted, control)?;
        sums.extend(Buckets { bits, points }.fold(work, control)?);
    }
    Ok(sums)
}

/// The window that takes the fewest additions: n for the buckets and 2^(b+1) for their fold, ⌈128/b⌉ times.
fn width(points: usize) -> usize {
    (4..=12).min_by_key(|&bits| SUBSETS.div_ceil(bits) * (points + (2 << bits))).unwrap_or(4)
}

/// The points sorted by numbers drawn from 0..2^bits; number d is bucket d − 1, and 0 is in no subset of the window.
fn draw(points: usize, bits: usize, rng: &mut dyn Rng) -> Sorted {
    let mut starts = vec![0u32; (1 << bits) + 1];
    let mut numbers = vec![0u8; 2 * points];
    rng.fill_bytes(&mut numbers);
    let number = |i: usize| usize::from(u16::from_le_bytes([numbers[2 * i], numbers[2 * i + 1]])) % (1 << bits);
    (0..points).filter(|&i| number(i) > 0).for_each(|i| starts[number(i)] += 1);
    for i in 0..1 << bits {
        starts[i + 1] += starts[i];
    }
    let mut ends = starts.clone();
    let mut refs = vec![PointRef::base(0, false); starts[1 << bits] as usize];
    for i in (0..points).filter(|&i| number(i) > 0) {
        let end = &mut ends[number(i) - 1];
        refs[*end as usize] = PointRef::base(i, false);
        *end += 1;
    }
    Sorted { refs, starts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{CancelToken, Class};
    use crate::cpu::vector::curve::{E1, export, import};
    use ark_bls12_381::G1Affine;
    use ark_ec::{AffineRepr, CurveGroup};
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    #[test]
    fn sums_are_those_of_the_subsets_drawn() {
        let Some(ifma) = Ifma::detect() else { return eprintln!("skipped: this CPU has no AVX-512 IFMA") };
        let control = Control::new(Class::Job, CancelToken::new());
        for count in [1usize, 2, 50, 600] {
            let mut next = G1Affine::generator().into_group();
            let points: Vec<G1Affine> = (0..count)
                .map(|i| {
                    next += if i % 3 == 0 { G1Affine::zero() } else { G1Affine::generator() };
                    next.into_affine()
                })
                .collect();
            let bases = import::<E1>(ifma, &points);
            let (mut work, mut rng) = (Workspace::new(ifma), ChaCha8Rng::seed_from_u64(7));
            let sums = export::<E1>(ifma, &subset_sums::<E1>(ifma, &mut work, &bases, &mut rng, &control).unwrap());
            let (bits, mut rng) = (width(count), ChaCha8Rng::seed_from_u64(7));
            let mut known = Vec::new();
            for _ in 0..SUBSETS.div_ceil(bits) {
                let mut numbers = vec![0u8; 2 * count];
                rng.fill_bytes(&mut numbers);
                // The bit above the number's is never drawn; its sum is the identity.
                known.extend((0..=bits).map(|bit| {
                    let drawn = |i: &usize| {
                        let number = u16::from_le_bytes([numbers[2 * i], numbers[2 * i + 1]]);
                        bit < bits && number >> bit & 1 == 1
                    };
                    let chosen = (0..count).filter(drawn).map(|i| points[i].into_group());
                    chosen.sum::<ark_bls12_381::G1Projective>().into_affine()
                }));
            }
            assert_eq!(sums, known, "{count} points");
        }
    }
}
