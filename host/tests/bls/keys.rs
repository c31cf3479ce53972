//! Encodings, key generation and derivation.

use super::{call, dispatcher, hex, key, secret};
use arblast::bls::{Ciphersuite, MinPk, MinSig, PublicKey, SecretKey, Signature};
use arblast::{Error, G1, G2, InSubgroup, PointError};
use ark_bls12_381::{Fq, Fq2, G1Affine, G2Affine};

/// Seed, master key, index and child key of the test cases of EIP-2333.
const EIP_2333: [(&str, &str, u32, &str); 4] = [
    (
        "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e5349553\
         1f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04",
        "0d7359d57963ab8fbbde1852dcf553fedbc31f464d80ee7d40ae683122b45070",
        0,
        "2d18bd6c14e6d15bf8b5085c9b74f3daae3b03cc2014770a599d8c1539e50f8e",
    ),
    (
        "3141592653589793238462643383279502884197169399375105820974944592",
        "41c9e07822b092a93fd6797396338c3ada4170cc81829fdfce6b5d34bd5e7ec7",
        3_141_592_653,
        "384843fad5f3d777ea39de3e47a8f999ae91f89e42bffa993d91d9782d152a0f",
    ),
    (
        "0099ff991111002299dd7744ee3355bbdd8844115566cc55663355668888cc00",
        "3cfa341ab3910a7d00d933d8f7c4fe87c91798a0397421d6b19fd5b815132e80",
        u32::MAX,
        "40e86285582f35b28821340f6a53b448588efa575bc4d88c32ef8567b8d9479b",
    ),
    (
        "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
        "2a0e28ffa5fbbe2f8e7aad4ed94f745d6bf755c51182e119bb1694fe61d3afca",
        42,
        "455c0dc9fccb3395825d92a60d2672d69416be1c2578a87a7a3d3ced11ebb88d",
    ),
];

/// The order of the groups.
const R: &str = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";
const R_MINUS_1: &str = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000000";

#[test]
fn derivation_agrees_with_eip_2333() {
    for (seed, master, index, child) in EIP_2333 {
        let key = SecretKey::derive_master(&::hex::decode(seed).unwrap()).unwrap();
        assert_eq!(*key.to_bytes(), hex(master), "master key of {seed}");
        assert_eq!(*key.derive_child(index).to_bytes(), hex(child), "child {index} of {seed}");
    }
}

#[test]
fn a_path_is_a_chain_of_children() {
    let master = secret(0);
    let chained = [12381, 3600, 7, 0, 0]
        .into_iter()
        .fold(None, |key: Option<SecretKey>, index| Some(key.as_ref().unwrap_or(&master).derive_child(index)));
    assert_eq!(master.derive_path("m/12381/3600/7/0/0").unwrap().to_bytes(), chained.unwrap().to_bytes());
    assert!(matches!(master.derive_path("m/12381/3600'/0/0"), Err(Error::KeyPath { .. })));
}

#[test]
fn key_material_must_be_long_enough_and_key_info_short_enough() {
    let too_short = |got| Err(Error::KeyMaterialTooShort { got, expected: 32 });
    for length in [0, 1, 31] {
        assert_eq!(SecretKey::key_gen(&vec![1; length], b"").map(|_| ()), too_short(length));
        assert_eq!(SecretKey::derive_master(&vec![1; length]).map(|_| ()), too_short(length));
    }
    let plain = SecretKey::key_gen(&[1; 32], b"").unwrap().to_bytes();
    assert_eq!(SecretKey::key_gen(&[1; 32], b"").unwrap().to_bytes(), plain);
    assert_ne!(SecretKey::key_gen(&[1; 32], b"info").unwrap().to_bytes(), plain);
    assert_ne!(SecretKey::key_gen(&[1; 33], b"").unwrap().to_bytes(), plain);
    // EIP-2333 fixes the same derivation for the master key.
    assert_eq!(SecretKey::derive_master(&[1; 32]).unwrap().to_bytes(), plain);
    assert!(SecretKey::key_gen(&[1; 32], &[0; 4096]).is_ok());
    let too_long = SecretKey::key_gen(&[1; 32], &vec![0; 1 << 24]).map(|_| ());
    assert_eq!(too_long, Err(Error::KeyInfoTooLong { got: 1 << 24, most: 4096 }));
}

#[test]
fn secret_keys_are_1_to_r_minus_1() {
    for good in [[vec![0; 31], vec![1]].concat(), ::hex::decode(R_MINUS_1).unwrap()] {
        assert_eq!(SecretKey::from_bytes(&good).unwrap().to_bytes().as_slice(), good);
    }
    let (r, ones) = (::hex::decode(R).unwrap(), vec![0xff; 32]);
    for bad in [vec![], vec![1], vec![0; 32], r, ones, vec![1; 31], vec![1; 33]] {
        assert_eq!(SecretKey::from_bytes(&bad).map(|_| ()), Err(Error::InvalidSecretKey), "{bad:?}");
    }
}

#[test]
fn secret_keys_print_nothing() {
    assert_eq!(format!("{:?}", secret(3)), "SecretKey(..)");
}

#[test]
fn encodings_round_trip_and_print_as_hex() {
    let (key1, key2) = (key::<MinPk>(1), key::<MinSig>(1));
    assert_eq!(PublicKey::from_bytes(&key1.to_bytes()), Ok(key1));
    assert_eq!(PublicKey::from_bytes(&key2.to_bytes()), Ok(key2));
    assert_eq!(key1.to_string(), ::hex::encode(key1.to_bytes()));
    assert_eq!(format!("{key2:?}"), format!("PublicKey({})", ::hex::encode(key2.to_bytes())));
    let signature = Ciphersuite::<MinSig>::POP.sign(&secret(1), b"");
    assert_eq!(Signature::from_bytes(&signature.to_bytes()), Ok(signature));
    assert_eq!(signature.to_string().len(), 96);
}

#[test]
fn wrong_lengths_are_named() {
    for length in [0, 1, 47, 49, 95, 97, 192] {
        let bytes = vec![0xc0; length];
        let wrong = |expected| PointError::Length { got: length, expected };
        assert_eq!(PublicKey::<MinPk>::from_bytes(&bytes), Err(wrong(48)));
        assert_eq!(Signature::<MinSig>::from_bytes(&bytes), Err(wrong(48)));
        assert_eq!(PublicKey::<MinSig>::from_bytes(&bytes), Err(wrong(96)));
        assert_eq!(Signature::<MinPk>::from_bytes(&bytes), Err(wrong(96)));
    }
}

#[test]
fn the_identity_is_a_signature_but_no_key() {
    let (infinity1, infinity2) = (G1::identity().to_bytes(), G2::identity().to_bytes());
    assert_eq!(PublicKey::<MinPk>::from_bytes(&infinity1), Err(PointError::Identity));
    assert_eq!(PublicKey::<MinSig>::from_bytes(&infinity2), Err(PointError::Identity));
    assert_eq!(PublicKey::<MinPk>::from_point(G1::identity()), Err(PointError::Identity));
    assert_eq!(Signature::<MinSig>::from_bytes(&infinity1), Ok(Signature::from_point(G1::identity())));
    assert_eq!(Signature::<MinPk>::from_bytes(&infinity2), Ok(Signature::from_point(G2::identity())));
}

/// Points of the curves outside the subgroups.
fn outsiders() -> (G1, G2) {
    let g1 = (1u64..).filter_map(|x| G1Affine::get_point_from_x_unchecked(Fq::from(x), false));
    let g2 = (1u64..).filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::from(x), false));
    let g1 = g1.into_iter().find(|p| !p.is_in_correct_subgroup_assuming_on_curve());
    let g2 = g2.into_iter().find(|p| !p.is_in_correct_subgroup_assuming_on_curve());
    (InSubgroup::new_unchecked(g1.unwrap()), InSubgroup::new_unchecked(g2.unwrap()))
}

#[test]
fn points_outside_the_subgroup_are_refused() {
    let (g1, g2) = outsiders();
    assert_eq!(PublicKey::<MinPk>::from_bytes(&g1.to_bytes()), Err(PointError::NotInSubgroup));
    assert_eq!(Signature::<MinSig>::from_bytes(&g1.to_bytes()), Err(PointError::NotInSubgroup));
    assert_eq!(PublicKey::<MinSig>::from_bytes(&g2.to_bytes()), Err(PointError::NotInSubgroup));
    assert_eq!(Signature::<MinPk>::from_bytes(&g2.to_bytes()), Err(PointError::NotInSubgroup));
}

#[test]
fn batches_decode_as_single_encodings_do() {
    let (outside1, outside2) = outsiders();
    let mut bytes1 = vec![key::<MinPk>(1).to_bytes(), [0xff; 48], [0; 48], G1::identity().to_bytes()];
    bytes1.extend([outside1.to_bytes(), key::<MinPk>(2).to_bytes()]);
    let mut bytes2 = vec![key::<MinSig>(1).to_bytes(), [0xff; 96], [0; 96], G2::identity().to_bytes()];
    bytes2.extend([outside2.to_bytes(), key::<MinSig>(2).to_bytes()]);
    for take in 0..=bytes1.len() {
        let (bytes1, bytes2) = (&bytes1[..take], &bytes2[..take]);
        let keys = PublicKey::<MinPk>::from_bytes_batch(dispatcher(), &call(), bytes1).unwrap();
        assert_eq!(keys, bytes1.iter().map(|b| PublicKey::from_bytes(b)).collect::<Vec<_>>());
        let keys = PublicKey::<MinSig>::from_bytes_batch(dispatcher(), &call(), bytes2).unwrap();
        assert_eq!(keys, bytes2.iter().map(|b| PublicKey::from_bytes(b)).collect::<Vec<_>>());
        let signatures = Signature::<MinSig>::from_bytes_batch(dispatcher(), &call(), bytes1).unwrap();
        assert_eq!(signatures, bytes1.iter().map(|b| Signature::from_bytes(b)).collect::<Vec<_>>());
        let signatures = Signature::<MinPk>::from_bytes_batch(dispatcher(), &call(), bytes2).unwrap();
        assert_eq!(signatures, bytes2.iter().map(|b| Signature::from_bytes(b)).collect::<Vec<_>>());
    }
}
