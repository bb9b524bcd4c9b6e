//! A state machine as a picture: SVG, drawn from the definition, with a run's path on it where one is given. What is
//! drawn is in `graph`, where it stands in `rank`, `order` and `place`, how it looks in `svg`. Files are not here.

mod graph;
mod order;
mod place;
mod rank;
mod run_path;
mod svg;

pub use run_path::RunPath;

use crate::definition::StateMachine;

/// The picture of a state machine, as the text of an SVG file. The same machine and path give the same text. It needs
/// nothing from outside, suits light and dark, and says in words (`title`, `desc`) what it shows.
pub fn picture(machine: &StateMachine, run: Option<&RunPath>) -> String {
    let layout = graph::layout(machine);
    svg::render(machine, &layout, run)
}
