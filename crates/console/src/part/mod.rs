//! Parts that pages share. All foreign text goes through `text`.

pub mod cell;
pub mod chart;
pub mod coverage;
pub mod diff;
pub mod finding;
pub mod form;
pub mod frame;
pub mod highlight;
pub mod language;
pub mod mark;
pub mod prose;
pub mod run_cells;
pub mod span_chart;
pub mod text;
pub mod time;
pub mod usage;
