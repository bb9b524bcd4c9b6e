//! Names of form fields: what the pages send and whoever serves them reads.

/// The nonce that ties a form to the page and the browser it was made for. In every POST form.
pub const CSRF: &str = "csrf";
/// The content's hash that the approval page showed: a decision on another version is refused.
pub const PAGE_VERSION: &str = "page_version";
/// The head that was shown, in full.
pub const HEAD: &str = "head";
/// `approve` or `reject`.
pub const DECISION: &str = "decision";
/// Why a review is rejected or a run cancelled. Free text.
pub const REASON: &str = "reason";
/// The code from the mail, typed by hand.
pub const CODE: &str = "code";
/// `yes`: the box that confirms an action.
pub const CONFIRM: &str = "confirm";
/// Once for each finding that is left out of the publication; the value is its index in the report, from 0.
pub const DROP: &str = "drop";
/// Filter of the runs: a status as JSON writes it; empty for all.
pub const FILTER_STATUS: &str = "status";
/// Filter of the runs: a repository's whole name; empty for all.
pub const FILTER_REPOSITORY: &str = "repository";
/// Filter of the runs: free text.
pub const FILTER_TEXT: &str = "q";
/// The page of the runs, from 1.
pub const FILTER_PAGE: &str = "page";

/// The edited title of the finding with that index in the report. Compare with [`crate::editable`] of its title to know
/// whether it was edited.
pub fn title(index: usize) -> String {
    format!("title-{index}")
}

/// The edited body of the finding with that index in the report; as with [`title`], and line ends come as CR LF.
pub fn body(index: usize) -> String {
    format!("body-{index}")
}
