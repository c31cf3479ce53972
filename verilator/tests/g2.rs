//! The folded G2 adder and the aggregation engine for G2 against the software model and arkworks.

mod common;

use arblast::Dispatcher;
use arblast::backend::{Backend, Class, IndexLists, Op};
use arblast_hdl::design;
use arblast_hdl::designs::AGGREGATE_G2;
use arblast_hdl::engine::registers;
use arblast_hdl::field2::{self, Fp2, Projective2};
use arblast_hdl::units::point_add_g2::PointAddG2;
use arblast_verilator::aggregate::AggregateG2;
use arblast_verilator::axi::{Backpressure, Beat, Engine};
use arblast_verilator::simulate::Config;
use arblast_verilator::{Error, FpgaSim, Model, Options};
use ark_bls12_381::{Fq, Fq2, Fr, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInt, Field, PrimeField};
use common::{below, corners, random, verilator};
use num_bigint::BigUint;
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

/// Runs all pairs through the adder; a pair is offered `gap(i)` clocks after the one before was taken. Registers and
/// memories start at random.
fn run_adder(pairs: &[[Projective2; 2]], gap: &mut dyn FnMut() -> u64) -> (Vec<Projective2>, u64) {
    let (mut latency, mut interval) = (0, 0);
    let built = design("point_add_g2", || {
        let unit = PointAddG2::<12>::default();
        (latency, interval) = (unit.latency() as u64, unit.interval() as u64);
        unit
    });
    let mut model = Model::new(&built, &Options::fast().with_random_start(23)).unwrap();
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
    let (got, clocks) = run_adder(&pairs, &mut || 0);
    println!("{clocks} clocks for {} additions, {:?}", pairs.len(), start.elapsed());
    for (i, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
        assert_eq!(got, wanted, "pair {i}");
    }
    // Pairs that come now and then.
    let mut gaps = random(42);
    let (got, _) = run_adder(&pairs[..60], &mut || u64::from(gaps.next_u32() % 100));
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
    let (sums, clocks) = run_adder(&inputs, &mut || 0);
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

fn config(percent: u8) -> Config {
    Config { backpressure: Backpressure { percent, seed: 98 }, ..Config::default() }
}

/// Points of every kind: in the subgroup and outside, opposite, repeated, at infinity.
fn signatures(count: usize, rng: &mut ChaCha20Rng) -> Vec<G2Affine> {
    let (step, other) = (G2Affine::generator() * scalar(rng), outside(rng));
    let progression = std::iter::successors(Some(step), |p| Some(*p + step)).take(count).collect::<Vec<_>>();
    let mut points = G2Projective::normalize_batch(&progression);
    (points[7], points[9], points[11], points[12]) = (G2Affine::zero(), -points[8], other, -other);
    points
}

#[test]
fn aggregation_equals_the_cpu() {
    if !verilator("aggregation_equals_the_cpu") {
        return;
    }
    let mut rng = random(44);
    let points = signatures(256, &mut rng);
    let all: Vec<u32> = (0..256).collect();
    let few: Vec<u32> = (0..70).map(|_| rng.next_u32() % 256).collect();
    let same = [3; 33];
    let mut lists: Vec<&[u32]> = vec![&all, &few, &[], &same, &[8, 9], &[7], &[11, 12, 8, 9], &[11, 11], &[11]];
    let singles: Vec<[u32; 1]> = (0..61).map(|i| [4 * i]).collect();
    lists.extend(singles.iter().map(|list| &list[..])); // 70 lists in runs of 64 sums
    for percent in [0, 30] {
        let mut engine = AggregateG2::new(AGGREGATE_G2, &config(percent)).unwrap();
        engine.load(&points, &mut || true).unwrap();
        let start = (std::time::Instant::now(), engine.clock());
        let (got, counters) = engine.run(&lists, &mut || true).unwrap();
        let khz = (engine.clock() - start.1) as f64 / start.0.elapsed().as_secs_f64() / 1e3;
        println!("{percent}%: {counters:?}, {khz:.0} kHz");
        for (list, got) in lists.iter().zip(&got) {
            let sum: G2Projective = list.iter().map(|&i| points[i as usize]).sum();
            assert_eq!(*got, sum.into_affine(), "{list:?}");
        }
        assert_eq!(got.len(), lists.len());
        assert!(matches!(engine.run(&[&[256]], &mut || true), Err(Error::Limit { .. })));
        // One sum of everything: an addition every 36 clocks, then a tree through the latency.
        let (got, counters) = engine.run(&[&all], &mut || true).unwrap();
        let sum: G2Projective = points.iter().sum();
        assert_eq!(got, [sum.into_affine()]);
        println!("{counters:?}, {:.2} clocks an addition", counters.accumulated as f64 / counters.additions as f64);
        assert_eq!((counters.items, counters.additions), (255, 254));
        assert!(counters.accumulated < 36 * 254 + 8 * 204 + 100, "{counters:?}");
    }
}

/// Masks, through the streams; and what the engine says of selections and packets that are wrong.
#[test]
fn masks_and_faults() {
    if !verilator("masks_and_faults") {
        return;
    }
    let mut rng = random(45);
    let points = signatures(40, &mut rng);
    let design = arblast_hdl::designs::aggregate_g2("aggregate_g2", (6, 3));
    let options = Options::fast().with_random_start(5);
    let mut engine = Engine::new(&design, &options, Backpressure { percent: 25, seed: 3 }, None).unwrap();
    let load: Vec<Beat> = points.iter().flat_map(|p| [p.x, p.y]).flat_map(|c| [beat(&c, 0), beat(&c, 1)]).collect();
    engine.write(registers::CONTROL, 4).unwrap();
    engine.exchange(&load, 0, 10_000, &mut || true).unwrap();
    assert_eq!(engine.read(registers::STATUS).unwrap(), 2);
    let words = [(13, 0, 0xffff), (20, 2, 0x8001), (30, 2, 0), (29, 0, 0x0420)];
    let mut run = |words: &[(u32, u32, u32)], status: u32| {
        let packet: Vec<Beat> = words.iter().map(|&(first, sum, mask)| selection(first, sum, mask)).collect();
        engine.write(registers::CONTROL, 1).unwrap();
        let beats = engine.exchange(&packet, 18, 100_000, &mut || true).unwrap();
        assert_eq!(engine.read(registers::STATUS).unwrap(), status);
        beats
    };
    let compare = |words: &[(u32, u32, u32)], beats: &[Beat]| {
        for (number, sum) in beats.chunks(6).enumerate() {
            let chosen = words.iter().filter(|word| word.1 as usize == number);
            let places = |&(first, _, mask): &(u32, u32, u32)| {
                (0..16).filter(move |i| mask >> i & 1 == 1).map(move |i| first + i)
            };
            let wanted: G2Projective = chosen.flat_map(places).map(|i| points[i as usize]).sum();
            let [x, y, z] = [0, 2, 4].map(|i| from_engine(&[word(&sum[i]), word(&sum[i + 1])]));
            let got = z.inverse().map_or(G2Affine::zero(), |i| G2Affine::new_unchecked(x * i, y * i));
            assert_eq!(got, wanted.into_affine(), "sum {number} of {words:?}");
        }
    };
    let beats = run(&words, 2);
    compare(&words, &beats);
    // Sums in turn, so that inputs, stored values and sums under way meet in every order.
    for count in [3, 20, 100, 250] {
        let mixed: Vec<_> = (0..count)
            .map(|_| {
                (
                    13 + rng.next_u32() % 12,
                    rng.next_u32() % 3,
                    if rng.next_u32().is_multiple_of(4) { rng.next_u32() & 0xffff } else { 1 },
                )
            })
            .collect();
        let beats = run(&mixed, 2);
        compare(&mixed, &beats);
    }
    // An index and a sum that are not there are left out and reported; the rest is right.
    assert_eq!(
        run(&[(40, 0, 1), (0, 3, 1), (5, 1, 1)], 2 | 1 << 9)[6..8],
        [beat(&points[5].x, 0), beat(&points[5].x, 1)]
    );
    assert_eq!(run(&words, 2), beats, "the next run is clean");
    // A point cut short.
    engine.write(registers::CONTROL, 4).unwrap();
    engine.exchange(&load[..159], 0, 10_000, &mut || true).unwrap();
    assert_eq!(engine.read(registers::STATUS).unwrap(), 2 | 1 << 8);
    // A reset in the middle of a run, which forgets the points too; then a whole one.
    engine.write(registers::CONTROL, 1).unwrap();
    let packet: Vec<Beat> = (0..30).map(|i| selection(i, 0, 1)).collect();
    let stopped = engine.exchange(&packet, 18, 700, &mut || true);
    assert!(matches!(stopped, Err(Error::Budget { .. })));
    assert_eq!(engine.read(registers::STATUS).unwrap(), 1);
    engine.write(registers::CONTROL, 2).unwrap();
    assert_eq!(engine.read(registers::STATUS).unwrap(), 0);
    engine.write(registers::CONTROL, 4).unwrap();
    engine.exchange(&load, 0, 10_000, &mut || true).unwrap();
    engine.write(registers::CONTROL, 1).unwrap();
    let packet: Vec<Beat> = words.iter().map(|&(first, sum, mask)| selection(first, sum, mask)).collect();
    assert_eq!(engine.exchange(&packet, 18, 100_000, &mut || true).unwrap(), beats);
    assert_eq!([registers::KIND, registers::SLOTS].map(|r| engine.read(r).unwrap()), [3, 3]);
}

/// One component of a coordinate as a beat.
fn beat(value: &Fq2, component: usize) -> Beat {
    let mut beat = [0; 32];
    to_engine(value)[component].iter_u32_digits().zip(&mut beat).for_each(|(from, to)| *to = from);
    beat
}

fn word(beat: &Beat) -> BigUint {
    BigUint::from_slice(beat)
}

fn selection(first: u32, sum: u32, mask: u32) -> Beat {
    let mut beat = [0; 32];
    (beat[0], beat[1]) = (first, sum | mask << 16);
    beat
}

#[test]
fn the_backend_sums_g2_and_passes_the_self_test() {
    if !verilator("the_backend_sums_g2_and_passes_the_self_test") {
        return;
    }
    let backend = std::sync::Arc::new(FpgaSim::detect(Config::default()).unwrap());
    assert!(backend.supports(Op::SumG2, 1024) && !backend.supports(Op::MsmG2, 1));
    let dispatcher = Dispatcher::builder()
        .backend(backend)
        .select(arblast::Selection::Only("fpga-sim".into()))
        .retirement_record(None)
        .build()
        .unwrap();
    let points = signatures(20, &mut random(46));
    let lists: IndexLists = [vec![0u32, 1, 2, 11], vec![], vec![8, 9]].into_iter().collect();
    let got = dispatcher.sum_g2(&arblast::Call::new(Class::Job), &points, &lists).unwrap();
    let sum: G2Projective = [0, 1, 2, 11].iter().map(|&i: &usize| points[i]).sum();
    assert_eq!(got, [sum.into_affine(), G2Affine::zero(), G2Affine::zero()]);
    let stats = dispatcher.stats();
    let calls = stats.backend("fpga-sim").unwrap().total(|op| op.operations);
    assert!(calls == 1 && stats.fallbacks() == 0, "the simulation answered: {stats:?}");
}
