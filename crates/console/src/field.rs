//! Names of form fields. The pages send them and the server reads them.

/// The nonce that ties a form to its page and its browser. Every POST form has it.
pub const CSRF: &str = "csrf";
/// The SHA-256 of the content that the approval page showed. A decision on other content is refused.
pub const PAGE_VERSION: &str = "page_version";
/// The full head commit that the page showed.
pub const HEAD: &str = "head";
/// `approve` or `reject`.
pub const DECISION: &str = "decision";
/// The reason for a rejection or cancellation. Free text.
pub const REASON: &str = "reason";
/// The code from the mail, typed by hand.
pub const CODE: &str = "code";
/// `yes` if the box that confirms an action is checked.
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
/// Whether the page of an open run refreshes itself: only [`REFRESH_OFF`] has an effect.
pub const REFRESH: &str = "refresh";
/// Turns [`REFRESH`] off.
pub const REFRESH_OFF: &str = "off";

/// Returns the name of the field with a finding's title. `index` is the finding's place in the report, from 0. A title
/// was edited if it differs from [`crate::editable`] of the finding's title.
pub fn title(index: usize) -> String {
    format!("title-{index}")
}

/// Returns the name of the field with a finding's body, which is compared like [`title`]. Browsers send its line ends
/// as CR LF.
pub fn body(index: usize) -> String {
    format!("body-{index}")
}
