//! The function `validate-findings`: the stage of the state ValidateFindings.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::validate_findings()
}
