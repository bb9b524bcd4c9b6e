//! How a request is written: parameters that servers refuse are learned, and the answer's schema has several forms.

pub(crate) mod answer_schema;
pub(crate) mod dialect;
