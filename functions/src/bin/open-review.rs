//! The function `open-review`: the stage of the state OpenReview.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::open_review()
}
