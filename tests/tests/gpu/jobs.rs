//! Whole jobs at sizes and on inputs that the suite does not have, against the CPU.

use super::{Checked, on_backend};
use arblast::backend::{Backend, CancelToken, Class, Control, IndexLists, NttKind, Op};
use arblast::cpu::{CpuPortable, vector_engine};
use arblast::gpu::{Choice, Family, Gpu};
use arblast::{DeviceError, G1, G2, InSubgroup};
use arblast_tests::random::Random;
use ark_bls12_381::{Bls12_381, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::pairing::{MillerLoopOutput, Pairing as _};
use ark_ec::{AffineRepr, CurveGroup as _};
use ark_ff::{AdditiveGroup as _, Field as _};
use libtest_mimic::Trial;
use std::sync::Arc;

/// A limit that cuts everything that is not small.
const SMALL: u64 = 1 << 18;

pub fn trials(family: Family) -> Vec<Trial> {
    let whole = |name: &str, check: fn(&Arc<Gpu>) -> Checked| on_backend(name, family, |choice| choice, check);
    let cut = |name: &str, check: fn(&Arc<Gpu>) -> Checked| {
        on_backend(name, family, |choice| Choice { largest_binding: Some(SMALL), ..choice }, check)
    };
    vec![
        whole("jobs::msm-g1-random-2^16", |gpu| msm_g1(gpu, "random", &random_terms("gpu msm", 1 << 16))),
        whole("jobs::msm-g1-adversarial-2^14", |gpu| {
            adversarial(1 << 14).into_iter().try_for_each(|(case, terms)| msm_g1(gpu, case, &terms))
        }),
        whole("jobs::msm-g2-adversarial-2^10", |gpu| {
            adversarial(1 << 10).into_iter().try_for_each(|(case, terms)| msm_g2(gpu, case, &terms))
        }),
        whole("jobs::encodings-g2-real-right-side", encodings_with_a_real_right_side),
        whole("jobs::side-by-side", side_by_side),
        cut("jobs::cut-msm-g1", |gpu| msm_g1(gpu, "cut", &random_terms("gpu cut", 3000))),
        cut("jobs::cut-msm-g2", |gpu| msm_g2(gpu, "cut", &random_terms("gpu cut", 700))),
        cut("jobs::cut-sums", |gpu| cut_sums::<G1Affine>(gpu, |b, p, l| b.sum_g1(p, l, &control()))),
        cut("jobs::cut-sums-g2", |gpu| cut_sums::<G2Affine>(gpu, |b, p, l| b.sum_g2(p, l, &control()))),
        cut("jobs::cut-decompression", cut_decompression),
        cut("jobs::cut-miller-loop", cut_miller_loop),
        // 2^13 values in a part; and 2^9, which is less than the limit.
        cut("jobs::cut-ntt", |gpu| cut_ntt(gpu, 12..=16)),
        on_backend(
            "jobs::cut-ntt-finely",
            family,
            |choice| Choice { largest_binding: Some(20_000), ..choice },
            |gpu| cut_ntt(gpu, 9..=14),
        ),
        on_backend(
            "jobs::ntt-without-room",
            family,
            |choice| Choice { largest_binding: Some(31), ..choice },
            |gpu| match gpu.ntt(&[Fr::ONE; 4], NttKind { inverse: false, coset: None }, &control()) {
                Err(DeviceError::OutOfMemory(_)) => Ok(()),
                other => Err(format!("{other:?}")),
            },
        ),
    ]
}

fn control() -> Control {
    Control::new(Class::Job, CancelToken::new())
}

/// The CPU's best.
fn cpu() -> Arc<dyn Backend> {
    vector_engine(0).unwrap_or_else(|_| Arc::new(CpuPortable::new(0)))
}

type Terms<P> = (Vec<InSubgroup<P>>, Vec<Fr>);

fn random_terms<P: AffineRepr<ScalarField = Fr>>(stream: &str, n: usize) -> Terms<P> {
    let mut random = Random::new(stream);
    (random.members(n), random.scalars(n))
}

/// All scalars equal, all points equal, half of the scalars zero; and all of these at once with opposite points.
fn adversarial<P: AffineRepr<ScalarField = Fr>>(n: usize) -> Vec<(&'static str, Terms<P>)> {
    let mut random = Random::new("gpu adversarial");
    let (points, scalars) = random_terms::<P>("gpu adversarial terms", n);
    let (point, scalar): (InSubgroup<P>, Fr) = (random.member(), random.field());
    let half: Vec<Fr> = scalars.iter().enumerate().map(|(i, s)| if i % 2 == 0 { Fr::ZERO } else { *s }).collect();
    let opposite = InSubgroup::new_unchecked((-point.into_affine().into_group()).into_affine());
    let pairs = (0..n).map(|i| if i % 3 == 0 { opposite } else { point }).collect();
    vec![
        ("all scalars equal", (points.clone(), vec![scalar; n])),
        ("all points equal", (vec![point; n], scalars)),
        ("half of the scalars zero", (points, half)),
        ("equal and opposite points, equal scalars", (pairs, vec![scalar; n])),
    ]
}

fn expect<T: PartialEq + std::fmt::Debug>(case: &str, got: Result<T, DeviceError>, expected: &T) -> Checked {
    match got {
        Ok(got) if got == *expected => Ok(()),
        Ok(got) => Err(format!("{case}: got {got:?}, expected {expected:?}")),
        Err(error) => Err(format!("{case}: {error}")),
    }
}

fn msm_g1(gpu: &Arc<Gpu>, case: &str, (points, scalars): &Terms<G1Affine>) -> Checked {
    let expected = cpu().msm_g1(points, scalars, &control()).map_err(|error| error.to_string())?;
    expect(case, gpu.msm_g1(points, scalars, &control()), &expected)?;
    let bases = gpu.prepare_g1(points, &control()).map_err(|error| format!("{case}, preparing: {error}"))?;
    expect(&format!("{case}, prepared"), gpu.msm_g1_prepared(&bases, scalars, &control()), &expected)
}

fn msm_g2(gpu: &Arc<Gpu>, case: &str, (points, scalars): &Terms<G2Affine>) -> Checked {
    let expected = cpu().msm_g2(points, scalars, &control()).map_err(|error| error.to_string())?;
    expect(case, gpu.msm_g2(points, scalars, &control()), &expected)?;
    let bases = gpu.prepare_g2(points, &control()).map_err(|error| format!("{case}, preparing: {error}"))?;
    expect(&format!("{case}, prepared"), gpu.msm_g2_prepared(&bases, scalars, &control()), &expected)
}

/// Jobs of several threads on one device, each small enough that their submissions alternate.
fn side_by_side(gpu: &Arc<Gpu>) -> Checked {
    let rounds = 6;
    let msm = |thread: usize| {
        let (points, scalars) = random_terms(&format!("gpu side by side {thread}"), 60 + thread);
        let expected = cpu().msm_g1(&points, &scalars, &control()).map_err(|error| error.to_string())?;
        (0..rounds).try_for_each(|_| expect("msm-g1", gpu.msm_g1(&points, &scalars, &control()), &expected))
    };
    let ntt = |thread: usize| {
        let values = Random::new("gpu side by side").scalars(1 << (6 + thread));
        let kind = NttKind { inverse: thread % 2 == 1, coset: Some(Fr::from(7u64)) };
        let expected = cpu().ntt(&values, kind, &control()).map_err(|error| error.to_string())?;
        (0..rounds).try_for_each(|_| expect("ntt", gpu.ntt(&values, kind, &control()), &expected))
    };
    let members = |thread: usize| {
        let mut random = Random::new("gpu side by side");
        let points: Vec<G1Affine> = random.members(70 + thread).into_iter().map(|p| *p.affine()).collect();
        let expected = vec![true; points.len()];
        (0..rounds).try_for_each(|_| expect("members", gpu.subgroup_g1(&points, &control()), &expected))
    };
    let jobs: [&(dyn Fn(usize) -> Checked + Sync); 6] = [&msm, &ntt, &members, &msm, &ntt, &members];
    std::thread::scope(|scope| {
        let threads: Vec<_> = jobs.iter().enumerate().map(|(thread, job)| scope.spawn(move || job(thread))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err("a job panicked".into())))
    })
}

/// More lists, longer lists and more points than fit.
fn cut_sums<P: AffineRepr<ScalarField = Fr>>(
    gpu: &Arc<Gpu>,
    sum: impl Fn(&Gpu, &[P], &IndexLists) -> Result<Vec<P>, DeviceError>,
) -> Checked {
    let mut random = Random::new("gpu cut sums");
    let points: Vec<P> = random.members(4000).into_iter().map(|p| p.into_affine()).collect();
    let mut pick = |count: usize| -> Vec<u32> { (0..count).map(|_| random.below(points.len()) as u32).collect() };
    let cases: [(&str, IndexLists); 3] = [
        ("one long list", [pick(9000)].into_iter().collect()),
        ("many lists", (0..3000).map(|i| pick(i % 4)).collect()),
        ("few points of many", [pick(3), vec![], pick(1)].into_iter().collect()),
    ];
    for (case, lists) in cases {
        let total = |list: &[u32]| list.iter().map(|&i| points[i as usize]).sum::<P::Group>().into_affine();
        let expected: Vec<P> = lists.iter().map(total).collect();
        expect(case, sum(gpu, &points, &lists), &expected)?;
    }
    Ok(())
}

fn compressed<P: ark_serialize::CanonicalSerialize, const N: usize>(point: &P) -> [u8; N] {
    let mut bytes = Vec::new();
    // Writing to a vector does not fail, and the length is the encoding's.
    let written = point.serialize_compressed(&mut bytes).ok().and_then(|()| bytes.as_slice().try_into().ok());
    written.unwrap_or([0; N])
}

fn cut_decompression(gpu: &Arc<Gpu>) -> Checked {
    let mut random = Random::new("gpu cut decompression");
    let n = SMALL as usize / (4 * 48) + 33;
    let points = random.members::<G2Affine>(n);
    let bytes: Vec<[u8; 96]> = points.iter().map(|p| compressed(p.affine())).collect();
    let expected: Vec<_> = points.iter().map(|p| Ok(*p.affine())).collect();
    expect("decompression", gpu.decompress_g2(&bytes, &control()), &expected)?;
    let affine: Vec<G2Affine> = points.iter().map(|p| *p.affine()).collect();
    expect("membership", gpu.subgroup_g2(&affine, &control()), &vec![true; n])
}

fn cut_miller_loop(gpu: &Arc<Gpu>) -> Checked {
    let mut random = Random::new("gpu cut miller");
    let n = SMALL as usize / (18 * 48) + 7;
    let pairs: Vec<(G1, G2)> = random.members(n).into_iter().zip(random.members(n)).collect();
    let f = gpu.miller_loop(&pairs, &control()).map_err(|error| error.to_string())?;
    let got = Bls12_381::final_exponentiation(MillerLoopOutput(f)).map(|value| value.0);
    let (ps, qs): (Vec<_>, Vec<_>) = pairs.iter().map(|(p, q)| (*p.affine(), *q.affine())).unzip();
    match got == Some(Bls12_381::multi_pairing(ps, qs).0) {
        true => Ok(()),
        false => Err(format!("the product of {n} pairs is wrong")),
    }
}

/// Transforms of as much as a part holds, less, and up to 32 times as much, in every direction.
fn cut_ntt(gpu: &Arc<Gpu>, logs: std::ops::RangeInclusive<u32>) -> Checked {
    let values = Random::new("gpu cut ntt").scalars(1 << logs.end());
    for log in logs {
        let values = &values[..1 << log];
        for (inverse, coset) in [(false, None), (true, None), (false, Some(7u64)), (true, Some(7))] {
            let kind = NttKind { inverse, coset: coset.map(Fr::from) };
            if !gpu.supports(Op::Ntt, values.len()) {
                return Err(format!("2^{log} values are not offered"));
            }
            let expected = CpuPortable::new(0).ntt(values, kind, &control()).map_err(|error| error.to_string())?;
            match gpu.ntt(values, kind, &control()) {
                Ok(got) if got == expected => {}
                Ok(got) => {
                    let first = got.iter().zip(&expected).position(|(got, expected)| got != expected);
                    return Err(format!("2^{log} values, {kind:?}: value {first:?} is wrong"));
                }
                Err(error) => return Err(format!("2^{log} values, {kind:?}: {error}")),
            }
        }
    }
    Ok(())
}

/// Abscissas x for which x³ + 4(1 + u) has no imaginary part: the formula for the root of others fails on half of them.
fn encodings_with_a_real_right_side(gpu: &Arc<Gpu>) -> Checked {
    let b = Fq2::new(4u64.into(), 4u64.into());
    // c1 of (x0 + x1·u)³ + 4(1 + u) is 3·x0²·x1 − x1³ + 4.
    let abscissa = |x1: u64| {
        let x1 = ark_bls12_381::Fq::from(x1);
        let x0 = ((x1 * x1 * x1 - ark_bls12_381::Fq::from(4u64)) / (x1 + x1 + x1)).sqrt()?;
        Some(Fq2::new(x0, x1))
    };
    let all: Vec<Fq2> = (1..40).filter_map(abscissa).collect();
    let squares = all.iter().filter(|x| (x.square() * *x + b).c0.legendre().is_qr()).count();
    if squares == 0 || squares == all.len() {
        return Err("not both kinds of right sides".into());
    }
    let bytes: Vec<[u8; 96]> = all
        .iter()
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(*x, false))
        .flat_map(|point| [compressed(&point), compressed(&-point)])
        .collect();
    let expected = CpuPortable::new(0).decompress_g2(&bytes, &control()).map_err(|error| error.to_string())?;
    expect("real right sides", gpu.decompress_g2(&bytes, &control()), &expected)
}
