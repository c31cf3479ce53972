//! From rust-hdl's syntax tree to statements in which every name and every width is known.

use super::value::{Value, join, operator_text, range, sized};
use super::{Kind, Statement, Symbol, Target};
use num_bigint::BigUint;
use rust_hdl::prelude::ast::{
    VerilogBlockOrConditional, VerilogExpression, VerilogLink, VerilogOp, VerilogOpUnary, VerilogStatement,
};
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

/// Reads a kernel's syntax tree.
pub(super) struct Reader<'a> {
    module: &'a str,
    symbols: &'a HashMap<String, Symbol>,
    loops: Vec<(String, usize)>,
    /// Signals and registers that the kernel reads.
    pub read: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    pub fn new(module: &'a str, symbols: &'a HashMap<String, Symbol>) -> Self {
        Self { module, symbols, loops: Vec::new(), read: BTreeSet::new() }
    }

    fn refuse(&self, why: &str) -> ! {
        panic!("the kernel of {} cannot be said in Verilog: {why}", self.module)
    }

    /// The statements, with loops unrolled and names resolved.
    pub fn block(&mut self, block: &[VerilogStatement]) -> Vec<Statement> {
        let mut all = Vec::new();
        for statement in block {
            match statement {
                VerilogStatement::Comment(text) => {
                    // The macro's tokens, of which the text is the literal.
                    let literal = text.split_once('"').map_or(text.as_str(), |(_, rest)| rest);
                    all.push(Statement::Comment(literal.trim_end_matches([')', '"', ' ']).into()));
                }
                VerilogStatement::Macro(inner) => all.extend(self.block(inner)),
                VerilogStatement::Assignment(target, value) => {
                    let VerilogExpression::Signal(target) = target else {
                        self.refuse("an assignment to what is no signal")
                    };
                    all.extend(self.assign(target, value));
                }
                VerilogStatement::If(condition) => {
                    let known = self.constant(&condition.test);
                    let test = self.value(&condition.test);
                    let then = self.block(&condition.then);
                    let otherwise = match &condition.otherwise {
                        VerilogBlockOrConditional::Block(inner) => self.block(inner),
                        VerilogBlockOrConditional::Conditional(inner) => {
                            self.block(std::slice::from_ref(inner.as_ref()))
                        }
                        VerilogBlockOrConditional::None => Vec::new(),
                    };
                    match known {
                        Some(true) => all.extend(then),
                        Some(false) => all.extend(otherwise),
                        None => all.push(Statement::If { test, then, otherwise }),
                    }
                }
                VerilogStatement::Match(choice) => {
                    let test = self.value(&choice.test);
                    let arms =
                        choice.cases.iter().map(|case| (self.label(&case.condition, &test), self.block(&case.block)));
                    let arms = arms.collect();
                    all.push(Statement::Case { test, arms });
                }
                VerilogStatement::Loop(inner) => {
                    for index in inner.from.as_usize()..inner.to.as_usize() {
                        self.loops.push((inner.index.clone(), index));
                        all.extend(self.block(&inner.block));
                        self.loops.pop();
                    }
                }
                VerilogStatement::Link(links) => links.iter().for_each(|link| all.extend(self.link(link))),
                VerilogStatement::SliceAssignment { .. } => {
                    self.refuse("an assignment to a part of a signal: assign the whole")
                }
            }
        }
        all
    }

    /// The value of a condition that is a parameter: only one branch becomes Verilog.
    fn constant(&self, test: &VerilogExpression) -> Option<bool> {
        match test {
            VerilogExpression::Signal(name) => self.symbol(name).constant,
            VerilogExpression::Unary(VerilogOpUnary::Not, inner) => self.constant(inner).map(|value| !value),
            VerilogExpression::Paren(inner) => self.constant(inner),
            _ => None,
        }
    }

    fn assign(&mut self, target: &str, value: &VerilogExpression) -> Option<Statement> {
        let symbol = self.symbol(target);
        let mut value = self.value(value);
        match symbol.kind {
            Kind::Clock if value.text == "clock" => return None,
            Kind::Clock => self.refuse("a clock other than the module's own"),
            Kind::Read => self.refuse(&format!("an assignment to {target}, which is no output or local signal")),
            Kind::Net | Kind::Register => {}
        }
        match (value.width, &value.literal) {
            (_, Some(literal)) => value = Value::literal(literal.clone(), Some(symbol.width)),
            (Some(width), None) if width == symbol.width => {}
            (width, None) => {
                self.refuse(&format!("{target} has {} bits and is assigned {width:?}: {}", symbol.width, value.text))
            }
        }
        let target = Target { name: symbol.name, register: symbol.kind == Kind::Register };
        Some(Statement::Assign { target, value })
    }

    /// One signal of an interface, from the outer scope to the child or back.
    fn link(&mut self, link: &VerilogLink) -> Option<Statement> {
        let (details, inwards) = match link {
            VerilogLink::Forward(details) => (details, true),
            VerilogLink::Backward(details) => (details, false),
            VerilogLink::Bidirectional(_) => self.refuse("a link of two-way signals"),
        };
        let part = details.my_name.trim_start_matches('.').replace('.', "$");
        let full = |name: &str| if part.is_empty() { name.to_string() } else { format!("{name}${part}") };
        let (outer, inner) = (full(&details.owner_name), full(&details.other_name));
        let (target, source) = if inwards { (inner, outer) } else { (outer, inner) };
        self.assign(&target, &VerilogExpression::Signal(source))
    }

    /// The label of a case arm.
    fn label(&self, condition: &str, test: &Value) -> String {
        if condition == "default" {
            return condition.into();
        }
        let number = condition.replace('_', "");
        let parsed = match number.strip_prefix("0x") {
            Some(hex) => BigUint::parse_bytes(hex.as_bytes(), 16),
            None => BigUint::parse_bytes(number.as_bytes(), 10),
        };
        match (parsed, test.width) {
            (Some(value), Some(width)) => sized(&value, width),
            _ => self.symbol(condition).name,
        }
    }

    /// The number that an index stands for: loop variables and integers, joined by +, - and *.
    fn index(&self, text: &str) -> usize {
        let text = text.trim_matches(|c| c == '(' || c == ')');
        if let Some((left, right)) = text.rsplit_once('+') {
            return self.index(left) + self.index(right);
        }
        if let Some((left, right)) = text.rsplit_once('-') {
            return self.index(left) - self.index(right);
        }
        if let Some((left, right)) = text.rsplit_once('*') {
            return self.index(left) * self.index(right);
        }
        let variable = self.loops.iter().rev().find(|(name, _)| name == text);
        variable.map(|(_, value)| *value).or_else(|| text.parse().ok()).unwrap_or_else(|| {
            self.refuse(&format!("the index {text}: indices are made of loop variables and integers"))
        })
    }

    fn symbol(&self, name: &str) -> Symbol {
        let mut plain = String::new();
        let mut rest = name.trim_start_matches('.').trim_end_matches("$next");
        while let Some((before, after)) = rest.split_once('[') {
            let (index, after) = after.split_once(']').unwrap_or((after, ""));
            let _ = write!(plain, "{before}${}", self.index(index));
            rest = after;
        }
        plain += rest;
        self.symbols.get(&plain).cloned().unwrap_or_else(|| self.refuse(&format!("there is no signal {plain}")))
    }

    fn value(&mut self, expression: &VerilogExpression) -> Value {
        match expression {
            VerilogExpression::Signal(name) => self.signal(name),
            VerilogExpression::Literal(literal) => {
                let text = format!("{literal:x}");
                let digits = text.split_once("'h").map_or("", |(_, digits)| digits);
                match BigUint::parse_bytes(digits.as_bytes(), 16) {
                    Some(value) => Value::literal(value, None),
                    None => self.refuse(&format!("the literal {text}")),
                }
            }
            VerilogExpression::Paren(inner) => self.value(inner),
            VerilogExpression::Cast(inner, width) => self.cast(inner, *width),
            VerilogExpression::Unary(operator, inner) => self.unary(operator, inner),
            VerilogExpression::Binary(left, operator, right) => {
                let (left, right) = (self.value(left), self.value(right));
                self.binary(left, operator, right)
            }
            VerilogExpression::Index(inner, index) => {
                let index = self.value(index);
                self.slice(inner, 1, index)
            }
            VerilogExpression::Slice(inner, width, offset) => {
                let offset = self.value(offset);
                self.slice(inner, *width, offset)
            }
            VerilogExpression::Signed(_) | VerilogExpression::Unsigned(_) => self.refuse("signed values"),
            VerilogExpression::IndexReplace(..) => self.refuse("replace_bit: use a conditional assignment"),
        }
    }

    fn signal(&mut self, name: &str) -> Value {
        if let Some((_, value)) = self.loops.iter().rev().find(|(variable, _)| variable == name) {
            return Value::literal(BigUint::from(*value), None);
        }
        let symbol = self.symbol(name);
        if symbol.kind == Kind::Register {
            self.refuse(&format!("{name} is read: read the register's q"));
        }
        self.read.insert(symbol.name.clone());
        let mut value = Value { signal: true, ..Value::new(symbol.name.clone(), symbol.width) };
        value.reads.insert(symbol.name);
        value
    }

    fn cast(&mut self, inner: &VerilogExpression, width: usize) -> Value {
        let value = self.value(inner);
        match (value.literal.clone(), value.width) {
            (Some(literal), _) => Value::literal(literal, Some(width)),
            (None, Some(from)) if from == width => value,
            (None, Some(from)) if from < width => {
                let parts =
                    if value.parts.is_empty() { vec![(0, from, value.text.clone())] } else { value.parts.clone() };
                Value::concatenation(parts, width).reading(&[&value])
            }
            (None, Some(_)) if value.signal => {
                let high = width - 1;
                let text = if width == 1 { format!("{}[0]", value.text) } else { format!("{}[{high}:0]", value.text) };
                Value::new(text, width).reading(&[&value])
            }
            _ => self.refuse(&format!("a cast of {} to {width} bits: assign it to a signal first", value.text)),
        }
    }

    fn unary(&mut self, operator: &VerilogOpUnary, inner: &VerilogExpression) -> Value {
        let value = self.value(inner);
        let (Some(from), None) = (value.width, &value.literal) else { self.refuse("an operation on a literal") };
        let (symbol, width) = match operator {
            VerilogOpUnary::Not if from == 1 => ("!", 1),
            VerilogOpUnary::Not => ("~", from),
            VerilogOpUnary::All => ("&", 1),
            VerilogOpUnary::Any => ("|", 1),
            VerilogOpUnary::Xor => ("^", 1),
            VerilogOpUnary::Neg => self.refuse("a negation: write !x + 1"),
        };
        let result = Value::new(format!("{symbol}{}", value.operand(symbol)), width);
        // A reduction next to a binary operator of the same sign is hard to read: it gets parentheses.
        let operator = if width == 1 && symbol != "!" { symbol } else { "" };
        Value { operator, ..result }.reading(&[&value])
    }

    fn binary(&mut self, left: Value, operator: &VerilogOp, right: Value) -> Value {
        let symbol = operator_text(operator);
        if let (Some(a), Some(b)) = (&left.literal, &right.literal) {
            let folded = match operator {
                VerilogOp::Add => a + b,
                VerilogOp::Sub => a - b,
                VerilogOp::Mul => a * b,
                _ => self.refuse(&format!("{symbol} of two literals")),
            };
            return Value::literal(folded, left.width.or(right.width));
        }
        if matches!(operator, VerilogOp::Shl | VerilogOp::Shr) {
            return self.shift(&left, symbol, &right);
        }
        if matches!(operator, VerilogOp::Mul) {
            self.refuse("a product: make it a leaf");
        }
        // A literal is as wide as what it meets.
        let (left, right) = match (&left.literal, &right.literal) {
            (Some(literal), None) => (Value::literal(literal.clone(), right.width), right),
            (None, Some(literal)) => {
                let sized = Value::literal(literal.clone(), left.width);
                (left, sized)
            }
            _ => (left, right),
        };
        let widths = (left.width.unwrap_or(0), right.width.unwrap_or(0));
        // A carry may be added to a word.
        let carry = matches!(operator, VerilogOp::Add) && widths.1 == 1 && widths.0 > 1;
        let right = if carry {
            Value::concatenation(vec![(0, 1, right.text.clone())], widths.0).reading(&[&right])
        } else {
            right
        };
        if widths.0 != widths.1 && !carry {
            self.refuse(&format!("{symbol} of {} and {} bits: {} and {}", widths.0, widths.1, left.text, right.text));
        }
        let compares = matches!(
            operator,
            VerilogOp::Eq | VerilogOp::Ne | VerilogOp::Lt | VerilogOp::Le | VerilogOp::Gt | VerilogOp::Ge
        );
        if let (VerilogOp::BitOr, Some(joined)) = (operator, join(&left, &right)) {
            return Value::concatenation(joined, widths.0).reading(&[&left, &right]);
        }
        let (symbol, width) = match operator {
            VerilogOp::BitAnd if widths.0 == 1 => ("&&", 1),
            VerilogOp::BitOr if widths.0 == 1 => ("||", 1),
            _ if compares => (symbol, 1),
            _ => (symbol, widths.0),
        };
        let text = format!("{} {symbol} {}", left.operand(symbol), right.operand(symbol));
        Value { operator: symbol, parts: Vec::new(), ..Value::new(text, width) }.reading(&[&left, &right])
    }

    fn shift(&self, left: &Value, symbol: &'static str, right: &Value) -> Value {
        let (Some(width), None) = (left.width, &left.literal) else { self.refuse("a shift of a literal") };
        let amount = right.literal.as_ref().map(|amount| usize::try_from(amount).unwrap_or(usize::MAX));
        let Some(amount) = amount else {
            let text = format!("{} {symbol} {}", left.operand(symbol), right.operand(symbol));
            return Value { operator: symbol, parts: Vec::new(), ..Value::new(text, width) }.reading(&[left, right]);
        };
        let top = left.parts.iter().map(|(low, bits, _)| low + bits).max();
        if symbol == "<<" && top.is_some_and(|top| top + amount <= width) {
            let parts = left.parts.iter().map(|(low, bits, text)| (low + amount, *bits, text.clone())).collect();
            return Value::concatenation(parts, width).reading(&[left]);
        }
        if left.signal && amount > 0 && amount < width {
            let (kept, name) = (width - amount, &left.text);
            let (low, text) =
                if symbol == "<<" { (amount, range(name, kept, 0)) } else { (0, range(name, kept, amount)) };
            return Value::concatenation(vec![(low, kept, text)], width).reading(&[left]);
        }
        let text = format!("{} {symbol} {amount}", left.operand(symbol));
        Value { operator: symbol, parts: Vec::new(), ..Value::new(text, width) }.reading(&[left])
    }

    /// `width` bits from `offset` on; zeros where the signal has ended, as in Rust.
    fn slice(&mut self, inner: &VerilogExpression, width: usize, offset: Value) -> Value {
        let value = self.value(inner);
        let (true, Some(from)) = (value.signal, value.width) else {
            self.refuse(&format!("a part of {}: assign it to a signal first", value.text))
        };
        let Some(literal) = &offset.literal else {
            let text = if width == 1 {
                format!("{}[{}]", value.text, offset.text)
            } else {
                format!("{}[{} +: {width}]", value.text, offset.text)
            };
            return Value::new(text, width).reading(&[&value, &offset]);
        };
        let low = usize::try_from(literal).unwrap_or(usize::MAX);
        if low >= from {
            return Value::literal(BigUint::ZERO, Some(width));
        }
        let kept = width.min(from - low);
        let text = if kept == from { value.text.clone() } else { range(&value.text, kept, low) };
        let whole = kept == from && width == from;
        let result = if kept < width {
            Value::concatenation(vec![(0, kept, text)], width)
        } else {
            Value { signal: whole, ..Value::new(text, width) }
        };
        result.reading(&[&value])
    }
}
