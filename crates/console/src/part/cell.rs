//! A cell of a table whose rows are cards on a narrow screen: its label comes along, and an empty one goes away there.

use maud::{Markup, html};

/// The cell. `class` may be empty; without content it is a dash.
pub fn cell(label: &str, class: &str, content: Option<Markup>) -> Markup {
    let is_empty = content.is_none();
    html! {
        td class={ (class) @if is_empty { " vacant" } } role="cell" data-label=(label) {
            @match content {
                Some(content) => (content),
                None => span.quiet aria-hidden="true" { "–" },
            }
        }
    }
}
