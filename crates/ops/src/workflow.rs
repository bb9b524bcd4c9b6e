//! The state machine that the program carries, with the names of its functions filled in.

use holdfast_core::stage::STAGES;

/// The definition as it is deployed, with its `${…}` placeholders.
const DEFINITION: &str = include_str!("../../../state-machine/review.asl.json");

/// The definition for this machine: `${PlanReviewFunction}` becomes `plan-review`.
pub fn definition() -> String {
    STAGES.iter().fold(DEFINITION.to_owned(), |text, stage| {
        text.replace(&format!("${{{}Function}}", stage.state), stage.function)
    })
}
