//! The dispatcher's builder for a backend by name: what every command starts from.

use arblast::{Builder, Dispatcher, Measure, Selection};
use arblast_verilator::{FpgaSim, Toolchain};
use std::sync::Arc;

/// The simulated FPGA designs: used by name only.
pub const FPGA_SIM: &str = "fpga-sim";

/// A builder that selects, with the simulated designs where they are asked for by name. Its models are built by the
/// self-test, which takes a minute the first time.
///
/// Crossovers that are not known yet are measured before anything else: a command ends soon, means the same each time it
/// is run, and its own figures are not to be disturbed.
pub fn builder(selection: Selection) -> Builder {
    let simulated = selection == Selection::Only(FPGA_SIM.into());
    let builder = Dispatcher::builder().select(selection).measure_crossovers(Measure::AtBuild);
    if !simulated {
        return builder;
    }
    if Toolchain::find().is_ok() {
        eprintln!("fpga-sim: building the models and testing them; the first time takes a minute");
    }
    with_simulation(builder)
}

/// Adds the simulated designs, or the reason why they are absent.
pub fn with_simulation(builder: Builder) -> Builder {
    match FpgaSim::detect(Default::default()) {
        Ok(backend) => builder.backend(Arc::new(backend)),
        Err(error) => builder.absent(FPGA_SIM, error.to_string()),
    }
}
