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
//! so all that it takes is a slope shifted by 16 bits: 24 instructions in the place of the four products that would
//! convert the operands of eight additions. The first product of denominators in a chain is d = A·(x2 − x1) itself;
//! with c the chain's product, 2^816/c is what the quotient m(2^816/c, c') of the last denominator asks for, c' being
//! the product before: it is 2^432/(x2 − x1), whose product with A·(y2 − y1) is s·2^400. [`Coordinate::invert`] gives
//! 2^832/c.
//!
//! # Pace
//! In order of the program, no instruction waits for one shortly before it: each step of the backward pass works on the
//! block that the step before has left a product earlier, and a denominator is computed one product before it is a
//! factor. What cannot start yet fills the schedulers, and the multipliers behind it starve: the forward pass took
//! 5.1 ns an addition with each denominator just before its product, and takes 4.3, of which the product is 3.9.
//!
//! Limit 20.7 ns an addition in G1. Measured in a second-level cache, on batches of 2,048: 27.1, of which the five
//! products and the square take 22.4 when they have nothing else beside them, differences, carries and stores 3.4, and
//! the inversion 1.3. Each of rise, x3, x1 − x3 and y3 costs 0.6 to 1 of it.

use super::adder::Point;
use super::coordinate::Coordinate;
use super::fp::Fp8;
use super::token::Ifma;
use crate::backend::Control;
use crate::error::DeviceError;
use std::ops::Range;

/// What the coordinates of points are multiples of, and what follows for slopes.
pub(crate) trait Scale<F> {
    /// The slope as the factor of x1 − x3, from the slope as the root of its square; below 2^18·p.
    fn lift(slope: &F) -> F;
    /// The inverse that a batch begins with, from the inverse of a product of denominators.
    fn scale(ifma: Ifma, inverse: &F) -> F;
}

/// Coordinates in the Montgomery form of this engine: nothing follows.
pub(crate) struct Converted;

impl<F: Coordinate> Scale<F> for Converted {
    #[inline(always)]
    fn lift(slope: &F) -> F {
        *slope
    }
    #[inline(always)]
    fn scale(_: Ifma, inverse: &F) -> F {
        *inverse
    }
}

/// Coordinates in Fp in arkworks' Montgomery form.
pub(crate) struct Unconverted;

impl Scale<Fp8> for Unconverted {
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

/// Eight points, or fewer.
#[derive(Clone, Copy)]
pub(crate) struct Eight<F> {
    pub(crate) point: Point<F>,
    /// The lanes that have a point.
    pub(crate) live: u8,
    /// The lanes whose point's negative is meant.
    pub(crate) negative: u8,
}

/// Independent chains of products of denominators, enough to cover the latency of one.
const CHAINS: usize = 4;

/// Pairs of blocks of one batch at most. An inversion takes 2.5 µs; two operands and their products are 850 KiB in G1, less
/// than a second-level cache of 1 MiB.
const BATCH: usize = 320;

/// What the forward pass leaves for the backward pass, for a pair of blocks; the denominator of the slope takes the
/// place of the second block's x.
#[derive(Clone, Copy)]
struct Denominator<F> {
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

/// Pairs of blocks that the backward pass has in flight: what one step leaves is used within the next two, so that
/// the place of pair i is free for pair i − 4 when that begins, field by field.
const RING: usize = 4;

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

    /// Makes room for so many blocks, and for those that one batch brings.
    pub(crate) fn reserve(&mut self, blocks: usize) {
        let one = F::one(self.ifma);
        self.blocks.resize(blocks + BATCH, Eight { point: Point { x: one, y: one }, live: 0, negative: 0 });
    }

    /// Fills blocks and adds others to some of them: the first level of all lists.
    ///
    /// `bring` fills a block with the operand of a job: the first, which goes to block i for job i of `jobs`, or the
    /// second, which is added to it where `paired` says that there is one. `announce` says of a job that its operands
    /// will be asked for in the next batch.
    pub(crate) fn first_level<S: Scale<F>>(
        &mut self,
        jobs: usize,
        paired: impl Fn(usize) -> bool,
        bring: impl Fn(usize, bool, &mut Eight<F>),
        announce: impl Fn(usize),
        control: &Control,
    ) -> Result<(), DeviceError> {
        self.reserve(jobs);
        let mut pairs = Vec::with_capacity(BATCH);
        let mut job = 0;
        while job < jobs {
            control.checkpoint()?;
            pairs.clear();
            while job < jobs && pairs.len() < BATCH {
                if paired(job) {
                    pairs.push([job, jobs + pairs.len()]);
                } else {
                    bring(job, false, &mut self.blocks[job]);
                }
                job += 1;
            }
            let bring_both = |blocks: &mut [Eight<F>], [a, b]: [usize; 2]| {
                bring(a, false, &mut blocks[a]);
                bring(a, true, &mut blocks[b]);
            };
            self.add::<S>(&pairs, bring_both, |done| {
                if job + done < jobs {
                    announce(job + done);
                }
            });
        }
        Ok(())
    }

    /// Adds the upper half of each list's blocks to the lower, level by level, until `enough` says of the pairs of a
    /// level that they are too few.
    pub(crate) fn levels<S: Scale<F>>(
        &mut self,
        lists: &mut [Range<usize>],
        enough: impl Fn(usize) -> bool,
        control: &Control,
    ) -> Result<(), DeviceError> {
        let mut pairs = Vec::new();
        loop {
            pairs.clear();
            for list in lists.iter() {
                let half = list.len().div_ceil(2);
                pairs.extend((list.start..list.end - half).map(|i| [i, i + half]));
            }
            if enough(pairs.len()) {
                return Ok(());
            }
            for batch in pairs.chunks(pairs.len().div_ceil(pairs.len().div_ceil(BATCH))) {
                control.checkpoint()?;
                self.add::<S>(batch, |_, _| (), |_| ());
            }
            lists.iter_mut().for_each(|list| list.end = list.start + list.len().div_ceil(2));
        }
    }

    /// A block.
    pub(crate) fn block(&self, index: usize) -> &Eight<F> {
        &self.blocks[index]
    }

    /// Adds the second block of each pair to the first, each after `bring` has had the chance to fill both. No block may
    /// be in two pairs. `meanwhile` is called with 0, 1, … as the sums come about.
    fn add<S: Scale<F>>(
        &mut self,
        pairs: &[[usize; 2]],
        bring: impl Fn(&mut [Eight<F>], [usize; 2]),
        meanwhile: impl Fn(usize),
    ) {
        if pairs.is_empty() {
            return;
        }
        // SAFETY: the token proves that the CPU has the features.
        unsafe {
            let products = self.forward(pairs, bring);
            let inverses = self.invert_chains::<S>(&products);
            self.backward::<S>(pairs, inverses, meanwhile);
        }
    }

    /// Computes the denominators and their products; gives the product of each chain.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn forward(&mut self, pairs: &[[usize; 2]], bring: impl Fn(&mut [Eight<F>], [usize; 2])) -> [F; CHAINS] {
        let one = F::one(self.ifma);
        self.exceptions.clear();
        self.denominators.resize(pairs.len(), Denominator { product: one, exception: 0 });
        let mut products = [one; CHAINS];
        for i in 0..=pairs.len() {
            if let Some(&pair) = pairs.get(i) {
                bring(&mut self.blocks, pair);
                let Ok([a, b]) = self.blocks.get_disjoint_mut(pair) else { unreachable!("two blocks in a pair") };
                let mut value = b.point.x.difference(&a.point.x);
                let equal = value.zero_mask();
                self.denominators[i].exception = 0;
                if equal != 0 || a.live & b.live != !0 {
                    let exception = exception(self.ifma, equal, a, b, &mut value);
                    self.exceptions.push(exception);
                    self.denominators[i].exception = self.exceptions.len() as u32;
                }
                b.point.x = value;
            }
            // The product of the pair before, whose denominator is ready.
            let Some(i) = i.checked_sub(1) else { continue };
            let value = &self.blocks[pairs[i][1]].point.x;
            let (before, rest) = self.denominators.split_at_mut(i);
            match before.len().checked_sub(CHAINS) {
                Some(last) => rest[0].product.set_product(&before[last].product, value),
                None => rest[0].product = *value,
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
    fn invert_chains<S: Scale<F>>(&self, [a, b, c, d]: &[F; CHAINS]) -> [F; CHAINS] {
        let (ab, cd) = (a.mul(b), c.mul(d));
        let inverse = S::scale(self.ifma, &ab.mul(&cd).invert(self.ifma));
        let (inverse_ab, inverse_cd) = (inverse.mul(&cd), inverse.mul(&ab));
        [inverse_ab.mul(b), inverse_ab.mul(a), inverse_cd.mul(d), inverse_cd.mul(c)]
    }

    /// Takes the inverses apart and computes the sums, the last first, each step a block behind the one before it.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn backward<S: Scale<F>>(&mut self, pairs: &[[usize; 2]], mut inverses: [F; CHAINS], meanwhile: impl Fn(usize)) {
        let count = pairs.len();
        for time in 0..count + 4 {
            let at = |step: usize| (step <= time && time - step < count).then(|| count - 1 - (time - step));
            if let Some(i) = at(0) {
                meanwhile(time);
                self.divide::<S>(i, pairs[i], &mut inverses[i % CHAINS]);
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
                stage.slope = S::lift(&stage.slope);
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
    fn divide<S: Scale<F>>(&mut self, i: usize, [a, b]: [usize; 2], inverse: &mut F) {
        let (stage, denominator) = (&mut self.ring[i % RING], &self.denominators[i]);
        match i.checked_sub(CHAINS) {
            Some(before) => stage.quotient.set_product(inverse, &self.denominators[before].product),
            None => stage.quotient = *inverse,
        }
        let [a, b] = [a, b].map(|block| &self.blocks[block]);
        stage.rise = match a.negative | b.negative {
            0 => b.point.y.signed_difference(0, &a.point.y, 0),
            _ => b.point.y.signed_difference(b.negative, &a.point.y, a.negative),
        };
        if denominator.exception != 0 {
            let doubled = self.exceptions[denominator.exception as usize - 1].doubled;
            // In G1 2^16·m(2^16·A·x, A·x) = A·x².
            let square = S::lift(&a.point.x).mul(&a.point.x);
            stage.rise = stage.rise.select(doubled, &S::lift(&square.triple()));
        }
        inverse.mul_assign(&b.point.x);
    }

    /// x3 of pair i to its place, and x1 − x3.
    #[inline(always)]
    fn abscissa(&mut self, i: usize, [a, b]: [usize; 2]) {
        let (stage, x1) = (&mut self.ring[i % RING], &self.blocks[a].point.x);
        let run = &self.blocks[b].point.x;
        // x1 + x2 = 2·x1 + (x2 − x1), where x2 − x1 was replaced if it is 0.
        let x3 = match self.denominators[i].exception {
            0 => stage.square.sub_pair(x1, run),
            exception => {
                let doubled = self.exceptions[exception as usize - 1].doubled;
                stage.square.sub_pair(x1, &run.select(doubled, &F::two_p(self.ifma)))
            }
        };
        stage.run = x1.difference(&x3);
        self.blocks[a].point.x = x3;
    }

    /// y3 of pair i to its place; what was no sum of two different points put right.
    #[inline(always)]
    fn ordinate(&mut self, i: usize, [a, _]: [usize; 2]) {
        let sum = &mut self.blocks[a];
        let fall = &self.ring[i % RING].fall;
        sum.point.y = match std::mem::take(&mut sum.negative) {
            0 => fall.sub_signed(&sum.point.y, 0),
            negative => fall.sub_signed(&sum.point.y, negative),
        };
        let exception = self.denominators[i].exception;
        if exception != 0 {
            let exception = &self.exceptions[exception as usize - 1];
            sum.point.x = sum.point.x.select(exception.single, &exception.kept.x);
            sum.point.y = sum.point.y.select(exception.single, &exception.kept.y);
            sum.live = exception.live;
        }
    }
}

/// Sorts out the lanes of a pair; gives those with equal points the denominator of their tangent, 2·y1, and those without
/// a sum of two points the denominator 1.
#[target_feature(enable = "avx512f,avx512ifma")]
#[cold]
#[inline(never)]
fn exception<F: Coordinate>(ifma: Ifma, equal: u8, a: &Eight<F>, b: &Eight<F>, denominator: &mut F) -> Exception<F> {
    let both = a.live & b.live;
    let sum = b.point.y.signed_difference(b.negative, &a.point.y, !a.negative);
    let cancelled = equal & both & sum.zero_mask();
    let doubled = equal & both & !cancelled;
    *denominator = denominator.select(doubled, &sum).select(cancelled | !both, &F::one(ifma));
    let [y1, y2] = [a, b].map(|operand| operand.point.y.negate(operand.negative));
    let kept = Point { x: b.point.x.select(a.live, &a.point.x), y: y2.select(a.live, &y1) };
    Exception { doubled, single: !both, kept, live: (a.live | b.live) & !cancelled }
}
