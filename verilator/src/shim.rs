//! The C++ between a verilated model and Rust: ports by number, words of 32 bits, lowest first.

use crate::compile::Options;
use arblast_hdl::Design;

/// The format of a waveform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trace {
    /// Value change dump: text, large.
    Vcd,
    /// GTKWave's compressed format; the build needs zlib's headers (zlib1g-dev).
    Fst,
}

impl Trace {
    /// The switch for Verilator, the class and the header.
    pub(crate) fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Trace::Vcd => ("--trace", "VerilatedVcdC", "verilated_vcd_c.h"),
            Trace::Fst => ("--trace-fst", "VerilatedFstC", "verilated_fst_c.h"),
        }
    }
}

/// Number of 32-bit words of a port.
pub(crate) fn words(width: usize) -> usize {
    width.div_ceil(32)
}

/// The probes of the options that the last module of a design, its top module, declares.
pub(crate) fn probes(verilog: &str, options: &Options) -> Vec<&'static str> {
    let top = verilog.rfind("\nmodule ").map_or("", |start| &verilog[start..]);
    let declared = |name: &str| top.lines().any(|line| is_declaration(line, name));
    options.probes.iter().copied().filter(|name| declared(name)).collect()
}

/// Whether a line declares a wire or register of this name.
fn is_declaration(line: &str, name: &str) -> bool {
    let mut words = line.split(|c: char| c.is_whitespace() || c == ';' || c == ',').filter(|word| !word.is_empty());
    matches!(words.next(), Some("wire" | "reg")) && words.any(|word| word == name)
}

/// Verilator's configuration that keeps the probes readable.
pub(crate) fn probes_config(top: &str, probes: &[&str]) -> String {
    let lines = probes.iter().map(|name| format!("public_flat_rd -module \"{top}\" -var \"{name}\"\n"));
    format!("`verilator_config\n{}", lines.collect::<String>())
}

/// The shim of a design. Ports have their number in the design; probes follow.
pub(crate) fn source(design: &Design, options: &Options) -> String {
    let class = format!("V{}", design.name);
    let (trace, probes) = (options.trace, probes(&design.verilog, options));
    let (include, field, open, dump, close) = match trace {
        None => (String::new(), String::new(), "(void)path;".into(), String::new(), String::new()),
        Some(trace) => {
            let (_, name, header) = trace.names();
            (
                format!("#include \"{header}\"\n"),
                format!("  {name}* trace = nullptr;\n"),
                format!("if (path) {{ m->trace = new {name}; m->top.trace(m->trace, 99); m->trace->open(path); }}"),
                "if (m->trace) m->trace->dump(m->context.time());".to_string(),
                "if (m->trace) { m->trace->close(); delete m->trace; }".to_string(),
            )
        }
    };
    let traced = if trace.is_some() { "true" } else { "false" };
    let start = options.random_start.map_or(String::new(), |seed| format!(" c->randReset(2); c->randSeed({seed});"));
    let (writes, mut reads) = accessors(design);
    for (index, name) in (design.ports.len()..).zip(&probes) {
        reads += &format!("    case {index}: w[0] = m->top.rootp->{}__DOT__{name}; break;\n", design.name);
    }
    let root = if probes.is_empty() { String::new() } else { format!("#include \"{class}___024root.h\"\n") };
    let (covered, cover) = match options.coverage {
        true => ("#include \"verilated_cov.h\"\n", "((Model*)p)->context.coveragep()->write(path);"),
        false => ("", "(void)p; (void)path;"),
    };
    format!(
        "#include \"{class}.h\"
#include \"verilated.h\"
#include <cstdint>
#include <cstring>
{root}{covered}{include}static VerilatedContext* prepare(VerilatedContext* c) {{ c->traceEverOn({traced});{start} return c; }}
struct Model {{
  VerilatedContext context;
  {class} top;
{field}  Model() : context(), top(prepare(&context)) {{}}
}};
extern \"C\" {{
void* arblast_new(const char* path) {{ Model* m = new Model; {open} return m; }}
void arblast_free(void* p) {{ Model* m = (Model*)p; {close} m->top.final(); delete m; }}
void arblast_coverage(void* p, const char* path) {{ {cover} }}
void arblast_settle(void* p) {{ Model* m = (Model*)p; m->top.clock = 0; m->top.eval(); {dump} m->context.timeInc(1); }}
void arblast_edge(void* p) {{ Model* m = (Model*)p; m->top.clock = 1; m->top.eval(); {dump} m->context.timeInc(1); }}
void arblast_write(void* p, uint32_t port, const uint32_t* w) {{
  Model* m = (Model*)p;
  switch (port) {{
{writes}  }}
}}
void arblast_read(void* p, uint32_t port, uint32_t* w) {{
  Model* m = (Model*)p;
  switch (port) {{
{reads}  }}
}}
}}
"
    )
}

fn accessors(design: &Design) -> (String, String) {
    let (mut writes, mut reads) = (String::new(), String::new());
    for (index, port) in design.ports.iter().enumerate() {
        let (name, bytes) = (&port.name, 4 * words(port.width));
        let (write, read) = match port.width {
            1..=32 => (format!("m->top.{name} = w[0];"), format!("w[0] = m->top.{name};")),
            33..=64 => (
                format!("m->top.{name} = w[0] | (uint64_t)w[1] << 32;"),
                format!("w[0] = (uint32_t)m->top.{name}; w[1] = (uint32_t)(m->top.{name} >> 32);"),
            ),
            _ => (
                format!("memcpy(m->top.{name}.data(), w, {bytes});"),
                format!("memcpy(w, m->top.{name}.data(), {bytes});"),
            ),
        };
        if port.input {
            writes += &format!("    case {index}: {write} break;\n");
        }
        reads += &format!("    case {index}: {read} break;\n");
    }
    (writes, reads)
}
