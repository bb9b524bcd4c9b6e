//! What Holdfast answers to HTTP, whichever server asks: the local one, or a function behind API Gateway. Requests and
//! answers are plain values; what is done stands in `holdfast-core`.

pub mod approval;
pub mod assets;
pub mod form;
pub mod reply;
pub mod sign_in;
pub mod sign_out;
pub mod webhook;
