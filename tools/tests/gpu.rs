//! The command line with `--backend wgpu`. Where there is no Vulkan or no software rendering, what needs it is skipped.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs `arblast` with folders of its own for state and cache.
fn arblast(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let folder = std::env::temp_dir().join(format!("arblast-gpu-{}", std::process::id()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_arblast"));
    command.args(arguments).env("XDG_STATE_HOME", &folder).env("XDG_CACHE_HOME", &folder).env_remove("RUST_LOG");
    command.envs(variables.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `arblast devices --json` says of the GPU.
fn gpu(arguments: &[&str], variables: &[(&str, &str)]) -> serde_json::Value {
    let output = arblast(&[&["devices", "--json"], arguments].concat(), variables);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let devices: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    devices.as_array().unwrap().iter().find(|device| device["name"] == "wgpu").unwrap().clone()
}

/// Whether the software rendering is there.
fn rendering() -> bool {
    let there = gpu(&["--adapter", "llvmpipe"], &[])["present"] == true;
    if !there {
        eprintln!("no adapter is called llvmpipe (Debian: libvulkan1, mesa-vulkan-drivers): its tests are skipped");
    }
    there
}

#[test]
fn adapters_are_shown_and_software_is_not_chosen() {
    if !rendering() {
        return;
    }
    let by_itself = gpu(&[], &[]);
    let adapter = by_itself["adapters"].as_array().unwrap().iter().find(|a| a["device"] == "software").unwrap();
    assert!(adapter["not_chosen"].as_str().unwrap().contains("software rendering"), "{adapter}");
    assert!(adapter["largest_binding"].as_u64().unwrap() >= 128 << 20, "{adapter}");
    if by_itself["present"] == false {
        assert!(by_itself["absent_reason"].as_str().unwrap().contains("llvmpipe"), "{by_itself}");
    }
    let named = gpu(&["--adapter", "LLVMpipe", "--limbs", "narrow"], &[]);
    assert_eq!(named["kind"], "simulation");
    assert!(named["version"].as_str().unwrap().contains("32-bit limbs"), "{named}");
    let shown = text(&arblast(&["devices"], &[]).stdout);
    for part in ["adapter llvmpipe", "driver", "a binding", "not chosen: it is a software rendering"] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn without_a_driver_the_reason_is_given() {
    let hidden = [("VK_ICD_FILENAMES", "/nonexistent"), ("VK_DRIVER_FILES", "/nonexistent")];
    let absent = gpu(&[], &hidden);
    assert_eq!(absent["present"], false);
    assert!(absent["absent_reason"].as_str().unwrap().contains("no Vulkan loader or no driver"), "{absent}");
    let refused = arblast(&["bench", "--op", "msm-g1", "--backend", "wgpu"], &hidden);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("no Vulkan loader or no driver"), "{}", text(&refused.stderr));
    assert_eq!(arblast(&["bench", "--op", "msm-g1", "--limbs", "wider"], &[]).status.code(), Some(2));
}

#[test]
fn conformance_passes_in_both_families() {
    if !rendering() {
        return;
    }
    let good = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/good").display().to_string();
    for limbs in ["narrow", "wide"] {
        let arguments = ["conformance", &good, "--backend", "wgpu", "--adapter", "llvmpipe", "--limbs", limbs];
        let output = arblast(&arguments, &[]);
        assert_eq!(output.status.code(), Some(0), "{limbs}: {}{}", text(&output.stdout), text(&output.stderr));
    }
}
