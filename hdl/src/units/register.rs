//! Leaf blocks with a state: a register, and a memory of Fp2 elements. Their Verilog is given, so that synthesis infers
//! what is meant; beside it stands the same for rust-hdl's own simulator.

use crate::block::module;
use crate::text::range;
use rust_hdl::prelude::*;

/// Start of a [`Register`]'s text: within a kernel it is a register of the module, not an instance.
pub(crate) const REGISTER_MARK: &str = "//@ name register_";

/// q = d, one clock later. No reset: what needs a first value gets it from its kernel.
#[derive(LogicBlock, Default)]
pub struct Register<T: Synth> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Input.
    pub d: Signal<In, T>,
    /// Output.
    pub q: Signal<Out, T>,
}

impl<T: Synth> Logic for Register<T> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.q.next = self.d.val();
        }
    }
    fn connect(&mut self) {
        self.q.connect();
    }
    fn hdl(&self) -> Verilog {
        let body = format!(
            "  reg {}state;\n  always @(posedge clock) state <= d;\n  assign q = state;",
            range(<T as Synth>::BITS)
        );
        module(&format!("register_{}", <T as Synth>::BITS), "q = d, one clock later.", &body)
    }
}

/// 2^A elements c0 + c1·u of 2·W bits in block RAM: one write and one read a clock, the read's answer one clock later.
///
/// A read of the place that is written in the same clock gives the old or the new element: no user does it.
#[derive(LogicBlock)]
pub struct Fp2Memory<const W: usize, const A: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Whether to write.
    pub write: Signal<In, Bit>,
    /// Where.
    pub write_address: Signal<In, Bits<A>>,
    /// What.
    pub write_c0: Signal<In, Bits<W>>,
    /// What.
    pub write_c1: Signal<In, Bits<W>>,
    /// What to read.
    pub read_address: Signal<In, Bits<A>>,
    /// The element, one clock later.
    pub read_c0: Signal<Out, Bits<W>>,
    /// The element, one clock later.
    pub read_c1: Signal<Out, Bits<W>>,
    _words: usize,
    _model: Vec<(Bits<W>, Bits<W>)>,
}

impl<const W: usize, const A: usize> Fp2Memory<W, A> {
    /// A memory of `words` (at most 2^A) elements; their first values are any.
    pub fn new(words: usize) -> Self {
        assert!((2..=1 << A).contains(&words), "2 to {} words, not {words}", 1usize << A);
        Self {
            clock: Default::default(),
            write: Default::default(),
            write_address: Default::default(),
            write_c0: Default::default(),
            write_c1: Default::default(),
            read_address: Default::default(),
            read_c0: Default::default(),
            read_c1: Default::default(),
            _words: words,
            _model: Vec::new(),
        }
    }
}

impl<const W: usize, const A: usize> Logic for Fp2Memory<W, A> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self._model.resize(self._words, Default::default());
            if let Some(&(c0, c1)) = self._model.get(self.read_address.val().index()) {
                self.read_c0.next = c0;
                self.read_c1.next = c1;
            }
            let written = (self.write_c0.val(), self.write_c1.val());
            if let (true, Some(word)) = (self.write.val(), self._model.get_mut(self.write_address.val().index())) {
                *word = written;
            }
        }
    }
    fn connect(&mut self) {
        self.read_c0.connect();
        self.read_c1.connect();
    }
    fn hdl(&self) -> Verilog {
        let (words, top) = (self._words, 2 * W - 1);
        let body = format!(
            "  (* ram_style = \"block\" *) reg [{top}:0] memory [0:{}];
  reg [{top}:0] word;
  always @(posedge clock) begin
    if (write) memory[write_address] <= {{write_c1, write_c0}};
    word <= memory[read_address];
  end
  assign {{read_c1, read_c0}} = word;",
            words - 1
        );
        let description = format!("{words} elements of 2 x {W} bits; a read is answered one clock later.");
        module(&format!("fp2_memory_{words}"), &description, &body)
    }
}

/// 2^A flags in registers or LUT memory: one write a clock, and a read at once.
#[derive(LogicBlock)]
pub struct FlagMemory<const A: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Whether to write.
    pub write: Signal<In, Bit>,
    /// Where.
    pub write_address: Signal<In, Bits<A>>,
    /// What.
    pub write_flag: Signal<In, Bit>,
    /// What to read.
    pub read_address: Signal<In, Bits<A>>,
    /// The flag.
    pub read_flag: Signal<Out, Bit>,
    _words: usize,
    _model: Vec<bool>,
}

impl<const A: usize> FlagMemory<A> {
    /// A memory of `words` (at most 2^A) flags; their first values are any.
    pub fn new(words: usize) -> Self {
        assert!((2..=1 << A).contains(&words), "2 to {} flags, not {words}", 1usize << A);
        Self {
            clock: Default::default(),
            write: Default::default(),
            write_address: Default::default(),
            write_flag: Default::default(),
            read_address: Default::default(),
            read_flag: Default::default(),
            _words: words,
            _model: vec![false; words],
        }
    }
}

impl<const A: usize> Logic for FlagMemory<A> {
    fn update(&mut self) {
        let place = self._model.get_mut(self.write_address.val().index());
        if let (true, true, Some(flag)) = (self.clock.pos_edge(), self.write.val(), place) {
            *flag = self.write_flag.val();
        }
        self.read_flag.next = self._model.get(self.read_address.val().index()).copied().unwrap_or_default();
    }
    fn connect(&mut self) {
        self.read_flag.connect();
    }
    fn hdl(&self) -> Verilog {
        let words = self._words;
        let body = format!(
            "  reg flags [0:{}];
  always @(posedge clock) if (write) flags[write_address] <= write_flag;
  assign read_flag = flags[read_address];",
            words - 1
        );
        module(&format!("flag_memory_{words}"), &format!("{words} flags; a read is answered at once."), &body)
    }
}
