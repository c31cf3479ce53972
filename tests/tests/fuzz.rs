//! The fuzz targets over seeded random and mutated inputs, for a few seconds; `cargo fuzz` runs them for longer.

use arblast::bls::{Ciphersuite, MinPk, MinSig, SecretKey};
use arblast::{G1, G2};
use arblast_tests::fuzz;
use arblast_tests::random::{Random, seed};

/// Runs a target over inputs made by `next`; a panic is reported with the input and the seed.
fn run(stream: &str, rounds: usize, target: fn(&[u8]), mut next: impl FnMut(&mut Random) -> Vec<u8>) {
    let mut random = Random::new(stream);
    for round in 0..rounds {
        let input = next(&mut random);
        if let Err(panic) = std::panic::catch_unwind(|| target(&input)) {
            eprintln!("{stream}: round {round} of seed {}: input {input:02x?}", seed());
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn decoders() {
    let secret = SecretKey::key_gen(&[7; 32], b"").unwrap();
    let valid: Vec<Vec<u8>> = vec![
        G1::identity().to_bytes().to_vec(),
        G2::identity().to_bytes().to_vec(),
        secret.public_key::<MinPk>().to_bytes().to_vec(),
        secret.public_key::<MinSig>().to_bytes().to_vec(),
        Ciphersuite::<MinPk>::POP.sign(&secret, b"m").to_bytes().to_vec(),
        [G1::generator().to_bytes(); 5].concat(),
        secret.to_bytes().to_vec(),
        b"m/12381/3600/0/0/0 and more bytes".to_vec(),
        Vec::new(),
    ];
    valid.iter().for_each(|bytes| fuzz::decoders(bytes));
    run("fuzz-decoders", 4000, fuzz::decoders, |random| {
        let mut input = valid[random.below(valid.len())].clone();
        for _ in 0..random.below(4) {
            match random.below(5) {
                0 if !input.is_empty() => {
                    let place = random.below(input.len());
                    input[place] ^= 1 << random.below(8);
                }
                1 => input.truncate(random.below(input.len() + 1)),
                2 => input.extend(random.bytes(1)),
                3 => input.extend(valid[random.below(valid.len())].clone()),
                _ => {
                    let length = [32, 47, 48, 49, 95, 96, 97, 192][random.below(8)];
                    input = random.bytes(length);
                }
            }
        }
        // A compressed form is common among random bytes only if the flag is set.
        if let Some(first) = input.first_mut()
            && random.below(2) == 0
        {
            *first |= 0x80;
        }
        input
    });
}

#[test]
fn signature_sets() {
    run("fuzz-signature-sets", 150, fuzz::signature_sets, |random| {
        let length = random.below(40);
        random.bytes(length)
    });
}
