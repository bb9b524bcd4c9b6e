//! Writes requests: learns which parameters a server refuses, and converts the answer's schema to several forms.

pub(crate) mod answer_schema;
pub(crate) mod dialect;
mod refusal_words;
