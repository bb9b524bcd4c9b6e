//! A state machine as a picture: SVG, drawn from the definition, with a run's path if there is one. The graph is in
//! `graph`, its layout in `rank`, `order` and `place`, its text in `svg`.

mod graph;
mod order;
mod place;
mod rank;
mod run_path;
mod svg;

pub use run_path::RunPath;

use crate::definition::StateMachine;

/// Returns the picture of a state machine as the text of an SVG file. The same machine and path give the same text. The
/// picture loads nothing, suits light and dark, and describes itself in words (`title`, `desc`).
pub fn picture(machine: &StateMachine, run: Option<&RunPath>) -> String {
    let layout = graph::layout(machine);
    svg::render(machine, &layout, run)
}
