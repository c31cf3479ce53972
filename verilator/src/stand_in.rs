//! Bodies in C++ for the field units: what makes a simulation of the engines fast.
//!
//! A Montgomery multiplication in Verilog, even as plain products, costs a simulator thousands of word operations; in
//! C++ it is 72 multiplications of 64 bits. So a fast model has the multiplier and the modular adders computed by
//! imported functions (DPI), the result delayed by the unit's own latency. What is around them (schedule, delay lines,
//! accumulator, streams) stays the emitted Verilog. Tests give these bodies, the plain ones and the synthesised ones
//! the same vectors.
//!
//! A unit is found by its module's name, ports and modulus; one that is not recognised keeps its Verilog.

use arblast_hdl::Design;
use arblast_hdl::field::{WIDTH, modulus};
use arblast_hdl::units::mod_add::ModAdd;
use arblast_hdl::units::mont_mul::MontMul;
use num_bigint::BigUint;

/// A model's source: the Verilog, and the C++ that it imports (empty where nothing was replaced).
pub(crate) struct Source {
    pub(crate) verilog: String,
    pub(crate) functions: String,
}

impl Source {
    /// A design as it is.
    pub(crate) fn of(design: &Design) -> Self {
        Self { verilog: design.verilog.clone(), functions: String::new() }
    }
}

/// Replaces the bodies of the field units in a design's Verilog.
pub(crate) fn apply(verilog: &str) -> Source {
    let units = [
        ("mont_mul", "arblast_mont_mul", multiplier_latency()),
        ("mod_add_384", "arblast_mod_add", ModAdd::<WIDTH>::LATENCY),
        ("mod_sub_384", "arblast_mod_sub", ModAdd::<WIDTH>::LATENCY),
    ];
    let (mut text, mut any) = (verilog.to_string(), false);
    for (module, function, latency) in units {
        if let Some(new) = replace(&text, module, function, latency) {
            (text, any) = (new, true);
        }
    }
    let functions = if any { constants() + include_str!("stand_in.cpp") } else { String::new() };
    Source { verilog: text, functions }
}

/// The text with the body of `module` computed by `function`; `None` where the module is not there or another.
fn replace(text: &str, module: &str, function: &str, latency: usize) -> Option<String> {
    let start = text.find(&format!("\nmodule {module} ("))? + 1;
    let end = start + text[start..].find("\nendmodule")?;
    // The modulus is in the comment before the module: its parameters are cut into chunks.
    let mut comment = text[..start].lines().rev().take_while(|line| line.starts_with("//"));
    let of_the_curve = comment.any(|line| line.contains(&format!("{:x}", modulus())));
    let (ports, _) = text[start..end].split_once(");\n")?;
    let bus = format!("[{}:0]", WIDTH - 1);
    let expected = [
        "input wire clock".to_string(),
        format!("input wire {bus} a"),
        format!("input wire {bus} b"),
        format!("output wire {bus} r"),
    ];
    let found = ports.split_once('(')?.1.split(',').map(str::trim);
    if !found.eq(expected.iter().map(String::as_str)) || !of_the_curve {
        return None;
    }
    let last = latency - 1;
    let new = format!(
        "{ports});
  import \"DPI-C\" pure function void {function}(input bit {bus} a, input bit {bus} b, output bit {bus} r);
  reg {bus} now;
  reg {bus} ring [0:{last}];
  reg [15:0] at = 0;
  always @(posedge clock) begin
    {function}(a, b, now);
    ring[at] <= now;
    at <= at == {last} ? 16'd0 : at + 16'd1;
  end
  assign r = ring[at];"
    );
    Some(format!("{}{new}{}", &text[..start], &text[end..]))
}

fn multiplier_latency() -> usize {
    // rust-hdl's signals live in the unit, by value: too large for the stack of a test's thread.
    let thread = std::thread::Builder::new().stack_size(1 << 28).spawn(|| MontMul::default().latency());
    let latency = thread.ok().and_then(|thread| thread.join().ok());
    latency.expect("a multiplier can be made where a design was")
}

/// The modulus and Montgomery's factor as C++.
fn constants() -> String {
    let p = modulus();
    let limbs: Vec<String> = p.to_u64_digits().iter().map(|limb| format!("0x{limb:016x}")).collect();
    let word = BigUint::from(1u32) << 64;
    let inverse = p.modinv(&word).map(|inverse| &word - inverse).expect("the modulus is odd");
    format!("static const uint64_t P[6] = {{{}}};\nstatic const uint64_t INV = 0x{inverse:016x};\n", limbs.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arblast_hdl::designs;

    /// If a unit is renamed, simulation would be twenty times slower: noticed here.
    #[test]
    fn the_field_units_of_the_adders_are_found() {
        let design = designs::by_name("point-add-mixed").unwrap();
        let source = apply(&design.verilog);
        assert!(source.functions.contains("0xb9feffffffffaaab") && source.functions.contains("0x89f3fffcfffcfffd"));
        for function in ["mont_mul", "mod_add", "mod_sub"] {
            assert!(source.verilog.contains(&format!("pure function void arblast_{function}(")), "{function}");
        }
    }

    #[test]
    fn another_unit_of_the_name_keeps_its_verilog() {
        let other = "\nmodule mont_mul (\n  input wire clock,\n  input wire [383:0] a,\n  input wire [383:0] b,\n  \
                     output wire [383:0] r\n);\n  assign r = a;\nendmodule\n";
        let untouched = apply(other);
        assert!(untouched.verilog == other && untouched.functions.is_empty());
        let toy = designs::msm_toy((2, 1), 4);
        assert_eq!(apply(&toy.verilog).verilog, toy.verilog);
    }
}
