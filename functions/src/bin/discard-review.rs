//! The function `discard-review`: the stage of the state DiscardReview.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::discard_review()
}
