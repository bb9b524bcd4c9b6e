//! What every target does with its bytes. The bodies stand with the tests of `holdfast-core`, which run them on the seeds
//! with the stable toolchain.

#[path = "../../crates/core/tests/fuzz/bodies.rs"]
pub mod bodies;

#[path = "../../crates/core/tests/fuzz/harmless.rs"]
pub mod harmless;
