//! The function `escalate-approval`: the stage of the state EscalateApproval.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::escalate_approval()
}
