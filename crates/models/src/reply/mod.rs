//! How an answer is read: fields that servers name differently, event streams, and failures.

pub(crate) mod event_stream;
pub(crate) mod failure;
pub(crate) mod fields;
