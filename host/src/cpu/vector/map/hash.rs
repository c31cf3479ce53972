//! `hash_to_curve` and `clear_cofactor(map_to_curve(u))` of RFC 9380 for many inputs.

use super::super::curve::AffineOf;
use super::super::token::Ifma;
use super::isogeny;
use super::jacobian::{self, Jacobian, Scratch};
use super::target::{LENGTH, Target, store};
use crate::backend::Control;
use crate::cpu::threads::Threads;
use crate::error::DeviceError;
use crate::expand;

/// Items of one task, about 3 ms in G2: enough that the inversion at its end costs nothing.
const PIECE: usize = 128;
/// Items below which a thread is not worth waking: two blocks of eight.
const GRAIN: usize = 16;

/// `hash_to_curve` for each message, with the suite of RFC 9380, section 8.8, for the curve and the caller's tag.
///
/// # Errors
/// As [`Control::checkpoint`].
pub(crate) fn hash<T: Target>(
    ifma: Ifma,
    threads: &Threads,
    messages: &[&[u8]],
    dst: &[u8],
    control: &Control,
) -> Result<Vec<AffineOf<T>>, DeviceError> {
    let pieces = threads.map_pieces(control, messages, GRAIN, PIECE, |messages| {
        // SAFETY: the token proves that the CPU has the features.
        unsafe { hash_piece::<T>(ifma, messages, dst) }
    })?;
    Ok(pieces.concat())
}

/// `clear_cofactor(map_to_curve(u))` for each element.
///
/// # Errors
/// As [`Control::checkpoint`].
pub(crate) fn map<T: Target>(
    ifma: Ifma,
    threads: &Threads,
    elements: &[T::Element],
    control: &Control,
) -> Result<Vec<AffineOf<T>>, DeviceError> {
    let pieces = threads.map_pieces(control, elements, GRAIN, PIECE, |elements| {
        // SAFETY: the token proves that the CPU has the features.
        unsafe { map_piece::<T>(ifma, elements) }
    })?;
    Ok(pieces.concat())
}

/// The longest output of `expand_message_xmd` here: two elements of Fp2.
const EXPANDED: usize = 4 * LENGTH;

/// Eight messages at a time: two elements each, mapped side by side, added on E'.
#[target_feature(enable = "avx512f,avx512ifma")]
fn hash_piece<T: Target>(ifma: Ifma, messages: &[&[u8]], dst: &[u8]) -> Vec<AffineOf<T>> {
    let mut sums = Vec::with_capacity(messages.len().div_ceil(8));
    let mut expanded = [[0; EXPANDED]; 8];
    let half = T::DEGREE * LENGTH;
    for eight in messages.chunks(8) {
        for (message, out) in eight.iter().zip(&mut expanded) {
            expand::fill(message, dst, &mut out[..2 * half]);
        }
        let u = [0, half].map(|start| T::load_hashes(ifma, expanded.each_ref().map(|e| &e[start..start + half])));
        let [p, q] = T::to_isogenous(ifma, &u);
        sums.push(isogeny::sum(ifma, &T::A, &p, &q));
    }
    finish::<T>(ifma, &sums, messages.len())
}

/// Sixteen elements at a time, mapped side by side.
#[target_feature(enable = "avx512f,avx512ifma")]
fn map_piece<T: Target>(ifma: Ifma, elements: &[T::Element]) -> Vec<AffineOf<T>> {
    let mut points = Vec::with_capacity(elements.len().div_ceil(8));
    let padding = T::Element::default();
    for sixteen in elements.chunks(16) {
        let lane = |i: usize| sixteen.get(i).unwrap_or(&padding);
        let u = [0, 8].map(|start| T::load_elements(ifma, std::array::from_fn(|i| lane(start + i))));
        let mapped = T::to_isogenous(ifma, &u);
        let mapped = mapped[..sixteen.len().div_ceil(8)].iter();
        points.extend(mapped.map(|(x, y)| Jacobian::from_affine(ifma, x, y)));
    }
    finish::<T>(ifma, &points, elements.len())
}

/// From E' to `count` points of the subgroup.
#[target_feature(enable = "avx512f,avx512ifma")]
fn finish<T: Target>(ifma: Ifma, points: &[Jacobian<T::Coordinate>], count: usize) -> Vec<AffineOf<T>> {
    let mut out = Vec::with_capacity(points.len());
    let (pairs, rest) = points.as_chunks::<2>();
    let mut scratch = Scratch::new(ifma);
    for pair in pairs {
        let mut images = *pair;
        for image in &mut images {
            *image = isogeny::image(ifma, &T::ISOGENY, image);
        }
        T::clear_cofactor(ifma, &mut images, &mut scratch);
        out.extend(images);
    }
    for point in rest {
        let mut image = [isogeny::image(ifma, &T::ISOGENY, point)];
        T::clear_cofactor(ifma, &mut image, &mut Scratch::new(ifma));
        out.extend(image);
    }
    store::<T>(ifma, &jacobian::to_affine(ifma, &out), count)
}
