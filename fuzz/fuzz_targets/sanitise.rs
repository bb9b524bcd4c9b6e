//! Passes the fuzzer's bytes to `bodies::sanitise`, which checks the properties.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    holdfast_fuzz::bodies::sanitise(data);
});
