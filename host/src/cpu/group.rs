//! blst's functions of G1 and G2 behind one trait, so that each algorithm is written once.
//!
//! All take points of the whole curve and are right for the identity, equal and opposite points.

use crate::layout::SameLayout;
use ark_bls12_381::{G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::AffineRepr;
use blst::limb_t;

type Affine<G> = <<G as Group>::Affine as SameLayout>::Blst;
type Jacobian<G> = <<G as Group>::Projective as SameLayout>::Blst;

/// One of the two curves, by blst.
pub(crate) trait Group: 'static {
    /// The arkworks affine point.
    type Affine: SameLayout<Blst: Send + Sync> + AffineRepr;
    /// The arkworks Jacobian point.
    type Projective: SameLayout<Blst: Send + Sync>;

    /// Σ of the points; at least one.
    fn sum(points: &[*const Affine<Self>]) -> Jacobian<Self>;

    /// Σ scalarᵢ·pointᵢ by blst's own choice of method; at least one point, `bits` bits of each scalar in
    /// `bits.div_ceil(8)` little-endian bytes.
    fn msm(points: &[Affine<Self>], scalars: &[u8], bits: usize) -> Jacobian<Self>;

    /// The part of Σ scalarᵢ·pointᵢ that the scalars' bits `bit0..bit0 + window` contribute (booth-recoded), divided
    /// by 2^bit0. At least two points.
    fn msm_tile(points: &[Affine<Self>], scalars: &[u8], bits: usize, bit0: usize, window: usize) -> Jacobian<Self>;

    /// The multiples 1 to 2^(window − 1) of each point, point after point.
    fn table(points: &[Affine<Self>], window: usize) -> Vec<Affine<Self>>;

    /// Σ scalarᵢ·pointᵢ by the table of the points; scalars as in [`Group::msm`], at least one.
    fn msm_table(table: &[Affine<Self>], window: usize, scalars: &[u8], bits: usize) -> Jacobian<Self>;

    /// scalar·point; `bits` bits of the scalar, little-endian.
    fn mul(point: &Affine<Self>, scalar: &[u8], bits: usize) -> Jacobian<Self>;

    /// 2^times·point.
    fn double(point: &Jacobian<Self>, times: usize) -> Jacobian<Self>;

    /// The sum of two points.
    fn add(a: &Jacobian<Self>, b: &Jacobian<Self>) -> Jacobian<Self>;

    /// The affine form of one point.
    fn to_affine(point: &Jacobian<Self>) -> Self::Affine;

    /// The affine forms of many points, with one inversion.
    fn to_affine_many(points: &[Jacobian<Self>]) -> Vec<Self::Affine>;
}

/// G1: y² = x³ + 4 over Fp.
pub(crate) struct OnE1;
/// G2: y² = x³ + 4(u + 1) over Fp2.
pub(crate) struct OnE2;

macro_rules! group {
    ($name:ty, $affine:ty, $projective:ty, $add_many:ident, $pippenger:ident, $scratch:ident, $tile:ident,
     $precompute:ident, $mult_table:ident, $table_scratch:ident, $from_affine:ident, $mult:ident, $double:ident, $add:ident, $to_affine:ident, $to_affine_many:ident) => {
        impl Group for $name {
            type Affine = $affine;
            type Projective = $projective;

            fn sum(points: &[*const Affine<Self>]) -> Jacobian<Self> {
                assert!(!points.is_empty());
                let mut out = Default::default();
                // SAFETY: `points` holds `len` valid pointers, made from references by the callers in this folder.
                unsafe { blst::$add_many(&mut out, points.as_ptr(), points.len()) };
                out
            }

            fn msm(points: &[Affine<Self>], scalars: &[u8], bits: usize) -> Jacobian<Self> {
                assert!(!points.is_empty() && scalars.len() == points.len() * bits.div_ceil(8));
                let mut out = Default::default();
                // A null second pointer tells blst that the array goes on contiguously.
                let point_list = [points.as_ptr(), std::ptr::null()];
                let scalar_list = [scalars.as_ptr(), std::ptr::null()];
                // SAFETY: the lengths were checked; the scratch has the size blst asks for.
                unsafe {
                    let mut scratch = vec![0 as limb_t; blst::$scratch(points.len()).div_ceil(size_of::<limb_t>())];
                    blst::$pippenger(
                        &mut out,
                        point_list.as_ptr(),
                        points.len(),
                        scalar_list.as_ptr(),
                        bits,
                        scratch.as_mut_ptr(),
                    );
                }
                out
            }

            fn msm_tile(
                points: &[Affine<Self>],
                scalars: &[u8],
                bits: usize,
                bit0: usize,
                window: usize,
            ) -> Jacobian<Self> {
                assert!(points.len() >= 2 && scalars.len() == points.len() * bits.div_ceil(8));
                assert!(bit0 <= bits && (1..=24).contains(&window));
                let mut out = Default::default();
                let point_list = [points.as_ptr(), std::ptr::null()];
                let scalar_list = [scalars.as_ptr(), std::ptr::null()];
                // SAFETY: the lengths were checked. The scratch of one point is that of a window of one bit, a single
                // bucket; a window of w bits has 2^(w-1) of them, zeroed.
                unsafe {
                    let bucket = blst::$scratch(1).div_ceil(size_of::<limb_t>());
                    let mut scratch = vec![0 as limb_t; bucket << (window - 1)];
                    blst::$tile(
                        &mut out,
                        point_list.as_ptr(),
                        points.len(),
                        scalar_list.as_ptr(),
                        bits,
                        scratch.as_mut_ptr(),
                        bit0,
                        window,
                    );
                }
                out
            }

            fn table(points: &[Affine<Self>], window: usize) -> Vec<Affine<Self>> {
                assert!(!points.is_empty() && (2..=16).contains(&window));
                let mut out = vec![Default::default(); points.len() << (window - 1)];
                let point_list = [points.as_ptr(), std::ptr::null()];
                // SAFETY: `out` has room for 2^(window − 1) multiples of each point; the null pointer marks a
                // contiguous array.
                unsafe { blst::$precompute(out.as_mut_ptr(), window, point_list.as_ptr(), points.len()) };
                out
            }

            fn msm_table(table: &[Affine<Self>], window: usize, scalars: &[u8], bits: usize) -> Jacobian<Self> {
                let (points, width) = (table.len() >> (window - 1), bits.div_ceil(8));
                assert!(points > 0 && width > 0 && scalars.len() == points * width);
                let mut out = Default::default();
                let scalar_list = [scalars.as_ptr(), std::ptr::null()];
                // SAFETY: the lengths were checked; the scratch has the size blst asks for.
                unsafe {
                    let limbs = blst::$table_scratch(points).div_ceil(size_of::<limb_t>());
                    let mut scratch = vec![0 as limb_t; limbs];
                    blst::$mult_table(
                        &mut out,
                        table.as_ptr(),
                        window,
                        points,
                        scalar_list.as_ptr(),
                        bits,
                        scratch.as_mut_ptr(),
                    );
                }
                out
            }

            fn mul(point: &Affine<Self>, scalar: &[u8], bits: usize) -> Jacobian<Self> {
                assert!(scalar.len() >= bits.div_ceil(8));
                let (mut base, mut out) = Default::default();
                // SAFETY: valid references; the scalar has the bytes that `bits` asks for.
                unsafe {
                    blst::$from_affine(&mut base, point);
                    blst::$mult(&mut out, &base, scalar.as_ptr(), bits);
                }
                out
            }

            fn double(point: &Jacobian<Self>, times: usize) -> Jacobian<Self> {
                let mut out = *point;
                for _ in 0..times {
                    let before = out;
                    // SAFETY: valid references.
                    unsafe { blst::$double(&mut out, &before) };
                }
                out
            }

            fn add(a: &Jacobian<Self>, b: &Jacobian<Self>) -> Jacobian<Self> {
                let mut out = Default::default();
                // SAFETY: valid references.
                unsafe { blst::$add(&mut out, a, b) };
                out
            }

            fn to_affine(point: &Jacobian<Self>) -> Self::Affine {
                let mut out = Default::default();
                // SAFETY: valid references.
                unsafe { blst::$to_affine(&mut out, point) };
                Self::Affine::from_blst(&out)
            }

            fn to_affine_many(points: &[Jacobian<Self>]) -> Vec<Self::Affine> {
                if points.is_empty() {
                    return Vec::new();
                }
                let mut out = vec![Default::default(); points.len()];
                let list = [points.as_ptr(), std::ptr::null()];
                // SAFETY: `out` has room for all; the null pointer marks a contiguous array.
                unsafe { blst::$to_affine_many(out.as_mut_ptr(), list.as_ptr(), points.len()) };
                Self::Affine::vec_from_blst(&out)
            }
        }
    };
}

group!(
    OnE1,
    G1Affine,
    G1Projective,
    blst_p1s_add,
    blst_p1s_mult_pippenger,
    blst_p1s_mult_pippenger_scratch_sizeof,
    blst_p1s_tile_pippenger,
    blst_p1s_mult_wbits_precompute,
    blst_p1s_mult_wbits,
    blst_p1s_mult_wbits_scratch_sizeof,
    blst_p1_from_affine,
    blst_p1_mult,
    blst_p1_double,
    blst_p1_add_or_double,
    blst_p1_to_affine,
    blst_p1s_to_affine
);
group!(
    OnE2,
    G2Affine,
    G2Projective,
    blst_p2s_add,
    blst_p2s_mult_pippenger,
    blst_p2s_mult_pippenger_scratch_sizeof,
    blst_p2s_tile_pippenger,
    blst_p2s_mult_wbits_precompute,
    blst_p2s_mult_wbits,
    blst_p2s_mult_wbits_scratch_sizeof,
    blst_p2_from_affine,
    blst_p2_mult,
    blst_p2_double,
    blst_p2_add_or_double,
    blst_p2_to_affine,
    blst_p2s_to_affine
);
