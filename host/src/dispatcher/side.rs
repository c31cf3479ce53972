//! G1 and G2 as parameters: which operation and which backend method belongs to each, so that the dispatcher's logic
//! is written once.

use crate::backend::{Backend, Control, IndexLists, Op, Prepared};
use crate::error::{DeviceError, PointError};
use crate::layout::{self, AffineE1, AffineE2};
use crate::point::InSubgroup;
use ark_bls12_381::{Fq, Fq2, Fr};
use ark_ec::AffineRepr;

type Answer<T> = Result<T, DeviceError>;

/// One of the two source groups of the pairing.
pub(crate) trait Side: 'static {
    /// The affine point.
    type Affine: AffineRepr + Copy + Send + Sync + 'static;
    /// The compressed encoding.
    type Bytes: Copy + Send + Sync + 'static;
    /// The field of the coordinates.
    type Field: Copy + Send + Sync + 'static;

    const MSM: Op;
    const MUL: Op;
    const SUM: Op;
    const HASH: Op;
    const MAP: Op;
    const DECOMPRESS: Op;
    const SUBGROUP: Op;

    fn msm(b: &dyn Backend, points: &[InSubgroup<Self::Affine>], scalars: &[Fr], c: &Control) -> Answer<Self::Affine>;
    /// With multiples of the bases in up to `memory` bytes; plain where that is 0.
    fn prepare(b: &dyn Backend, points: &[InSubgroup<Self::Affine>], memory: usize, c: &Control) -> Answer<Prepared>;
    fn msm_prepared(b: &dyn Backend, bases: &Prepared, scalars: &[Fr], c: &Control) -> Answer<Self::Affine>;
    fn mul(
        b: &dyn Backend,
        points: &[InSubgroup<Self::Affine>],
        scalars: &[Fr],
        bits: u32,
        c: &Control,
    ) -> Answer<Vec<Self::Affine>>;
    fn sum(b: &dyn Backend, points: &[Self::Affine], lists: &IndexLists, c: &Control) -> Answer<Vec<Self::Affine>>;
    fn hash(b: &dyn Backend, messages: &[&[u8]], dst: &[u8], c: &Control) -> Answer<Vec<Self::Affine>>;
    fn map(b: &dyn Backend, elements: &[Self::Field], c: &Control) -> Answer<Vec<Self::Affine>>;
    fn decompress(b: &dyn Backend, bytes: &[Self::Bytes], c: &Control)
    -> Answer<Vec<Result<Self::Affine, PointError>>>;
    fn subgroup(b: &dyn Backend, points: &[Self::Affine], c: &Control) -> Answer<Vec<bool>>;

    /// Whether the coordinates satisfy the curve equation.
    fn on_curve(point: &Self::Affine) -> bool;
    /// Whether a point of the curve is in the subgroup.
    fn in_subgroup(point: &Self::Affine) -> bool;
    /// The compressed encoding of a point.
    fn compress(point: &Self::Affine) -> Self::Bytes;
    /// A point of the curve with this abscissa, if there is one; `seed` gives the abscissa.
    fn lift(seed: u64) -> Option<Self::Affine>;
}

/// G1 and its field Fp.
pub(crate) struct SideG1;
/// G2 and its field Fp2.
pub(crate) struct SideG2;

macro_rules! side {
    ($name:ty, $affine:ty, $bytes:literal, $field:ty, [$($op:ident),*],
     $msm:ident, $prepare:ident, $prepare_fixed:ident, $msm_prepared:ident, $mul:ident, $sum:ident, $hash:ident, $map:ident,
     $decompress:ident, $subgroup:ident, $on_curve:ident, $in_subgroup:ident, $compress:ident, $x:expr) => {
        side!(@impl $name, $affine, $bytes, $field, $($op),*, $msm, $prepare, $prepare_fixed, $msm_prepared, $mul, $sum, $hash, $map,
              $decompress, $subgroup, $on_curve, $in_subgroup, $compress, $x);
    };
    (@impl $name:ty, $affine:ty, $bytes:literal, $field:ty, $o1:ident, $o2:ident, $o3:ident, $o4:ident, $o5:ident,
     $o6:ident, $o7:ident, $msm:ident, $prepare:ident, $prepare_fixed:ident, $msm_prepared:ident, $mul:ident, $sum:ident, $hash:ident,
     $map:ident, $decompress:ident, $subgroup:ident, $on_curve:ident, $in_subgroup:ident, $compress:ident,
     $x:expr) => {
        impl Side for $name {
            type Affine = $affine;
            type Bytes = [u8; $bytes];
            type Field = $field;

            const MSM: Op = Op::$o1;
            const MUL: Op = Op::$o2;
            const SUM: Op = Op::$o3;
            const HASH: Op = Op::$o4;
            const MAP: Op = Op::$o5;
            const DECOMPRESS: Op = Op::$o6;
            const SUBGROUP: Op = Op::$o7;

            fn msm(b: &dyn Backend, p: &[InSubgroup<$affine>], s: &[Fr], c: &Control) -> Answer<$affine> {
                b.$msm(p, s, c)
            }
            fn prepare(
                b: &dyn Backend,
                p: &[InSubgroup<$affine>],
                memory: usize,
                c: &Control,
            ) -> Answer<Prepared> {
                if memory == 0 { b.$prepare(p, c) } else { b.$prepare_fixed(p, memory, c) }
            }
            fn msm_prepared(b: &dyn Backend, p: &Prepared, s: &[Fr], c: &Control) -> Answer<$affine> {
                b.$msm_prepared(p, s, c)
            }
            fn mul(
                b: &dyn Backend,
                p: &[InSubgroup<$affine>],
                s: &[Fr],
                bits: u32,
                c: &Control,
            ) -> Answer<Vec<$affine>> {
                b.$mul(p, s, bits, c)
            }
            fn sum(b: &dyn Backend, p: &[$affine], lists: &IndexLists, c: &Control) -> Answer<Vec<$affine>> {
                b.$sum(p, lists, c)
            }
            fn hash(b: &dyn Backend, messages: &[&[u8]], dst: &[u8], c: &Control) -> Answer<Vec<$affine>> {
                b.$hash(messages, dst, c)
            }
            fn map(b: &dyn Backend, elements: &[$field], c: &Control) -> Answer<Vec<$affine>> {
                b.$map(elements, c)
            }
            fn decompress(
                b: &dyn Backend,
                bytes: &[[u8; $bytes]],
                c: &Control,
            ) -> Answer<Vec<Result<$affine, PointError>>> {
                b.$decompress(bytes, c)
            }
            fn subgroup(b: &dyn Backend, points: &[$affine], c: &Control) -> Answer<Vec<bool>> {
                b.$subgroup(points, c)
            }
            fn on_curve(point: &$affine) -> bool {
                point.is_zero() || layout::$on_curve(point)
            }
            fn in_subgroup(point: &$affine) -> bool {
                point.is_zero() || layout::$in_subgroup(point)
            }
            fn compress(point: &$affine) -> [u8; $bytes] {
                layout::$compress(point)
            }
            fn lift(seed: u64) -> Option<$affine> {
                <$affine>::get_point_from_x_unchecked($x(seed), seed & 1 == 1)
            }
        }
    };
}

side!(
    SideG1,
    AffineE1,
    48,
    Fq,
    [MsmG1, MulG1, SumG1, HashToG1, MapToG1, DecompressG1, SubgroupG1],
    msm_g1,
    prepare_g1,
    prepare_fixed_g1,
    msm_g1_prepared,
    mul_g1,
    sum_g1,
    hash_to_g1,
    map_to_g1,
    decompress_g1,
    subgroup_g1,
    g1_on_curve,
    g1_in_subgroup,
    g1_compress,
    Fq::from
);
side!(
    SideG2,
    AffineE2,
    96,
    Fq2,
    [MsmG2, MulG2, SumG2, HashToG2, MapToG2, DecompressG2, SubgroupG2],
    msm_g2,
    prepare_g2,
    prepare_fixed_g2,
    msm_g2_prepared,
    mul_g2,
    sum_g2,
    hash_to_g2,
    map_to_g2,
    decompress_g2,
    subgroup_g2,
    g2_on_curve,
    g2_in_subgroup,
    g2_compress,
    |seed| Fq2::new(Fq::from(seed), Fq::from(1u64))
);
