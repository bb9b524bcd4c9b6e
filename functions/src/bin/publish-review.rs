//! The function `publish-review`: the stage of the state PublishReview.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::publish_review()
}
