//! What the units share on the side of rust-hdl: parameters that are known when a design is built, and module text.

use rust_hdl::prelude::*;
use std::collections::VecDeque;

/// A parameter of a unit that is fixed when the design is built; it has no ports and no logic.
#[derive(Clone, Copy, Debug, Default)]
pub struct Config<T>(pub T);

impl<T> Logic for Config<T> {
    fn update(&mut self) {}
}

impl<T> Block for Config<T> {
    fn connect_all(&mut self) {}
    fn update_all(&mut self) {}
    fn has_changed(&self) -> bool {
        false
    }
    fn accept(&self, _name: &str, _probe: &mut dyn Probe) {}
}

/// A number of a kernel that is fixed when the design is built: a `localparam` in the Verilog.
#[derive(Clone, Copy, Debug)]
pub struct Parameter<T: Synth>(Constant<T>);

impl<T: Synth> Parameter<T> {
    /// The parameter with this value.
    pub fn new(value: T) -> Self {
        Self(Constant::new(value))
    }

    /// Its value.
    pub fn val(&self) -> T {
        self.0.val()
    }
}

impl<T: Synth> Default for Parameter<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Synth> Logic for Parameter<T> {
    fn update(&mut self) {}
}

impl<T: Synth> Block for Parameter<T> {
    fn connect_all(&mut self) {}
    fn update_all(&mut self) {}
    fn has_changed(&self) -> bool {
        false
    }
    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        self.0.accept(name, probe);
    }
}

/// Name and description of the module that a unit written as a kernel becomes; it has no ports and no logic.
#[derive(Clone, Debug, Default)]
pub struct Title(String);

impl Title {
    /// The module's name, and what it is: a comment line for each line.
    pub fn new(name: &str, description: &str) -> Self {
        Self(format!("{TITLE_MARK}{name}\n{description}"))
    }
}

impl Logic for Title {
    fn update(&mut self) {}
    fn hdl(&self) -> Verilog {
        Verilog::Custom(self.0.clone())
    }
}

impl Block for Title {
    fn connect_all(&mut self) {}
    fn update_all(&mut self) {}
    fn has_changed(&self) -> bool {
        false
    }
    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        probe.visit_start_scope(name, self);
        probe.visit_end_scope(name, self);
    }
}

/// Start of a [`Title`]'s text.
pub(crate) const TITLE_MARK: &str = "//@ title ";

/// A comment line for each line of a description.
pub(crate) fn comment_lines(description: &str) -> String {
    description.trim().lines().map(|line| format!("// {}\n", line.trim())).collect()
}

/// `Logic` for a unit whose kernel is an inherent `#[hdl_gen] fn update`: the same, with a module name and description
/// that are computed from the unit.
macro_rules! kernel_logic {
    ([$($generics:tt)*] $unit:ty, $title:expr) => {
        impl<$($generics)*> rust_hdl::prelude::Logic for $unit {
            fn update(&mut self) {
                <$unit>::update(self);
            }
            fn connect(&mut self) {
                <$unit>::connect(self);
            }
            fn hdl(&self) -> rust_hdl::prelude::Verilog {
                let title: fn(&Self) -> (String, String) = $title;
                let (name, description) = title(self);
                $crate::block::titled(&name, &description, <$unit>::hdl(self))
            }
        }
    };
}
pub(crate) use kernel_logic;

/// A kernel with a module name and a description, which travel as its first comment.
pub(crate) fn titled(name: &str, description: &str, kernel: Verilog) -> Verilog {
    let Verilog::Combinatorial(mut code) = kernel else { unreachable!("hdl_gen makes combinatorial code") };
    code.insert(0, ast::VerilogStatement::Comment(format!("{TITLE_MARK}{name}\n{description}")));
    Verilog::Combinatorial(code)
}

/// A comment of a kernel: rust-hdl's translation takes it into the Verilog.
macro_rules! comment {
    ($text:literal) => {};
}
pub(crate) use comment;

/// First line of a module body of ours: the name the module gets.
pub(crate) const NAME_MARK: &str = "//@ name ";
/// Where a body wants its children's wires and instances; without it they come first.
pub(crate) const CHILDREN_MARK: &str = "//@ children";

/// The Verilog of a unit: its module name, its description (one comment line each), its body.
///
/// In such a body every port, and every port of a child (`child_port`), is a wire; a child's `clock` is connected to
/// the module's own.
pub(crate) fn module(name: &str, description: &str, body: &str) -> Verilog {
    let comment = comment_lines(description);
    Verilog::Custom(format!("{NAME_MARK}{name}\n{comment}\n{}\n", body.trim_matches('\n')))
}

/// `Logic` for a leaf whose Verilog is a text; `update` is what it does in rust-hdl's own simulator.
macro_rules! verilog_logic {
    ([$($generics:tt)*] $unit:ty, drives: [$($output:ident),*], $body:expr) => {
        $crate::block::verilog_logic!([$($generics)*] $unit, drives: [$($output),*], update: |_unit| {}, $body);
    };
    ([$($generics:tt)*] $unit:ty, drives: [$($output:ident),*], update: $update:expr, $body:expr) => {
        impl<$($generics)*> rust_hdl::prelude::Logic for $unit {
            fn update(&mut self) {
                let update: fn(&mut Self) = $update;
                update(self);
            }
            fn connect(&mut self) {
                $(self.$output.connect();)*
            }
            fn hdl(&self) -> rust_hdl::prelude::Verilog {
                let body: fn(&Self) -> rust_hdl::prelude::Verilog = $body;
                body(self)
            }
        }
    };
}
pub(crate) use verilog_logic;

/// What a pipelined leaf does in rust-hdl's simulator: values come out as many clocks later as it has stages.
#[derive(Clone, Debug)]
pub(crate) struct Line<T>(VecDeque<T>);

impl<T: Clone + Default> Line<T> {
    /// A line of this many stages, at least one; it starts with default values.
    pub fn new(stages: usize) -> Self {
        assert!(stages > 0, "a line has at least one stage");
        Self(std::iter::repeat_n(T::default(), stages - 1).collect())
    }

    /// One clock: the value goes in, the one before by all stages comes out.
    pub fn step(&mut self, value: T) -> T {
        self.0.push_back(value);
        self.0.pop_front().unwrap_or_default()
    }

    /// What is inside and comes out later.
    pub fn inside(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// Forgets what is inside.
    pub fn clear(&mut self) {
        self.0.iter_mut().for_each(|value| *value = T::default());
    }
}
