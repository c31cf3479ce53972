//! Sums of long lists: points in blocks of eight, block added to block, level by level.
//!
//! A list of n points is ⌈n/8⌉ blocks, one point a lane. A level adds the second half of a list's blocks to the first
//! half, so that memory is read in order and nothing is gathered, listed or transposed but the points themselves,
//! once. What is left of a list is at most a few blocks.
//!
//! # Arithmetic
//! That of `adder.rs`, and what is said there of exceptional pairs holds here: each lane is right on every input. A
//! lane may also be empty, after a sum that is the identity or past the end of a list; its point is then not looked at.
//!
//! # Points of G1 are not converted
//! Their coordinates stay in arkworks' Montgomery form, with the factor A = 2^384, while a product here divides by
//! R = 2^416. Let m(u, v) = u·v/R. The inverse that a batch begins with may have any factor, and the quotients that
//! come from it keep it, since each product of denominators that a quotient is divided by has been divided by R as
//! often. With the factor that makes a slope s·2^400,
//!   m(s·2^400, s·2^400) = A·s²      and      m(s·2^416, A·(x1 − x3)) = A·s·(x1 − x3),
//! so all that it takes is a slope shifted by 16 bits: 24 instructions for eight additions in the place of 32
//! products. The first product of denominators in a chain is d = A·(x2 − x1) itself; with c the chain's product,
//! 2^816/c is what the quotient m(2^816/c, c') of the last denominator asks for, c' being the product before: it is
//! 2^432/(x2 − x1), whose product with A·(y2 − y1) is s·2^400. [`Coordinate::invert`] gives 2^832/c.
//!
//! # Pace
//! In order of the program, no instruction waits for one shortly before it: the steps of the backward pass work on
//! neighbouring blocks, each on the block that its predecessor left a product earlier. What cannot start yet fills the
//! schedulers, and the multipliers behind it starve: an addition took 5 ns more with its steps one after the other.

use super::adder::Point;
use super::coordinate::Coordinate;
use super::curve::{AffineOf, Curve, E1, E2};
use super::fp::Fp8;
use super::fp2::Fp2x8;
use super::token::Ifma;
use crate::backend::Control;
use crate::error::DeviceError;
use ark_bls12_381::{Fq, G1Affine};
use ark_ec::AffineRepr;
use ark_ff::BigInt;

/// How a curve's points go through the sums here.
pub(crate) trait Dense: Curve {
    /// Eight points as x and y; any values for the identity.
    fn load(ifma: Ifma, points: [&AffineOf<Self>; 8]) -> (Self::Coordinate, Self::Coordinate);
    /// Eight points for arkworks; none of them the identity.
    fn store(ifma: Ifma, x: &Self::Coordinate, y: &Self::Coordinate) -> [AffineOf<Self>; 8];
    /// The slope as the factor of x1 − x3, from the slope as the root of its square; below 2^18·p.
    fn lift(slope: &Self::Coordinate) -> Self::Coordinate;
    /// The inverse that a batch begins with, from the inverse of a product of denominators.
    fn scale(ifma: Ifma, inverse: &Self::Coordinate) -> Self::Coordinate;
}

impl Dense for E1 {
    #[inline(always)]
    fn load(ifma: Ifma, points: [&G1Affine; 8]) -> (Fp8, Fp8) {
        let load = |words| Fp8::from_words_unscaled(ifma, words);
        (load(points.map(|p| &p.x.0.0)), load(points.map(|p| &p.y.0.0)))
    }
    #[inline(always)]
    fn store(ifma: Ifma, x: &Fp8, y: &Fp8) -> [G1Affine; 8] {
        let [x, y] = [x, y].map(|c| c.to_words_unscaled(ifma).map(|words| Fq::new_unchecked(BigInt::new(words))));
        std::array::from_fn(|i| G1Affine::new_unchecked(x[i], y[i]))
    }
    #[inline(always)]
    fn lift(slope: &Fp8) -> Fp8 {
        slope.times_2_16()
    }
    #[inline(always)]
    fn scale(ifma: Ifma, inverse: &Fp8) -> Fp8 {
        // Times 2^400/R = 2^-16. 400 = 7·52 + 36.
        inverse.mul(&Fp8::splat(ifma, &[0, 0, 0, 0, 0, 0, 0, 1 << 36]))
    }
}

/// Points of G2 are converted: a product in Fp2 has no room for a factor that is not reduced.
impl Dense for E2 {
    #[inline(always)]
    fn load(ifma: Ifma, points: [&AffineOf<E2>; 8]) -> (Fp2x8, Fp2x8) {
        <E2 as Curve>::load(ifma, points)
    }
    #[inline(always)]
    fn store(ifma: Ifma, x: &Fp2x8, y: &Fp2x8) -> [AffineOf<E2>; 8] {
        <E2 as Curve>::store(ifma, x, y)
    }
    #[inline(always)]
    fn lift(slope: &Fp2x8) -> Fp2x8 {
        *slope
    }
    #[inline(always)]
    fn scale(_: Ifma, inverse: &Fp2x8) -> Fp2x8 {
        *inverse
    }
}

/// Eight points, or fewer.
#[derive(Clone, Copy)]
pub(crate) struct Eight<F> {
    point: Point<F>,
    /// The lanes that have a point.
    live: u8,
}

/// Independent chains of products of denominators, enough to cover the latency of one.
const CHAINS: usize = 4;

/// Pairs of blocks of one batch at most. An inversion takes 2.5 µs; two operands and their scratch are 500 KiB in G1,
/// half of a second-level cache.
const BATCH: usize = 160;

/// What the forward pass leaves for the backward pass, for a pair of blocks.
#[derive(Clone, Copy)]
struct Denominator<F> {
    /// The denominator of the slope.
    value: F,
    /// The product of the denominators of its chain up to here.
    product: F,
    /// Its place among the exceptions, plus one; 0 where all lanes are as usual.
    exception: u32,
}

/// A pair of blocks with lanes that are not two different points and not opposite.
struct Exception<F> {
    /// The lanes with equal points.
    doubled: u8,
    /// The lanes where at most one operand has a point, and that point.
    single: u8,
    kept: Point<F>,
    /// The lanes that have a sum.
    live: u8,
}

/// What the backward pass has in flight for a pair of blocks.
#[derive(Clone, Copy)]
struct Stage<F> {
    /// The inverse of the denominator.
    quotient: F,
    /// y2 − y1, or the tangent's numerator.
    rise: F,
    slope: F,
    square: F,
    /// x1 − x3.
    run: F,
    /// The slope times that.
    fall: F,
}

/// Pairs of blocks that the backward pass has in flight; a power of two.
const RING: usize = 8;

/// Adds blocks to blocks; keeps its scratch between calls.
pub(crate) struct DenseAdder<F: Coordinate> {
    ifma: Ifma,
    denominators: Vec<Denominator<F>>,
    exceptions: Vec<Exception<F>>,
    ring: Box<[Stage<F>; RING]>,
    /// The blocks of all lists, then those that a batch of the first level adds to them.
    blocks: Vec<Eight<F>>,
}

impl<F: Coordinate> DenseAdder<F> {
    pub(crate) fn new(ifma: Ifma) -> Self {
        let one = F::one(ifma);
        let stage = Stage { quotient: one, rise: one, slope: one, square: one, run: one, fall: one };
        Self {
            ifma,
            denominators: Vec::new(),
            exceptions: Vec::new(),
            ring: Box::new([stage; RING]),
            blocks: Vec::new(),
        }
    }

    /// A few points for each list, whose sum is the list's: those of what [`enough`] calls enough levels.
    ///
    /// The lists select points by index; the identity may be among them.
    ///
    /// # Errors
    /// As [`Control::checkpoint`].
    ///
    /// # Panics
    /// If an index is not below the number of points.
    pub(crate) fn shorten<C: Dense<Coordinate = F>>(
        &mut self,
        points: &[AffineOf<C>],
        lists: &[&[u32]],
        control: &Control,
    ) -> Result<Vec<Vec<AffineOf<C>>>, DeviceError> {
        let (mut lists, mut pairs) = self.first_level::<C>(points, lists, control)?;
        loop {
            pairs.clear();
            for &(start, count) in &lists {
                pairs.extend((start..start + count / 2).map(|i| [i, i + count.div_ceil(2)]));
            }
            if enough(pairs.len()) {
                return Ok(lists.iter().map(|&(start, count)| self.export::<C>(start..start + count)).collect());
            }
            for batch in batches(&pairs) {
                control.checkpoint()?;
                self.add::<C>(batch);
            }
            lists.iter_mut().for_each(|(_, count)| *count = count.div_ceil(2));
        }
    }

    /// Takes the points in and does the first level of additions as they come; gives where the blocks of each list
    /// start and how many there are, and room for pairs.
    #[expect(clippy::type_complexity, reason = "two lists, used once")]
    fn first_level<C: Dense<Coordinate = F>>(
        &mut self,
        points: &[AffineOf<C>],
        lists: &[&[u32]],
        control: &Control,
    ) -> Result<(Vec<(usize, usize)>, Vec<[usize; 2]>), DeviceError> {
        let (mut places, mut all) = (Vec::with_capacity(lists.len()), 0);
        let mut pairs = Vec::new();
        for list in lists {
            let count = list.len().div_ceil(8).div_ceil(2);
            places.push((all, count));
            pairs.extend((0..count).map(|i| {
                (all + i, &list[8 * i..list.len().min(8 * i + 8)], list.get(8 * (count + i)..).unwrap_or_default())
            }));
            all += count;
        }
        let one = F::one(self.ifma);
        self.blocks.resize(all + BATCH, Eight { point: Point { x: one, y: one }, live: 0 });
        let mut batch = Vec::with_capacity(BATCH);
        for taken in batches(&pairs) {
            control.checkpoint()?;
            batch.clear();
            for &(place, first, second) in taken {
                // SAFETY: the token proves that the CPU has the features.
                unsafe {
                    take::<C>(self.ifma, points, first, &mut self.blocks[place]);
                    if !second.is_empty() {
                        let place_of_second = all + batch.len();
                        take::<C>(self.ifma, points, &second[..second.len().min(8)], &mut self.blocks[place_of_second]);
                        batch.push([place, place_of_second]);
                    }
                }
            }
            self.add::<C>(&batch);
        }
        Ok((places, Vec::with_capacity(pairs.len())))
    }

    /// The points of some blocks for arkworks.
    fn export<C: Dense<Coordinate = F>>(&self, range: std::ops::Range<usize>) -> Vec<AffineOf<C>> {
        let mut out = Vec::with_capacity(8 * range.len());
        for block in &self.blocks[range] {
            // SAFETY: the token proves that the CPU has the features.
            let stored = unsafe { give::<C>(self.ifma, &block.point) };
            out.extend(
                stored.into_iter().enumerate().filter(|(i, _)| block.live >> i & 1 == 1).map(|(_, point)| point),
            );
        }
        out
    }

    /// Adds the second block of each pair to the first. No block may be in two pairs.
    fn add<C: Dense<Coordinate = F>>(&mut self, pairs: &[[usize; 2]]) {
        if pairs.is_empty() {
            return;
        }
        // SAFETY: the token proves that the CPU has the features.
        unsafe {
            let products = self.forward::<C>(pairs);
            let inverses = self.invert_chains::<C>(&products);
            self.backward::<C>(pairs, inverses);
        }
    }

    /// Computes the denominators and their products; gives the product of each chain.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn forward<C: Dense<Coordinate = F>>(&mut self, pairs: &[[usize; 2]]) -> [F; CHAINS] {
        let one = F::one(self.ifma);
        self.exceptions.clear();
        self.denominators.resize(pairs.len(), Denominator { value: one, product: one, exception: 0 });
        let mut products = [one; CHAINS];
        for i in 0..=pairs.len() {
            if let Some(pair) = pairs.get(i) {
                let [a, b] = pair.map(|block| &self.blocks[block]);
                let denominator = &mut self.denominators[i];
                denominator.value = b.point.x.difference(&a.point.x);
                denominator.exception = 0;
                let equal = denominator.value.zero_mask();
                if equal != 0 || a.live & b.live != !0 {
                    let exception = exception(self.ifma, equal, a, b, &mut denominator.value);
                    self.exceptions.push(exception);
                    denominator.exception = self.exceptions.len() as u32;
                }
            }
            // The product of the block before, whose denominator is ready.
            let Some(i) = i.checked_sub(1) else { continue };
            let (before, rest) = self.denominators.split_at_mut(i);
            let denominator = &mut rest[0];
            match before.len().checked_sub(CHAINS) {
                Some(last) => denominator.product.set_product(&before[last].product, &denominator.value),
                None => denominator.product = denominator.value,
            }
        }
        let last = pairs.len().saturating_sub(CHAINS);
        for (i, denominator) in self.denominators.iter().enumerate().skip(last) {
            products[i % CHAINS] = denominator.product;
        }
        products
    }

    /// The inverses of the chains' products, by one inversion.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn invert_chains<C: Dense<Coordinate = F>>(&self, [a, b, c, d]: &[F; CHAINS]) -> [F; CHAINS] {
        let (ab, cd) = (a.mul(b), c.mul(d));
        let inverse = C::scale(self.ifma, &ab.mul(&cd).invert(self.ifma));
        let (inverse_ab, inverse_cd) = (inverse.mul(&cd), inverse.mul(&ab));
        [inverse_ab.mul(b), inverse_ab.mul(a), inverse_cd.mul(d), inverse_cd.mul(c)]
    }

    /// Takes the inverses apart and computes the sums, the last first, each step a block behind the one before it.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn backward<C: Dense<Coordinate = F>>(&mut self, pairs: &[[usize; 2]], mut inverses: [F; CHAINS]) {
        let count = pairs.len();
        for time in 0..count + 4 {
            let at = |step: usize| (step <= time && time - step < count).then(|| count - 1 - (time - step));
            if let Some(i) = at(0) {
                self.divide::<C>(i, pairs[i], &mut inverses[i % CHAINS]);
            }
            if let Some(i) = at(1) {
                let stage = &mut self.ring[i % RING];
                stage.slope.set_product(&stage.quotient, &stage.rise);
            }
            if let Some(i) = at(3) {
                self.abscissa(i, pairs[i]);
            }
            if let Some(i) = at(2) {
                let stage = &mut self.ring[i % RING];
                stage.square.set_square(&stage.slope);
                stage.slope = C::lift(&stage.slope);
            }
            if let Some(i) = at(4) {
                self.ordinate(i, pairs[i]);
            }
            if let Some(i) = at(3) {
                let stage = &mut self.ring[i % RING];
                stage.fall.set_product(&stage.slope, &stage.run);
            }
        }
    }

    /// The quotient and the rise of pair i; the inverse for the pair before in its chain.
    #[inline(always)]
    fn divide<C: Dense<Coordinate = F>>(&mut self, i: usize, [a, b]: [usize; 2], inverse: &mut F) {
        let (stage, denominator) = (&mut self.ring[i % RING], &self.denominators[i]);
        match i.checked_sub(CHAINS) {
            Some(before) => stage.quotient.set_product(inverse, &self.denominators[before].product),
            None => stage.quotient = *inverse,
        }
        let [a, b] = [a, b].map(|block| &self.blocks[block].point);
        stage.rise = b.y.signed_difference(0, &a.y, 0);
        if denominator.exception != 0 {
            let doubled = self.exceptions[denominator.exception as usize - 1].doubled;
            // In G1 2^16·m(2^16·A·x, A·x) = A·x².
            let square = C::lift(&a.x).mul(&a.x);
            stage.rise = stage.rise.select(doubled, &C::lift(&square.triple()));
        }
        inverse.mul_assign(&denominator.value);
    }

    /// x3 of pair i to its place, and x1 − x3.
    #[inline(always)]
    fn abscissa(&mut self, i: usize, [a, b]: [usize; 2]) {
        let (stage, x1) = (&mut self.ring[i % RING], &self.blocks[a].point.x);
        let x3 = stage.square.sub_both(x1, &self.blocks[b].point.x);
        stage.run = x1.difference(&x3);
        self.blocks[a].point.x = x3;
    }

    /// y3 of pair i to its place; what was no sum of two different points put right.
    #[inline(always)]
    fn ordinate(&mut self, i: usize, [a, _]: [usize; 2]) {
        let sum = &mut self.blocks[a];
        sum.point.y = self.ring[i % RING].fall.sub_signed(&sum.point.y, 0);
        let exception = self.denominators[i].exception;
        if exception != 0 {
            let exception = &self.exceptions[exception as usize - 1];
            sum.point.x = sum.point.x.select(exception.single, &exception.kept.x);
            sum.point.y = sum.point.y.select(exception.single, &exception.kept.y);
            sum.live = exception.live;
        }
    }
}

/// Whether a level with so many pairs of blocks is not worth its inversion, 2.5 µs, against 1.3 µs for each with blst.
fn enough(pairs: usize) -> bool {
    pairs < 3
}

/// All items in as few batches as there can be, of equal sizes.
fn batches<T>(items: &[T]) -> impl Iterator<Item = &[T]> {
    let count = items.len().div_ceil(BATCH).max(1);
    items.chunks(items.len().div_ceil(count).max(1))
}

/// Takes up to eight points into a block.
#[target_feature(enable = "avx512f,avx512ifma")]
fn take<C: Dense>(ifma: Ifma, points: &[AffineOf<C>], indices: &[u32], block: &mut Eight<C::Coordinate>) {
    let lanes: [&AffineOf<C>; 8] = match indices.first_chunk::<8>() {
        Some(eight) => eight.map(|i| &points[i as usize]),
        None => std::array::from_fn(|i| &points[indices[i.min(indices.len() - 1)] as usize]),
    };
    let live = lanes.iter().enumerate().fold(0, |live, (i, p)| live | u8::from(!p.is_zero()) << i);
    block.live = live & (0xff >> (8 - indices.len().min(8)));
    (block.point.x, block.point.y) = <C as Dense>::load(ifma, lanes);
}

/// The points of a block for arkworks.
#[target_feature(enable = "avx512f,avx512ifma")]
fn give<C: Dense>(ifma: Ifma, point: &Point<C::Coordinate>) -> [AffineOf<C>; 8] {
    <C as Dense>::store(ifma, &point.x, &point.y)
}

/// Sorts out the lanes of a pair; gives those with equal points the denominator of their tangent, 2·y1, and those without
/// a sum of two points the denominator 1.
#[target_feature(enable = "avx512f,avx512ifma")]
#[cold]
#[inline(never)]
fn exception<F: Coordinate>(ifma: Ifma, equal: u8, a: &Eight<F>, b: &Eight<F>, denominator: &mut F) -> Exception<F> {
    let both = a.live & b.live;
    let sum = b.point.y.signed_difference(0, &a.point.y, !0);
    let cancelled = equal & both & sum.zero_mask();
    let doubled = equal & both & !cancelled;
    *denominator = denominator.select(doubled, &sum).select(cancelled | !both, &F::one(ifma));
    let kept = Point { x: b.point.x.select(a.live, &a.point.x), y: b.point.y.select(a.live, &a.point.y) };
    Exception { doubled, single: !both, kept, live: (a.live | b.live) & !cancelled }
}
