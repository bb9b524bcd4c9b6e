//! The console and the approval page: view models in, HTML out.
//!
//! `view` has the data of the pages, `page` one file for each page, `part` the shared parts, `style` the stylesheet.
//! No clock, network, files or HTTP framework: the server reads the artifacts, fills the views, and sends the pages
//! with the headers in [`CONTENT_SECURITY_POLICY`] and `docs/console.md`.

pub mod field;
pub mod href;
pub mod page;
mod part;
mod stylesheet;
pub mod view;

pub use part::text::editable;
pub use stylesheet::{CONTENT_SECURITY_POLICY, ICON, ICON_PATH, STYLESHEET, stylesheet_path};
