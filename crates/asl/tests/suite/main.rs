//! The language from the outside: definitions in, histories, commands and refusals out. One module a subject.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bench;
mod compound;
mod definition;
mod definition_text;
mod failure;
mod flow;
mod map_run;
mod redrive;
mod replay;
mod token;
