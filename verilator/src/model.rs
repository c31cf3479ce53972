//! A loaded model: its ports by name, one clock.

use crate::compile::{self, Options};
use crate::error::Error;
use crate::shim::{self, words};
use arblast_hdl::Design;
use libloading::Library;
use num_bigint::BigUint;
use std::ffi::{CString, c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A port of a model: which one, and how many words it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    index: u32,
    words: usize,
}

impl Pin {
    /// Number of 32-bit words of the port.
    pub fn words(self) -> usize {
        self.words
    }
}

struct Calls {
    free: unsafe extern "C" fn(*mut c_void),
    settle: unsafe extern "C" fn(*mut c_void),
    edge: unsafe extern "C" fn(*mut c_void),
    write: unsafe extern "C" fn(*mut c_void, u32, *const u32),
    read: unsafe extern "C" fn(*mut c_void, u32, *mut u32),
    coverage: unsafe extern "C" fn(*mut c_void, *const c_char),
}

/// A running simulation of a design. A cycle is: set inputs, [`settle`](Model::settle), look, [`edge`](Model::edge).
pub struct Model {
    state: *mut c_void,
    calls: Calls,
    design: Design,
    probes: Vec<&'static str>,
    folder: PathBuf,
    cycles: u64,
    // Dropped last: the calls point into it.
    _library: Library,
}

// SAFETY: a model has no state outside itself (its own VerilatedContext) and is used through `&mut` only.
unsafe impl Send for Model {}

impl Model {
    /// Builds the design's model, or takes it from the cache, and starts it. All inputs are 0.
    ///
    /// # Errors
    /// What building and loading run into.
    pub fn new(design: &Design, options: &Options) -> Result<Self, Error> {
        Self::traced(design, options, None)
    }

    /// The same, with a waveform in `trace`; the options must ask for one.
    ///
    /// # Errors
    /// What building and loading run into.
    pub fn traced(design: &Design, options: &Options, trace: Option<&Path>) -> Result<Self, Error> {
        let path = compile::library(design, options)?;
        let trace = trace.map(c_path).transpose()?;
        // SAFETY: the library was built from our own shim, in a folder that only this user can write; it has no
        // initialisers beyond those of the C++ runtime.
        let library = unsafe { Library::new(&path) }.map_err(|e| Error::Load(e.to_string()))?;
        // SAFETY: the shim defines these functions with these signatures (`shim::source`), and `Model` keeps the
        // library loaded as long as it keeps the pointers.
        let (create, calls) = unsafe {
            let create = *symbol::<unsafe extern "C" fn(*const c_char) -> *mut c_void>(&library, "arblast_new")?;
            let calls = Calls {
                free: *symbol(&library, "arblast_free")?,
                settle: *symbol(&library, "arblast_settle")?,
                edge: *symbol(&library, "arblast_edge")?,
                write: *symbol(&library, "arblast_write")?,
                read: *symbol(&library, "arblast_read")?,
                coverage: *symbol(&library, "arblast_coverage")?,
            };
            (create, calls)
        };
        // SAFETY: the argument is null or a C string that lives over the call.
        let state = unsafe { create(trace.as_ref().map_or(std::ptr::null(), |path| path.as_ptr())) };
        let probes = shim::probes(&design.verilog, options);
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let mut model = Self { state, calls, design: design.clone(), probes, folder, cycles: 0, _library: library };
        let inputs = design.ports.iter().enumerate().filter(|(_, port)| port.input && port.name != "clock");
        for (index, port) in inputs {
            model.set_words(Pin { index: index as u32, words: words(port.width) }, &[]);
        }
        Ok(model)
    }

    /// The design that is simulated.
    pub fn design(&self) -> &Design {
        &self.design
    }

    /// The folder of the Verilog that the model was made from.
    pub(crate) fn sources(&self) -> &Path {
        &self.folder
    }

    /// A port by name.
    ///
    /// # Panics
    /// Where the design has no such port: the name is a mistake in the caller's code.
    pub fn pin(&self, name: &str) -> Pin {
        let index = self.design.ports.iter().position(|port| port.name == name);
        let index = index.unwrap_or_else(|| panic!("{} has no port {name}", self.design.name));
        Pin { index: index as u32, words: words(self.design.ports[index].width) }
    }

    /// A signal of the top module that the options asked for; `None` where the design has none of this name.
    pub fn probe(&self, name: &str) -> Option<Pin> {
        let index = self.probes.iter().position(|&probe| probe == name)?;
        Some(Pin { index: (self.design.ports.len() + index) as u32, words: 1 })
    }

    /// Writes what ran so far, for `verilator_coverage`; the options must ask for coverage, else nothing is written.
    ///
    /// # Errors
    /// [`Error::Load`] for a path that C++ cannot have.
    pub fn write_coverage(&mut self, path: &Path) -> Result<(), Error> {
        let path = c_path(path)?;
        // SAFETY: `state` is live, and the path is a C string that lives over the call.
        unsafe { (self.calls.coverage)(self.state, path.as_ptr()) };
        Ok(())
    }

    /// Sets an input from words of 32 bits, lowest first; missing words are 0.
    ///
    /// # Panics
    /// Where there are more words than the port has.
    pub fn set_words(&mut self, pin: Pin, value: &[u32]) {
        assert!(value.len() <= pin.words, "{} words for a port of {}", value.len(), pin.words);
        let mut buffer = [0u32; 32];
        buffer[..value.len()].copy_from_slice(value);
        // SAFETY: the shim reads `pin.words` words; ports have at most 768 bits (rust-hdl's limit), 24 words.
        unsafe { (self.calls.write)(self.state, pin.index, buffer.as_ptr()) };
    }

    /// Reads a port into words of 32 bits, lowest first; words beyond the port's are 0.
    pub fn words(&mut self, pin: Pin) -> [u32; 32] {
        let mut buffer = [0u32; 32];
        // SAFETY: the shim writes `pin.words` words, at most 24 (see `set_words`).
        unsafe { (self.calls.read)(self.state, pin.index, buffer.as_mut_ptr()) };
        buffer
    }

    /// Sets an input of at most 32 bits.
    pub fn set(&mut self, pin: Pin, value: u32) {
        self.set_words(pin, &[value]);
    }

    /// Reads the low 32 bits of a port.
    pub fn get(&mut self, pin: Pin) -> u32 {
        self.words(pin)[0]
    }

    /// Sets an input from an integer.
    pub fn set_big(&mut self, pin: Pin, value: &BigUint) {
        self.set_words(pin, &value.to_u32_digits());
    }

    /// Reads a port as an integer.
    pub fn get_big(&mut self, pin: Pin) -> BigUint {
        BigUint::new(self.words(pin).to_vec())
    }

    /// Clock low: outputs follow the inputs.
    pub fn settle(&mut self) {
        // SAFETY: `state` came from `arblast_new` and is freed in `drop` only.
        unsafe { (self.calls.settle)(self.state) };
    }

    /// Rising edge of the clock: the state follows the inputs.
    pub fn edge(&mut self) {
        // SAFETY: as in `settle`.
        unsafe { (self.calls.edge)(self.state) };
        self.cycles += 1;
    }

    /// Rising edges so far.
    pub fn cycles(&self) -> u64 {
        self.cycles
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: `state` is not used after this.
        unsafe { (self.calls.free)(self.state) };
    }
}

/// A path as C++ takes it.
fn c_path(path: &Path) -> Result<CString, Error> {
    CString::new(path.as_os_str().as_bytes()).map_err(|e| Error::Load(format!("{}: {e}", path.display())))
}

/// A function of the library.
///
/// # Safety
/// T must be the function's type.
unsafe fn symbol<'a, T>(library: &'a Library, name: &str) -> Result<libloading::Symbol<'a, T>, Error> {
    // SAFETY: promised by the caller.
    unsafe { library.get(name.as_bytes()) }.map_err(|e| Error::Load(e.to_string()))
}
