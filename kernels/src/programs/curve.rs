//! Points in homogeneous coordinates (X : Y : Z), x = X/Z and y = Y/Z, by complete formulas: Renes, Costello, Batina,
//! "Complete addition formulas for prime order elliptic curves", eprint 2015/1060, for a = 0. They hold for every pair
//! of points of a curve without points of order 2, which both curves are.

use super::Constant;
use super::tower::{Coordinate, Fp2};
use crate::Group;
use crate::machine::{self, Builder, Program, Results, Value};

/// A point.
#[derive(Clone, Copy, Debug)]
pub struct Point<C> {
    /// X.
    pub x: C,
    /// Y.
    pub y: C,
    /// Z.
    pub z: C,
}

impl<C: Coordinate> Point<C> {
    /// P + Q: algorithm 7, 12 multiplications.
    pub fn add(self, q: Self, m: &mut Builder) -> Self {
        let (t0, t1, t2) = (self.x.mul(q.x, m), self.y.mul(q.y, m), self.z.mul(q.z, m));
        let cross = |a: C, b: C, c: C, d: C, s: C, t: C, m: &mut Builder| {
            let (left, right, sum) = (a.add(b, m), c.add(d, m), s.add(t, m));
            left.mul(right, m).sub(sum, m)
        };
        let t3 = cross(self.x, self.y, q.x, q.y, t0, t1, m);
        let t4 = cross(self.y, self.z, q.y, q.z, t1, t2, m);
        let y3 = cross(self.x, self.z, q.x, q.z, t0, t2, m).times_3b(m);
        let (t0, t2) = (t0.triple(m), t2.times_3b(m));
        let (z3, t1) = (t1.add(t2, m), t1.sub(t2, m));
        let (a, b) = (t3.mul(t1, m), t4.mul(y3, m));
        let (c, d) = (y3.mul(t0, m), t1.mul(z3, m));
        let (e, f) = (z3.mul(t4, m), t0.mul(t3, m));
        Self { x: a.sub(b, m), y: c.add(d, m), z: e.add(f, m) }
    }

    /// 2P: algorithm 9, 6 multiplications and 2 squarings.
    pub fn double(self, m: &mut Builder) -> Self {
        let t0 = self.y.square(m);
        let z3 = t0.double(m).double(m).double(m);
        let t1 = self.y.mul(self.z, m);
        let t2 = self.z.square(m).times_3b(m);
        let x3 = t2.mul(z3, m);
        let y3 = t0.add(t2, m);
        let z3 = t1.mul(z3, m);
        let t2 = t2.triple(m);
        let t0 = t0.sub(t2, m);
        let y3 = t0.mul(y3, m).add(x3, m);
        let x3 = self.x.mul(self.y, m).mul(t0, m).double(m);
        Self { x: x3, y: y3, z: z3 }
    }

    /// k·P for a fixed k > 0, bit by bit.
    pub fn times(self, k: u64, m: &mut Builder) -> Self {
        let mut sum = self;
        for i in (0..k.ilog2()).rev() {
            sum = sum.double(m);
            if k >> i & 1 == 1 {
                sum = sum.add(self, m);
            }
        }
        sum
    }

    fn read(mut read: impl FnMut(usize) -> Value) -> Self {
        let mut coordinate = |i: usize| C::read(|e| read(i * C::ELEMENTS + e));
        Self { x: coordinate(0), y: coordinate(1), z: coordinate(2) }
    }

    fn elements(self) -> impl Iterator<Item = Value> {
        [self.x, self.y, self.z].into_iter().flat_map(|c| (0..C::ELEMENTS).map(move |e| c.element(e)))
    }
}

/// The program of the stage that accumulates: P = P + Q over registers that hold P, then Q.
pub fn accumulation(group: Group) -> Program {
    fn build<C: Coordinate>() -> Program {
        let mut m = Builder::new();
        let points = 3 * C::ELEMENTS;
        let p = Point::<C>::read(|i| m.register(i));
        let q = Point::<C>::read(|i| m.register(points + i));
        let sum = p.add(q, &mut m);
        sum.elements().enumerate().for_each(|(i, value)| m.store(i, value));
        let addition = m.finish(Results::Registers, 2 * points);
        machine::accumulation(addition, points, C::ELEMENTS, C::ELEMENTS..2 * C::ELEMENTS)
    }
    match group {
        Group::G1 => build::<Value>(),
        Group::G2 => build::<Fp2>(),
    }
}

/// The identity as output: what buckets hold before anything is stored in them.
pub fn identity(group: Group) -> Program {
    let mut m = Builder::new();
    let one = Constant::One.of(&mut m);
    let zero = m.sub(one, one);
    let coordinate = group.coordinate();
    (0..3 * coordinate).for_each(|i| m.store(i, if i == coordinate { one } else { zero }));
    m.finish(Results::Output, 0)
}

/// The first level of a reduction: `arity` buckets B₀, B₁, … to S = Σ Bⱼ and W = Σ (j + 1)·Bⱼ, by running sums from
/// the highest bucket on. Outputs: S, then W.
pub fn reduction(group: Group, arity: usize) -> Program {
    fn build<C: Coordinate>(arity: usize) -> Program {
        let mut m = Builder::new();
        let point = |j: usize, m: &mut Builder| Point::<C>::read(|i| m.input(3 * C::ELEMENTS * j + i));
        let mut sum = point(arity - 1, &mut m);
        let mut weighted = sum;
        for j in (0..arity - 1).rev() {
            let bucket = point(j, &mut m);
            sum = sum.add(bucket, &mut m);
            weighted = weighted.add(sum, &mut m);
        }
        finish(m, [sum, weighted])
    }
    match group {
        Group::G1 => build::<Value>(arity),
        Group::G2 => build::<Fp2>(arity),
    }
}

/// A further level: `arity` neighbours (Sⱼ, Wⱼ), each of 2^bits buckets, to S = Σ Sⱼ and W = Σ Wⱼ + 2^bits·Σ j·Sⱼ.
/// Outputs: S, then W.
pub fn further_reduction(group: Group, arity: usize, bits: u32) -> Program {
    fn build<C: Coordinate>(arity: usize, bits: u32) -> Program {
        let mut m = Builder::new();
        let point = |j: usize, m: &mut Builder| Point::<C>::read(|i| m.input(3 * C::ELEMENTS * j + i));
        let mut sum = point(2 * arity - 2, &mut m);
        let mut total = point(2 * arity - 1, &mut m);
        let mut steps = sum;
        for j in (0..arity - 1).rev() {
            let (s, w) = (point(2 * j, &mut m), point(2 * j + 1, &mut m));
            sum = sum.add(s, &mut m);
            total = total.add(w, &mut m);
            if j > 0 {
                steps = steps.add(sum, &mut m);
            }
        }
        for _ in 0..bits {
            steps = steps.double(&mut m);
        }
        // A single neighbour has no steps.
        let weighted = if arity > 1 { total.add(steps, &mut m) } else { total };
        finish(m, [sum, weighted])
    }
    match group {
        Group::G1 => build::<Value>(arity, bits),
        Group::G2 => build::<Fp2>(arity, bits),
    }
}

fn finish<C: Coordinate>(mut m: Builder, points: [Point<C>; 2]) -> Program {
    points.into_iter().flat_map(Point::elements).enumerate().for_each(|(i, value)| m.store(i, value));
    m.finish(Results::Output, 0)
}
