//! The folded G2 adder against its software model and arkworks.

mod common;

use arblast_hdl::design;
use arblast_hdl::field2::{self, Fp2, Projective2};
use arblast_hdl::units::point_add_g2::PointAddG2;
use arblast_verilator::{Model, Options};
use ark_bls12_381::{Fq, Fq2, Fr, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInt, Field, PrimeField};
use common::{below, corners, random, verilator};
use num_bigint::BigUint;
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

/// Runs all pairs through the adder; a pair is offered `gap(i)` clocks after the one before was taken.
fn run_adder(pairs: &[[Projective2; 2]], options: &Options, gap: &mut dyn FnMut() -> u64) -> (Vec<Projective2>, u64) {
    let (mut latency, mut interval) = (0, 0);
    let built = design("point_add_g2", || {
        let unit = PointAddG2::<12>::default();
        (latency, interval) = (unit.latency() as u64, unit.interval() as u64);
        unit
    });
    let mut model = Model::new(&built, options).unwrap();
    let pin = |name: &str, model: &Model| model.pin(name);
    let [reset, in_valid, in_tag, in_ready, want, c0, c1] =
        ["reset", "in_valid", "in_tag", "in_ready", "want", "in_c0", "in_c1"].map(|name| pin(name, &model));
    let [out_valid, out_index, out_tag, out_c0, out_c1] =
        ["out_valid", "out_index", "out_tag", "out_c0", "out_c1"].map(|name| pin(name, &model));
    model.set(reset, 1);
    for _ in 0..2 * latency {
        model.settle();
        model.edge();
    }
    model.set(reset, 0);
    let (mut sums, mut coordinates): (Vec<Projective2>, Vec<Fp2>) = (Vec::new(), Vec::new());
    let (mut taken, mut wait, mut asked) = (0, gap(), [0usize; 2]);
    let start = model.cycles();
    while sums.len() < pairs.len() {
        assert!(model.cycles() - start < (pairs.len() as u64 + 40) * interval * 4, "the adder does not answer");
        let offered = taken < pairs.len() && wait == 0;
        model.set(in_valid, offered.into());
        model.set(in_tag, (taken * 7 % 4096) as u32);
        // Operands two clocks after they were asked for; a pair stays until its last operand was read.
        let [x1, x2, y1, y2, z1, z2] = operands(pairs, asked[1] / 8);
        let value = [x1, x2, y1, y2, z1, z2][asked[1] % 8];
        model.set_big(c0, &value[0]);
        model.set_big(c1, &value[1]);
        model.settle();
        asked = [8 * taken.min(pairs.len() - 1) + model.get(want) as usize, asked[0]];
        if model.get(out_valid) == 1 {
            assert_eq!(model.get(out_index) as usize, coordinates.len());
            assert_eq!(model.get(out_tag) as usize, sums.len() * 7 % 4096);
            coordinates.push([model.get_big(out_c0), model.get_big(out_c1)]);
            if let [x, y, z] = &coordinates[..] {
                sums.push([x.clone(), y.clone(), z.clone()]);
                coordinates.clear();
            }
        }
        if model.get(in_ready) == 1 {
            assert!(offered);
            (taken, wait) = (taken + 1, gap() + 1);
        }
        wait = wait.saturating_sub(1);
        model.edge();
    }
    (sums, model.cycles() - start)
}

/// The operands of a pair in the order of their numbers.
fn operands(pairs: &[[Projective2; 2]], index: usize) -> [&Fp2; 6] {
    let [a, b] = &pairs[index];
    [&a[0], &b[0], &a[1], &b[1], &a[2], &b[2]]
}

/// The formulas are polynomials: any coordinates below p must agree with the model.
#[test]
fn folded_adder_agrees_with_the_formulas() {
    if !verilator("folded_adder_agrees_with_the_formulas") {
        return;
    }
    let (p, mut rng, all) = (arblast_hdl::field::modulus(), random(41), corners());
    let mut index = 0;
    let mut element = |rng: &mut ChaCha20Rng| -> Fp2 {
        index += 1;
        std::array::from_fn(|i| {
            if index < 1500 { all[(index * (7 + 6 * i) + i) % all.len()].clone() } else { below(rng, &p) }
        })
    };
    let pairs: Vec<[Projective2; 2]> =
        (0..400).map(|_| std::array::from_fn(|_| std::array::from_fn(|_| element(&mut rng)))).collect();
    let wanted: Vec<Projective2> = pairs.iter().map(|[a, b]| field2::point_add(a, b)).collect();
    let start = std::time::Instant::now();
    let (got, clocks) = run_adder(&pairs, &Options::fast(), &mut || 0);
    println!("{clocks} clocks for {} additions, {:?}", pairs.len(), start.elapsed());
    for (i, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
        assert_eq!(got, wanted, "pair {i}");
    }
    // Pairs that come now and then, into a unit that starts at random.
    let mut gaps = random(42);
    let options = Options::fast().with_random_start(23);
    let (got, _) = run_adder(&pairs[..60], &options, &mut || u64::from(gaps.next_u32() % 100));
    assert!(got == wanted[..60]);
}

/// A coordinate in the engines' form; arkworks keeps it in Montgomery form with the same radix.
fn to_engine(value: &Fq2) -> Fp2 {
    [&value.c0, &value.c1].map(|c| BigUint::from_slice(&c.0.0.map(|l| [l as u32, (l >> 32) as u32]).concat()))
}

fn from_engine(value: &Fp2) -> Fq2 {
    let component = |c: &BigUint| {
        let mut limbs = [0; 6];
        c.to_u64_digits().iter().zip(&mut limbs).for_each(|(from, to)| *to = *from);
        let value = BigInt::<6>::new(limbs);
        assert!(value < Fq::MODULUS, "a coordinate is not below p");
        Fq::new_unchecked(value)
    };
    Fq2::new(component(&value[0]), component(&value[1]))
}

fn scalar(rng: &mut ChaCha20Rng) -> Fr {
    let mut bytes = [0; 64];
    rng.fill_bytes(&mut bytes);
    Fr::from_le_bytes_mod_order(&bytes)
}

fn field(rng: &mut ChaCha20Rng) -> Fq2 {
    let mut component = || {
        let mut bytes = [0; 64];
        rng.fill_bytes(&mut bytes);
        Fq::from_le_bytes_mod_order(&bytes)
    };
    Fq2::new(component(), component())
}

/// A point of the curve that is not in the subgroup.
fn outside(rng: &mut ChaCha20Rng) -> G2Affine {
    let points = std::iter::repeat_with(|| G2Affine::get_point_from_x_unchecked(field(rng), false)).flatten();
    points.filter(|point| !point.is_in_correct_subgroup_assuming_on_curve()).take(1).next().unwrap()
}

/// Homogeneous coordinates with a random Z; the identity is (0 : Y : 0).
fn projective(point: &G2Affine, rng: &mut ChaCha20Rng) -> Projective2 {
    let z = field(rng);
    match point.xy() {
        Some((x, y)) => [to_engine(&(x * z)), to_engine(&(y * z)), to_engine(&z)],
        None => [Fq2::default(), z, Fq2::default()].map(|c| to_engine(&c)),
    }
}

/// Every kind of pair on the curve: the formulas know no exception, in the subgroup and outside.
#[test]
fn folded_adder_is_complete_on_the_curve() {
    if !verilator("folded_adder_is_complete_on_the_curve") {
        return;
    }
    let mut rng = random(43);
    let zero = G2Affine::zero();
    let mut points = vec![zero, G2Affine::generator()];
    for _ in 0..4 {
        let inside = (G2Affine::generator() * scalar(&mut rng)).into_affine();
        let other = outside(&mut rng);
        points.extend([inside, -inside, other, -other, (inside + other).into_affine()]);
    }
    let pairs: Vec<[G2Affine; 2]> = points.iter().flat_map(|a| points.iter().map(|b| [*a, *b])).collect();
    let inputs: Vec<[Projective2; 2]> =
        pairs.iter().map(|[a, b]| [projective(a, &mut rng), projective(b, &mut rng)]).collect();
    let (sums, clocks) = run_adder(&inputs, &Options::fast(), &mut || 0);
    println!("{} additions in {clocks} clocks", sums.len());
    assert!(clocks < 37 * sums.len() as u64 + 400, "an addition every 36 clocks");
    for ([a, b], [x, y, z]) in pairs.iter().zip(&sums) {
        let wanted = (*a + *b).into_affine();
        let (x, y, z) = (from_engine(x), from_engine(y), from_engine(z));
        let got = match z.inverse() {
            Some(inverse) => G2Affine::new_unchecked(x * inverse, y * inverse),
            None => {
                assert!(x == Fq2::default() && y != Fq2::default(), "the identity is (0 : Y : 0)");
                zero
            }
        };
        assert_eq!(got, wanted, "{a:?} + {b:?}");
    }
}
