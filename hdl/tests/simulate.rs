//! The units in rust-hdl's own simulator against their software models.

use arblast_hdl::field::{Projective, WIDTH, add_mod, modulus, mont_mul, point_add, sub_mod, to_mont};
use arblast_hdl::on_large_stack;
use arblast_hdl::simulate::{Bits, Block, ClockOf, Simulation};
use arblast_hdl::units::mod_add::{ModAdd, ModOp};
use arblast_hdl::units::mont_mul::MontMul;
use arblast_hdl::units::point_add::{Adder, PointAdd};
use num_bigint::BigUint;

/// Operands below p: 0, 1, p − 1, both sides of chunk bounds, then powers of 7, squared as they go.
fn operands(count: usize) -> Vec<BigUint> {
    let (p, one) = (modulus(), BigUint::from(1u32));
    let mut all = vec![BigUint::ZERO, one.clone(), &p - 1u32, &p - 2u32, &p >> 1];
    all.extend([96, 192, 288].iter().flat_map(|&bit| [(&one << bit) - 1u32, &one << bit, &p - (&one << bit)]));
    let mut state = BigUint::from(7u32);
    while all.len() < count {
        state = (&state * &state + 1u32) % &p;
        all.push(state.clone());
    }
    all
}

/// Every pair of neighbours, and every value with itself and with p − 1.
fn pairs() -> Vec<[BigUint; 2]> {
    let all = operands(24);
    let neighbours = all.windows(2).map(|two| [two[0].clone(), two[1].clone()]);
    let others = all.iter().flat_map(|a| [[a.clone(), a.clone()], [a.clone(), modulus() - 1u32]]);
    neighbours.chain(others).collect()
}

fn wide(value: &BigUint) -> Bits<WIDTH> {
    value.clone().into()
}

/// One vector a clock; `get` reads the result, which is checked `latency` clocks later.
fn check<B: Block, V>(
    top: B,
    (clock, latency): (ClockOf<B>, usize),
    vectors: &[V],
    set: impl Fn(&mut B, &V),
    model: impl Fn(&V) -> Vec<(&'static str, BigUint)>,
) {
    let mut simulation = Simulation::new(Box::new(top), clock);
    for cycle in 0..vectors.len() + latency {
        if let Some(vector) = vectors.get(cycle) {
            set(&mut simulation.top, vector);
        }
        simulation.settle();
        if cycle >= latency {
            let outputs = simulation.outputs();
            for (name, expected) in model(&vectors[cycle - latency]) {
                assert_eq!(outputs[name], expected, "{name} of vector {}", cycle - latency);
            }
        }
        simulation.edge();
    }
}

#[test]
fn modular_addition_and_subtraction() {
    on_large_stack(|| {
        let p = modulus();
        for (op, model) in [(ModOp::Add, add_mod as fn(&BigUint, &BigUint, &BigUint) -> BigUint), (ModOp::Sub, sub_mod)]
        {
            check(
                ModAdd::<WIDTH>::new(op, &p),
                (|top| &mut top.clock, ModAdd::<WIDTH>::LATENCY),
                &pairs(),
                |top, [a, b]| (top.a.next, top.b.next) = (wide(a), wide(b)),
                |[a, b]| vec![("r", model(a, b, &p))],
            );
        }
    });
}

#[test]
fn montgomery_multiplication() {
    on_large_stack(|| {
        let unit = MontMul::default();
        let latency = unit.latency();
        check(
            unit,
            (|top| &mut top.clock, latency),
            &pairs(),
            |top, [a, b]| (top.a.next, top.b.next) = (wide(a), wide(b)),
            |[a, b]| vec![("r", mont_mul(a, b))],
        );
    });
}

#[test]
fn point_addition_full_and_mixed() {
    on_large_stack(|| {
        let one = to_mont(&BigUint::from(1u32));
        for (unit, mixed) in [(PointAdd::full(), false), (PointAdd::mixed(), true)] {
            let latency = unit.latency();
            let all = operands(24);
            let vectors: Vec<[Projective; 2]> = (0..8)
                .map(|i| {
                    let at = |j: usize| all[(5 * i + 7 * j) % all.len()].clone();
                    let z2 = if mixed { one.clone() } else { at(5) };
                    [[at(0), at(1), at(2)], [at(3), at(4), z2]]
                })
                .collect();
            check(
                unit,
                (|top| &mut top.clock, latency),
                &vectors,
                |top, [a, b]| {
                    (top.x1.next, top.y1.next, top.z1.next) = (wide(&a[0]), wide(&a[1]), wide(&a[2]));
                    (top.x2.next, top.y2.next, top.z2.next) = (wide(&b[0]), wide(&b[1]), wide(&b[2]));
                },
                |[a, b]| ["x3", "y3", "z3"].into_iter().zip(point_add(a, b)).collect(),
            );
        }
    });
}
