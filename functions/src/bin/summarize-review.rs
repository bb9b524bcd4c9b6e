//! The function `summarize-review`: the stage of the state SummarizeReview.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::summarize_review()
}
