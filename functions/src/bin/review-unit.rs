//! The function `review-unit`: the stage of the state ReviewUnit.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::review_unit()
}
