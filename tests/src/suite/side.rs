//! G1 and G2 as parameters of the checks: a backend's methods, and arkworks' for the same.

use arblast::backend::{Backend, Control, IndexLists, Prepared};
use arblast::{DeviceError, InSubgroup, PointError};
use ark_bls12_381::{Fr, g1, g2};
use ark_ec::AffineRepr;
use ark_ec::hashing::HashToCurve;
use ark_ec::hashing::curve_maps::wb::WBMap;
use ark_ec::hashing::map_to_curve_hasher::{MapToCurve, MapToCurveBasedHasher};
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ff::PrimeField;
use ark_ff::field_hashers::DefaultFieldHasher;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use sha2::Sha256;

type Answer<T> = Result<T, DeviceError>;
/// The affine point of a side, named so that `impl`s can tell the two apart.
type Point<S> = Affine<<S as Side>::Config>;
type Member<S> = InSubgroup<Point<S>>;
/// The field of a side's coordinates.
pub(super) type Coordinate<S> = <Point<S> as AffineRepr>::BaseField;

/// One of the two groups.
pub(super) trait Side {
    /// The curve, for arkworks.
    type Config: SWCurveConfig<ScalarField = Fr>;
    /// The compressed encoding.
    type Bytes: Copy + AsRef<[u8]> + AsMut<[u8]> + for<'a> TryFrom<&'a [u8]>;

    fn msm(b: &dyn Backend, points: &[Member<Self>], scalars: &[Fr], c: &Control) -> Answer<Point<Self>>;
    fn prepare(b: &dyn Backend, points: &[Member<Self>], c: &Control) -> Answer<Prepared>;
    fn prepare_fixed(b: &dyn Backend, points: &[Member<Self>], memory: usize, c: &Control) -> Answer<Prepared>;
    fn msm_prepared(b: &dyn Backend, bases: &Prepared, scalars: &[Fr], c: &Control) -> Answer<Point<Self>>;
    fn mul(b: &dyn Backend, p: &[Member<Self>], s: &[Fr], bits: u32, c: &Control) -> Answer<Vec<Point<Self>>>;
    fn sum(b: &dyn Backend, points: &[Point<Self>], lists: &IndexLists, c: &Control) -> Answer<Vec<Point<Self>>>;
    fn hash(b: &dyn Backend, messages: &[&[u8]], dst: &[u8], c: &Control) -> Answer<Vec<Point<Self>>>;
    fn map(b: &dyn Backend, elements: &[Coordinate<Self>], c: &Control) -> Answer<Vec<Point<Self>>>;
    #[allow(clippy::type_complexity)]
    fn decompress(b: &dyn Backend, bytes: &[Self::Bytes], c: &Control) -> Answer<Vec<Result<Point<Self>, PointError>>>;
    fn subgroup(b: &dyn Backend, points: &[Point<Self>], c: &Control) -> Answer<Vec<bool>>;

    /// arkworks' hash to curve.
    fn ark_hash(message: &[u8], dst: &[u8]) -> Point<Self>;
    /// arkworks' map to curve, cofactor cleared.
    fn ark_map(element: Coordinate<Self>) -> Point<Self>;

    /// The compressed encoding by arkworks.
    fn encode(point: &Point<Self>) -> Self::Bytes {
        let mut bytes = Vec::new();
        // Writing to a vector does not fail, and the length is the encoding's.
        let written = point.serialize_compressed(&mut bytes).ok().and_then(|()| bytes.as_slice().try_into().ok());
        written.unwrap_or_else(|| unreachable!("an encoding of {} bytes", bytes.len()))
    }

    /// What arkworks decodes, membership included. arkworks passes over stray bits beside the infinity flag, so an
    /// encoding must also be the one that it writes.
    fn decode(bytes: &Self::Bytes) -> Option<Point<Self>> {
        let point = Point::<Self>::deserialize_compressed(bytes.as_ref()).ok()?;
        (Self::encode(&point).as_ref() == bytes.as_ref()).then_some(point)
    }

    /// Membership by definition: on the curve, and of order r.
    fn is_member(point: &Point<Self>) -> bool {
        point.is_zero() || (point.is_on_curve() && point.mul_bigint(Fr::MODULUS) == Projective::default())
    }

    /// A point of the curve with this abscissa.
    fn lift(x: Coordinate<Self>) -> Option<Point<Self>> {
        Point::<Self>::get_point_from_x_unchecked(x, false)
    }
}

/// G1.
pub(super) struct G1Side;
/// G2.
pub(super) struct G2Side;

macro_rules! side {
    ($name:ty, $config:ty, $bytes:literal, $msm:ident, $prepare:ident, $prepare_fixed:ident, $msm_prepared:ident, $mul:ident, $sum:ident,
     $hash:ident, $map:ident, $decompress:ident, $subgroup:ident) => {
        impl Side for $name {
            type Config = $config;
            type Bytes = [u8; $bytes];

            fn msm(b: &dyn Backend, points: &[Member<Self>], scalars: &[Fr], c: &Control) -> Answer<Point<Self>> {
                b.$msm(points, scalars, c)
            }
            fn prepare(b: &dyn Backend, points: &[Member<Self>], c: &Control) -> Answer<Prepared> {
                b.$prepare(points, c)
            }
            fn prepare_fixed(b: &dyn Backend, points: &[Member<Self>], memory: usize, c: &Control) -> Answer<Prepared> {
                b.$prepare_fixed(points, memory, c)
            }
            fn msm_prepared(b: &dyn Backend, bases: &Prepared, scalars: &[Fr], c: &Control) -> Answer<Point<Self>> {
                b.$msm_prepared(bases, scalars, c)
            }
            fn mul(b: &dyn Backend, p: &[Member<Self>], s: &[Fr], bits: u32, c: &Control) -> Answer<Vec<Point<Self>>> {
                b.$mul(p, s, bits, c)
            }
            fn sum(b: &dyn Backend, p: &[Point<Self>], lists: &IndexLists, c: &Control) -> Answer<Vec<Point<Self>>> {
                b.$sum(p, lists, c)
            }
            fn hash(b: &dyn Backend, messages: &[&[u8]], dst: &[u8], c: &Control) -> Answer<Vec<Point<Self>>> {
                b.$hash(messages, dst, c)
            }
            fn map(b: &dyn Backend, elements: &[Coordinate<Self>], c: &Control) -> Answer<Vec<Point<Self>>> {
                b.$map(elements, c)
            }
            fn decompress(
                b: &dyn Backend,
                bytes: &[Self::Bytes],
                c: &Control,
            ) -> Answer<Vec<Result<Point<Self>, PointError>>> {
                b.$decompress(bytes, c)
            }
            fn subgroup(b: &dyn Backend, points: &[Point<Self>], c: &Control) -> Answer<Vec<bool>> {
                b.$subgroup(points, c)
            }
            fn ark_hash(message: &[u8], dst: &[u8]) -> Point<Self> {
                type Hasher =
                    MapToCurveBasedHasher<Projective<$config>, DefaultFieldHasher<Sha256, 128>, WBMap<$config>>;
                Hasher::new(dst).and_then(|h| h.hash(message)).unwrap_or_else(|e| unreachable!("arkworks: {e}"))
            }
            fn ark_map(element: Coordinate<Self>) -> Point<Self> {
                let mapped = WBMap::<$config>::map_to_curve(element);
                mapped.unwrap_or_else(|e| unreachable!("arkworks: {e}")).clear_cofactor()
            }
        }
    };
}

side!(
    G1Side,
    g1::Config,
    48,
    msm_g1,
    prepare_g1,
    prepare_fixed_g1,
    msm_g1_prepared,
    mul_g1,
    sum_g1,
    hash_to_g1,
    map_to_g1,
    decompress_g1,
    subgroup_g1
);
side!(
    G2Side,
    g2::Config,
    96,
    msm_g2,
    prepare_g2,
    prepare_fixed_g2,
    msm_g2_prepared,
    mul_g2,
    sum_g2,
    hash_to_g2,
    map_to_g2,
    decompress_g2,
    subgroup_g2
);
