//! The Step Functions API's server as the program starts it: its failures name the option that gave the address.

use std::net::SocketAddr;

use holdfast_sfn_api::{Server, ServerError};

use holdfast_ops::failure::Failure;

/// Takes the address that an option gave; nobody can connect to it yet.
///
/// # Errors
/// It is in use, or other machines could reach it.
pub fn bind(option: &str, address: SocketAddr) -> Result<Server, Failure> {
    Server::bind(address).map_err(|error| Failure::usage(format!("{option} {error}")))
}

/// Turns a failure of the API's server into the program's.
pub fn failure(error: ServerError) -> Failure {
    match error {
        ServerError::Listener(_) => Failure::incomplete(error),
        error if error.is_about_directory() => {
            Failure::usage(format!("{error}, or choose another directory with --data"))
        }
        error => Failure::usage(error),
    }
}
