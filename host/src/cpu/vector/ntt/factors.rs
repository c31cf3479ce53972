//! Tables of known factors: roots of unity in the order in which blocks need them, and powers for cosets.

use super::kernel::{Columns, Factor, Factor8, factor_lanes};
use crate::cpu::vector::fr::Fr8;
use crate::cpu::vector::generated::FR_ONE;
use crate::cpu::vector::memory::store_transposed;
use crate::cpu::vector::token::Ifma;
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, FftField, Field};
use std::iter::successors;
use std::sync::OnceLock;

/// 2^(52(i+1)) mod r: a product with it, over 2^260, is number i of a [`Factor`].
const SHIFTS: [[u64; 5]; 5] = [[0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1], FR_ONE];

/// A factor for each lane from Montgomery form with 2^260. Takes less than 10·r.
#[inline(always)]
pub(super) fn lanes(ifma: Ifma, w: &Fr8) -> Factor8 {
    // SAFETY: the token proves the features.
    unsafe { factor_lanes(ifma, w, &SHIFTS) }
}

/// Elements as factors.
pub(super) fn factors(ifma: Ifma, elements: &[Fr]) -> Vec<Factor> {
    let mut out = Vec::with_capacity(elements.len());
    for eight in elements.chunks(8) {
        let words = std::array::from_fn(|lane| &eight[lane.min(eight.len() - 1)].0.0);
        let Factor8(numbers) = lanes(ifma, &Fr8::from_words(ifma, words));
        let numbers = numbers.map(|n| {
            let Columns(zero) = Columns::zero(ifma);
            store_transposed(ifma, &[n[0], n[1], n[2], n[3], n[4], zero[0], zero[0], zero[0]])
        });
        out.extend(
            (0..eight.len())
                .map(|lane| Factor(numbers.each_ref().map(|n| std::array::from_fn(|limb| n[lane].0[limb])))),
        );
    }
    out
}

/// 1, g, g², …: `count` powers.
pub(super) fn powers(g: Fr, count: usize) -> Vec<Fr> {
    successors(Some(Fr::ONE), |power| Some(*power * g)).take(count).collect()
}

/// For each log up to 32: arkworks' root of unity of order n = 2^log, its inverse, and 1/n.
pub(super) fn roots_of_order(log: u32) -> &'static [Fr; 3] {
    static ROOTS: OnceLock<Vec<[Fr; 3]>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let omega = Fr::TWO_ADIC_ROOT_OF_UNITY;
        let half = Fr::from(2u64).inverse().unwrap_or_default();
        let last = [omega, omega.inverse().unwrap_or_default(), half.pow([u64::from(Fr::TWO_ADICITY)])];
        let below = |[w, v, n]: &[Fr; 3]| Some([w.square(), v.square(), n.double()]);
        let mut roots: Vec<_> = successors(Some(last), below).take(Fr::TWO_ADICITY as usize + 1).collect();
        roots.reverse();
        roots
    });
    &roots[log as usize]
}

/// The factors of the blocks of a transform of 2^log values: block b of a level has ω^(b with its bits reversed), for
/// the ω of order 2^(level + 1). A level's factors are the first ones of the next level's, so one table serves all.
///
/// Tables are made when first used and kept: 100 bytes for a value, of transforms of at most √n values.
pub(super) fn roots(ifma: Ifma, log: u32, inverse: bool) -> &'static [Factor] {
    static TABLES: [[OnceLock<Vec<Factor>>; 33]; 2] = [const { [const { OnceLock::new() }; 33] }; 2];
    TABLES[usize::from(inverse)][log as usize].get_or_init(|| {
        let mut roots = vec![Fr::ONE];
        for level in 2..=log {
            let omega = roots_of_order(level)[usize::from(inverse)];
            let lower = roots.len();
            roots.extend_from_within(..);
            roots[lower..].iter_mut().for_each(|w| *w *= omega);
        }
        factors(ifma, &roots)
    })
}
