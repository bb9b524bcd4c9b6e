//! The bodies of all targets. They belong to the tests of `holdfast-core`, which run them on the seeds with the stable
//! toolchain.

#[path = "../../crates/core/tests/fuzz/bodies.rs"]
pub mod bodies;

#[path = "../../crates/core/tests/fuzz/harmless.rs"]
pub mod harmless;
