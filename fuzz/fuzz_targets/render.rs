//! Hands the fuzzer's bytes to `render` of the bodies, which says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    holdfast_fuzz::bodies::render(data);
});
