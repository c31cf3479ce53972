//! Memories: leaves, because what a tool infers depends on their text.

use crate::block::{Config, module, verilog_logic};
use rust_hdl::prelude::*;

/// A memory of `depth` words with one write port and R read ports that answer in the same clock (LUT memory).
///
/// A word that is written is read from the next clock on. Addresses from `depth` on are neither written nor read.
#[derive(LogicBlock)]
pub struct LutRam<T: Synth, const S: usize, const R: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Whether a word is written.
    pub write: Signal<In, Bit>,
    /// Where.
    pub write_at: Signal<In, Bits<S>>,
    /// What.
    pub data: Signal<In, T>,
    /// Where each port reads.
    pub read_at: [Signal<In, Bits<S>>; R],
    /// What it reads.
    pub q: [Signal<Out, T>; R],
    depth: Config<usize>,
    _words: Vec<T>,
}

impl<T: Synth, const S: usize, const R: usize> LutRam<T, S, R> {
    /// A memory of `depth` words, at most 2^S.
    pub fn new(depth: usize) -> Self {
        assert!(depth <= 1 << S, "{depth} words need more than {S} address bits");
        Self {
            clock: Default::default(),
            write: Default::default(),
            write_at: Default::default(),
            data: Default::default(),
            read_at: std::array::from_fn(|_| Signal::default()),
            q: std::array::from_fn(|_| Signal::default()),
            depth: Config(depth),
            _words: vec![T::default(); depth],
        }
    }
}

impl<T: Synth, const S: usize, const R: usize> Default for LutRam<T, S, R> {
    fn default() -> Self {
        Self::new(1)
    }
}

impl<T: Synth, const S: usize, const R: usize> Logic for LutRam<T, S, R> {
    fn update(&mut self) {
        let written = self.clock.pos_edge() && self.write.val();
        if let (true, Some(word)) = (written, self._words.get_mut(self.write_at.val().index())) {
            *word = self.data.val();
        }
        for (at, q) in self.read_at.iter().zip(&mut self.q) {
            q.next = self._words.get(at.val().index()).copied().unwrap_or_default();
        }
    }

    fn connect(&mut self) {
        self.q.iter_mut().for_each(Signal::connect);
    }

    fn hdl(&self) -> Verilog {
        let (depth, width) = (self.depth.0, T::BITS);
        let at = |port: &str| place(port, depth, S);
        let reads: String =
            (0..R).map(|port| format!("  assign q_{port} = words[{}];\n", at(&format!("read_at_{port}")))).collect();
        let body = format!(
            "  reg [{}:0] words [0:{}];\n  always @(posedge clock) if (write) words[{}] <= data;\n{reads}",
            width - 1,
            depth - 1,
            at("write_at")
        );
        let ports = if R == 1 { "one read port".into() } else { format!("{R} read ports") };
        let description = format!("{depth} words of {width} bits, {ports} without a clock.");
        module(&format!("lut_ram_{depth}x{width}r{R}"), &description, &body)
    }
}

/// An address as far as the memory needs it: a wider one would make a tool build what is never addressed.
fn place(port: &str, depth: usize, bits: usize) -> String {
    match clog2(depth) {
        0 => "0".into(),
        needed if needed < bits => format!("{port}[{}:0]", needed - 1),
        _ => port.into(),
    }
}

/// A block memory of `depth` words with a write port and a read port; a read answers one clock later.
#[derive(LogicBlock)]
pub struct BlockRam<const W: usize, const S: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Whether a word is written.
    pub write: Signal<In, Bit>,
    /// Where.
    pub write_at: Signal<In, Bits<S>>,
    /// What.
    pub data: Signal<In, Bits<W>>,
    /// Whether a word is read; if not, `q` stays.
    pub read: Signal<In, Bit>,
    /// Where.
    pub read_at: Signal<In, Bits<S>>,
    /// What was there when it was read.
    pub q: Signal<Out, Bits<W>>,
    depth: Config<usize>,
    _words: Vec<Bits<W>>,
}

impl<const W: usize, const S: usize> BlockRam<W, S> {
    /// A memory of `depth` words, at most 2^S.
    pub fn new(depth: usize) -> Self {
        assert!(depth <= 1 << S, "{depth} words need more than {S} address bits");
        Self {
            clock: Default::default(),
            write: Default::default(),
            write_at: Default::default(),
            data: Default::default(),
            read: Default::default(),
            read_at: Default::default(),
            q: Default::default(),
            depth: Config(depth),
            _words: vec![Bits::default(); depth],
        }
    }
}

impl<const W: usize, const S: usize> Default for BlockRam<W, S> {
    fn default() -> Self {
        Self::new(1)
    }
}

verilog_logic!([const W: usize, const S: usize] BlockRam<W, S>, drives: [q],
    update: |unit| {
        if unit.clock.pos_edge() {
            if unit.read.val() {
                unit.q.next = unit._words.get(unit.read_at.val().index()).copied().unwrap_or_default();
            }
            if let (true, Some(word)) = (unit.write.val(), unit._words.get_mut(unit.write_at.val().index())) {
                *word = unit.data.val();
            }
        }
    },
    |unit| {
    let (depth, top) = (unit.depth.0, W - 1);
    let body = format!(
        "  (* ram_style = \"block\" *) reg [{top}:0] words [0:{}];
  reg [{top}:0] word;
  always @(posedge clock) begin
    if (write) words[{}] <= data;
    if (read) word <= words[{}];
  end
  assign q = word;",
        depth - 1,
        place("write_at", depth, S),
        place("read_at", depth, S)
    );
    module(&format!("block_ram_{depth}x{W}"), &format!("{depth} words of {W} bits; a read answers one clock later."), &body)
});

/// A block memory of points (three coordinates) with two ports, each of which reads or writes in a clock.
///
/// A read answers one clock later, with what was there before that clock; while a port writes, its `q` stays.
#[derive(LogicBlock)]
pub struct PointRam<const W: usize, const S: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Whether port A writes; if not, it reads.
    pub a_write: Signal<In, Bit>,
    /// Port A's place.
    pub a_at: Signal<In, Bits<S>>,
    /// What port A writes.
    pub a_data: [Signal<In, Bits<W>>; 3],
    /// What port A has read.
    pub a_q: [Signal<Out, Bits<W>>; 3],
    /// Whether port B writes; if not, it reads.
    pub b_write: Signal<In, Bit>,
    /// Port B's place.
    pub b_at: Signal<In, Bits<S>>,
    /// What port B writes.
    pub b_data: [Signal<In, Bits<W>>; 3],
    /// What port B has read.
    pub b_q: [Signal<Out, Bits<W>>; 3],
    depth: Config<usize>,
    _words: Vec<[Bits<W>; 3]>,
}

impl<const W: usize, const S: usize> PointRam<W, S> {
    /// A memory of `depth` points, at most 2^S.
    pub fn new(depth: usize) -> Self {
        assert!(depth <= 1 << S, "{depth} words need more than {S} address bits");
        Self {
            clock: Default::default(),
            a_write: Default::default(),
            a_at: Default::default(),
            a_data: Default::default(),
            a_q: Default::default(),
            b_write: Default::default(),
            b_at: Default::default(),
            b_data: Default::default(),
            b_q: Default::default(),
            depth: Config(depth),
            _words: vec![[Bits::default(); 3]; depth],
        }
    }
}

impl<const W: usize, const S: usize> Default for PointRam<W, S> {
    fn default() -> Self {
        Self::new(1)
    }
}

impl<const W: usize, const S: usize> Logic for PointRam<W, S> {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        let (a, b) = (self.a_at.val().index(), self.b_at.val().index());
        let before = [a, b].map(|at| self._words.get(at).copied().unwrap_or_default());
        let ports = [
            (self.a_write.val(), a, &self.a_data, &mut self.a_q, before[0]),
            (self.b_write.val(), b, &self.b_data, &mut self.b_q, before[1]),
        ];
        for (write, at, data, q, before) in ports {
            if !write {
                q.iter_mut().zip(before).for_each(|(q, word)| q.next = word);
            } else if let Some(words) = self._words.get_mut(at) {
                words.iter_mut().zip(data).for_each(|(word, data)| *word = data.val());
            }
        }
    }

    fn connect(&mut self) {
        self.a_q.iter_mut().chain(&mut self.b_q).for_each(Signal::connect);
    }

    fn hdl(&self) -> Verilog {
        let (depth, top) = (self.depth.0, 3 * W - 1);
        let port = |port: &str| {
            let at = place(&format!("{port}_at"), depth, S);
            format!(
                "  always @(posedge clock) begin
    if ({port}_write) words[{at}] <= {{{port}_data_2, {port}_data_1, {port}_data_0}};
    else {port}_word <= words[{at}];
  end
  assign {{{port}_q_2, {port}_q_1, {port}_q_0}} = {port}_word;
"
            )
        };
        let body = format!(
            "  (* ram_style = \"block\" *) reg [{top}:0] words [0:{}];\n  reg [{top}:0] a_word, b_word;\n{}{}",
            depth - 1,
            port("a"),
            port("b")
        );
        let description = format!("{depth} points of 3 x {W} bits; each of two ports reads or writes in a clock.");
        module(&format!("point_ram_{depth}x{W}"), &description, &body)
    }
}
