//! The pages of `holdfast setup`: one sends the manifest of the GitHub App to GitHub, one says what was made of it.

use maud::html;

use crate::part::{frame, text};

/// The form that goes to GitHub.
pub struct SetupView {
    /// Where the manifest is sent: a page of GitHub.
    pub action: String,
    /// The manifest, JSON.
    pub manifest: String,
    /// The App's name.
    pub name: String,
    /// Where GitHub will send webhooks.
    pub webhook: String,
    /// Whose App it will be; none: of the account that is signed in there.
    pub organisation: Option<String>,
    /// Permissions as people read them: `pull requests: write`.
    pub permissions: Vec<String>,
}

/// The first page.
pub fn begin(view: &SetupView) -> String {
    frame::alone(
        "Set up",
        &html! {
            article.notice.notice-calm {
                h1 { "Make the GitHub App" }
                div.notice-what {
                    dl.facts {
                        div { dt { "Name" } dd { (text::line(&view.name)) } }
                        div { dt { "Of" } dd { @match &view.organisation { Some(name) => (text::line(name)), None => "your account" } } }
                        div.wide { dt { "Webhook" } dd { code { (text::line(&view.webhook)) } } }
                    }
                    p { "It may:" }
                    ul { @for permission in &view.permissions { li { (text::line(permission)) } } }
                }
                section.notice-next aria-labelledby="next" {
                    h2 #next { "What to do next" }
                    p { "GitHub shows the App once more and asks you to confirm. Its secrets come back to this machine alone." }
                    form method="post" action=(view.action) {
                        input type="hidden" name="manifest" value=(view.manifest);
                        button.button.primary type="submit" { "Go on to GitHub" }
                    }
                }
            }
        },
    )
}

/// The last page. `install_at` is where repositories are chosen.
pub fn done(name: &str, install_at: &str) -> String {
    frame::alone(
        "Set up",
        &html! {
            article.notice.notice-good {
                h1 { "The App is made" }
                div.notice-what { p { strong { (text::line(name)) } " is there, and its secrets are stored. The terminal says where." } }
                section.notice-next aria-labelledby="next" {
                    h2 #next { "What to do next" }
                    p { "Choose the repositories that it may review." }
                    p { a.button.primary href=(install_at) { "Install it" } }
                }
            }
        },
    )
}

/// Something went wrong; the page says what, in a line.
pub fn failed(why: &str) -> String {
    frame::alone(
        "Set up",
        &html! {
            article.notice.notice-bad {
                h1 { "The App was not made" }
                div.notice-what { p { (text::block(why, text::MAX_PARAGRAPH_CHARS)) } }
                section.notice-next aria-labelledby="next" {
                    h2 #next { "What to do next" }
                    p { a.button.primary href="/" { "Begin again" } }
                }
            }
        },
    )
}
