//! From a design to a shared library: Verilator, then the C++ compiler, once for each content.

use crate::cache;
use crate::error::{Error, file};
use crate::shim::{self, Trace};
use crate::stand_in::{self, Source};
use crate::toolchain::Toolchain;
use arblast_hdl::Design;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How a model is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Verilog macros to define; [`Options::plain`] sets `ARBLAST_PLAIN`.
    pub defines: Vec<String>,
    /// Whether the field units are computed in C++ (same results, same latencies).
    pub stand_ins: bool,
    /// More Verilog that the design needs: models of vendor cells.
    pub libraries: Vec<String>,
    /// Whether the model can write waveforms; costs speed.
    pub trace: Option<Trace>,
    /// Whether the model counts which lines and branches ran, and which narrow signals changed.
    pub coverage: bool,
    /// Signals of the top module, at most 32 bits wide, that can be read beside its ports; those that a design does not
    /// have are left out.
    pub probes: Vec<&'static str>,
    /// Registers and memories start at random, drawn from this seed, as they may in hardware; `None` starts at 0.
    pub random_start: Option<u32>,
    /// Where models are built; `None` for [`cache::default_folder`].
    pub folder: Option<PathBuf>,
}

impl Options {
    /// Field units in C++, plain bodies for the rest: what long simulations want.
    pub fn fast() -> Self {
        Self { stand_ins: true, ..Self::plain() }
    }

    /// Plain Verilog bodies: wide multiplications, ring buffers.
    pub fn plain() -> Self {
        Self {
            defines: vec!["ARBLAST_PLAIN".into()],
            stand_ins: false,
            libraries: Vec::new(),
            trace: None,
            coverage: false,
            probes: Vec::new(),
            random_start: None,
            folder: None,
        }
    }

    /// The bodies that are synthesised, with the DSP slices described by behaviour.
    pub fn structural() -> Self {
        Self { defines: Vec::new(), ..Self::plain() }
    }

    /// The bodies that are synthesised, with the DSP slices instantiated; `library` has the vendor cells' models.
    pub fn primitives(library: &str) -> Self {
        Self { defines: vec!["ARBLAST_DSP48E2".into()], libraries: vec![library.into()], ..Self::plain() }
    }

    /// Starts registers and memories at random values.
    #[must_use]
    pub fn with_random_start(mut self, seed: u32) -> Self {
        self.random_start = Some(seed.max(1));
        self
    }

    /// Lets the model count its coverage.
    #[must_use]
    pub fn with_coverage(mut self) -> Self {
        self.coverage = true;
        self
    }

    /// Makes signals of the top module readable.
    #[must_use]
    pub fn with_probes(mut self, probes: &[&'static str]) -> Self {
        self.probes = probes.to_vec();
        self
    }

    /// Lets the model write waveforms.
    #[must_use]
    pub fn with_trace(mut self, trace: Trace) -> Self {
        self.trace = Some(trace);
        self
    }
}

/// Builds the design's shared library, or finds the one built before from the same content; returns its path.
///
/// # Errors
/// Absent tools, a cache folder that is not private, a tool's failure with the end of its output.
pub fn library(design: &Design, options: &Options) -> Result<PathBuf, Error> {
    let tools = Toolchain::find()?;
    let root = options
        .folder
        .clone()
        .or_else(cache::default_folder)
        .ok_or_else(|| Error::Cache { path: PathBuf::new(), reason: "no home folder; set ARBLAST_SIM_CACHE".into() })?;
    cache::private_folder(&root)?;
    let source = if options.stand_ins { stand_in::apply(&design.verilog) } else { Source::of(design) };
    let shim = shim::source(design, options) + &source.functions;
    let built = root.join(key(design, &source.verilog, options, (&shim, &tools)));
    let done = built.join(cache::MODEL);
    if cache::holds_model(&built)? {
        return Ok(done);
    }
    // Built aside and renamed, so that two processes never share a half-built folder.
    cache::remove_abandoned(&root);
    let work = cache::work_folder(&root)?;
    let result = runtime(&root, options, &tools).and_then(|runtime| {
        let text = Text { top: &design.name, verilog: &source.verilog, shim: &shim };
        compile(&text, options, &tools, (&work, &runtime))
    });
    cache::publish(result.and_then(|()| cache::seal(&work)), &work, &built)?;
    if cache::holds_model(&built)? { Ok(done) } else { Err(Error::Load(format!("{} was not built", done.display()))) }
}

/// Verilator's switch, the run-time library's sources and the compiler's definitions for what a model can do.
fn features(options: &Options) -> (Vec<&'static str>, Vec<&'static str>, Vec<String>) {
    let (mut switches, mut sources) = (Vec::new(), vec!["verilated", "verilated_threads"]);
    if let Some(trace) = options.trace {
        switches.push(trace.names().0);
        sources.push(if trace == Trace::Fst { "verilated_fst_c" } else { "verilated_vcd_c" });
    }
    if options.coverage {
        // Buses of coordinates would have thousands of counters each.
        switches.extend(["--coverage", "--coverage-max-width", "64"]);
        sources.push("verilated_cov");
    }
    let defines = [("TRACE", options.trace.is_some()), ("COVERAGE", options.coverage)];
    (switches, sources, defines.map(|(name, on)| format!("-DVM_{name}={}", u8::from(on))).to_vec())
}

/// The objects of Verilator's run-time library, compiled once for each version; returns their folder.
fn runtime(root: &Path, options: &Options, tools: &Toolchain) -> Result<PathBuf, Error> {
    let version: String = tools.version().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let trace = options.trace.map_or("", |trace| trace.names().0);
    let coverage = if options.coverage { "-coverage" } else { "" };
    let built = root.join(format!("runtime{}{coverage}-{version}", trace.trim_start_matches('-')));
    if built.is_dir() {
        cache::private_folder(&built)?;
        return Ok(built);
    }
    let work = cache::work_folder(root)?;
    let include = format!("{}/include", root_of(tools)?);
    let (_, sources, defines) = features(options);
    let mut command = Command::new("g++");
    command.current_dir(&work).args(["-c", "-fPIC", "-O2", "-std=gnu++17", "-w"]).args(defines);
    command.args([format!("-I{include}"), format!("-I{include}/vltstd")]);
    let result = run("g++", command.args(sources.iter().map(|name| format!("{include}/{name}.cpp"))));
    cache::publish(result, &work, &built)?;
    Ok(built)
}

/// The name of a build: a hash of all that goes into it, the processor included (the code is compiled for it).
fn key(design: &Design, verilog: &str, options: &Options, (shim, tools): (&str, &Toolchain)) -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = processor.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let switches = format!("{:?} {:?} {:?}", options.defines, features(options), options.random_start);
    let mut hash = Sha256::new();
    for part in [verilog, shim, tools.version(), flags, &switches, &options.libraries.concat()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest: String = hash.finalize()[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{digest}", design.name)
}

/// What is compiled.
struct Text<'a> {
    top: &'a str,
    verilog: &'a str,
    shim: &'a str,
}

fn compile(
    text: &Text<'_>,
    options: &Options,
    tools: &Toolchain,
    (work, runtime): (&Path, &Path),
) -> Result<(), Error> {
    let (top, (switches, _, defines)) = (text.top, features(options));
    let write = |name: &str, text: &str| fs::write(work.join(name), text).map_err(file(work.join(name)));
    write("design.v", text.verilog)?;
    write("cells.v", &options.libraries.concat())?;
    write("probes.vlt", &shim::probes_config(top, &shim::probes(text.verilog, options)))?;
    write("shim.cpp", text.shim)?;
    let mut verilator = Command::new(tools.program());
    verilator.current_dir(work).args(["--cc", "-O3", "--noassert"]);
    let start = if options.random_start.is_some() { "unique" } else { "fast" };
    verilator.args(["--x-assign", start, "--x-initial", start]);
    verilator.args(["-Wno-fatal", "-Wno-lint", "-Wno-style", "--top-module", top, "--Mdir", "."]);
    verilator.args(["-CFLAGS", "-fPIC"]).args(options.defines.iter().map(|name| format!("-D{name}"))).args(switches);
    run("verilator", verilator.args(["probes.vlt", "design.v", "cells.v"]))?;
    let make = format!("V{top}.mk");
    let archive = format!("V{top}__ALL.a");
    let optimise = ["OPT_FAST=-O2 -march=native", "OPT_SLOW=-O1"];
    run("make", Command::new("make").current_dir(work).args(["-s", "-f", &make]).args(optimise).arg(&archive))?;
    let include = format!("{}/include", root_of(tools)?);
    let mut link = Command::new("g++");
    link.current_dir(work).args(["-shared", "-fPIC", "-O2", "-march=native", "-I."]);
    link.args([format!("-I{include}"), format!("-I{include}/vltstd")]).args(defines);
    let objects = fs::read_dir(runtime).map_err(file(runtime))?.flatten().map(|object| object.path());
    link.args(["-w", "-o", cache::MODEL, "shim.cpp", &archive]).args(objects).arg("-lpthread");
    if options.trace == Some(Trace::Fst) {
        link.arg("-lz");
    }
    run("g++", &mut link)?;
    for leftover in fs::read_dir(work).map_err(file(work))?.flatten() {
        let name = leftover.file_name();
        if name != cache::MODEL && name != "design.v" {
            let _ = fs::remove_file(leftover.path());
        }
    }
    Ok(())
}

/// Where Verilator keeps its headers.
fn root_of(tools: &Toolchain) -> Result<String, Error> {
    let output = Command::new(tools.program())
        .args(["--getenv", "VERILATOR_ROOT"])
        .output()
        .map_err(|e| Error::NoVerilator { reason: e.to_string() })?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
}

fn run(tool: &'static str, command: &mut Command) -> Result<(), Error> {
    let output = command.output().map_err(|e| Error::Tool { tool, output: e.to_string() })?;
    if output.status.success() {
        return Ok(());
    }
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = text.lines().collect();
    Err(Error::Tool { tool, output: lines[lines.len().saturating_sub(30)..].join("\n") })
}
