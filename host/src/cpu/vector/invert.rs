//! Inversion of eight elements, or of many eights, by one scalar inversion (Montgomery's trick across the lanes and along
//! the list). Variable time.

use super::coordinate::Coordinate;
use super::fp::Fp8;
use super::fp2::Fp2x8;
use super::token::Ifma;
use blst::blst_fp;

/// 1/a in each lane, below 4/3·p; a lane that is 0 makes every lane 0. Takes less than 2^13·p.
///
/// With products over the lanes that differ in one, two, all bits of their number, each lane gets the product of the
/// seven others, and every lane the product of all, whose inverse blst computes.
pub(super) fn fp(ifma: Ifma, a: &Fp8) -> Fp8 {
    let other = a.swap_lanes::<4>();
    let pair = a.mul(&other);
    let other_pair = pair.swap_lanes::<2>();
    let four = pair.mul(&other_pair);
    let other_four = four.swap_lanes::<1>();
    let all = four.mul(&other_four);
    let others = other.mul(&other_pair).mul(&other_four);
    let [words, ..] = all.to_words(ifma);
    let mut inverse = blst_fp::default();
    // SAFETY: valid references to canonical elements.
    unsafe { blst::blst_fp_inverse(&mut inverse, &blst_fp { l: words }) };
    others.mul(&Fp8::from_words(ifma, [&inverse.l; 8]))
}

/// 1/a = ā/(a0² + a1²) in each lane, below 4/3·p; no lane may be 0. Takes less than 8·p.
pub(super) fn fp2(ifma: Ifma, a: &Fp2x8) -> Fp2x8 {
    let scale = fp(ifma, &a.norm());
    let negative = Fp8::zero(ifma).sub::<8>(&a.c1);
    Fp2x8 { c0: a.c0.mul(&scale), c1: negative.mul(&scale) }
}

/// 1/a for each element of the list, in each lane, below 4/3·p; no lane may be 0. Takes less than 8·p. Three products for an
/// element.
pub(super) fn all<F: Coordinate>(ifma: Ifma, elements: &mut [F]) {
    let Some((&mut first, rest)) = elements.split_first_mut() else { return };
    let mut product = first;
    let mut before = Vec::with_capacity(rest.len());
    for element in rest.iter() {
        before.push(product);
        product.mul_assign(element);
    }
    let mut inverse = product.invert(ifma);
    for (element, before) in rest.iter_mut().zip(&before).rev() {
        (*element, inverse) = (before.mul(&inverse), element.mul(&inverse));
    }
    elements[0] = inverse;
}
