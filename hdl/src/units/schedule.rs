//! Programs over Fp2 for the [folded unit](super::folded), and their schedule: which step starts in which clock.
//!
//! A program is a straight line of products, sums, differences and products by ξ = 1 + u. A new run of it, in a context
//! of its own, may start every `interval` clocks (a round): the multiplier starts one product every [`BEAT`] clocks, so
//! a program of n products has an interval of 3·n and keeps the multiplier busy in every clock. A step that starts t
//! clocks after its run began takes the same place t mod interval of every round, for the run that began t / interval
//! rounds ago (its stage): that is modulo scheduling (Rau, 1994), by the longest path to the end first.

use std::collections::BTreeMap;

/// Clocks between products: three Montgomery products make one in Fp2.
pub const BEAT: usize = 3;
/// log2 of the contexts: runs of a program that can be under way together.
pub const CONTEXT_BITS: usize = 4;
/// log2 of the registers that a context has in each of the two banks.
pub const REGISTER_BITS: usize = 5;
/// Clocks at the end of a round in which whoever feeds the unit decides what the next run is about.
pub const DECISION: usize = 9;

/// Clocks that the unit's steps take, from the word that starts a step to the first one that may read its result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    /// A product, from its first operand's read.
    pub product: usize,
    /// A step of the linear unit.
    pub linear: usize,
    /// An operand, from when it is asked for.
    pub load: usize,
    /// A result, from its read to when whoever took it can act on it.
    pub output: usize,
}

/// A program: names of the operands and results, and lines `r = a * b`, `r = a + b`, `r = a - b`, `r = xi a`.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Operands, in the order in which they are asked for.
    pub operands: &'static [&'static str],
    /// Results, in the order in which they come out; each made by a sum or difference.
    pub results: &'static [&'static str],
    /// The statements.
    pub text: &'static str,
}

/// What the linear unit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linear {
    /// a + b.
    Add,
    /// a − b.
    Sub,
    /// ξ·a.
    Xi,
}

impl Linear {
    /// The unit's operation bits: 0 subtracts in c0, 1 subtracts in c1, 2 swaps the components of b.
    ///
    /// ξ·a = a + u·a is (a0 − a1, a1 + a0): with b = a, swapped, and a difference in c0.
    pub fn bits(self) -> u64 {
        match self {
            Self::Add => 0b000,
            Self::Sub => 0b011,
            Self::Xi => 0b101,
        }
    }
}

/// One statement of a program.
#[derive(Clone, Copy, Debug)]
struct Statement {
    result: &'static str,
    /// `None` for a product.
    linear: Option<Linear>,
    left: &'static str,
    right: &'static str,
}

impl Program {
    fn statements(&self) -> Vec<Statement> {
        let lines = self.text.split([';', '\n']).map(str::trim).filter(|line| !line.is_empty());
        lines
            .map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
                [result, "=", "xi", left] => Statement { result, linear: Some(Linear::Xi), left, right: left },
                [result, "=", left, "*", right] => Statement { result, linear: None, left, right },
                [result, "=", left, "+", right] => Statement { result, linear: Some(Linear::Add), left, right },
                [result, "=", left, "-", right] => Statement { result, linear: Some(Linear::Sub), left, right },
                _ => panic!("not a statement: {line}"),
            })
            .collect()
    }
}

/// A place in the contexts' memory: bank 0 holds operands and products, bank 1 the linear unit's results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Whether it is bank 1.
    pub linear: bool,
    /// Register of the context.
    pub register: usize,
}

/// A read of the port that the multiplier has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Read {
    /// Rounds since the run began.
    pub stage: usize,
    /// What is read.
    pub from: Place,
}

/// A step of the linear unit.
#[derive(Clone, Copy, Debug)]
pub struct LinearStep {
    /// Rounds since the run began.
    pub stage: usize,
    /// Operation.
    pub operation: Linear,
    /// Operands.
    pub operands: [Place; 2],
    /// Register of bank 1 for the result.
    pub result: usize,
}

/// What the unit does in one clock of a round.
#[derive(Clone, Debug, Default)]
pub struct Word {
    /// In clock 0 of a beat the product's first operand, in clock 1 its second, in clock 2 a result.
    pub read: Option<Read>,
    /// In clock 0 of a beat: the register of bank 0 for the product that starts.
    pub product: Option<usize>,
    /// A step of the linear unit.
    pub linear: Option<LinearStep>,
    /// The operand that is asked for; it goes to the register of its number, in bank 0.
    pub want: Option<usize>,
    /// The result that is read.
    pub output: Option<usize>,
    /// Whether the feeder may decide on other than results.
    pub window: bool,
    /// The statements, for the reader.
    pub comment: String,
}

/// A scheduled program.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// Clocks of a round.
    pub words: Vec<Word>,
    /// Clocks from the first operand asked for to the first result read.
    pub first_output: usize,
    /// The same, to the last.
    pub last_output: usize,
    /// Numbers of operands and results.
    pub ports: [usize; 2],
    /// Products and linear steps.
    pub steps: [usize; 2],
}

impl Schedule {
    /// Clocks between runs.
    pub fn interval(&self) -> usize {
        self.words.len()
    }

    /// Runs that are under way together, at most.
    pub fn runs(&self) -> usize {
        self.last_output / self.interval() + 1
    }

    /// Schedules a program.
    ///
    /// # Panics
    /// Where the program has more linear steps than its interval has clocks, more values than a context has registers,
    /// or takes longer than the contexts last: mistakes in the program.
    pub fn new(program: &Program, latencies: Latencies) -> Self {
        let mut builder = Builder::new(program, latencies);
        builder.load();
        while builder.place_next() {}
        builder.output();
        builder.schedule
    }
}

/// A schedule in the making.
struct Builder {
    program: Program,
    latencies: Latencies,
    statements: Vec<Statement>,
    /// Clocks from a value's making to the end of the program, at least.
    heights: BTreeMap<&'static str, usize>,
    /// Where a value is, and from which clock on it can be read.
    values: BTreeMap<&'static str, (Place, usize)>,
    placed: Vec<bool>,
    schedule: Schedule,
}

impl Builder {
    fn new(program: &Program, latencies: Latencies) -> Self {
        let statements = program.statements();
        let products = statements.iter().filter(|s| s.linear.is_none()).count();
        let linear = statements.len() - products;
        assert!(linear <= BEAT * products, "{linear} linear steps in {products} products' time");
        assert!(products + program.operands.len() <= 1 << REGISTER_BITS && linear <= 1 << REGISTER_BITS);
        let mut heights = BTreeMap::new();
        for s in statements.iter().rev() {
            let own = heights.get(s.result).copied().unwrap_or(0)
                + if s.linear.is_some() { latencies.linear } else { latencies.product };
            for operand in [s.left, s.right] {
                let height: &mut usize = heights.entry(operand).or_default();
                *height = own.max(*height);
            }
        }
        let mut schedule = Schedule { words: vec![Word::default(); BEAT * products], ..Schedule::default() };
        schedule.ports = [program.operands.len(), program.results.len()];
        schedule.steps = [products, linear];
        let placed = vec![false; statements.len()];
        Self { program: *program, latencies, statements, heights, values: BTreeMap::new(), placed, schedule }
    }

    /// Asks for the operands where bank 0 does not take a product in the clock in which they arrive.
    fn load(&mut self) {
        let product_written = self.latencies.product - 1;
        let mut clock = 0;
        for (index, &name) in self.program.operands.iter().enumerate() {
            while (clock + self.latencies.load - 1) % BEAT == product_written % BEAT {
                clock += 1;
            }
            let word = &mut self.schedule.words[clock];
            word.want = Some(index);
            word.comment += &format!("ask for {name}; ");
            self.values.insert(name, (Place { linear: false, register: index }, clock + self.latencies.load));
            clock += 1;
        }
    }

    /// Places the statement with the longest way to the end whose operands are known; `false` when all are placed.
    fn place_next(&mut self) -> bool {
        let known = |s: &Statement| self.values.contains_key(s.left) && self.values.contains_key(s.right);
        let candidates = (0..self.statements.len()).filter(|&i| !self.placed[i] && known(&self.statements[i]));
        let height = |i: usize| self.heights.get(self.statements[i].result).copied().unwrap_or(0);
        let Some(next) = candidates.max_by_key(|&i| (height(i), usize::MAX - i)) else {
            assert!(self.placed.iter().all(|&p| p), "a value is used before it is made");
            return false;
        };
        self.placed[next] = true;
        let s = self.statements[next];
        let (left, right) = (self.values[s.left], self.values[s.right]);
        let (place, ready) = match s.linear {
            None => self.place_product(&s, left, right),
            Some(operation) => self.place_linear(&s, operation, left, right),
        };
        self.values.insert(s.result, (place, ready));
        true
    }

    fn place_product(&mut self, s: &Statement, left: (Place, usize), right: (Place, usize)) -> (Place, usize) {
        let interval = self.schedule.interval();
        let register = self.values_in(false);
        let words = &mut self.schedule.words;
        // The second operand is read a clock after the first.
        let mut clock = left.1.max(right.1.saturating_sub(1)).next_multiple_of(BEAT);
        while words[clock % interval].product.is_some() {
            clock += BEAT;
        }
        let (at, stage) = (clock % interval, clock / interval);
        words[at].read = Some(Read { stage, from: left.0 });
        words[at + 1].read = Some(Read { stage, from: right.0 });
        words[at].product = Some(register);
        words[at].comment += &format!("{} = {} * {} [{stage}]; ", s.result, s.left, s.right);
        (Place { linear: false, register }, clock + self.latencies.product)
    }

    fn place_linear(
        &mut self,
        s: &Statement,
        operation: Linear,
        left: (Place, usize),
        right: (Place, usize),
    ) -> (Place, usize) {
        let interval = self.schedule.interval();
        let result = self.values_in(true);
        let words = &mut self.schedule.words;
        let mut clock = left.1.max(right.1);
        while words[clock % interval].linear.is_some() {
            clock += 1;
        }
        let (at, stage) = (clock % interval, clock / interval);
        words[at].linear = Some(LinearStep { stage, operation, operands: [left.0, right.0], result });
        let sign = match operation {
            Linear::Add => format!("{} + {}", s.left, s.right),
            Linear::Sub => format!("{} - {}", s.left, s.right),
            Linear::Xi => format!("xi {}", s.left),
        };
        words[at].comment += &format!("{} = {sign} [{stage}]; ", s.result);
        (Place { linear: true, register: result }, clock + self.latencies.linear)
    }

    /// Values so far in a bank: the next one's register.
    fn values_in(&self, linear: bool) -> usize {
        self.values.values().filter(|(place, _)| place.linear == linear).count()
    }

    /// Reads the results in the last beats of a round that leave time for a decision.
    fn output(&mut self) {
        let (interval, count) = (self.schedule.interval(), self.program.results.len());
        // Once the last one has arrived the window of decisions opens.
        let last = (0..interval - self.latencies.output - DECISION)
            .rev()
            .find(|at| at % BEAT == BEAT - 1 && *at >= BEAT * count)
            .expect("a round has room for its results and a decision");
        let at = |index: usize| last - BEAT * (count - 1 - index);
        let ready = |index: usize| self.values[self.program.results[index]].1;
        let stage = (0..).find(|stage| (0..count).all(|i| stage * interval + at(i) >= ready(i))).unwrap_or(0);
        for index in 0..count {
            let name = self.program.results[index];
            let word = &mut self.schedule.words[at(index)];
            assert!(word.read.is_none());
            word.read = Some(Read { stage, from: self.values[name].0 });
            word.output = Some(index);
            word.comment += &format!("read {name} [{stage}]; ");
        }
        for word in &mut self.schedule.words[last + self.latencies.output..] {
            word.window = true;
        }
        self.schedule.first_output = stage * interval + at(0);
        self.schedule.last_output = stage * interval + last;
        // The run that reuses a context must not begin before the results of the one before are read.
        assert!(self.schedule.runs() < 1 << CONTEXT_BITS, "the program takes longer than the contexts last");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{modulus, to_mont};
    use crate::field2::{self, Fp2, Projective2};
    use crate::units::point_add_g2::FULL;
    use num_bigint::BigUint;

    const LATENCIES: Latencies = Latencies { product: 47, linear: 7, load: 3, output: 2 };

    /// Plays a schedule in plain Rust, all runs overlapping as in the unit: a value written in clock t is there for
    /// reads from then on, a register holds whatever was written last.
    fn play(schedule: &Schedule, l: Latencies, runs: &[Vec<Fp2>]) -> Vec<Vec<Fp2>> {
        let contexts = 1 << CONTEXT_BITS;
        let mut memory = vec![vec![[BigUint::ZERO, BigUint::ZERO]; 2 << REGISTER_BITS]; contexts];
        let mut pending: Vec<(usize, usize, usize, Fp2)> = Vec::new();
        let mut results = vec![Vec::new(); runs.len()];
        let at = |place: Place| usize::from(place.linear) << REGISTER_BITS | place.register;
        let rounds = runs.len() + schedule.runs();
        let mut left = None;
        for clock in 0..rounds * schedule.interval() {
            let (round, phase) = (clock / schedule.interval(), clock % schedule.interval());
            let (arrived, later) = pending.into_iter().partition(|write| write.0 == clock);
            pending = later;
            // One write a clock in each bank.
            for bank in [false, true] {
                let writes =
                    arrived.iter().filter(|w: &&(usize, usize, usize, Fp2)| (w.2 >> REGISTER_BITS == 1) == bank);
                assert!(writes.count() <= 1, "two writes in clock {clock}");
            }
            for (_, context, register, value) in arrived {
                memory[context][register] = value;
            }
            let word = &schedule.words[phase];
            let context = |stage: usize| (round + contexts - stage) % contexts;
            if let (Some(index), Some(operands)) = (word.want, runs.get(round)) {
                pending.push((clock + l.load, context(0), index, operands[index].clone()));
            }
            if let Some(read) = word.read {
                let value = memory[context(read.stage)][at(read.from)].clone();
                match (phase % BEAT, word.product, word.output) {
                    (0, Some(register), None) => left = Some((clock, context(read.stage), register, value)),
                    (1, None, None) => {
                        let (start, context, register, first) = left.take().unwrap();
                        assert_eq!(start + 1, clock);
                        pending.push((start + l.product, context, register, field2::mul(&first, &value)));
                    }
                    (2, None, Some(_)) if round >= read.stage && round - read.stage < runs.len() => {
                        results[round - read.stage].push(value);
                    }
                    (2, None, Some(_)) => {}
                    other => panic!("clock {clock}: {other:?}"),
                }
            }
            if let Some(step) = word.linear {
                let [a, b] = step.operands.map(|place| memory[context(step.stage)][at(place)].clone());
                let value = match step.operation {
                    Linear::Add => field2::add(&a, &b),
                    Linear::Sub => field2::sub(&a, &b),
                    Linear::Xi => field2::mul_by_xi(&a),
                };
                let register = 1 << REGISTER_BITS | step.result;
                pending.push((clock + l.linear, context(step.stage), register, value));
            }
        }
        results
    }

    fn pair(seed: u32) -> [Projective2; 2] {
        let mut state = to_mont(&BigUint::from(seed));
        let mut next = || {
            state = (&state * &state + seed) % modulus();
            state.clone()
        };
        std::array::from_fn(|_| std::array::from_fn(|_| [next(), next()]))
    }

    #[test]
    fn overlapping_additions_give_the_sums() {
        for latencies in
            [LATENCIES, Latencies { product: 20, linear: 3, ..LATENCIES }, Latencies { product: 90, ..LATENCIES }]
        {
            let schedule = Schedule::new(&FULL, latencies);
            assert_eq!((schedule.interval(), schedule.steps), (36, [12, 29]));
            let pairs: Vec<_> = (0..40).map(|i| pair(i + 3)).collect();
            let runs: Vec<Vec<Fp2>> = pairs
                .iter()
                .map(|[a, b]| [&a[0], &b[0], &a[1], &b[1], &a[2], &b[2]].map(Clone::clone).to_vec())
                .collect();
            for ([a, b], sum) in pairs.iter().zip(play(&schedule, latencies, &runs)) {
                assert_eq!(field2::point_add(a, b).to_vec(), sum);
            }
        }
    }

    #[test]
    fn the_multiplier_has_no_free_beat() {
        let schedule = Schedule::new(&FULL, LATENCIES);
        assert!(schedule.words.iter().step_by(BEAT).all(|word| word.product.is_some()));
        let last = schedule.words.iter().rposition(|word| word.output.is_some()).unwrap();
        assert!(schedule.words[last + 1..].iter().filter(|word| word.window).count() > DECISION);
        assert!(schedule.words[..=last].iter().all(|word| !word.window));
    }

    #[test]
    #[should_panic(expected = "products' time")]
    fn a_program_with_too_many_sums_is_refused() {
        let text = "a = x * x\nb = a + x\nc = b + x\nd = c + x\ne = d + x";
        Schedule::new(&Program { operands: &["x"], results: &["e"], text }, LATENCIES);
    }
}
