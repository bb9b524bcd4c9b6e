//! The function `plan-review`: the stage of the state PlanReview.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::plan_review()
}
