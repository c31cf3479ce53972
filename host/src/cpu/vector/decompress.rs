//! Decoding of compressed points with curve and subgroup checks, many at once.
//!
//! Encodings: draft-irtf-cfrg-pairing-friendly-curves-11, appendix C, as in Zcash. What is not plainly right here (flags,
//! range, no root, not a member) is decoded again by blst, whose verdict and whose reason stand; so a refusal is always
//! blst's, and every accepted point went through the same checks.

use super::adder::Point;
use super::coordinate::Coordinate;
use super::curve::{AffineOf, Curve, E1, E2, PointOf, export};
use super::fp::Fp8;
use super::fp2::Fp2x8;
use super::generated::{P_HALF, P_WORDS};
use super::msm::Workspaces;
use super::root::{self, WIDE};
use super::subgroup;
use super::token::Ifma;
use crate::backend::Control;
use crate::cpu::threads::Threads;
use crate::error::{DeviceError, PointError};
use crate::point::{G1, G2, InSubgroup};

/// A curve whose points can be decoded.
pub(crate) trait Decode: Curve {
    /// A compressed point.
    type Bytes: Copy + Send + Sync + AsRef<[u8]>;
    /// An abscissa as integers, coefficient by coefficient, c0 first.
    type Integers: Copy;

    /// The abscissa, its flags cleared; `None` where a coefficient is not below p.
    fn abscissa(bytes: &Self::Bytes) -> Option<Self::Integers>;
    /// Eight abscissas.
    fn load_integers(ifma: Ifma, x: [&Self::Integers; 8]) -> Self::Coordinate;
    /// Square roots, where there are any.
    fn root(ifma: Ifma, w: &[Self::Coordinate; WIDE]) -> [Self::Coordinate; WIDE];
    /// The lanes where y is the greater of y and −y.
    fn greater(ifma: Ifma, y: &Self::Coordinate) -> u8;
    /// What blst says.
    fn reference(bytes: &Self::Bytes) -> Result<AffineOf<Self>, PointError>;
}

/// 48 big-endian bytes as six words; `None` from p on. The three flag bits are cleared.
fn integer(bytes: &[u8]) -> Option<[u64; 6]> {
    let mut words = [0; 6];
    for (word, chunk) in words.iter_mut().rev().zip(bytes.chunks_exact(8)) {
        *word = u64::from_be_bytes(chunk.try_into().ok()?);
    }
    Some(words)
}

/// Whether a is below b.
fn below(a: &[u64; 6], b: &[u64; 6]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

/// The flags of an encoding: compressed, infinity, sign.
const FLAGS: u8 = 0xe0;

/// Clears the flags of the first 48 bytes' number.
fn unflagged(mut words: [u64; 6]) -> [u64; 6] {
    words[5] &= !(u64::from(FLAGS) << 56);
    words
}

fn bit(i: usize, set: bool) -> u8 {
    u8::from(set) << i
}

impl Decode for E1 {
    type Bytes = [u8; 48];
    type Integers = [u64; 6];

    fn abscissa(bytes: &[u8; 48]) -> Option<[u64; 6]> {
        Some(unflagged(integer(bytes)?)).filter(|x| below(x, &P_WORDS))
    }
    #[inline(always)]
    fn load_integers(ifma: Ifma, x: [&[u64; 6]; 8]) -> Fp8 {
        Fp8::from_integers(ifma, x)
    }
    fn root(ifma: Ifma, w: &[Fp8; WIDE]) -> [Fp8; WIDE] {
        root::fp(ifma, w)
    }
    fn greater(ifma: Ifma, y: &Fp8) -> u8 {
        y.to_integers(ifma).iter().enumerate().fold(0, |mask, (i, y)| mask | bit(i, below(&P_HALF, y)))
    }
    fn reference(bytes: &[u8; 48]) -> Result<AffineOf<E1>, PointError> {
        G1::from_bytes(bytes).map(InSubgroup::into_affine)
    }
}

impl Decode for E2 {
    type Bytes = [u8; 96];
    type Integers = [[u64; 6]; 2];

    fn abscissa(bytes: &[u8; 96]) -> Option<[[u64; 6]; 2]> {
        let (c1, c0) = (unflagged(integer(&bytes[..48])?), integer(&bytes[48..])?);
        Some([c0, c1]).filter(|x| x.iter().all(|c| below(c, &P_WORDS)))
    }
    #[inline(always)]
    fn load_integers(ifma: Ifma, x: [&[[u64; 6]; 2]; 8]) -> Fp2x8 {
        let (c0, c1) = (Fp8::from_integers(ifma, x.map(|x| &x[0])), Fp8::from_integers(ifma, x.map(|x| &x[1])));
        Fp2x8 { c0, c1 }
    }
    fn root(ifma: Ifma, w: &[Fp2x8; WIDE]) -> [Fp2x8; WIDE] {
        root::fp2(ifma, w)
    }
    fn greater(ifma: Ifma, y: &Fp2x8) -> u8 {
        let (c0, c1) = (y.c0.to_integers(ifma), y.c1.to_integers(ifma));
        (0..8).fold(0, |mask, i| {
            let decisive = if c1[i] == [0; 6] { &c0[i] } else { &c1[i] };
            mask | bit(i, below(&P_HALF, decisive))
        })
    }
    fn reference(bytes: &[u8; 96]) -> Result<AffineOf<E2>, PointError> {
        G2::from_bytes(bytes).map(InSubgroup::into_affine)
    }
}

/// Points of one task: 15 ms in G1.
const TASK: usize = 1 << 12;

type Decoded<C> = Result<AffineOf<C>, PointError>;

/// Each point decoded, with curve and subgroup checks; the identity is accepted. Variable time.
pub(crate) fn decompress<C: Decode>(
    ifma: Ifma,
    threads: &Threads,
    workspaces: &Workspaces<C>,
    bytes: &[C::Bytes],
    control: &Control,
) -> Result<Vec<Decoded<C>>, DeviceError> {
    let pieces =
        threads.map_pieces(control, bytes, 128, TASK, |piece| decode::<C>(ifma, workspaces, piece, control))?;
    Ok(pieces.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

/// Decodes the points of one task.
fn decode<C: Decode>(
    ifma: Ifma,
    workspaces: &Workspaces<C>,
    bytes: &[C::Bytes],
    control: &Control,
) -> Result<Vec<Decoded<C>>, DeviceError> {
    // Compressed and finite, with an abscissa in range; the rest is blst's.
    let plain = |b: &C::Bytes| (b.as_ref()[0] & 0xc0 == 0x80).then(|| C::abscissa(b)).flatten();
    let (places, abscissas): (Vec<usize>, Vec<C::Integers>) =
        bytes.iter().enumerate().filter_map(|(i, b)| Some((i, plain(b)?))).unzip();
    let signs: Vec<bool> = places.iter().map(|&i| bytes[i].as_ref()[0] & 0x20 != 0).collect();
    let lifted = lift_all::<C>(ifma, &abscissas, &signs);
    let found: Vec<usize> = (0..lifted.len()).filter(|&k| lifted[k].is_some()).collect();
    let stored: Vec<PointOf<C>> = lifted.into_iter().flatten().collect();
    let affine = export::<C>(ifma, &stored.iter().map(|point| Some((*point, false))).collect::<Vec<_>>());
    let members = subgroup::members_of_curve::<C>(ifma, workspaces, &affine, &stored, control)?;
    let mut out: Vec<Option<AffineOf<C>>> = vec![None; bytes.len()];
    for ((k, point), member) in found.into_iter().zip(affine).zip(members) {
        out[places[k]] = member.then_some(point);
    }
    Ok(out.into_iter().zip(bytes).map(|(point, b)| point.map_or_else(|| C::reference(b), Ok)).collect())
}

/// The points with these abscissas and signs, where there are any.
fn lift_all<C: Decode>(ifma: Ifma, x: &[C::Integers], signs: &[bool]) -> Vec<Option<PointOf<C>>> {
    let mut out = Vec::with_capacity(x.len());
    for (x, signs) in x.chunks(8 * WIDE).zip(signs.chunks(8 * WIDE)) {
        let lanes = std::array::from_fn(|k| std::array::from_fn(|i| &x[(8 * k + i).min(x.len() - 1)]));
        let sign = |k: usize| (0..8).fold(0, |mask, i| mask | bit(i, signs.get(8 * k + i).is_some_and(|s| *s)));
        // SAFETY: the token proves that the CPU has the features.
        let points = unsafe { lift::<C>(ifma, lanes, std::array::from_fn(sign)) };
        out.extend(points.into_iter().flatten().take(x.len()));
    }
    out
}

/// y² = x³ + b for sixteen x, with the root of the sign asked for.
#[target_feature(enable = "avx512f,avx512ifma")]
fn lift<C: Decode>(ifma: Ifma, x: [[&C::Integers; 8]; WIDE], signs: [u8; WIDE]) -> [[Option<PointOf<C>>; 8]; WIDE] {
    let x = x.map(|x| C::load_integers(ifma, x));
    let squares: [C::Coordinate; WIDE] = std::array::from_fn(|k| x[k].square().mul(&x[k]).sub_signed(&C::b(ifma), !0));
    let y = C::root(ifma, &squares);
    std::array::from_fn(|k| {
        let right = y[k].square().difference(&squares[k]).zero_mask();
        let y = y[k].negate(C::greater(ifma, &y[k]) ^ signs[k]);
        let (x, y) = (x[k].store(ifma), y.store(ifma));
        std::array::from_fn(|i| (right >> i & 1 == 1).then(|| Point { x: x[i], y: y[i] }))
    })
}
