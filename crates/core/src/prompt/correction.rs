//! The correction: the previous answer and its exact problems go back, with the schema.

use crate::model::run::{Prompt, Role, Turn};

use crate::rule::redacted;

use super::redacted::without_secrets;
use super::schema::answer_schema;

/// Longest part of a previous answer that is sent back, in characters.
const PREVIOUS_ANSWER_MOST: usize = 20_000;

/// The next attempt's prompt: the unit's first prompt, the last answer, and what is wrong with it, word for word.
///
/// Only the last answer goes back, not every one: the prompt stays bounded over the attempts.
pub fn correction_prompt(first: &Prompt, answer: &str, problems: &[String]) -> Prompt {
    let listed: String = problems.iter().map(|problem| format!("- {problem}\n")).collect();
    let text = format!(
        "Your answer was checked and cannot be used. What is wrong, exactly:\n{listed}\n\
         Answer again with the whole corrected JSON object and nothing else: no prose, no code fence. Leave out a finding \
         rather than guess its place. The object must fit this JSON Schema:\n{}",
        answer_schema()
    );
    let previous = if answer.trim().is_empty() {
        "(an empty answer)".to_owned()
    } else {
        redacted(answer).chars().take(PREVIOUS_ANSWER_MOST).collect()
    };
    let mut prompt = first.clone();
    prompt.turns.truncate(1);
    prompt.turns.push(Turn {
        role: Role::Assistant,
        text: previous,
    });
    prompt.turns.push(Turn { role: Role::User, text });
    without_secrets(prompt)
}
