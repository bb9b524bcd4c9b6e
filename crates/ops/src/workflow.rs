//! The program's built-in state machine, with the names of its functions filled in.

use std::sync::LazyLock;

use holdfast_core::stage::STAGES;

/// The definition as deployed on AWS, with its `${…}` placeholders.
const DEPLOYED: &str = include_str!("../../../state-machine/review.asl.json");

static DEFINITION: LazyLock<String> = LazyLock::new(|| {
    STAGES.iter().fold(DEPLOYED.to_owned(), |text, stage| {
        text.replace(&format!("${{{}Function}}", stage.state), stage.function)
    })
});

/// Returns the definition for this machine, built once: `${PlanReviewFunction}` is `plan-review` in it.
pub fn definition() -> &'static str {
    &DEFINITION
}
