//! The function `report-failure`: the stage of the state ReportFailure.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::report_failure()
}
