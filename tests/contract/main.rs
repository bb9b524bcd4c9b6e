//! Contracts between rooms: names, the definition's validity for AWS, and the functions as Lambda runs them.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod functions;
mod http;
mod names;
mod payloads;
mod validator;

use std::path::{Path, PathBuf};

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The definition as it is deployed.
fn definition() -> String {
    std::fs::read_to_string(root().join("state-machine/review.asl.json")).unwrap()
}
