//! Tables of known factors: roots of unity in the order in which blocks need them, and powers for cosets.

use super::kernel::{Columns, Factor, Factor8, factor_lanes};
use crate::cpu::transform::block_roots;
use crate::cpu::vector::fr::Fr8;
use crate::cpu::vector::generated::FR_ONE;
use crate::cpu::vector::memory::store_transposed;
use crate::cpu::vector::token::Ifma;
use ark_bls12_381::Fr;
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

/// The factors of the blocks of a transform of 2^log values, in the order of [`block_roots`].
///
/// Tables are made when first used and kept: 100 bytes for a value, of transforms of about √n values.
pub(super) fn roots(ifma: Ifma, log: u32, inverse: bool) -> &'static [Factor] {
    static TABLES: [[OnceLock<Vec<Factor>>; 33]; 2] = [const { [const { OnceLock::new() }; 33] }; 2];
    TABLES[usize::from(inverse)][log as usize].get_or_init(|| factors(ifma, &block_roots(log, inverse)))
}
