//! What the units share on the side of rust-hdl: parameters that are known when a design is built, and module text.

use rust_hdl::core::verilog_gen::verilog_combinatorial;
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
/// First line of a body that rust-hdl made of a kernel: the name the module gets.
pub(crate) const KERNEL_MARK: &str = "//@ kernel ";
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

/// The Verilog that rust-hdl makes of a unit's kernel (`#[hdl_gen] fn update`), with a module name and a description.
///
/// A child's `clock` is connected to the module's own; the kernel's assignments of clocks are left out.
pub(crate) fn kernel(name: &str, description: &str, code: &Verilog) -> Verilog {
    let Verilog::Combinatorial(code) = code else { unreachable!("hdl_gen makes combinatorial code") };
    let comment: String = description.trim().lines().map(|line| format!("// {}\n", line.trim())).collect();
    let text = verilog_combinatorial(code);
    // rust-hdl 0.46 leaves the macro's name and bracket in the comment.
    let body: String = text
        .replace("// comment!\n", "// comment! ")
        .lines()
        .map(|line| match line.split_once("// comment!") {
            Some((indent, rest)) => format!("{indent}// {}", rest.trim_start().trim_start_matches("(\"")),
            None => line.to_string(),
        })
        .filter(|line| !line.trim_end().ends_with("$clock = clock;"))
        .map(|line| format!("  {line}\n"))
        .collect();
    Verilog::Custom(format!("{KERNEL_MARK}{name}\n{comment}\n{body}"))
}

/// In a kernel, a comment that is carried into the Verilog.
macro_rules! comment {
    ($text:literal) => {};
}
pub(crate) use comment;

/// `Logic` for a unit whose kernel is an inherent `#[hdl_gen] fn update`: the same, with a module name and description.
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
                $crate::block::kernel(&name, &description, &<$unit>::hdl(self))
            }
        }
    };
}
pub(crate) use kernel_logic;

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
