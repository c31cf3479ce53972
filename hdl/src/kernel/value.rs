//! Expressions in Verilog that know how wide they are.

use num_bigint::BigUint;
use rust_hdl::prelude::ast::VerilogOp;
use std::collections::BTreeSet;

/// An expression in Verilog, `width` bits wide (a literal takes the width of what it meets).
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub text: String,
    pub width: Option<usize>,
    pub literal: Option<BigUint>,
    /// The operator on top, where there is one: "" for what needs no parentheses.
    pub operator: &'static str,
    /// Whether it is the name of a signal, which can be indexed.
    pub signal: bool,
    /// The bits that are not 0, as parts (lowest bit, width, text), where the value is made of such.
    pub parts: Vec<(usize, usize, String)>,
    pub reads: BTreeSet<String>,
}

impl Value {
    pub fn new(text: String, width: usize) -> Self {
        let parts = vec![(0, width, text.clone())];
        Self { text, width: Some(width), literal: None, operator: "", signal: false, parts, reads: BTreeSet::new() }
    }

    pub fn literal(value: BigUint, width: Option<usize>) -> Self {
        let text = width.map_or(value.to_string(), |width| sized(&value, width));
        Self { literal: Some(value), width, parts: Vec::new(), ..Self::new(text, 0) }
    }

    pub fn reading(mut self, others: &[&Value]) -> Self {
        others.iter().for_each(|other| self.reads.extend(other.reads.iter().cloned()));
        self
    }

    /// The value as an operand, in parentheses where `operator` needs them.
    pub fn operand(&self, operator: &str) -> String {
        let associative = self.operator == operator && ["+", "&", "|", "^", "&&", "||"].contains(&operator);
        if self.operator.is_empty() || associative { self.text.clone() } else { format!("({})", self.text) }
    }

    /// A concatenation of parts, zeros between them.
    pub fn concatenation(mut parts: Vec<(usize, usize, String)>, width: usize) -> Self {
        parts.sort_by_key(|part| part.0);
        let (mut pieces, mut at) = (Vec::new(), 0);
        for (low, bits, text) in &parts {
            if *low > at {
                pieces.push(format!("{}'d0", low - at));
            }
            pieces.push(text.clone());
            at = low + bits;
        }
        if width > at {
            pieces.push(format!("{}'d0", width - at));
        }
        pieces.reverse();
        let text = if pieces.len() == 1 { pieces.remove(0) } else { format!("{{{}}}", pieces.join(", ")) };
        Self { parts, ..Self::new(text, width) }
    }
}

/// A literal of a stated width, short ones in decimal.
pub(crate) fn sized(value: &BigUint, width: usize) -> String {
    if width <= 16 { format!("{width}'d{value}") } else { format!("{width}'h{value:x}") }
}

/// `name[high:low]` of `width` bits.
pub(super) fn range(name: &str, width: usize, low: usize) -> String {
    if width == 1 { format!("{name}[{low}]") } else { format!("{name}[{}:{low}]", low + width - 1) }
}

/// The parts of two values together, where no bit is in both.
pub(super) fn join(left: &Value, right: &Value) -> Option<Vec<(usize, usize, String)>> {
    // A plain signal of full width is no part of a concatenation.
    if left.parts.is_empty() || right.parts.is_empty() {
        return None;
    }
    let disjoint = left.parts.iter().all(|(low, bits, _)| {
        right.parts.iter().all(|(other, width, _)| low + bits <= *other || other + width <= *low)
    });
    disjoint.then(|| left.parts.iter().chain(&right.parts).cloned().collect())
}

pub(super) fn operator_text(operator: &VerilogOp) -> &'static str {
    match operator {
        VerilogOp::Add => "+",
        VerilogOp::Sub => "-",
        VerilogOp::Mul => "*",
        VerilogOp::LogicalAnd => "&&",
        VerilogOp::LogicalOr => "||",
        VerilogOp::BitXor => "^",
        VerilogOp::BitAnd => "&",
        VerilogOp::BitOr => "|",
        VerilogOp::Shl => "<<",
        VerilogOp::Shr => ">>",
        VerilogOp::Eq => "==",
        VerilogOp::Lt => "<",
        VerilogOp::Le => "<=",
        VerilogOp::Ne => "!=",
        VerilogOp::Ge => ">=",
        VerilogOp::Gt => ">",
    }
}
