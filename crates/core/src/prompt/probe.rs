//! The prompt that tests a connection: one short answer, in the summary's form.

use crate::model::run::{Prompt, Role, Turn};

/// Returns the prompt that a model gets when only its connection is tested; it costs a few tokens.
pub fn probe_prompt() -> Prompt {
    Prompt {
        system: "Answer with one JSON object and nothing else: { \"summary\": \"one word\" }.".to_owned(),
        turns: vec![Turn {
            role: Role::User,
            text: "This is a test of the connection. The word is: ready.".to_owned(),
        }],
    }
}
