//! The checks of the group operations, for G1 and G2 alike.

use super::side::{Coordinate, Side};
use super::{LENGTHS, answer, control, same, same_list};
use crate::random::{Random, edge_members, edge_scalars};
use arblast::InSubgroup;
use arblast::backend::{Backend, IndexLists};
use ark_bls12_381::Fr;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{AdditiveGroup, BigInteger, Field, One, PrimeField, Zero};

type Point<S> = Affine<<S as Side>::Config>;
type Member<S> = InSubgroup<Point<S>>;
type Checked = Result<(), String>;

/// MSM, with bases sent along, prepared, and prepared with multiples.
pub(super) fn msm<S: Side>(backend: &dyn Backend) -> Checked {
    let mut random = Random::new("msm");
    // Every edge point with every edge scalar, in one sum and one by one.
    let (members, scalars) = (edge_members::<Point<S>>(), edge_scalars());
    let grid: Vec<_> = members.iter().flat_map(|p| scalars.iter().map(move |s| (*p, *s))).collect();
    for (i, term) in grid.iter().enumerate() {
        msm_once::<S>(backend, &format!("edge {i}"), &[*term])?;
    }
    msm_once::<S>(backend, "all edges", &grid)?;
    for n in LENGTHS.into_iter().chain([700, 1021]) {
        let terms: Vec<_> = random.members(n).into_iter().zip(random.scalars(n)).collect();
        msm_once::<S>(backend, &format!("{n} random"), &terms)?;
    }
    for n in [2, 33, 257] {
        let (point, scalars) = (random.member(), random.scalars(n));
        let repeated: Vec<_> = scalars.iter().map(|s| (point, *s)).collect();
        msm_once::<S>(backend, &format!("{n} times one point"), &repeated)?;
        // Equal scalars put equal and opposite points into the same bucket.
        let scalar = scalars[0];
        let opposite: Vec<_> = (0..n)
            .map(|i| (if i % 2 == 0 { point } else { InSubgroup::new_unchecked(-*point.affine()) }, scalar))
            .collect();
        msm_once::<S>(backend, &format!("{n} times P and -P"), &opposite)?;
        let small: Vec<_> = random.members(n).into_iter().map(|p| (p, Fr::from(random.number() >> 59))).collect();
        msm_once::<S>(backend, &format!("{n} short scalars"), &small)?;
    }
    Ok(())
}

fn msm_once<S: Side>(backend: &dyn Backend, case: &str, terms: &[(Member<S>, Fr)]) -> Checked {
    let (points, scalars): (Vec<_>, Vec<_>) = terms.iter().copied().unzip();
    let plain = Member::<S>::as_affine_slice(&points);
    let expected = match terms.len() {
        ..=100 => plain.iter().zip(&scalars).map(|(p, s)| *p * s).sum::<Projective<S::Config>>(),
        _ => Projective::<S::Config>::msm_unchecked(plain, &scalars),
    }
    .into_affine();
    let got = answer(case, S::msm(backend, &points, &scalars, &control()))?;
    same(case, &got, &expected)?;
    let bases = answer(case, S::prepare(backend, &points, &control()))?;
    let got = answer(case, S::msm_prepared(backend, &bases, &scalars, &control()))?;
    same(&format!("{case}, prepared"), &got, &expected)?;
    // Memory for no table, a narrow one and a wide one.
    for base in [1, 1 << 11, 1 << 14] {
        let case = format!("{case}, {base} bytes a base");
        let bases = answer(&case, S::prepare_fixed(backend, &points, base * points.len(), &control()))?;
        let got = answer(&case, S::msm_prepared(backend, &bases, &scalars, &control()))?;
        same(&case, &got, &expected)?;
        // The same bases again, with other scalars.
        let negated: Vec<_> = scalars.iter().map(|s| -*s).collect();
        let got = answer(&case, S::msm_prepared(backend, &bases, &negated, &control()))?;
        same(&format!("{case}, negated"), &got, &-expected)?;
    }
    Ok(())
}

/// Elementwise multiplication, with the bound on the bit length tight and loose.
pub(super) fn mul<S: Side>(backend: &dyn Backend) -> Checked {
    let mut random = Random::new("mul");
    let check = |case: &str, points: &[Member<S>], scalars: &[Fr]| {
        let expected: Vec<Point<S>> =
            points.iter().zip(scalars).map(|(p, s)| (*p.affine() * s).into_affine()).collect();
        let tight = scalars.iter().map(|s| s.into_bigint().num_bits()).max().unwrap_or(0);
        for bits in [tight, Fr::MODULUS_BIT_SIZE] {
            let got = answer(case, S::mul(backend, points, scalars, bits, &control()))?;
            same_list(&format!("{case}, {bits} bits"), &got, &expected)?;
        }
        Ok::<(), String>(())
    };
    let scalars = edge_scalars();
    for point in edge_members::<Point<S>>() {
        check("edges", &vec![point; scalars.len()], &scalars)?;
    }
    for n in LENGTHS {
        check(&format!("{n} random"), &random.members(n), &random.scalars(n))?;
        let short: Vec<Fr> = (0..n).map(|_| Fr::from(random.number())).collect();
        check(&format!("{n} of 64 bits"), &random.members(n), &short)?;
    }
    Ok(())
}

/// Points of the curve outside the subgroup.
fn outsiders<S: Side>(random: &mut Random, count: usize) -> Vec<Point<S>> {
    let point = || loop {
        if let Some(point) = S::lift(random.field()).filter(|p| !S::is_member(p)) {
            return point;
        }
    };
    std::iter::repeat_with(point).take(count).collect()
}

/// Sums by index lists, of members and of other points of the curve.
pub(super) fn sum<S: Side>(backend: &dyn Backend) -> Checked {
    let mut random = Random::new("sum");
    let mut points: Vec<Point<S>> = edge_members::<Point<S>>().into_iter().map(InSubgroup::into_affine).collect();
    points.extend(random.members::<Point<S>>(250).into_iter().map(InSubgroup::into_affine));
    points.extend(outsiders::<S>(&mut random, 4));
    let check = |case: &str, lists: &IndexLists| {
        let total = |list: &[u32]| list.iter().map(|&i| points[i as usize]).sum::<Projective<S::Config>>();
        let expected: Vec<Point<S>> = lists.iter().map(|list| total(list).into_affine()).collect();
        let got = answer(case, S::sum(backend, &points, lists, &control()))?;
        same_list(case, &got, &expected)
    };
    check("no lists", &IndexLists::new())?;
    check("one empty list", &[vec![]].into_iter().collect())?;
    // The edges are: identity, g, −g, g, 2g.
    let edges = [vec![0], vec![0, 0], vec![1, 2], vec![1, 3], vec![1, 1, 1], vec![], vec![4, 2, 2], vec![1, 2, 0, 3]];
    check("edges", &edges.into_iter().collect())?;
    check("everything once", &IndexLists::all(points.len()))?;
    for n in LENGTHS.into_iter().chain([1025, 2500]) {
        let mut lists = IndexLists::new();
        for length in [n, 0, n / 2 + 1] {
            lists.push((0..length).map(|_| random.below(points.len()) as u32).collect::<Vec<_>>());
        }
        check(&format!("lists of {n}"), &lists)?;
    }
    let many: IndexLists =
        (0..300).map(|i| (0..i % 5).map(|_| random.below(points.len()) as u32).collect::<Vec<_>>()).collect();
    check("many short lists", &many)?;
    let none: Vec<Point<S>> = Vec::new();
    let got = answer("no points", S::sum(backend, &none, &[vec![]].into_iter().collect(), &control()))?;
    same_list("no points", &got, &[Point::<S>::zero()])
}

/// Hash to curve, for messages and tags of several lengths.
pub(super) fn hash<S: Side>(backend: &dyn Backend) -> Checked {
    let mut random = Random::new("hash");
    let long = random.bytes(255);
    let tags: [&[u8]; 3] = [b"Q", b"QUUX-V01-CS02-with-arblast", &long];
    for dst in tags {
        let lengths = [0, 1, 31, 32, 33, 55, 56, 63, 64, 65, 127, 128, 200, 1000];
        let messages: Vec<Vec<u8>> = lengths.iter().map(|n| random.bytes(*n)).collect();
        check_hash::<S>(backend, &format!("tag of {} bytes", dst.len()), &messages, dst)?;
    }
    for n in [0, 1, 2, 3, 17, 257] {
        let message = random.bytes(32);
        let messages: Vec<Vec<u8>> =
            (0..n).map(|i| if i % 3 == 0 { message.clone() } else { random.bytes(32) }).collect();
        check_hash::<S>(backend, &format!("{n} messages"), &messages, tags[1])?;
    }
    Ok(())
}

fn check_hash<S: Side>(backend: &dyn Backend, case: &str, messages: &[Vec<u8>], dst: &[u8]) -> Checked {
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let expected: Vec<Point<S>> = messages.iter().map(|m| S::ark_hash(m, dst)).collect();
    let got = answer(case, S::hash(backend, &messages, dst, &control()))?;
    same_list(case, &got, &expected)
}

/// Map to curve, of exceptional and random field elements.
pub(super) fn map<S: Side>(backend: &dyn Backend) -> Checked {
    let mut random = Random::new("map");
    let one = Coordinate::<S>::one();
    let mut elements = vec![Coordinate::<S>::ZERO, one, -one, one.double(), -one.double()];
    elements.extend((0..300).map(|_| random.field::<Coordinate<S>>()));
    for n in [0, 1, 2, 3, 5, 17, 257, elements.len()] {
        let expected: Vec<Point<S>> = elements[..n].iter().map(|u| S::ark_map(*u)).collect();
        let case = format!("{n} elements");
        let got = answer(&case, S::map(backend, &elements[..n], &control()))?;
        same_list(&case, &got, &expected)?;
    }
    Ok(())
}

/// Decompression: members, the identity, outsiders, abscissas off the curve, broken flags, random bytes.
pub(super) fn decompress<S: Side>(backend: &dyn Backend) -> Checked {
    let mut random = Random::new("decompress");
    let mut encoded: Vec<S::Bytes> = edge_members::<Point<S>>().iter().map(|p| S::encode(p.affine())).collect();
    encoded.extend(random.members::<Point<S>>(280).iter().map(|p| S::encode(p.affine())));
    encoded.extend(outsiders::<S>(&mut random, 6).iter().map(S::encode));
    let valid = encoded.clone();
    // All ways to set the three flags, on the identity's encoding and on another.
    for base in [valid[0], valid[5]] {
        for flags in 0..8u8 {
            let mut bytes = base;
            bytes.as_mut()[0] = (bytes.as_mut()[0] & 0x1f) | flags << 5;
            encoded.push(bytes);
        }
    }
    for i in 0..300 {
        let mut bytes = valid[i % valid.len()];
        let (place, bit) = (random.below(bytes.as_ref().len()), random.below(8));
        bytes.as_mut()[place] ^= 1 << bit;
        encoded.push(bytes);
        let noise = random.bytes(bytes.as_ref().len());
        bytes.as_mut().copy_from_slice(&noise);
        encoded.push(bytes);
    }
    for fill in [0x00, 0xff] {
        let mut bytes = valid[0];
        bytes.as_mut().fill(fill);
        encoded.push(bytes);
    }
    for n in [0, 1, 2, 3, 257, encoded.len()] {
        let expected: Vec<Option<Point<S>>> = encoded[..n].iter().map(S::decode).collect();
        let case = format!("{n} encodings");
        let got = answer(&case, S::decompress(backend, &encoded[..n], &control()))?;
        same_list(&case, &got.into_iter().map(Result::ok).collect::<Vec<_>>(), &expected)?;
    }
    Ok(())
}

/// Membership: members, outsiders, and coordinates off the curve.
pub(super) fn subgroup<S: Side>(backend: &dyn Backend) -> Checked {
    let mut random = Random::new("subgroup");
    let mut points: Vec<Point<S>> = edge_members::<Point<S>>().into_iter().map(InSubgroup::into_affine).collect();
    points.extend(random.members::<Point<S>>(260).into_iter().map(InSubgroup::into_affine));
    points.extend(outsiders::<S>(&mut random, 6));
    for _ in 0..6 {
        points.push(Point::<S>::new_unchecked(random.field(), random.field()));
        // The endomorphism of a member, with one coordinate spoiled.
        let member = random.member::<Point<S>>().into_affine();
        points.push(Point::<S>::new_unchecked(member.x, member.y + Coordinate::<S>::ONE));
    }
    points.push(Point::<S>::new_unchecked(Coordinate::<S>::zero(), Coordinate::<S>::one()));
    for n in [0, 1, 2, 3, 17, 257, points.len()] {
        let expected: Vec<bool> = points[..n].iter().map(S::is_member).collect();
        let case = format!("{n} points");
        let got = answer(&case, S::subgroup(backend, &points[..n], &control()))?;
        same_list(&case, &got, &expected)?;
    }
    Ok(())
}
