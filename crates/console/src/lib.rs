//! The console and the approval pages: view models in, HTML out.
//!
//! `view` holds what a page is told, `page` has one file for each page, `part` what pages share, `style` the stylesheet.
//! No clock, no network, no files, no HTTP framework: whoever serves the pages reads the artifacts, fills the views in and
//! sends what comes back, with the headers that [`CONTENT_SECURITY_POLICY`] and `docs/console.md` name.

pub mod field;
pub mod href;
pub mod page;
mod part;
mod stylesheet;
pub mod view;

pub use part::text::editable;
pub use stylesheet::{CONTENT_SECURITY_POLICY, ICON, ICON_PATH, STYLESHEET, stylesheet_path};
