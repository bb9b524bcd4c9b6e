//! A cell of a table whose rows are cards on a narrow screen: there its label is shown, and an empty cell is hidden.

use maud::{Markup, html};

/// Returns the cell. `class` may be empty; a cell without content shows a dash.
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
