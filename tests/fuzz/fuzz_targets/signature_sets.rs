#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| arblast_tests::fuzz::signature_sets(data));
