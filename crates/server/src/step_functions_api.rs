//! Starts the server of the Step Functions API. Its failures name the command-line option of the address.

use std::net::SocketAddr;

use holdfast_sfn_api::{Server, ServerError};

use holdfast_ops::failure::Failure;

/// Reserves the option's address. Connections aren't accepted yet.
///
/// # Errors
/// The address is in use, or other machines could reach it.
pub fn bind(option: &str, address: SocketAddr) -> Result<Server, Failure> {
    Server::bind(address).map_err(|error| Failure::usage(format!("{option} {error}")))
}

/// Converts an error of the API's server to the program's failure.
pub fn failure(error: ServerError) -> Failure {
    match error {
        ServerError::Listener(_) => Failure::incomplete(error),
        error if error.is_about_directory() => {
            Failure::usage(format!("{error}, or choose another directory with --data"))
        }
        error => Failure::usage(error),
    }
}
