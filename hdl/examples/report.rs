//! `cargo run --release -p arblast-hdl --example report -- NAME`: what a design needs on an FPGA, by yosys.

use arblast_hdl::report::{VU9P, report};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        eprintln!("usage: report NAME");
        return ExitCode::FAILURE;
    };
    match report(&name) {
        Ok(report) => {
            println!("{}: {:?}", report.design, report.total);
            println!(
                "at most {:.1}% of a VU9P; longest path {:?}",
                report.total.percent_of(&VU9P),
                report.longest_path
            );
            report.modules.iter().for_each(|(module, cells)| println!("{module}: {cells:?}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
