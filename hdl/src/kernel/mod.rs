//! From a rust-hdl kernel (`#[hdl_gen] fn update`) to Verilog that means the same, bit for bit.
//!
//! rust-hdl's own printer drops parentheses, leaves the width of intermediate values to Verilog's context and makes an
//! instance of every register. Here the kernel's syntax tree is printed with the widths that Rust gives it:
//!
//! - a cast to more bits is a concatenation with zeros, so its operand keeps its own width; literals have the width of
//!   the other operand; parentheses are where the tree has them; disjoint parts joined by `<<` and `|` are one
//!   concatenation;
//! - a `DFF` is a register of the module: what is assigned to its `d` is assigned in `always @(posedge clock)`;
//! - what is assigned once is an `assign`, what is assigned under conditions an `always @(*)`;
//! - a clock is never a signal of its own: every child has the module's.
//!
//! What Rust and Verilog could read differently is refused: a register or signal that keeps its value by not being
//! assigned (a latch), one that is read between two of its assignments, a cast to fewer bits of what is no signal.
//! Registers have no initial value in the Verilog (rust-hdl's start at 0): reset and start must set what matters.

mod read;
mod value;
mod write;

pub(crate) use value::sized;

use read::Reader;
use rust_hdl::prelude::ast::VerilogStatement;
use std::collections::{BTreeSet, HashMap};
use value::Value;

/// What a name in a kernel stands for.
#[derive(Clone, Debug)]
pub(crate) struct Symbol {
    /// Its name in the Verilog.
    pub name: String,
    /// Bits.
    pub width: usize,
    /// What may be done with it.
    pub kind: Kind,
    /// Its value, where it is a parameter of one bit.
    pub constant: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An input, a child's output, a constant, a register's value.
    Read,
    /// An output, a local signal, a child's input.
    Net,
    /// A register's next value.
    Register,
    /// A clock.
    Clock,
}

/// A kernel, printed.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    /// The statements.
    pub body: String,
    /// Nets that are assigned in an `always @(*)`, which have to be declared as `reg`.
    pub variables: BTreeSet<String>,
    /// Nets that are a signal, a part of one or a literal, with that; the statements leave them out.
    pub aliases: Vec<(String, String)>,
    /// Nets and registers that are read.
    pub read: BTreeSet<String>,
}

/// Prints a kernel; `symbols` has every signal under its name in rust-hdl (parts joined by `$`).
///
/// # Panics
/// Where the kernel says something whose Verilog would mean something else; the message says what and what to write.
pub(crate) fn print(module: &str, block: &[VerilogStatement], symbols: &HashMap<String, Symbol>) -> Printed {
    let mut reader = Reader::new(module, symbols);
    let statements = reader.block(block);
    let mut printed = Printed { read: reader.read, ..Printed::default() };
    write::nets(module, &statements, &mut printed);
    write::registers(module, &statements, &mut printed);
    printed
}

/// A target of an assignment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    name: String,
    register: bool,
}

/// A statement with everything resolved.
#[derive(Clone, Debug)]
enum Statement {
    Comment(String),
    Assign { target: Target, value: Value },
    If { test: Value, then: Vec<Statement>, otherwise: Vec<Statement> },
    Case { test: Value, arms: Vec<(String, Vec<Statement>)> },
}

#[cfg(test)]
mod tests {
    use crate::block::{Parameter, comment};
    use crate::emit::emit;
    use rust_hdl::prelude::*;

    /// A little of everything that a kernel can say.
    #[derive(LogicBlock, Default)]
    struct Sampler {
        pub clock: Signal<In, Clock>,
        pub a: Signal<In, Bits<4>>,
        pub b: Signal<In, Bits<4>>,
        pub wide: Signal<Out, Bits<10>>,
        pub flag: Signal<Out, Bit>,
        pub part: Signal<Out, Bits<8>>,
        chosen: Parameter<Bit>,
        count: DFF<Bits<4>>,
        word: [DFF<Bits<4>>; 2],
    }

    impl Logic for Sampler {
        #[hdl_gen]
        fn update(&mut self) {
            dff_setup!(self, clock, count);
            for i in 0..2 {
                self.word[i].clock.next = self.clock.val();
                self.word[i].d.next = self.a.val() ^ self.b.val();
            }
            self.wide.next = bit_cast::<10, 4>(self.a.val() + self.b.val()) | (bit_cast::<10, 4>(self.b.val()) << 5);
            self.flag.next = self.a.val() & self.b.val() == self.b.val();
            self.part.next = self.a.val().get_bits::<8>(1);
            comment!("Counts where a is 3.");
            if self.a.val() == 3 {
                self.count.d.next = self.count.q.val() + 1;
            } else if self.chosen.val() {
                self.count.d.next = bits::<4>(0);
            }
        }
    }

    #[test]
    fn kernels_are_printed_with_rusts_widths_and_parentheses() {
        let text = emit("sampler", &Sampler::default()).verilog;
        for line in [
            "  reg [3:0] count, word_0, word_1;",
            "  assign wide = {1'd0, b, 1'd0, a + b};",
            "  assign flag = (a & b) == b;",
            "  assign part = {5'd0, a[3:1]};",
            "    // Counts where a is 3.\n    if (a == 4'd3) begin\n      count <= count + 4'd1;\n    end\n",
            "    word_1 <= a ^ b;",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("count <= 4'd0"), "the branch of a parameter that is 0: {text}");
    }

    /// Emits a block with one input, one output and this kernel, and expects a panic with the message.
    macro_rules! refused {
        ($block:ident { $($field:ident: $type:ty),* }, $message:literal, $($kernel:tt)*) => {{
            #[derive(LogicBlock, Default)]
            struct $block {
                pub clock: Signal<In, Clock>,
                pub a: Signal<In, Bits<4>>,
                pub r: Signal<Out, Bits<4>>,
                $($field: $type),*
            }
            impl Logic for $block {
                $($kernel)*
            }
            let panic = std::panic::catch_unwind(|| emit("refused", &$block::default())).unwrap_err();
            let message = panic.downcast_ref::<String>().expect("a message");
            assert!(message.contains($message), "{message}");
        }};
    }

    #[test]
    fn what_verilog_would_read_differently_is_refused() {
        refused!(
            Latch {},
            "not assigned under all",
            #[hdl_gen]
            fn update(&mut self) {
                if self.a.val() == 3 {
                    self.r.next = self.a.val();
                }
            }
        );
        refused!(
            Narrow { t: Signal<Local, Bits<8>> },
            "assign it to a signal first",
            #[hdl_gen]
            fn update(&mut self) {
                self.t.next = bit_cast::<8, 4>(self.a.val());
                self.r.next = bit_cast::<4, 8>(self.t.val() + self.t.val());
            }
        );
        refused!(
            Between { t: Signal<Local, Bits<4>> },
            "read between two of its assignments",
            #[hdl_gen]
            fn update(&mut self) {
                self.t.next = self.a.val();
                self.r.next = self.t.val();
                if self.a.val() == 3 {
                    self.t.next = bits::<4>(0);
                }
            }
        );
        refused!(
            Keyword { wait: Signal<Local, Bit> },
            "a keyword of Verilog",
            #[hdl_gen]
            fn update(&mut self) {
                self.wait.next = self.a.val() == 3;
                self.r.next = self.a.val();
            }
        );
    }
}
