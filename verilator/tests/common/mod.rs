//! What the simulation tests share: skipping without Verilator, operands, and one pipeline against one model.
#![allow(dead_code)] // each test binary uses its part

use arblast_hdl::{Design, field};
use arblast_verilator::{Model, Options, Toolchain};
use num_bigint::BigUint;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Whether Verilator is there; where it is not, says that the test was skipped.
pub fn verilator(test: &str) -> bool {
    match Toolchain::find() {
        Ok(_) => true,
        Err(error) => {
            println!("SKIPPED {test}: {error}");
            false
        }
    }
}

/// Generator of a test's random operands.
pub fn random(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// A random integer below `bound`.
pub fn below(rng: &mut ChaCha20Rng, bound: &BigUint) -> BigUint {
    let mut bytes = vec![0u8; bound.to_bytes_le().len() + 8];
    rng.fill_bytes(&mut bytes);
    BigUint::from_bytes_le(&bytes) % bound
}

/// Corners below p: 0, 1, 2, p−1, p−2, (p±1)/2, R mod p, and both sides of the limb and chunk bounds.
pub fn corners() -> Vec<BigUint> {
    let p = field::modulus();
    let one = BigUint::from(1u32);
    let mut all = vec![
        BigUint::ZERO,
        one.clone(),
        BigUint::from(2u32),
        &p - 1u32,
        &p - 2u32,
        &p >> 1,
        (&p + 1u32) >> 1,
        field::to_mont(&one),
    ];
    for bit in [17, 26, 32, 48, 64, 96, 128, 192, 288, 380] {
        let power = &one << bit;
        all.extend([&power - 1u32, &power + 1u32, (&p - &power), power]);
    }
    all
}

/// Feeds one vector of inputs a clock, and checks each output vector `latency` clocks later.
pub fn check_pipeline(
    design: &Design,
    options: &Options,
    (inputs, outputs): (&[&str], &[&str]),
    latency: usize,
    vectors: &[Vec<BigUint>],
    expected: impl Fn(&[BigUint]) -> Vec<BigUint>,
) {
    let mut model = Model::new(design, options).expect("the model");
    let pins: Vec<_> = inputs.iter().map(|name| model.pin(name)).collect();
    let outs: Vec<_> = outputs.iter().map(|name| model.pin(name)).collect();
    let start = std::time::Instant::now();
    for cycle in 0..vectors.len() + latency {
        if cycle >= latency {
            let vector = &vectors[cycle - latency];
            for ((pin, name), wanted) in outs.iter().zip(outputs).zip(expected(vector)) {
                let got = model.get_big(*pin);
                assert_eq!(
                    got,
                    wanted,
                    "{} {options:?}: {name} of vector {} {vector:x?}",
                    design.name,
                    cycle - latency
                );
            }
        }
        if let Some(vector) = vectors.get(cycle) {
            for (pin, value) in pins.iter().zip(vector) {
                model.set_big(*pin, value);
            }
        }
        model.settle();
        model.edge();
        model.settle();
    }
    let khz = (vectors.len() + latency) as f64 / start.elapsed().as_secs_f64() / 1e3;
    println!("{} {:?}: latency {latency}, {khz:.1} kHz with the checks", design.name, options.defines);
}
