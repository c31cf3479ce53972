//! Programs for the machine of `machine.wgsl`: straight-line code over registers of field elements.
//!
//! A program is written against a [`Builder`], as values that are made from others; [`Builder::finish`] gives each
//! value a register for as long as it is needed. The same code runs for every item, so that there are no branches; what
//! depends on a value (is a root a root, is a point the identity) is returned and decided by the host.

use std::collections::HashMap;

/// The kinds of instruction, as in `machine.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Kind {
    Mul = 0,
    Add = 1,
    Sub = 2,
    Load = 3,
    Constant = 4,
    Store = 5,
    Reload = 6,
    Copy = 7,
    Reset = 8,
    Negate = 9,
}

/// A word of a program; what `i` and `j` mean is the kind's affair.
fn word(kind: Kind, d: usize, i: usize, j: usize) -> u32 {
    assert!(d < 256 && i < 256 && j < 256, "a program's word cannot hold {d}, {i}, {j}");
    kind as u32 | (d as u32) << 8 | (i as u32) << 16 | (j as u32) << 24
}

/// A value of a program: a field element of each item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Value(usize);

#[derive(Clone, Copy, Debug)]
enum Origin {
    /// In a register before the program begins.
    Register(usize),
    Input(usize),
    State(usize),
    Constant(usize),
    Binary(Kind, Value, Value),
}

/// A finished program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its words.
    pub code: Vec<u32>,
    /// Registers that it needs.
    pub registers: usize,
    /// Elements that it reads of each item's input.
    pub inputs: usize,
    /// Elements that it writes (and may read) of each item's output.
    pub outputs: usize,
}

/// The arithmetic that [`Program::interpret`] uses.
pub trait Arithmetic<T> {
    /// a·b, as the kernels' `mul`.
    fn mul(&self, a: T, b: T) -> T;
    /// a + b.
    fn add(&self, a: T, b: T) -> T;
    /// a − b.
    fn sub(&self, a: T, b: T) -> T;
}

impl Program {
    /// What the program does to one item, in any arithmetic: the model of `machine.wgsl` and `program.wgsl`.
    ///
    /// `registers` are what the registers hold before and after; there must be as many as the program needs, and as many
    /// inputs, outputs and constants as it names.
    ///
    /// # Panics
    /// If there are fewer, or at an instruction that only [`accumulation`] has.
    pub fn interpret<T: Copy>(
        &self,
        arithmetic: &impl Arithmetic<T>,
        constants: &[T],
        input: &[T],
        output: &mut [T],
        registers: &mut [T],
    ) {
        for word in &self.code {
            let [kind, d, a, b] = word.to_le_bytes().map(usize::from);
            let (left, right) = (registers.get(a).copied(), registers.get(b).copied());
            let operand = |value: Option<T>| value.unwrap_or_else(|| panic!("no register for {word:#010x}"));
            match kind {
                k if k == Kind::Load as usize => registers[d] = input[a],
                k if k == Kind::Constant as usize => registers[d] = constants[a + 256 * b],
                k if k == Kind::Reload as usize => registers[d] = output[a],
                k if k == Kind::Store as usize => output[b] = operand(left),
                k if k == Kind::Copy as usize => registers[d] = operand(left),
                k if k == Kind::Mul as usize => registers[d] = arithmetic.mul(operand(left), operand(right)),
                k if k == Kind::Add as usize => registers[d] = arithmetic.add(operand(left), operand(right)),
                k if k == Kind::Sub as usize => registers[d] = arithmetic.sub(operand(left), operand(right)),
                _ => panic!("{word:#010x} is for the stage that accumulates"),
            }
        }
    }
}

/// The program of `msm_accumulate.wgsl` around one that adds `q` to `p`, points of `point` elements in the first
/// registers: stores p, resets it to an identity whose `one`-th coordinate is 1, loads q, takes its opposite by negating
/// the elements `negated`, and adds.
pub fn accumulation(addition: Program, point: usize, one: usize, negated: std::ops::Range<usize>) -> Program {
    let mut code: Vec<u32> = (0..point).map(|k| word(Kind::Store, k, k, k)).collect();
    code.extend((0..point).map(|k| word(Kind::Reset, k, k, usize::from(k == one))));
    code.extend((0..point).map(|k| word(Kind::Load, point + k, k, 0)));
    code.extend(negated.map(|k| word(Kind::Negate, point + k, point + k, 0)));
    code.extend(addition.code);
    Program { code, ..addition }
}

/// What a program is written against.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    origins: Vec<Origin>,
    seen: HashMap<(u32, usize, usize), Value>,
    stores: Vec<(usize, Value)>,
}

/// Where a finished program leaves its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Results {
    /// In each item's output.
    Output,
    /// In the first registers; the program must not be longer than its caller's registers.
    Registers,
}

impl Builder {
    /// An empty program.
    pub fn new() -> Self {
        Self::default()
    }

    fn value(&mut self, key: (u32, usize, usize), origin: Origin) -> Value {
        let next = Value(self.origins.len());
        let value = *self.seen.entry(key).or_insert(next);
        if value == next {
            self.origins.push(origin);
        }
        value
    }

    /// What register `index` holds before the program begins.
    pub fn register(&mut self, index: usize) -> Value {
        self.value((16, index, 0), Origin::Register(index))
    }

    /// Element `index` of the item's input.
    pub fn input(&mut self, index: usize) -> Value {
        self.value((Kind::Load as u32, index, 0), Origin::Input(index))
    }

    /// Element `index` of the item's output as it is before the program.
    pub fn state(&mut self, index: usize) -> Value {
        self.value((Kind::Reload as u32, index, 0), Origin::State(index))
    }

    /// Constant `index` of the buffer of constants.
    pub fn constant(&mut self, index: usize) -> Value {
        self.value((Kind::Constant as u32, index, 0), Origin::Constant(index))
    }

    /// a·b.
    pub fn mul(&mut self, a: Value, b: Value) -> Value {
        let (a, b) = (a.min(b), a.max(b));
        self.value((Kind::Mul as u32, a.0, b.0), Origin::Binary(Kind::Mul, a, b))
    }

    /// a + b.
    pub fn add(&mut self, a: Value, b: Value) -> Value {
        let (a, b) = (a.min(b), a.max(b));
        self.value((Kind::Add as u32, a.0, b.0), Origin::Binary(Kind::Add, a, b))
    }

    /// a − b.
    pub fn sub(&mut self, a: Value, b: Value) -> Value {
        self.value((Kind::Sub as u32, a.0, b.0), Origin::Binary(Kind::Sub, a, b))
    }

    /// a².
    pub fn square(&mut self, a: Value) -> Value {
        self.mul(a, a)
    }

    /// 2a.
    pub fn double(&mut self, a: Value) -> Value {
        self.add(a, a)
    }

    /// Makes `value` result `index`.
    pub fn store(&mut self, index: usize, value: Value) {
        self.stores.push((index, value));
    }

    /// Assigns registers and encodes.
    ///
    /// Values that nothing needs are left out. A register is free again after the last use of its value; those below
    /// `reserved` are never assigned, so that they can hold what the program starts from and ends in.
    ///
    /// # Panics
    /// If the program needs more than 256 registers, or indices that its words cannot hold: a mistake in the program.
    pub fn finish(self, results: Results, reserved: usize) -> Program {
        let needed = self.needed();
        let mut last = vec![0; self.origins.len()];
        for (position, origin) in self.origins.iter().enumerate().filter(|(position, _)| needed[*position]) {
            if let Origin::Binary(_, a, b) = origin {
                last[a.0] = position;
                last[b.0] = position;
            }
        }
        for (_, value) in &self.stores {
            last[value.0] = usize::MAX;
        }
        let mut code = Vec::new();
        let (mut place, mut free) = (vec![usize::MAX; self.origins.len()], Vec::new());
        let (mut registers, mut inputs, mut outputs) = (reserved, 0, 0);
        for (position, origin) in self.origins.iter().enumerate().filter(|(position, _)| needed[*position]) {
            if let Origin::Register(index) = origin {
                place[position] = *index;
                continue;
            }
            let mut operands = (0, 0);
            if let Origin::Binary(_, a, b) = origin {
                operands = (place[a.0], place[b.0]);
                // Read before the result is written: the result may take an operand's register.
                let mut release = |value: &Value| {
                    if last[value.0] == position && place[value.0] >= reserved && !free.contains(&place[value.0]) {
                        free.push(place[value.0]);
                    }
                };
                release(a);
                release(b);
            }
            let register = free.pop().unwrap_or_else(|| {
                registers += 1;
                registers - 1
            });
            place[position] = register;
            code.push(match origin {
                Origin::Input(index) => {
                    inputs = inputs.max(index + 1);
                    word(Kind::Load, register, *index, 0)
                }
                Origin::State(index) => {
                    outputs = outputs.max(index + 1);
                    word(Kind::Reload, register, *index, 0)
                }
                Origin::Constant(index) => word(Kind::Constant, register, index % 256, index / 256),
                Origin::Binary(kind, ..) => word(*kind, register, operands.0, operands.1),
                Origin::Register(_) => unreachable!("registers were placed above"),
            });
        }
        for (index, value) in &self.stores {
            outputs = outputs.max(index + 1);
            code.push(match results {
                Results::Output => word(Kind::Store, place[value.0], place[value.0], *index),
                Results::Registers => word(Kind::Copy, *index, place[value.0], 0),
            });
        }
        assert!(registers <= 256, "a program needs {registers} registers");
        Program { code, registers, inputs, outputs }
    }

    /// Which values the results depend on.
    fn needed(&self) -> Vec<bool> {
        let mut needed = vec![false; self.origins.len()];
        for (_, value) in &self.stores {
            needed[value.0] = true;
        }
        for position in (0..self.origins.len()).rev() {
            if let (true, Origin::Binary(_, a, b)) = (needed[position], self.origins[position]) {
                needed[a.0] = true;
                needed[b.0] = true;
            }
        }
        needed
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
