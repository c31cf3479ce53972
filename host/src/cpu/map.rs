//! Hash and map to curve (RFC 9380) by blst.

use super::group::{Group, OnE1, OnE2};
use super::threads::Threads;
use crate::backend::Control;
use crate::error::DeviceError;
use crate::layout::SameLayout;
use ark_bls12_381::{Fq, Fq2, G1Affine, G2Affine};
use blst::{blst_p1, blst_p2};
use std::ptr::null;

/// Items of one task: about 30 ms of hashing to G2.
const PIECE: usize = 256;

/// `hash_to_curve`, suite BLS12381G1_XMD:SHA-256_SSWU_RO_; tags above 255 bytes are hashed first (section 5.3.3).
pub(super) fn hash_to_g1(
    threads: &Threads,
    messages: &[&[u8]],
    dst: &[u8],
    control: &Control,
) -> Result<Vec<G1Affine>, DeviceError> {
    each::<OnE1, _>(threads, messages, control, |message| {
        let mut out = blst_p1::default();
        // SAFETY: pointers with their lengths; no augmentation.
        unsafe {
            blst::blst_hash_to_g1(&mut out, message.as_ptr(), message.len(), dst.as_ptr(), dst.len(), null(), 0);
        }
        out
    })
}

/// `hash_to_curve`, suite BLS12381G2_XMD:SHA-256_SSWU_RO_; as [`hash_to_g1`].
pub(super) fn hash_to_g2(
    threads: &Threads,
    messages: &[&[u8]],
    dst: &[u8],
    control: &Control,
) -> Result<Vec<G2Affine>, DeviceError> {
    each::<OnE2, _>(threads, messages, control, |message| {
        let mut out = blst_p2::default();
        // SAFETY: pointers with their lengths; no augmentation.
        unsafe {
            blst::blst_hash_to_g2(&mut out, message.as_ptr(), message.len(), dst.as_ptr(), dst.len(), null(), 0);
        }
        out
    })
}

/// `clear_cofactor(map_to_curve(u))` in G1.
pub(super) fn map_to_g1(threads: &Threads, elements: &[Fq], control: &Control) -> Result<Vec<G1Affine>, DeviceError> {
    each::<OnE1, _>(threads, elements, control, |u| {
        let mut out = blst_p1::default();
        // SAFETY: a valid reference; a null second element maps the first alone.
        unsafe { blst::blst_map_to_g1(&mut out, u.as_blst(), null()) };
        out
    })
}

/// `clear_cofactor(map_to_curve(u))` in G2.
pub(super) fn map_to_g2(threads: &Threads, elements: &[Fq2], control: &Control) -> Result<Vec<G2Affine>, DeviceError> {
    each::<OnE2, _>(threads, elements, control, |u| {
        let mut out = blst_p2::default();
        // SAFETY: a valid reference; a null second element maps the first alone.
        unsafe { blst::blst_map_to_g2(&mut out, u.as_blst(), null()) };
        out
    })
}

/// Maps each item to a Jacobian point and brings all to affine form.
fn each<G: Group, T: Sync>(
    threads: &Threads,
    items: &[T],
    control: &Control,
    map: impl Fn(&T) -> <G::Projective as SameLayout>::Blst + Sync,
) -> Result<Vec<G::Affine>, DeviceError> {
    let chunks = threads
        .map_pieces(control, items, 1, PIECE, |items| G::to_affine_many(&items.iter().map(&map).collect::<Vec<_>>()))?;
    Ok(chunks.concat())
}
