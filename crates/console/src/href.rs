//! Builds the addresses of all pages.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::field;
use crate::view::RunsFilter;

/// Characters that need no escaping in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn segment(text: &str) -> String {
    match text {
        // Browsers remove these two from a path, even if they are encoded.
        "." | ".." => "_".to_owned(),
        text => utf8_percent_encode(text, SEGMENT).to_string(),
    }
}

/// The address of the page of limits.
pub const LIMITS: &str = "/limits";

/// Returns the address of the list of runs.
pub fn runs() -> String {
    "/".to_owned()
}

/// Returns the address of the filtered list of runs, at one of its pages (from 1).
pub fn filtered_runs(filter: &RunsFilter, page: u32) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(status) = filter.status {
        query.append_pair(field::FILTER_STATUS, status.as_str());
    }
    for (name, value) in [
        (
            field::FILTER_REPOSITORY,
            filter.repository.as_deref().unwrap_or_default(),
        ),
        (field::FILTER_TEXT, filter.text.as_str()),
    ] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    if page > 1 {
        query.append_pair(field::FILTER_PAGE, &page.to_string());
    }
    let query = query.finish();
    if query.is_empty() { runs() } else { format!("/?{query}") }
}

/// Returns the address of a run.
pub fn run(run: &str) -> String {
    format!("/reviews/{}", segment(run))
}

/// Returns the address of a run whose page doesn't refresh itself.
pub fn still_run(run: &str) -> String {
    format!("{}?{}={}", self::run(run), field::REFRESH, field::REFRESH_OFF)
}

/// Returns the address of a pull request, by [`holdfast_core::model::change::Target::place`].
pub fn pull(place: &str) -> String {
    let parts: Vec<String> = place.split(['/', '#']).map(segment).collect();
    format!("/pulls/{}", parts.join("/"))
}

/// Returns the address of the picture of a run's states, an SVG document.
pub fn picture(run: &str) -> String {
    format!("{}/picture.svg", self::run(run))
}

/// Returns the address of a unit.
pub fn unit(run: &str, unit: &str) -> String {
    format!("{}/units/{}", self::run(run), segment(unit))
}

/// Returns the address of an action on a run: `cancel`, `redrive`, `clean`, `replay` or `decide`.
pub fn action(run: &str, action: &str) -> String {
    format!("{}/{}", self::run(run), segment(action))
}

/// Returns the address of an approval page, by the opaque id in the mail.
pub fn approval(id: &str) -> String {
    format!("/approvals/{}", segment(id))
}

#[cfg(test)]
mod tests {
    use holdfast_core::model::report::RunStatus;

    use super::*;

    #[test]
    fn a_name_cannot_leave_its_path_segment() {
        for (name, path) in [
            ("shop-12-abc", "/reviews/shop-12-abc"),
            ("..", "/reviews/_"),
            ("a/../b", "/reviews/a%2F..%2Fb"),
            ("a?b#c", "/reviews/a%3Fb%23c"),
            ("\u{202e}\"<", "/reviews/%E2%80%AE%22%3C"),
        ] {
            assert_eq!(run(name), path);
        }
        assert_eq!(unit("r", "u/1"), "/reviews/r/units/u%2F1");
        assert_eq!(pull("81724055#12"), "/pulls/81724055/12");
        assert_eq!(pull("octo/../demo#12"), "/pulls/octo/_/demo/12");
    }

    #[test]
    fn a_filter_becomes_a_query_without_empty_parts() {
        let mut filter = RunsFilter::default();
        assert_eq!(filtered_runs(&filter, 1), "/");
        assert_eq!(filtered_runs(&filter, 3), "/?page=3");
        filter.status = Some(RunStatus::AwaitingApproval);
        filter.text = "a&b=c \"".to_owned();
        assert_eq!(filtered_runs(&filter, 1), "/?status=awaiting_approval&q=a%26b%3Dc+%22");
    }
}
