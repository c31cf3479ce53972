//! Steps of the Miller loop of the optimal ate pairing, one pair an item, and products in Fp12.
//!
//! The state of a pair is f (12 elements), then T in homogeneous coordinates on the twist (6). Its input is P (2) and
//! Q (4), affine, in the host's form. Steps: Costello, Lange, Naehrig, "Faster pairing computations on curves with
//! high-degree twists", eprint 2009/615, section 5, for y² = x³ + b with the divisive-free line l0 + l1·v + l4·v·w.

use super::Constant;
use super::tower::{Coordinate, Fp2, Fp12};
use crate::machine::{Builder, Program, Results, Value};

/// Elements of a pair's state.
pub const STATE: usize = Fp12::ELEMENTS + 6;
/// Elements of a pair's input.
pub const INPUT: usize = 6;

struct Twist {
    x: Fp2,
    y: Fp2,
    z: Fp2,
}

fn host(index: usize, m: &mut Builder) -> Value {
    let (value, factor) = (m.input(index), Constant::FromHost.of(m));
    m.mul(value, factor)
}

fn state(m: &mut Builder) -> (Fp12, Twist) {
    let f = Fp12::read(|i| m.state(i));
    let mut two = |at: usize| Fp2(m.state(at), m.state(at + 1));
    (f, Twist { x: two(12), y: two(14), z: two(16) })
}

fn finish(mut m: Builder, f: Fp12, t: Option<Twist>) -> Program {
    f.elements().into_iter().enumerate().for_each(|(i, value)| m.store(i, value));
    let elements = t.map(|t| [t.x.0, t.x.1, t.y.0, t.y.1, t.z.0, t.z.1]);
    elements.into_iter().flatten().enumerate().for_each(|(i, value)| m.store(Fp12::ELEMENTS + i, value));
    m.finish(Results::Output, 0)
}

/// The same for a step, which may not read all of its input.
fn finish_step(m: Builder, f: Fp12, t: Twist) -> Program {
    Program { inputs: INPUT, ..finish(m, f, Some(t)) }
}

/// f·l(P) for the line with coefficients (l0, l1, l4) at x_P and y_P.
fn line(f: Fp12, (l0, l1, l4): (Fp2, Fp2, Fp2), m: &mut Builder) -> Fp12 {
    let (x, y) = (host(0, m), host(1, m));
    let (l1, l4) = (l1.scale(x, m), l4.scale(y, m));
    f.mul_by_014(l0, l1, l4, m)
}

/// Before the loop: f = 1, T = Q.
pub fn start() -> Program {
    let mut m = Builder::new();
    let one = Constant::One.of(&mut m);
    let zero = m.sub(one, one);
    let f = Fp12::read(|i| if i == 0 { one } else { zero });
    let mut two = |at: usize| Fp2(host(at, &mut m), host(at + 1, &mut m));
    let t = Twist { x: two(2), y: two(4), z: Fp2(one, zero) };
    finish_step(m, f, t)
}

/// f = f²·l(P) for the tangent l at T, T = 2T.
pub fn double() -> Program {
    let mut m = Builder::new();
    let (f, t) = state(&mut m);
    let f = f.square(&mut m);
    let m = &mut m;
    let half = Constant::Half.of(m);
    let a = t.x.mul(t.y, m).scale(half, m);
    let (b, c) = (t.y.square(m), t.z.square(m));
    let e = c.times_3b(m);
    let three_e = e.triple(m);
    let g = b.add(three_e, m).scale(half, m);
    let sum = b.add(c, m);
    let h = t.y.add(t.z, m).square(m).sub(sum, m);
    let (i, j) = (e.sub(b, m), t.x.square(m));
    let e_square = e.square(m).triple(m);
    let difference = b.sub(three_e, m);
    let next = Twist { x: a.mul(difference, m), y: g.square(m).sub(e_square, m), z: b.mul(h, m) };
    let f = line(f, (i, j.triple(m), h.neg(m)), m);
    finish_step(std::mem::take(m), f, next)
}

/// f = f·l(P) for the line l through T and Q, T = T + Q.
pub fn add() -> Program {
    let mut m = Builder::new();
    let (f, t) = state(&mut m);
    let m = &mut m;
    let q = (Fp2(host(2, m), host(3, m)), Fp2(host(4, m), host(5, m)));
    let (yz, xz) = (q.1.mul(t.z, m), q.0.mul(t.z, m));
    let (theta, lambda) = (t.y.sub(yz, m), t.x.sub(xz, m));
    let (c, d) = (theta.square(m), lambda.square(m));
    let (e, f_, g) = (lambda.mul(d, m), t.z.mul(c, m), t.x.mul(d, m));
    let h = {
        let two_g = g.double(m);
        e.add(f_, m).sub(two_g, m)
    };
    let y = {
        let (left, right) = (g.sub(h, m), e.mul(t.y, m));
        theta.mul(left, m).sub(right, m)
    };
    let next = Twist { x: lambda.mul(h, m), y, z: t.z.mul(e, m) };
    let j = {
        let (left, right) = (theta.mul(q.0, m), lambda.mul(q.1, m));
        left.sub(right, m)
    };
    let f = line(f, (j, theta.neg(m), lambda), m);
    finish_step(std::mem::take(m), f, next)
}

/// After the loop, for the negative seed: the conjugate of the f in a state that is the input.
pub fn end() -> Program {
    let mut m = Builder::new();
    let f = Fp12::read(|i| m.input(i)).conjugate(&mut m);
    let mut program = finish(m, f, None);
    program.inputs = STATE;
    program
}

/// The product of two neighbours: inputs 2·12, outputs 12.
pub fn product() -> Program {
    let mut m = Builder::new();
    let a = Fp12::read(|i| m.input(i));
    let b = Fp12::read(|i| m.input(Fp12::ELEMENTS + i));
    let f = a.mul(b, &mut m);
    finish(m, f, None)
}
