//! Decompression of points with curve and subgroup checks, roots sixteen at a time.
//!
//! The encoding is that of `InSubgroup::from_bytes` (Zcash's flags), and each item's verdict is the same: what is no
//! encoding, then what has no point, then what is outside the subgroup.

use super::super::adder::Point;
use super::super::coordinate::Coordinate;
use super::super::curve::{AffineOf, E1, E2, ElementOf, PointOf};
use super::super::fp::Fp8;
use super::super::fp2::Fp2x8;
use super::super::msm::Workspaces;
use super::super::subgroup;
use super::super::token::Ifma;
use super::field::Field;
use super::member::{Subgroup, right_side};
use super::root;
use crate::backend::Control;
use crate::cpu::threads::Threads;
use crate::encoding::{Abscissa, Parsed, parse};
use crate::error::{DeviceError, PointError};
use ark_ec::AffineRepr;

/// Points of one task at most: 10 ms in G1. The more points, the less their common subgroup check costs.
const PIECE: usize = 4096;
/// Points below which a thread is not worth waking.
const GRAIN: usize = 16;

/// A curve whose points have a compressed encoding.
pub(crate) trait Encoded: Subgroup {
    /// The encoding.
    type Bytes: Sync + AsRef<[u8]>;

    /// Abscissas below 4/3·p, from the elements of Fp in the order of the encoding (the highest coefficient first).
    fn abscissas(ifma: Ifma, x: [&Abscissa; 8]) -> Self::Coordinate;
    /// A root of each lane, below 4/3·p, and the lanes that have one. Takes less than 6·p.
    fn roots<const N: usize>(ifma: Ifma, a: &[Self::Coordinate; N]) -> [(Self::Coordinate, u8); N];
}

impl Encoded for E1 {
    type Bytes = [u8; 48];

    #[inline(always)]
    fn abscissas(ifma: Ifma, x: [&Abscissa; 8]) -> Fp8 {
        Fp8::from_integers(ifma, x.map(|x| &x[0]))
    }
    #[inline(always)]
    fn roots<const N: usize>(_: Ifma, a: &[Fp8; N]) -> [(Fp8, u8); N] {
        // SAFETY: elements come from a token.
        unsafe { root::fp(a) }
    }
}

impl Encoded for E2 {
    type Bytes = [u8; 96];

    #[inline(always)]
    fn abscissas(ifma: Ifma, x: [&Abscissa; 8]) -> Fp2x8 {
        let [c1, c0] = [0, 1].map(|i| Fp8::from_integers(ifma, x.map(|x| &x[i])));
        Fp2x8 { c0, c1 }
    }
    #[inline(always)]
    fn roots<const N: usize>(ifma: Ifma, a: &[Fp2x8; N]) -> [(Fp2x8, u8); N] {
        // SAFETY: the token proves that the CPU has the features.
        unsafe { root::fp2(ifma, a) }
    }
}

type Verdict<T> = Result<AffineOf<T>, PointError>;

/// Each point decoded, with curve and subgroup checks; the identity is accepted. Variable time.
///
/// # Errors
/// As [`Control::checkpoint`]; no randomness for the checks.
pub(crate) fn decompress<T: Encoded>(
    ifma: Ifma,
    threads: &Threads,
    workspaces: &Workspaces<T>,
    bytes: &[T::Bytes],
    control: &Control,
) -> Result<Vec<Verdict<T>>, DeviceError> {
    let pieces = threads.map_pieces(control, bytes, GRAIN, PIECE, |bytes| {
        let (mut verdicts, places, points) = lift_all::<T>(ifma, bytes);
        let members = subgroup::members_of_curve::<T>(ifma, workspaces, &points, control)?;
        for (place, _) in places.into_iter().zip(members).filter(|(_, member)| !member) {
            verdicts[place] = Err(PointError::NotInSubgroup);
        }
        Ok(verdicts)
    })?;
    Ok(pieces.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

/// Verdicts but for the subgroup check; the places of the points of the curve, and these points.
fn lift_all<T: Encoded>(ifma: Ifma, bytes: &[T::Bytes]) -> (Vec<Verdict<T>>, Vec<usize>, Vec<PointOf<T>>) {
    let (mut verdicts, mut places, mut points) = (Vec::with_capacity(bytes.len()), Vec::new(), Vec::new());
    for sixteen in bytes.chunks(16) {
        let mut parsed = [Parsed::Malformed; 16];
        for (parsed, bytes) in parsed.iter_mut().zip(sixteen) {
            *parsed = parse(bytes.as_ref());
        }
        // SAFETY: the token proves that the CPU has the features.
        let lifted: &[Lifted<T>] = unsafe {
            match sixteen.len() {
                ..=8 => &lift::<T, 1>(ifma, &parsed),
                _ => &lift::<T, 2>(ifma, &parsed),
            }
        };
        for (i, parsed) in parsed[..sixteen.len()].iter().enumerate() {
            let (eight, lane) = (&lifted[i / 8], i % 8);
            verdicts.push(match parsed {
                Parsed::Malformed => Err(PointError::Encoding),
                Parsed::Identity => Ok(AffineOf::<T>::zero()),
                Parsed::Point(..) if eight.on_curve >> lane & 1 == 0 => Err(PointError::NotOnCurve),
                Parsed::Point(..) => {
                    places.push(verdicts.len());
                    points.push(Point { x: eight.x[lane], y: eight.y[lane] });
                    Ok(eight.points[lane])
                }
            });
        }
    }
    (verdicts, places, points)
}

/// Eight points in both forms, and the lanes that have an ordinate.
struct Lifted<T: Encoded> {
    points: [AffineOf<T>; 8],
    x: [ElementOf<T>; 8],
    y: [ElementOf<T>; 8],
    on_curve: u8,
}

/// The points with these abscissas and signs; what is no abscissa is computed on as 0.
#[target_feature(enable = "avx512f,avx512ifma")]
fn lift<T: Encoded, const N: usize>(ifma: Ifma, parsed: &[Parsed; 16]) -> [Lifted<T>; N] {
    let zero = Abscissa::default();
    let abscissa = |i: usize| if let Parsed::Point(x, _) = &parsed[i] { x } else { &zero };
    let mut x = [T::Coordinate::zero(ifma); N];
    let mut right_sides = x;
    for k in 0..N {
        x[k] = T::abscissas(ifma, std::array::from_fn(|i| abscissa(8 * k + i)));
        right_sides[k] = right_side::<T>(ifma, &x[k]);
    }
    let roots = T::roots(ifma, &right_sides);
    std::array::from_fn(|k| {
        let larger = |i: usize| matches!(parsed[8 * k + i], Parsed::Point(_, true));
        let wanted = (0..8).fold(0, |mask, i| mask | u8::from(larger(i)) << i);
        let (x, y, on_curve) = (&x[k], &roots[k].0, roots[k].1);
        let y = y.negate(y.larger(ifma) ^ wanted);
        Lifted { points: T::store(ifma, x, &y), x: x.store(ifma), y: y.store(ifma), on_curve }
    })
}
