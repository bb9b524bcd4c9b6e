//! The function `correct-findings`: the stage of the state CorrectFindings.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::correct_findings()
}
