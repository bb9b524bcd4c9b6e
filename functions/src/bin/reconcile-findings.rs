//! The function `reconcile-findings`: the stage of the state ReconcileFindings.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::reconcile_findings()
}
