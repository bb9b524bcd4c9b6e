//! Tests of the public interface: definitions in, histories, commands and refusals out. One module for each subject.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod batch;
mod bench;
mod compound;
mod deferral;
mod definition;
mod definition_text;
mod failure;
mod flow;
mod map_run;
mod picture;
mod random;
mod recorded;
mod redrive;
mod refused_on_aws;
mod replay;
mod stored;
mod token;

// The comparison with recorded executions is part of its program, `examples/replay`.
#[path = "../../examples/replay/case.rs"]
mod case;
#[path = "../../examples/replay/compare.rs"]
mod compare;
#[path = "../../examples/replay/normal.rs"]
mod normal;
#[path = "../../examples/replay/placeholder.rs"]
mod placeholder;
#[path = "../../examples/replay/run.rs"]
mod run;
#[path = "../../examples/replay/verdict.rs"]
mod verdict;
