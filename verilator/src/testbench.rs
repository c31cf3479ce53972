//! Self-checking testbenches of the engines in plain Verilog-2001, for any simulator.
//!
//! The sums that a testbench expects come from the host crate's CPU reference. The engine answers in homogeneous
//! coordinates, which depend on the order of its additions; so the testbench compares x·Z with X and y·Z with Y (in Fp or
//! Fp2), and holds for any schedule, queue or latency. Both streams hold back at random.

use crate::aggregate::{Coordinate as _, Summed, beats, selection};
use crate::axi::Beat;
use crate::g1;
use crate::trial::{random_points, random_scalars};
use arblast::backend::IndexLists;
use arblast_hdl::engine::registers;
use arblast_hdl::{designs, field};
use ark_bls12_381::{G1Affine, g1 as g1_curve, g2 as g2_curve};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::Affine;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::fmt::Write as _;

/// Seed of the emitted testbenches' vectors: the same design has the same testbench.
const SEED: u64 = 381;
/// Points of an MSM's testbench: the first ones meet every corner, and a few buckets get several.
const MSM_POINTS: usize = 12;

/// The testbench of one of [`designs::NAMES`], where it is an engine.
pub fn of(name: &str) -> Option<String> {
    match name {
        "msm-g1" => Some(msm("msm_g1", designs::MSM_LARGE, MSM_POINTS, SEED)),
        "msm-g1-small" => Some(msm("msm_g1_small", designs::MSM_SMALL, MSM_POINTS, SEED)),
        "aggregate-g1" => Some(aggregate::<g1_curve::Config>("aggregate_g1", designs::AGGREGATE, SEED)),
        "aggregate-g2" => Some(aggregate::<g2_curve::Config>("aggregate_g2", designs::AGGREGATE_G2, SEED)),
        _ => None,
    }
}

/// A pass of the MSM engine `top` of this shape (window bits, windows in a pass) over `points` points (at least 5)
/// drawn from `seed`: opposite and repeated points, the largest digits, zeros, and full scalars.
pub fn msm(top: &str, (bits, windows): (usize, usize), points: usize, seed: u64) -> String {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let (mut bases, scalars) = (random_points(points, &mut rng), random_scalars(points, &mut rng));
    let all = |scalar| {
        let mut digits = g1::signed_digits(scalar, bits);
        digits.resize(windows, 0);
        digits
    };
    let mut digits: Vec<Vec<i32>> = scalars.iter().map(all).collect();
    // P − P in every bucket; P twice; both ends of the digits' range.
    (bases[1], digits[1]) = (-bases[0], digits[0].clone());
    (bases[3], digits[3]) = (bases[2], digits[2].clone());
    digits[4] =
        (0..windows as i32).map(|window| [0, 1 << (bits - 1), -(1 << (bits - 1))][window as usize % 3]).collect();
    let packet: Vec<Beat> = bases
        .iter()
        .zip(&digits)
        .flat_map(|(p, digits)| [g1::coordinate(&p.x), g1::coordinate(&p.y), g1::digit_beat(digits)])
        .collect();
    // The sum of bit i in window w: every point whose digit has the bit, with the digit's sign.
    let signed: Vec<G1Affine> = bases.iter().copied().chain(bases.iter().map(|&p| -p)).collect();
    let has = |digit: i32, bit: usize| digit.unsigned_abs() >> bit & 1 == 1;
    let list = |window: usize, bit: usize| -> Vec<u32> {
        let digit = |&point: &usize| digits[point][window];
        (0..points)
            .filter(|point| has(digit(point), bit))
            .map(|point| (point + if digit(&point) < 0 { points } else { 0 }) as u32)
            .collect()
    };
    let lists = (0..windows).flat_map(|window| (0..bits).map(move |bit| (window, bit)));
    let wants = sums(&signed, &lists.map(|(window, bit)| list(window, bit)).collect());
    Bench { top, packets: vec![(1, packet)], wants }.text()
}

/// A loading and a run of the aggregation engine `top` of this shape (log2 of the points, at least 5; sums, at least
/// 4): an index list with repetitions, dense masks, points that cancel, one point, and empty sums.
pub fn aggregate<C: Summed>(top: &str, (_, sums_held): (usize, usize), seed: u64) -> String {
    let mut keys = random_points::<C>(32, &mut ChaCha20Rng::seed_from_u64(seed));
    keys[9] = -keys[8];
    let load = keys.iter().flat_map(beats).collect();
    let mut lists = vec![Vec::new(); sums_held];
    let mut run = Vec::new();
    let mut select = |sum: usize, first: u32, mask: u32| {
        run.push(selection(first, sum, mask));
        lists[sum].extend((0..16).filter(|i| mask >> i & 1 == 1).map(|i| first + i));
    };
    (0..32).for_each(|key| select(1, key, 1));
    [5, 5, 5, 31].into_iter().for_each(|key| select(1, key, 1));
    select(0, 0, 0xffff);
    select(0, 16, 0xffff);
    select(2, 8, 3);
    select(sums_held - 1, 17, 0x8421 & 0x7fff);
    let wants = sums(&keys, &lists.into_iter().collect());
    Bench { top, packets: vec![(4, load), (1, run)], wants }.text()
}

/// The sums of the lists by the host crate's reference.
fn sums<C: Summed>(points: &[Affine<C>], lists: &IndexLists) -> Vec<Affine<C>> {
    C::reference(points, lists).expect("the reference has sums and was not cancelled")
}

/// What a testbench does: packets, each after its CONTROL word, and the sums that the last one must give.
struct Bench<'a, C: Summed> {
    top: &'a str,
    packets: Vec<(u32, Vec<Beat>)>,
    wants: Vec<Affine<C>>,
}

fn hex(beat: &Beat) -> String {
    beat[..field::WIDTH / 32].iter().rev().map(|word| format!("{word:08x}")).collect()
}

impl<C: Summed> Bench<'_, C> {
    /// The vectors as assignments to memories. Expected coordinates are plain integers, the identity is all ones.
    fn vectors(&self) -> String {
        let mut text = String::new();
        for (i, beat) in self.packets.iter().flat_map(|(_, packet)| packet).enumerate() {
            let _ = writeln!(text, "    sends[{i}] = 384'h{};", hex(beat));
        }
        for (i, want) in self.wants.iter().enumerate() {
            let _ = if want.is_zero() {
                writeln!(text, "    want_x[{i}] = ~768'h0;")
            } else {
                let [x, y] = [want.x.number(), want.y.number()];
                writeln!(text, "    want_x[{i}] = 768'h{x:x};\n    want_y[{i}] = 768'h{y:x};")
            };
        }
        text
    }

    /// The steps of the run.
    fn steps(&self) -> String {
        let (mut text, mut end) = (String::new(), 0);
        for (index, (control, packet)) in self.packets.iter().enumerate() {
            end += packet.len();
            let last = index + 1 == self.packets.len();
            let done = if last { "received == 3 * EXTENSION * SUMS" } else { "sent == send_end" };
            let _ = write!(
                text,
                "    write_register(12'h{:03x}, 32'd{control});
    send_end = {end};
    while (!({done})) @(posedge clock);
    read_register(12'h{:03x});
    if (register !== 32'd2) begin
      $display(\"FAIL: STATUS is %h after packet {index}, expected 2 (finished, no error)\", register);
      errors = errors + 1;
    end
",
                registers::CONTROL,
                registers::STATUS
            );
        }
        text
    }

    fn text(&self) -> String {
        let beats: usize = self.packets.iter().map(|(_, packet)| packet.len()).sum();
        include_str!("testbench.v")
            .replace("{TOP}", self.top)
            .replace("{BEATS}", &beats.to_string())
            .replace("{EXTENSION}", &C::BaseField::BEATS.to_string())
            .replace("{SUMS}", &self.wants.len().to_string())
            .replace("{MODULUS}", &format!("{:x}", field::modulus()))
            .replace("{VECTORS}", &self.vectors())
            .replace("{STEPS}", &self.steps())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_design_has_the_same_testbench() {
        for name in ["msm-g1-small", "aggregate-g1", "aggregate-g2"] {
            let text = of(name).unwrap();
            assert_eq!(Some(&text), of(name).as_ref());
            assert!(!text.contains('{') || !text.contains("{TOP}") && !text.contains("{SUMS}"), "{name}");
            assert!(text.contains("~768'h0"), "{name}: some sum is the identity");
        }
        assert_eq!(of("mont-mul"), None);
    }
}
