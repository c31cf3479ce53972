//! Self-checking testbenches in Verilog for the units, with vectors from the software models.

use crate::emit::{Design, on_large_stack};
use crate::field::{WIDTH, add_mod, modulus, mont_mul, point_add, sub_mod, to_mont};
use crate::field2;
use crate::units::mod_add::ModAdd;
use crate::units::mont_mul::MontMul;
use crate::units::point_add::{Adder, PointAdd};
use crate::units::point_add_g2::PointAddG2;
use num_bigint::BigUint;
use std::fmt::Write as _;

/// Vectors of a testbench.
const VECTORS: usize = 64;

type Model = Box<dyn Fn(&[BigUint]) -> Vec<BigUint>>;

/// The testbench of a unit; `None` for the engines, which are driven through their streams.
pub fn of(name: &str, design: &Design) -> Option<String> {
    if name == "point-add-g2" {
        return Some(folded(design));
    }
    let p = modulus();
    let (latency, model): (usize, Model) = match name {
        "mod-add" => (ModAdd::<WIDTH>::LATENCY, Box::new(move |v| vec![add_mod(&v[0], &v[1], &p)])),
        "mod-sub" => (ModAdd::<WIDTH>::LATENCY, Box::new(move |v| vec![sub_mod(&v[0], &v[1], &p)])),
        "mont-mul" => (on_large_stack(|| MontMul::default().latency()), Box::new(|v| vec![mont_mul(&v[0], &v[1])])),
        "point-add" => (on_large_stack(|| PointAdd::full().latency()), Box::new(|v| sum(v, None))),
        "point-add-mixed" => {
            let one = to_mont(&BigUint::from(1u32));
            (on_large_stack(|| PointAdd::mixed().latency()), Box::new(move |v| sum(v, Some(&one))))
        }
        _ => return None,
    };
    Some(text(design, latency, &model))
}

fn sum(v: &[BigUint], z2: Option<&BigUint>) -> Vec<BigUint> {
    let second = [v[3].clone(), v[4].clone(), z2.unwrap_or(&v[5]).clone()];
    point_add(&[v[0].clone(), v[1].clone(), v[2].clone()], &second).to_vec()
}

/// Operands below p: the corners first, then a fixed sequence (powers of 7, squared as they go).
fn operands(inputs: usize) -> Vec<Vec<BigUint>> {
    let p = modulus();
    let corners = [BigUint::ZERO, BigUint::from(1u32), &p - 1u32, &p >> 1, (BigUint::from(1u32) << 96) - 1u32];
    let mut state = BigUint::from(7u32);
    let mut next = move || {
        state = (&state * &state + 1u32) % modulus();
        state.clone()
    };
    let corner =
        |index: usize, input: usize| corners[index / corners.len().pow(input as u32 % 2) % corners.len()].clone();
    let square = corners.len() * corners.len();
    (0..VECTORS).map(|i| (0..inputs).map(|j| if i < square { corner(i, j) } else { next() }).collect()).collect()
}

/// Pairs that the folded adder's testbench adds.
const PAIRS: usize = 24;

/// The testbench of the folded G2 adder, whose coordinates come and go one at a time.
fn folded(design: &Design) -> String {
    let latency = on_large_stack(|| PointAddG2::<1>::default().latency());
    let tag = design.ports.iter().find(|port| port.name == "in_tag").map_or(1, |port| port.width);
    let mut vectors = String::new();
    let mut put = |name: &str, index: usize, value: &[BigUint; 2]| {
        for (part, value) in value.iter().enumerate() {
            let _ = writeln!(vectors, "    {name}_c{part}[{index}] = 384'h{value:x};");
        }
    };
    // Of the vectors the last, which are no corners, and as many of the others.
    let all = operands(12);
    for (pair, v) in all[..PAIRS / 2].iter().chain(&all[VECTORS - PAIRS / 2..]).enumerate() {
        let element = |i: usize| [v[2 * i].clone(), v[2 * i + 1].clone()];
        let [a, b] = [[0, 1, 2], [3, 4, 5]].map(|at| at.map(element));
        for i in 0..3 {
            put("operand", 6 * pair + 2 * i, &a[i]);
            put("operand", 6 * pair + 2 * i + 1, &b[i]);
        }
        for (i, coordinate) in field2::point_add(&a, &b).iter().enumerate() {
            put("sum", 3 * pair + i, coordinate);
        }
    }
    include_str!("testbench_folded.v")
        .replace("{TOP}", &design.name)
        .replace("{PAIRS}", &PAIRS.to_string())
        .replace("{TAG}", &(tag - 1).to_string())
        .replace("{RESET}", &(2 * latency).to_string())
        .replace("{VECTORS}", &vectors)
}

fn text(design: &Design, latency: usize, model: &Model) -> String {
    let data = |input: bool| design.ports.iter().filter(move |port| port.input == input && port.name != "clock");
    let inputs: Vec<&str> = data(true).map(|port| port.name.as_str()).collect();
    let outputs: Vec<&str> = data(false).map(|port| port.name.as_str()).collect();
    let (top, last) = (&design.name, VECTORS - 1);
    let mut memory = String::new();
    for (index, vector) in operands(inputs.len()).iter().enumerate() {
        for (name, value) in inputs.iter().zip(vector) {
            let _ = writeln!(memory, "    v_{name}[{index}] = 384'h{value:x};");
        }
        for (name, value) in outputs.iter().zip(model(vector)) {
            let _ = writeln!(memory, "    v_{name}[{index}] = 384'h{value:x};");
        }
    }
    let declare =
        |kind: &str, names: &[&str]| -> String { names.iter().map(|n| format!("  {kind} [383:0] {n};\n")).collect() };
    let tables: String = inputs.iter().chain(&outputs).map(|n| format!("  reg [383:0] v_{n} [0:{last}];\n")).collect();
    let pins: String = inputs.iter().chain(&outputs).map(|n| format!(", .{n}({n})")).collect();
    let drive: String = inputs.iter().map(|n| format!("      {n} = i < {VECTORS} ? v_{n}[i] : 384'd0;\n")).collect();
    let check: String = outputs
        .iter()
        .map(|n| {
            format!(
                "      if (i >= {latency} && {n} !== v_{n}[i - {latency}]) begin\n        \
                 $display(\"FAIL: {n} of vector %0d: got %h, expected %h\", i - {latency}, {n}, v_{n}[i - {latency}]);\n        \
                 errors = errors + 1;\n      end\n"
            )
        })
        .collect();
    format!(
        "// Self-checking testbench of {top}: {VECTORS} vectors, one a clock, latency {latency}. Prints PASS or FAIL.
`timescale 1ns / 1ps
module {top}_tb;
  reg clock = 0;
{}{}{tables}  integer i, errors;
  {top} dut (.clock(clock){pins});
  initial begin
{memory}    errors = 0;
    for (i = 0; i < {}; i = i + 1) begin
{check}{drive}      #1 clock = 1;
      #1 clock = 0;
    end
    if (errors == 0) $display(\"PASS: {VECTORS} vectors\");
    else $display(\"FAIL: %0d errors\", errors);
    $finish;
  end
endmodule
",
        declare("reg", &inputs),
        declare("wire", &outputs),
        VECTORS + latency
    )
}
