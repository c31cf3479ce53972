//! What the units share on the side of rust-hdl: parameters that are known when a design is built, and module text.

use rust_hdl::prelude::*;

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

/// First line of a module body of ours: the name the module gets.
pub(crate) const NAME_MARK: &str = "//@ name ";
/// Where a body wants its children's wires and instances; without it they come first.
pub(crate) const CHILDREN_MARK: &str = "//@ children";

/// The Verilog of a unit: its module name, its description (one comment line each), its body.
///
/// In such a body every port, and every port of a child (`child_port`), is a wire; a child's `clock` is connected to
/// the module's own.
pub(crate) fn module(name: &str, description: &str, body: &str) -> Verilog {
    let comment: String = description.trim().lines().map(|line| format!("// {}\n", line.trim())).collect();
    Verilog::Custom(format!("{NAME_MARK}{name}\n{comment}\n{}\n", body.trim_matches('\n')))
}

/// `Logic` for a unit whose meaning is its Verilog and its software model: nothing to do in rust-hdl's own simulator.
macro_rules! verilog_logic {
    ([$($generics:tt)*] $unit:ty, drives: [$($output:ident),*], $body:expr) => {
        impl<$($generics)*> rust_hdl::prelude::Logic for $unit {
            fn update(&mut self) {}
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
