//! Names of form fields. The pages send them and the server reads them.

/// The nonce that ties a form to the page and the browser that it was made for. In every POST form.
pub const CSRF: &str = "csrf";
/// The hash of the content that the approval page showed. A decision on another version is refused.
pub const PAGE_VERSION: &str = "page_version";
/// The full head commit that the page showed.
pub const HEAD: &str = "head";
/// `approve` or `reject`.
pub const DECISION: &str = "decision";
/// The reason for a rejection or cancellation. Free text.
pub const REASON: &str = "reason";
/// The code from the mail, typed by hand.
pub const CODE: &str = "code";
/// `yes`: the box that confirms an action.
pub const CONFIRM: &str = "confirm";
/// Index of a finding to leave out, in the report, from 0. Once for each such finding.
pub const DROP: &str = "drop";
/// Filter of the runs: a status as in JSON; empty for all.
pub const FILTER_STATUS: &str = "status";
/// Filter of the runs: a full repository name; empty for all.
pub const FILTER_REPOSITORY: &str = "repository";
/// Filter of the runs: free text.
pub const FILTER_TEXT: &str = "q";
/// The page number of the list of runs, from 1.
pub const FILTER_PAGE: &str = "page";

/// The edited title of the finding with that index in the report. It was edited if it differs from
/// [`crate::editable`] of its title.
pub fn title(index: usize) -> String {
    format!("title-{index}")
}

/// The edited body of the finding with that index in the report; compared like [`title`]. Line ends come as CR LF.
pub fn body(index: usize) -> String {
    format!("body-{index}")
}
