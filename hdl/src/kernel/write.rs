//! From statements to the Verilog of a module's body, and what is refused.

use super::value::Value;
use super::{Printed, Statement};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The targets of a statement, of one kind.
fn targets(statement: &Statement, register: bool) -> BTreeSet<String> {
    match statement {
        Statement::Comment(_) => BTreeSet::new(),
        Statement::Assign { target, .. } if target.register == register => BTreeSet::from([target.name.clone()]),
        Statement::Assign { .. } => BTreeSet::new(),
        Statement::If { then, otherwise, .. } => {
            then.iter().chain(otherwise).flat_map(|inner| targets(inner, register)).collect()
        }
        Statement::Case { arms, .. } => {
            arms.iter().flat_map(|(_, block)| block).flat_map(|inner| targets(inner, register)).collect()
        }
    }
}

/// The signals that a statement reads.
fn reads(statement: &Statement) -> BTreeSet<String> {
    match statement {
        Statement::Comment(_) => BTreeSet::new(),
        Statement::Assign { value, .. } => value.reads.clone(),
        Statement::If { test, then, otherwise } => {
            then.iter().chain(otherwise).flat_map(reads).chain(test.reads.iter().cloned()).collect()
        }
        Statement::Case { test, arms } => {
            arms.iter().flat_map(|(_, block)| block).flat_map(reads).chain(test.reads.iter().cloned()).collect()
        }
    }
}

/// Whether the statements assign the target whatever the conditions are.
fn always_assigned(statements: &[Statement], name: &str) -> bool {
    statements.iter().any(|statement| match statement {
        Statement::Comment(_) => false,
        Statement::Assign { target, .. } => target.name == name,
        Statement::If { then, otherwise, .. } => always_assigned(then, name) && always_assigned(otherwise, name),
        Statement::Case { arms, .. } => {
            arms.iter().any(|(label, _)| label == "default")
                && arms.iter().all(|(_, block)| always_assigned(block, name))
        }
    })
}

/// Refuses targets that keep a value by not being assigned: Rust would keep the one before, Verilog make a latch.
fn refuse_latches(module: &str, statements: &[Statement], names: &BTreeSet<String>) {
    for name in names {
        assert!(
            always_assigned(statements, name),
            "the kernel of {module} cannot be said in Verilog: {name} is not assigned under all conditions; give it a \
             value (a register its q) before the conditions"
        );
    }
}

/// The combinational part: statements that share a target stay together, in order.
pub(super) fn nets(module: &str, statements: &[Statement], printed: &mut Printed) {
    let mut groups: Vec<(BTreeSet<String>, Vec<usize>)> = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        let mut names = targets(statement, false);
        if names.is_empty() {
            continue;
        }
        let mut members = vec![index];
        groups.retain(|(others, indices)| {
            let apart = others.is_disjoint(&names);
            if !apart {
                names.extend(others.iter().cloned());
                members.extend(indices);
            }
            apart
        });
        members.sort_unstable();
        groups.push((names, members));
    }
    groups.sort_by_key(|(_, members)| members[0]);
    for (names, members) in &groups {
        let own: Vec<Statement> = members.iter().map(|&index| statements[index].clone()).collect();
        refuse_latches(module, &own, names);
        let last = members[members.len() - 1];
        for (index, between) in statements.iter().enumerate().take(last).skip(members[0]) {
            let meets = !members.contains(&index) && !reads(between).is_disjoint(names);
            assert!(!meets, "the kernel of {module}: one of {names:?} is read between two of its assignments");
        }
        let comment = comment_before(statements, members[0]);
        if let [Statement::Assign { target, value }] = &own[..] {
            let plain = value.operator.is_empty() && !value.text.starts_with(['{', '!', '~']);
            if plain && comment.is_empty() {
                printed.aliases.push((target.name.clone(), value.text.clone()));
                continue;
            }
            let _ = writeln!(printed.body, "{comment}  assign {} = {};", target.name, value.text);
            continue;
        }
        printed.variables.extend(names.iter().cloned());
        printed.body += &format!("{comment}  always @(*) begin\n");
        own.iter().for_each(|statement| write_statement(&mut printed.body, statement, false, 2));
        printed.body += "  end\n";
    }
}

/// The comments right before a statement.
fn comment_before(statements: &[Statement], index: usize) -> String {
    let lines = statements[..index].iter().rev().map_while(|statement| match statement {
        Statement::Comment(text) => Some(format!("  // {text}\n")),
        _ => None,
    });
    let mut lines: Vec<String> = lines.collect();
    lines.reverse();
    lines.concat()
}

/// The registers: all in one clocked process, in order. A register that is first set to itself only keeps its value.
pub(super) fn registers(module: &str, statements: &[Statement], printed: &mut Printed) {
    let names: BTreeSet<String> = statements.iter().flat_map(|statement| targets(statement, true)).collect();
    if names.is_empty() {
        return;
    }
    refuse_latches(module, statements, &names);
    let mut touched = BTreeSet::new();
    printed.body += "  always @(posedge clock) begin\n";
    for (index, statement) in statements.iter().enumerate() {
        let own = targets(statement, true);
        if own.is_empty() {
            continue;
        }
        let keeps = matches!(statement, Statement::Assign { target, value } if value.text == target.name);
        if keeps && touched.is_disjoint(&own) {
            continue;
        }
        touched.extend(own);
        if targets(statement, false).is_empty() {
            printed.body += &comment_before(statements, index).replace("  //", "    //");
        }
        write_statement(&mut printed.body, statement, true, 2);
    }
    printed.body += "  end\n";
}

/// Writes what a statement assigns to registers, or to nets.
fn write_statement(text: &mut String, statement: &Statement, register: bool, depth: usize) {
    if targets(statement, register).is_empty() {
        return;
    }
    let indent = "  ".repeat(depth);
    let arrow = if register { "<=" } else { "=" };
    match statement {
        Statement::Comment(_) => {}
        Statement::Assign { target, value } => {
            let _ = writeln!(text, "{indent}{} {arrow} {};", target.name, value.text);
        }
        Statement::If { test, then, otherwise } => write_if(text, (test, then, otherwise), register, depth),
        Statement::Case { test, arms } => {
            let _ = writeln!(text, "{indent}case ({})", test.text);
            let mut has_default = false;
            for (label, block) in arms {
                has_default |= label == "default";
                if block.iter().all(|inner| targets(inner, register).is_empty()) {
                    let _ = writeln!(text, "{indent}  {label}: ;");
                } else {
                    let _ = writeln!(text, "{indent}  {label}: begin");
                    block.iter().for_each(|inner| write_statement(text, inner, register, depth + 2));
                    let _ = writeln!(text, "{indent}  end");
                }
            }
            if !has_default {
                let _ = writeln!(text, "{indent}  default: ;");
            }
            let _ = writeln!(text, "{indent}endcase");
        }
    }
}

type Branches<'a> = (&'a Value, &'a Vec<Statement>, &'a Vec<Statement>);

fn write_if(text: &mut String, (test, then, otherwise): Branches<'_>, register: bool, depth: usize) {
    let indent = "  ".repeat(depth);
    let assigns = |block: &[Statement]| block.iter().any(|inner| !targets(inner, register).is_empty());
    let (mut condition, mut first, mut second) = (test.text.clone(), then, otherwise);
    if !assigns(then) {
        condition = if test.operator.is_empty() { format!("!{condition}") } else { format!("!({condition})") };
        (first, second) = (otherwise, then);
    }
    let _ = writeln!(text, "{indent}if ({condition}) begin");
    first.iter().for_each(|inner| write_statement(text, inner, register, depth + 1));
    if !assigns(second) {
        let _ = writeln!(text, "{indent}end");
        return;
    }
    let own: Vec<&Statement> = second.iter().filter(|inner| !targets(inner, register).is_empty()).collect();
    if let [Statement::If { test, then, otherwise }] = own[..] {
        let mut rest = String::new();
        write_if(&mut rest, (test, then, otherwise), register, depth);
        let _ = write!(text, "{indent}end else {}", rest.trim_start());
    } else {
        let _ = writeln!(text, "{indent}end else begin");
        second.iter().for_each(|inner| write_statement(text, inner, register, depth + 1));
        let _ = writeln!(text, "{indent}end");
    }
}
