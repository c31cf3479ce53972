//! The engines over the toy group: every shape of conflict, under backpressure, against sums made the plain way.

mod common;

use arblast_hdl::designs::{TOY_MODULUS, aggregate_toy, msm_toy};
use arblast_hdl::engine::registers;
use arblast_verilator::Options;
use arblast_verilator::axi::{Backpressure, Beat, Counters, Engine};
use common::{random, verilator};
use rand_core::Rng;

/// An element: x and z by exclusive or, y modulo m.
type Element = [u64; 3];

fn add(a: Element, b: Element) -> Element {
    let y = (u128::from(a[1]) + u128::from(b[1])) % u128::from(TOY_MODULUS);
    [a[0] ^ b[0], y as u64, a[2] ^ b[2]]
}

fn negate(a: Element) -> Element {
    [a[0], (TOY_MODULUS - a[1]) % TOY_MODULUS, a[2]]
}

fn beat(word: u64) -> Beat {
    let mut beat = [0; 32];
    (beat[0], beat[1]) = (word as u32, (word >> 32) as u32);
    beat
}

fn elements(beats: &[Beat]) -> Vec<Element> {
    let word = |beat: &Beat| u64::from(beat[0]) | u64::from(beat[1]) << 32;
    beats.chunks(3).map(|three| [word(&three[0]), word(&three[1]), word(&three[2])]).collect()
}

/// One point with its digits, one for each window.
type Row = (Element, Vec<i64>);

/// The sums that the MSM engine must send: for each window and bit, over the digits whose absolute value has the bit.
fn expected(rows: &[Row], (bits, windows): (usize, usize)) -> Vec<Element> {
    let mut sums = vec![[0; 3]; bits * windows];
    for (point, digits) in rows {
        for (window, &digit) in digits.iter().enumerate() {
            let value = if digit < 0 { negate(*point) } else { *point };
            for bit in (0..bits).filter(|bit| digit.unsigned_abs() >> bit & 1 == 1) {
                sums[window * bits + bit] = add(sums[window * bits + bit], value);
            }
        }
    }
    sums
}

fn run_msm(engine: &mut Engine, rows: &[Row], shape: (usize, usize)) -> (Vec<Element>, Counters) {
    let packet: Vec<Beat> = rows
        .iter()
        .flat_map(|(point, digits)| {
            let word = digits.iter().enumerate().fold(0u64, |w, (i, &d)| w | u64::from(d as i16 as u16) << (16 * i));
            [beat(point[0]), beat(point[1]), beat(word)]
        })
        .collect();
    engine.write(registers::CONTROL, 1).unwrap();
    let budget = 200_000 + 20 * packet.len() as u64;
    let beats = engine.exchange(&packet, 3 * shape.0 * shape.1, budget, &mut || true).unwrap();
    assert_eq!(engine.read(registers::STATUS).unwrap(), 2, "finished, no error");
    (elements(&beats), engine.counters().unwrap())
}

fn rows(count: usize, seed: u64, (bits, windows): (usize, usize), kind: &str) -> Vec<Row> {
    let (mut rng, half) = (random(seed), 1i64 << (bits - 1));
    let mut digit = |i: usize| match kind {
        "equal" => half - 1,
        "opposite" => {
            if i.is_multiple_of(2) {
                half
            } else {
                -half
            }
        }
        "zero" => 0,
        "two" => [1, -2][(rng.next_u32() % 2) as usize],
        _ => (rng.next_u64() % (2 * half as u64 + 1)) as i64 - half,
    };
    let digits: Vec<Vec<i64>> = (0..count).map(|i| (0..windows).map(|_| digit(i)).collect()).collect();
    let mut rng = random(seed + 1);
    digits.into_iter().map(|d| ([rng.next_u64(), rng.next_u64() % TOY_MODULUS, 1], d)).collect()
}

#[test]
fn msm_sums_every_kind_of_digit_under_backpressure() {
    if !verilator("msm_sums_every_kind_of_digit_under_backpressure") {
        return;
    }
    for (shape, latency) in [((4, 3), 5), ((6, 4), 40)] {
        let design = msm_toy(shape, latency);
        for percent in [0, 35, 90] {
            let pressure = Backpressure { percent, seed: 7 };
            // Hardware starts anywhere: what a run needs, the reset and the start must set.
            let options = if percent == 35 { Options::fast().with_random_start(17) } else { Options::fast() };
            let mut engine = Engine::new(&design, &options, pressure, None).unwrap();
            for (kind, count) in
                [("random", 400), ("equal", 100), ("opposite", 101), ("zero", 5), ("two", 64), ("random", 1)]
            {
                let rows = rows(count, 11, shape, kind);
                let (got, _) = run_msm(&mut engine, &rows, shape);
                assert_eq!(
                    got,
                    expected(&rows, shape),
                    "{kind} x {count}, shape {shape:?}, latency {latency}, {percent}%"
                );
            }
        }
    }
}

/// The throughput bounds: 1.15 clocks an addition for uniform digits; equal digits within 2.5 clocks.
#[test]
fn msm_keeps_the_adder_busy() {
    if !verilator("msm_keeps_the_adder_busy") {
        return;
    }
    let (shape, latency) = ((8, 4), 94);
    let mut engine = Engine::new(&msm_toy(shape, latency), &Options::fast(), Backpressure::default(), None).unwrap();
    for (kind, limit) in [("random", 1.15), ("equal", 1.15), ("two", 1.15)] {
        let rows = rows(4096, 5, shape, kind);
        let (got, counters) = run_msm(&mut engine, &rows, shape);
        assert_eq!(got, expected(&rows, shape), "{kind}");
        println!("{kind}: {:.3} cycles an item, {counters:?}", counters.cycles_per_item());
        assert!(counters.cycles_per_item() <= limit, "{kind}: {counters:?}");
        assert!(counters.queue_peak <= 16);
    }
}

#[test]
fn digits_out_of_range_and_cut_packets_are_reported() {
    if !verilator("digits_out_of_range_and_cut_packets_are_reported") {
        return;
    }
    let shape = (4, 3);
    let mut engine = Engine::new(&msm_toy(shape, 5), &Options::fast(), Backpressure::default(), None).unwrap();
    engine.write(registers::CONTROL, 1).unwrap();
    let packet = [beat(1), beat(2), beat(9)]; // digit 9 with buckets 1 to 8
    engine.exchange(&packet, 36, 10_000, &mut || true).unwrap();
    assert_eq!(engine.read(registers::STATUS).unwrap(), 2 | 1 << 9);
    engine.write(registers::CONTROL, 1).unwrap();
    assert!(engine.exchange(&[beat(1), beat(2)], 0, 1000, &mut || true).is_ok());
    assert_eq!(engine.read(registers::STATUS).unwrap(), 1 | 1 << 8, "busy, cut");
    engine.write(registers::CONTROL, 2).unwrap();
    assert_eq!(engine.read(registers::STATUS).unwrap(), 0, "a reset ends the run");
    let rows = rows(20, 3, shape, "random");
    assert_eq!(run_msm(&mut engine, &rows, shape).0, expected(&rows, shape));
    assert_eq!(engine.read(registers::ID).unwrap(), 0x4152_424C);
    assert_eq!(engine.read(registers::ADDER_LATENCY).unwrap(), 5);
}

#[test]
fn aggregation_sums_lists_and_masks() {
    if !verilator("aggregation_sums_lists_and_masks") {
        return;
    }
    let (bits, sums) = (8, 5);
    let design = aggregate_toy((bits, sums), 30);
    for percent in [0, 50] {
        let options = if percent == 50 { Options::fast().with_random_start(18) } else { Options::fast() };
        let mut engine = Engine::new(&design, &options, Backpressure { percent, seed: 1 }, None).unwrap();
        let mut rng = random(21);
        let points: Vec<Element> = (0..1 << bits).map(|_| [rng.next_u64(), rng.next_u64() % TOY_MODULUS, 1]).collect();
        let load: Vec<Beat> = points.iter().flat_map(|p| [beat(p[0]), beat(p[1])]).collect();
        engine.write(registers::CONTROL, 4).unwrap();
        engine.exchange(&load, 0, 100_000, &mut || true).unwrap();
        assert_eq!(engine.read(registers::STATUS).unwrap(), 2);
        let mut want = vec![[0; 3]; sums];
        let mut selections = Vec::new();
        for i in 0..300u64 {
            // Sum 4 stays empty; every third beat is a dense mask, one is an empty one.
            let (first, sum) = (rng.next_u64() % 240, if i.is_multiple_of(2) { 0 } else { rng.next_u64() % 4 });
            let mask = if i == 7 {
                0
            } else if i.is_multiple_of(3) {
                rng.next_u64() & 0xffff
            } else {
                1
            };
            selections.push(beat(first | sum << 32 | mask << 48));
            for bit in (0..16).filter(|bit| mask >> bit & 1 == 1) {
                want[sum as usize] = add(want[sum as usize], points[(first + bit) as usize]);
            }
        }
        engine.write(registers::CONTROL, 1).unwrap();
        let beats = engine.exchange(&selections, 3 * sums, 100_000, &mut || true).unwrap();
        assert_eq!(elements(&beats), want, "{percent}%");
        assert_eq!(engine.read(registers::STATUS).unwrap(), 2);
        let counters = engine.counters().unwrap();
        println!("{percent}%: {counters:?}");
    }
}
