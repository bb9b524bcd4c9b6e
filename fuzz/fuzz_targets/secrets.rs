//! Passes the fuzzer's bytes to `bodies::secrets`, which checks the properties.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    holdfast_fuzz::bodies::secrets(data);
});
