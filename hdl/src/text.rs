//! Pieces of Verilog text: names, ranges, declarations.

/// Words of Verilog and SystemVerilog that somebody may want to call a signal.
pub(crate) const KEYWORDS: &[&str] = &[
    "always",
    "and",
    "assert",
    "assign",
    "begin",
    "bind",
    "bit",
    "buf",
    "byte",
    "case",
    "cell",
    "class",
    "clocking",
    "config",
    "const",
    "constraint",
    "context",
    "cover",
    "default",
    "design",
    "disable",
    "edge",
    "else",
    "end",
    "event",
    "export",
    "final",
    "for",
    "force",
    "function",
    "generate",
    "global",
    "if",
    "implies",
    "import",
    "initial",
    "inout",
    "input",
    "inside",
    "instance",
    "int",
    "integer",
    "interface",
    "join",
    "large",
    "let",
    "library",
    "local",
    "logic",
    "loop",
    "matches",
    "medium",
    "module",
    "nand",
    "new",
    "nor",
    "not",
    "null",
    "or",
    "output",
    "package",
    "packed",
    "parameter",
    "primitive",
    "priority",
    "process",
    "program",
    "property",
    "protected",
    "pulldown",
    "pullup",
    "pure",
    "rand",
    "real",
    "ref",
    "reg",
    "release",
    "repeat",
    "restrict",
    "return",
    "scalared",
    "sequence",
    "shortint",
    "signed",
    "small",
    "solve",
    "specify",
    "static",
    "string",
    "strong",
    "struct",
    "super",
    "supply0",
    "supply1",
    "table",
    "tagged",
    "task",
    "this",
    "throughout",
    "time",
    "tran",
    "tri",
    "type",
    "union",
    "unique",
    "unsigned",
    "use",
    "var",
    "vectored",
    "virtual",
    "void",
    "wait",
    "wand",
    "weak",
    "while",
    "wire",
    "with",
    "within",
    "wor",
    "xnor",
    "xor",
];

/// Declarations of nets and registers, those of one kind and width together.
pub(crate) fn declarations(all: &[(&str, usize, String)]) -> String {
    let mut text = String::new();
    for group in all.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let names: Vec<String> = group.iter().map(|(_, _, name)| name.clone()).collect();
        text += &wrapped(&format!("  {} {}", group[0].0, range(group[0].1)), &names, ";");
    }
    text
}

/// Items joined by commas, on lines of at most 120 characters.
pub(crate) fn wrapped(start: &str, items: &[String], end: &str) -> String {
    let (mut text, mut column) = (start.to_string(), start.len());
    for (index, item) in items.iter().enumerate() {
        let last = index + 1 == items.len();
        if column + item.len() + 2 > 120 && index > 0 {
            text = format!("{}\n    ", text.trim_end());
            column = 4;
        }
        let piece = if last { item.clone() } else { format!("{item}, ") };
        column += piece.len();
        text += &piece;
    }
    format!("{text}{end}\n")
}

/// rust-hdl joins names with `$`; here it is `_`. System functions (`$signed`) stay.
pub(crate) fn plain(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        let inside = out.ends_with(|before: char| before.is_ascii_alphanumeric() || before == '_');
        out.push(if c == '$' && inside { '_' } else { c });
    }
    out
}

/// `[width-1:0] `, or nothing for one bit.
pub(crate) fn range(width: usize) -> String {
    if width == 1 { String::new() } else { format!("[{}:0] ", width - 1) }
}
