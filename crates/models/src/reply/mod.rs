//! Reads answers: fields that servers name differently, event streams, files of batches, failures.

pub(crate) mod batch_result;
pub(crate) mod event_stream;
pub(crate) mod failure;
pub(crate) mod fields;
pub(crate) mod limits;
mod money;
pub(crate) mod refusal;
