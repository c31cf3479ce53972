//! Miller loops and the final exponentiation by blst.

use super::threads::Threads;
use crate::backend::Control;
use crate::error::DeviceError;
use crate::layout::SameLayout;
use crate::point::{G1, G2};
use ark_bls12_381::Fq12;
use ark_ff::{AdditiveGroup, Field};
use blst::{blst_fp6, blst_fp12};

/// Pairs of one task: blst shares squarings among 16, and a block of 256 takes about 30 ms.
const SHARED: usize = 16;
const PIECE: usize = 256;

/// Πᵢ f(Pᵢ, Qᵢ) over the pairs without an identity; 1 where none is left.
pub(super) fn miller_loop(threads: &Threads, pairs: &[(G1, G2)], control: &Control) -> Result<Fq12, DeviceError> {
    // A few pairs go at once: waking a thread costs more than it saves.
    let parts =
        threads.map_pieces(control, pairs, SHARED.min(pairs.len().div_ceil(2)).max(2), PIECE, miller_product)?;
    Ok(parts.into_iter().reduce(|a, b| a * b).unwrap_or(Fq12::ONE))
}

/// The product of Miller loops, on the calling thread.
pub(crate) fn miller_product(pairs: &[(G1, G2)]) -> Fq12 {
    let live = pairs.iter().filter(|(p, q)| !p.is_identity() && !q.is_identity());
    let (ps, qs): (Vec<*const _>, Vec<*const _>) =
        live.map(|(p, q)| (std::ptr::from_ref(p.affine().as_blst()), std::ptr::from_ref(q.affine().as_blst()))).unzip();
    if ps.is_empty() {
        return Fq12::ONE;
    }
    let mut out = blst_fp12::default();
    // SAFETY: both lists hold `len` pointers to points that outlive the call.
    unsafe { blst::blst_miller_loop_n(&mut out, qs.as_ptr(), ps.as_ptr(), ps.len()) };
    Fq12::from_blst(&out)
}

/// Lines of one point, as blst stores them: 288 bytes each.
type PointLines = Box<[blst_fp6; 68]>;

/// G2 points with the lines of their Miller loops; none for the identity.
pub(super) struct LineTable(Vec<(G2, Option<PointLines>)>);

impl LineTable {
    /// Computes the lines of each point, on all threads.
    pub(super) fn new(threads: &Threads, points: &[G2], control: &Control) -> Result<Self, DeviceError> {
        let stored = |q: &G2| (*q, (!q.is_identity()).then(|| lines(q)));
        let pieces =
            threads.map_pieces(control, points, SHARED, PIECE, |points| points.iter().map(stored).collect())?;
        Ok(Self(pieces.into_iter().flat_map(|piece: Vec<_>| piece).collect()))
    }
}

fn lines(q: &G2) -> PointLines {
    let mut out = Box::new([blst_fp6::default(); 68]);
    // SAFETY: blst writes 68 lines; the point is not the identity.
    unsafe { blst::blst_precompute_lines(out.as_mut_ptr(), q.affine().as_blst()) };
    out
}

/// Pairs up to which stored lines are used: with them blst squares for each pair anew, and three take as long as without.
const FEW: usize = 2;

/// [`miller_loop`] over `pairs` and over the points of a table, in order, with one point of G1 each.
pub(super) fn miller_loop_stored(
    threads: &Threads,
    pairs: &[(G1, G2)],
    (table, at): (&LineTable, &[G1]),
    control: &Control,
) -> Result<Fq12, DeviceError> {
    let live: Vec<_> = at.iter().zip(&table.0).filter(|(p, (_, lines))| !p.is_identity() && lines.is_some()).collect();
    if pairs.len() + live.len() > FEW {
        let all: Vec<_> = pairs.iter().copied().chain(live.iter().map(|(p, (q, _))| (**p, *q))).collect();
        return miller_loop(threads, &all, control);
    }
    control.checkpoint()?;
    let stored = live.iter().filter_map(|(p, (_, lines))| Some(stored_loop(p, lines.as_ref()?)));
    Ok(stored.fold(miller_product(pairs), |product, f| product * f))
}

/// f(P, Q) for the lines of Q, neither the identity.
fn stored_loop(p: &G1, lines: &PointLines) -> Fq12 {
    let mut out = blst_fp12::default();
    // SAFETY: 68 lines, valid references.
    unsafe { blst::blst_miller_loop_lines(&mut out, lines.as_ptr(), p.affine().as_blst()) };
    Fq12::from_blst(&out)
}

/// f^(3(p¹² − 1)/r): the pairing value, as arkworks computes it too. `None` for f = 0, which no Miller loop gives.
pub(crate) fn final_exponentiation(f: &Fq12) -> Option<Fq12> {
    if *f == Fq12::ZERO {
        return None;
    }
    let mut out = blst_fp12::default();
    // SAFETY: valid references.
    unsafe { blst::blst_final_exp(&mut out, f.as_blst()) };
    Some(Fq12::from_blst(&out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::{Bls12_381, Fr, G1Affine};
    use ark_ec::{AffineRepr, pairing::Pairing};

    #[test]
    fn agrees_with_arkworks() {
        let (p, q) = (G1::generator(), G2::generator());
        let doubled = G1::new_unchecked((G1Affine::generator() * Fr::from(2)).into());
        let pairs = [(p, q), (doubled, q), (G1::identity(), q), (p, G2::identity())];
        let ours = final_exponentiation(&miller_product(&pairs)).unwrap();
        let (ps, qs): (Vec<_>, Vec<_>) = pairs.iter().map(|(p, q)| (*p.affine(), *q.affine())).unzip();
        assert_eq!(ours, Bls12_381::multi_pairing(ps, qs).0);
        assert_eq!(miller_product(&[]), Fq12::ONE);
        assert_eq!(final_exponentiation(&Fq12::ZERO), None);
    }

    #[test]
    fn sixteen_and_more_share_squarings() {
        for n in [1usize, 15, 16, 17, 33] {
            let pairs: Vec<_> = (1..=n as u64)
                .map(|k| (G1::new_unchecked((G1Affine::generator() * Fr::from(k)).into()), G2::generator()))
                .collect();
            let (ps, qs): (Vec<_>, Vec<_>) = pairs.iter().map(|(p, q)| (*p.affine(), *q.affine())).unzip();
            let ours = final_exponentiation(&miller_product(&pairs)).unwrap();
            assert_eq!(ours, Bls12_381::multi_pairing(ps, qs).0, "{n} pairs");
        }
    }
}
