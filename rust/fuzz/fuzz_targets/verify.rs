#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| orbscan_core::testing::properties::verify(bytes));
