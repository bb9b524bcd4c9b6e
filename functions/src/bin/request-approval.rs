//! The function `request-approval`: the stage of the state RequestApproval.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::request_approval()
}
