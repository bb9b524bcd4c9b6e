//! The prompts after an invalid answer: a correction with the last answer, its exact problems and the schema, or a
//! fresh question if the model repeats itself.

use crate::model::run::{Prompt, Role, Turn};

use crate::rule::redacted;

use super::cut_to_tokens;
use super::redacted::without_secrets;
use super::schema::answer_schema;

/// Writes the next attempt's prompt: the unit's first prompt, the last answer, and its problems word for word.
///
/// It holds only the last answer, and at most `max_tokens` of it, so the prompt doesn't grow with the attempts.
pub fn correction_prompt(first: &Prompt, answer: &str, problems: &[String], max_tokens: u64) -> Prompt {
    let text = format!(
        "Your answer was checked and cannot be used. What is wrong, exactly:\n{}\n{}",
        listed(problems),
        how_to_answer()
    );
    let previous = if answer.trim().is_empty() {
        "(an empty answer)".to_owned()
    } else {
        cut_to_tokens(&redacted(answer), max_tokens).to_owned()
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

/// Writes the next attempt's prompt after the model gave the same answer twice. A model that sees its own words repeats
/// them, so this prompt has the question and the problems, but not the answer.
pub fn fresh_prompt(first: &Prompt, problems: &[String]) -> Prompt {
    let mut prompt = first.clone();
    prompt.turns.truncate(1);
    if let Some(turn) = prompt.turns.first_mut() {
        turn.text = format!(
            "{}\n\nEarlier answers to this could not be used. What was wrong with them:\n{}\n{}",
            turn.text,
            listed(problems),
            how_to_answer()
        );
    }
    without_secrets(prompt)
}

fn listed(problems: &[String]) -> String {
    problems.iter().map(|problem| format!("- {problem}\n")).collect()
}

fn how_to_answer() -> String {
    format!(
        "Answer again with the whole corrected JSON object and nothing else: no prose, no code fence. Leave out a finding \
         rather than guess its place. The object must fit this JSON Schema:\n{}",
        answer_schema()
    )
}
