//! Programs against arkworks: on a device and, with none, by the interpreter.

use super::executor::{Executor, WORDS};
use super::number::{from_host, from_kernel, host_words, kernel_words};
use super::{Checked, label, on_stages};
use arblast::gpu::Family;
use arblast_kernels::machine::{Builder, Program, Results, Value};
use arblast_kernels::programs::curve::Point;
use arblast_kernels::programs::decode::{Numbers, decompression, membership};
use arblast_kernels::programs::pairing;
use arblast_kernels::programs::tower::{Coordinate, Fp2};
use arblast_kernels::{Field, Group};
use arblast_tests::harness::done;
use arblast_tests::random::{Random, edge_members};
use ark_bls12_381::{Bls12_381, Fq, Fq2, Fq12, G1Affine, G2Affine, g1, g2};
use ark_ec::models::bls12::Bls12Config as _;
use ark_ec::pairing::{MillerLoopOutput, Pairing as _};
use ark_ec::short_weierstrass::Affine;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup as _, Field as _, PrimeField as _, Zero as _};
use libtest_mimic::Trial;

type Check = fn(Executor<'_>) -> Checked;

pub fn trials(family: Family) -> Vec<Trial> {
    let checks: [(&str, Check); 10] = [
        ("programs::additions-g1", additions::<Value, G1Affine>),
        ("programs::additions-g2", additions::<Fp2, G2Affine>),
        ("programs::multiples-g1", multiples::<Value, G1Affine>),
        ("programs::multiples-g2", multiples::<Fp2, G2Affine>),
        ("programs::decompression-g1", decompressions::<G1Affine>),
        ("programs::decompression-g2", decompressions::<G2Affine>),
        ("programs::membership-g1", memberships::<G1Affine>),
        ("programs::membership-g2", memberships::<G2Affine>),
        ("programs::pairing", pairings),
        ("programs::miller-loop", miller_loops),
    ];
    checks
        .into_iter()
        .flat_map(|(name, check)| {
            let interpreted = Trial::test(format!("{name}, interpreted, {}", label(family)), move || {
                done(check(Executor::Interpreter(family))).map(drop)
            });
            [interpreted, on_stages(name, family, move |stages| check(Executor::Device(stages)))]
        })
        .collect()
}

/// A curve of arkworks whose points the programs take.
trait Curve: AffineRepr<BaseField: ark_ff::Field<BasePrimeField = Fq>> {
    const GROUP: Group;

    /// Its coefficients over Fp.
    fn elements(coordinate: Self::BaseField) -> Vec<Fq> {
        coordinate.to_base_prime_field_elements().collect()
    }

    fn coordinate(elements: &[Fq]) -> Self::BaseField {
        Self::BaseField::from_base_prime_field_elems(elements.iter().copied()).unwrap_or_default()
    }

    /// The curve with this abscissa, in and out of the subgroup.
    fn lift(x: Self::BaseField) -> Option<Self>;
}

impl Curve for Affine<g1::Config> {
    const GROUP: Group = Group::G1;

    fn lift(x: Fq) -> Option<Self> {
        Self::get_point_from_x_unchecked(x, false)
    }
}

impl Curve for Affine<g2::Config> {
    const GROUP: Group = Group::G2;

    fn lift(x: Fq2) -> Option<Self> {
        Self::get_point_from_x_unchecked(x, false)
    }
}

/// A homogeneous point with Z = z, in the kernel's form; the identity is (0 : z : 0).
fn homogeneous<C: Curve>(point: C, z: C::BaseField, family: Family) -> Vec<u32> {
    let coordinates = match point.xy() {
        Some((x, y)) => [x * z, y * z, z],
        None => [C::BaseField::zero(), z, C::BaseField::zero()],
    };
    coordinates.into_iter().flat_map(C::elements).flat_map(|e| kernel_words(Field::Fp, family, e)).collect()
}

/// Whether the words are the point, homogeneous and in the kernel's form.
fn is_point<C: Curve>(words: &[u32], family: Family, point: C) -> bool {
    let values: Vec<Fq> = words.chunks(WORDS).map(|element| from_kernel(Field::Fp, family, element)).collect();
    let [x, y, z] = [0, 1, 2].map(|i| C::coordinate(&values[i * values.len() / 3..(i + 1) * values.len() / 3]));
    match point.xy() {
        Some((px, py)) => !z.is_zero() && x == px * z && y == py * z,
        None => z.is_zero() && x.is_zero() && !y.is_zero(),
    }
}

/// Points of the curve: the edges, two members, and one outside the subgroup.
fn points<C: Curve<ScalarField = ark_bls12_381::Fr>>(random: &mut Random) -> Vec<C> {
    let mut points: Vec<C> = edge_members::<C>().into_iter().map(|member| member.into_affine()).collect();
    points.extend(random.members::<C>(2).into_iter().map(|member| member.into_affine()));
    points.push(outsider(random));
    points
}

fn outsider<C: Curve<ScalarField = ark_bls12_381::Fr>>(random: &mut Random) -> C {
    loop {
        let point = C::lift(random.field());
        if let Some(point) = point.filter(|point| !point.mul_bigint(ark_bls12_381::Fr::MODULUS).is_zero()) {
            return point;
        }
    }
}

/// P + Q and 2P for all pairs of points, with any Z.
fn additions<K: Coordinate, C: Curve<ScalarField = ark_bls12_381::Fr>>(executor: Executor<'_>) -> Checked {
    let mut m = Builder::new();
    let point = |at: usize, m: &mut Builder| {
        let mut coordinate = |i: usize| K::read(|e| m.input((at + i) * K::ELEMENTS + e));
        Point { x: coordinate(0), y: coordinate(1), z: coordinate(2) }
    };
    let (p, q) = (point(0, &mut m), point(3, &mut m));
    let (sum, double) = (p.add(q, &mut m), p.double(&mut m));
    let results = [sum.x, sum.y, sum.z, double.x, double.y, double.z];
    for (i, value) in results.into_iter().flat_map(|c| (0..K::ELEMENTS).map(move |e| c.element(e))).enumerate() {
        m.store(i, value);
    }
    let (mut random, family) = (Random::new("gpu additions"), executor.family());
    let points = points::<C>(&mut random);
    let pairs: Vec<(C, C)> = points.iter().flat_map(|p| points.iter().map(|q| (*p, *q))).collect();
    let input: Vec<u32> = pairs
        .iter()
        .flat_map(|(p, q)| [homogeneous(*p, random.field(), family), homogeneous(*q, random.field(), family)].concat())
        .collect();
    let out = executor.outputs(&m.finish(Results::Output, 0), pairs.len(), &input)?;
    for ((p, q), words) in pairs.iter().zip(out.chunks(6 * K::ELEMENTS * WORDS)) {
        let (sum, double) = words.split_at(3 * K::ELEMENTS * WORDS);
        if !is_point(sum, family, (*p + *q).into_affine()) {
            return Err(format!("{p} + {q} is wrong"));
        }
        if !is_point(double, family, (*p + *p).into_affine()) {
            return Err(format!("twice {p} is wrong"));
        }
    }
    Ok(())
}

/// k·P for fixed k.
fn multiples<K: Coordinate, C: Curve<ScalarField = ark_bls12_381::Fr>>(executor: Executor<'_>) -> Checked {
    let multipliers = [1, 2, 3, 5, 0x8000_0000_0000_0000, ark_bls12_381::Config::X[0]];
    let (mut random, family) = (Random::new("gpu multiples"), executor.family());
    let points = points::<C>(&mut random);
    let input: Vec<u32> = points.iter().flat_map(|p| homogeneous(*p, random.field(), family)).collect();
    for k in multipliers {
        let mut m = Builder::new();
        let mut coordinate = |i: usize| K::read(|e| m.input(i * K::ELEMENTS + e));
        let p = Point { x: coordinate(0), y: coordinate(1), z: coordinate(2) };
        let product = p.times(k, &mut m);
        let elements = [product.x, product.y, product.z].into_iter();
        elements.flat_map(|c| (0..K::ELEMENTS).map(move |e| c.element(e))).enumerate().for_each(|(i, v)| m.store(i, v));
        let out = executor.outputs(&m.finish(Results::Output, 0), points.len(), &input)?;
        for (point, words) in points.iter().zip(out.chunks(3 * K::ELEMENTS * WORDS)) {
            if !is_point(words, family, point.mul_bigint([k]).into_affine()) {
                return Err(format!("{k} times {point} is wrong"));
            }
        }
    }
    Ok(())
}

/// The exponent (p − 3)/4 and the seed.
fn numbers() -> Numbers {
    let mut exponent = (-Fq::from(3u64)).into_bigint();
    ark_ff::BigInteger::div2(&mut exponent);
    ark_ff::BigInteger::div2(&mut exponent);
    Numbers { exponent: exponent.0.to_vec(), seed: ark_bls12_381::Config::X[0] }
}

fn coordinate_words<C: Curve>(coordinate: C::BaseField) -> Vec<u32> {
    C::elements(coordinate).into_iter().flat_map(|e| host_words(Field::Fp, e)).collect()
}

/// Roots and checks for points in and out of the subgroup.
fn decompressions<C: Curve<ScalarField = ark_bls12_381::Fr>>(executor: Executor<'_>) -> Checked {
    let mut random = Random::new("gpu decompression");
    let points: Vec<C> = points::<C>(&mut random).into_iter().filter(|p| !p.is_zero()).collect();
    let program = decompression(C::GROUP, &numbers());
    let input: Vec<u32> = points.iter().filter_map(|p| p.x()).flat_map(coordinate_words::<C>).collect();
    let out = executor.outputs(&program, points.len(), &input)?;
    let each = C::GROUP.coordinate() * WORDS;
    for (point, words) in points.iter().zip(out.chunks(2 * each)) {
        let (root, check) = words.split_at(each);
        let root: Vec<Fq> = root.chunks(WORDS).map(|element| from_host(Field::Fp, element)).collect();
        let (root, y) = (C::coordinate(&root), point.y().unwrap_or_default());
        if root != y && root != -y {
            return Err(format!("the root for {point} is wrong"));
        }
        expect_membership(point, check, executor.family())?;
    }
    Ok(())
}

fn memberships<C: Curve<ScalarField = ark_bls12_381::Fr>>(executor: Executor<'_>) -> Checked {
    let mut random = Random::new("gpu membership");
    let mut points: Vec<C> = points::<C>(&mut random).into_iter().filter(|p| !p.is_zero()).collect();
    points.extend((0..6).map(|_| outsider::<C>(&mut random)));
    // A point of the cofactor's order, and its sum with a member.
    let other = points[points.len() - 1].mul_bigint(ark_bls12_381::Fr::MODULUS);
    points.extend([other.into_affine(), (other + points[0]).into_affine()]);
    let program = membership(C::GROUP, &numbers());
    let words = |p: &C| [p.x(), p.y()].into_iter().flatten().flat_map(coordinate_words::<C>).collect::<Vec<u32>>();
    let out = executor.outputs(&program, points.len(), &points.iter().flat_map(words).collect::<Vec<u32>>())?;
    for (point, check) in points.iter().zip(out.chunks(C::GROUP.coordinate() * WORDS)) {
        expect_membership(point, check, executor.family())?;
    }
    Ok(())
}

fn expect_membership<C: Curve<ScalarField = ark_bls12_381::Fr>>(point: &C, check: &[u32], family: Family) -> Checked {
    let zero = check.chunks(WORDS).all(|element| from_kernel::<Fq>(Field::Fp, family, element).is_zero());
    let member = point.mul_bigint(ark_bls12_381::Fr::MODULUS).is_zero();
    if zero == member { Ok(()) } else { Err(format!("{point}: said to be a member: {zero}; is one: {member}")) }
}

fn fq12_words(f: &Fq12, family: Family) -> Vec<u32> {
    f.to_base_prime_field_elements().flat_map(|e| kernel_words(Field::Fp, family, e)).collect()
}

fn is_fq12(words: &[u32], f: &Fq12, family: Family) -> bool {
    let elements = words.chunks(WORDS).map(|e| from_kernel::<Fq>(Field::Fp, family, e));
    elements.eq(f.to_base_prime_field_elements())
}

/// A pair as the steps of the loop take it.
fn pair_words(p: &G1Affine, q: &G2Affine) -> Vec<u32> {
    let p = [p.x, p.y].into_iter().flat_map(coordinate_words::<G1Affine>);
    p.chain([q.x, q.y].into_iter().flat_map(coordinate_words::<G2Affine>)).collect()
}

/// Products in Fp12, the first state, and what a doubling and an addition do to T.
fn pairings(executor: Executor<'_>) -> Checked {
    let (mut random, family) = (Random::new("gpu pairing"), executor.family());
    let (a, b): (Fq12, Fq12) = (random.field(), random.field());
    let cases = [(a, b), (a, a), (Fq12::ONE, a), (Fq12::ZERO, a), (-Fq12::ONE, -Fq12::ONE)];
    let input: Vec<u32> =
        cases.iter().flat_map(|(a, b)| [fq12_words(a, family), fq12_words(b, family)].concat()).collect();
    let out = executor.outputs(&pairing::product(), cases.len(), &input)?;
    for ((a, b), words) in cases.iter().zip(out.chunks(12 * WORDS)) {
        if !is_fq12(words, &(a * b), family) {
            return Err(format!("{a} times {b} is wrong"));
        }
    }
    // From here on with the state of pairs.
    let ps: Vec<G1Affine> = random.members(3).into_iter().map(|p| p.into_affine()).collect();
    let qs: Vec<G2Affine> = random.members(3).into_iter().map(|q| q.into_affine()).collect();
    let input: Vec<u32> = ps.iter().zip(&qs).flat_map(|(p, q)| pair_words(p, q)).collect();
    let run = |program: &Program, state: &[u32]| executor.run(program, 3, &input, state);
    let mut state = run(&pairing::start(), &vec![0; 3 * pairing::STATE * WORDS])?;
    let mut multiple = 1u64;
    // 1, 2, 3, 6, 7, 14, 15: doublings and additions as in a loop.
    for step in 0..7 {
        for (q, words) in qs.iter().zip(state.chunks(pairing::STATE * WORDS)) {
            let t = &words[12 * WORDS..];
            if !is_point(t, family, q.mul_bigint([multiple]).into_affine()) {
                return Err(format!("T after {step} steps is not {multiple}·Q"));
            }
            if step == 0 && !is_fq12(&words[..12 * WORDS], &Fq12::ONE, family) {
                return Err("f does not begin at 1".into());
            }
        }
        let double = step % 2 == 0;
        state = run(&if double { pairing::double() } else { pairing::add() }, &state)?;
        multiple = if double { 2 * multiple } else { multiple + 1 };
    }
    let ends = executor.outputs(&pairing::end(), 3, &state)?;
    for (f, end) in state.chunks(pairing::STATE * WORDS).zip(ends.chunks(12 * WORDS)) {
        let f: Vec<Fq> = f[..12 * WORDS].chunks(WORDS).map(|e| from_kernel(Field::Fp, family, e)).collect();
        let mut f = Fq12::from_base_prime_field_elems(f).unwrap_or_default();
        f.conjugate_in_place();
        if !is_fq12(end, &f, family) {
            return Err("the end of the loop is not the conjugate".into());
        }
    }
    Ok(())
}

/// Whole loops: the pairing of each pair by itself.
fn miller_loops(executor: Executor<'_>) -> Checked {
    let (mut random, family) = (Random::new("gpu miller"), executor.family());
    let ps: Vec<G1Affine> = random.members(3).into_iter().map(|p| p.into_affine()).collect();
    let qs: Vec<G2Affine> = random.members(3).into_iter().map(|q| q.into_affine()).collect();
    let input: Vec<u32> = ps.iter().zip(&qs).flat_map(|(p, q)| pair_words(p, q)).collect();
    let (double, add) = (pairing::double(), pairing::add());
    let mut state = executor.run(&pairing::start(), 3, &input, &vec![0; 3 * pairing::STATE * WORDS])?;
    let seed = ark_bls12_381::Config::X[0];
    for bit in (0..seed.ilog2()).rev() {
        state = executor.run(&double, 3, &input, &state)?;
        if seed >> bit & 1 == 1 {
            state = executor.run(&add, 3, &input, &state)?;
        }
    }
    let ends = executor.outputs(&pairing::end(), 3, &state)?;
    for ((p, q), end) in ps.iter().zip(&qs).zip(ends.chunks(12 * WORDS)) {
        let f = end.chunks(WORDS).map(|element| from_kernel::<Fq>(Field::Fp, family, element));
        let f = Fq12::from_base_prime_field_elems(f).unwrap_or_default();
        let value = Bls12_381::final_exponentiation(MillerLoopOutput(f));
        if value != Some(Bls12_381::pairing(*p, *q)) {
            return Err(format!("the pairing of {p} and {q} is wrong"));
        }
    }
    Ok(())
}
