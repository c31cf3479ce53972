//! Finds Verilator and says what is wrong when it is absent or too old.

use crate::error::Error;
use std::process::Command;

/// The oldest Verilator that the designs were tried with (Debian 12).
pub const OLDEST: &str = "5.006";

/// A Verilator that was found and is recent enough. Holding one is the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    program: String,
    version: String,
}

impl Toolchain {
    /// Looks for `verilator` on the path, or for the program that `ARBLAST_VERILATOR` names.
    ///
    /// # Errors
    /// [`Error::NoVerilator`] and [`Error::OldVerilator`], with the command that installs it.
    pub fn find() -> Result<Self, Error> {
        let program = std::env::var("ARBLAST_VERILATOR").unwrap_or_else(|_| "verilator".into());
        Self::at(&program)
    }

    /// The Verilator at `program`.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn at(program: &str) -> Result<Self, Error> {
        let output = Command::new(program)
            .arg("--version")
            .output()
            .map_err(|e| Error::NoVerilator { reason: format!("{program}: {e}") })?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_string();
        match parse(&version) {
            None => Err(Error::NoVerilator { reason: format!("{program} --version said {version:?}") }),
            Some(found) if Some(found) < parse(&format!("Verilator {OLDEST}")) => {
                Err(Error::OldVerilator { got: version, wanted: OLDEST })
            }
            Some(_) => Ok(Self { program: program.into(), version }),
        }
    }

    /// What `verilator --version` says.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The program to run.
    pub(crate) fn program(&self) -> &str {
        &self.program
    }
}

/// Major and minor version of "Verilator 5.006 2023-01-22 rev …".
fn parse(version: &str) -> Option<(u32, u32)> {
    let number = version.strip_prefix("Verilator ")?.split_whitespace().next()?;
    let (major, minor) = number.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        assert_eq!(parse("Verilator 5.006 2023-01-22 rev (Debian 5.006-3)"), Some((5, 6)));
        assert!(parse("Verilator 4.228 2022") < parse("Verilator 5.006"));
        assert_eq!(parse("command not found"), None);
    }

    #[test]
    fn an_absent_verilator_names_the_install_command() {
        let error = Toolchain::at("no-such-verilator-here").unwrap_err();
        assert!(matches!(error, Error::NoVerilator { .. }));
        assert!(error.to_string().contains("apt-get install verilator"), "{error}");
    }
}
