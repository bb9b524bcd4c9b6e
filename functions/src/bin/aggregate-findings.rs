//! The function `aggregate-findings`: the stage of the state AggregateFindings.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::aggregate_findings()
}
