//! Contracts between crates: names, the definition's validity for AWS, and the functions as Lambda runs them.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod functions;
mod http;
mod names;
mod payloads;
mod validator;

use holdfast_tests::root;

/// Returns the definition as it is deployed.
fn definition() -> String {
    std::fs::read_to_string(root().join("state-machine/review.asl.json")).unwrap()
}
