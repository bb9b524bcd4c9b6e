//! Holdfast's HTTP answers, independent of the server: the local one, or a Lambda function behind API Gateway.
//! Requests and answers are plain values; most of the logic is in `holdfast-core`.

pub mod approval;
pub mod assets;
pub mod form;
pub mod reply;
pub mod sign_in;
pub mod sign_out;
pub mod webhook;
