//! The pages of `holdfast setup`: one sends the manifest of the GitHub App to GitHub, one shows the result.

use maud::html;

use crate::part::{frame, text};

/// The form that goes to GitHub.
pub struct SetupView {
    /// The page on GitHub that receives the manifest.
    pub action: String,
    /// The manifest, JSON.
    pub manifest: String,
    /// The App's name.
    pub name: String,
    /// The URL that receives webhooks.
    pub webhook: String,
    /// The organisation that will own the App. `None`: the account that is signed in to GitHub.
    pub organisation: Option<String>,
    /// Permissions in readable form: `pull requests: write`.
    pub permissions: Vec<String>,
}

/// Returns the first page.
pub fn begin(view: &SetupView) -> String {
    frame::standalone(
        "Set up",
        &html! {
            article.notice.notice-calm {
                h1 { "Create the GitHub App" }
                div.notice-what {
                    dl.facts {
                        div { dt { "Name" } dd { (text::line(&view.name)) } }
                        div { dt { "Owner" } dd { @match &view.organisation { Some(name) => (text::line(name)), None => "your account" } } }
                        div.wide { dt { "Webhook" } dd { code { (text::line(&view.webhook)) } } }
                    }
                    p { "Permissions:" }
                    ul { @for permission in &view.permissions { li { (text::line(permission)) } } }
                }
                section.notice-next aria-labelledby="next" {
                    h2 #next { "What to do next" }
                    p { "GitHub shows the App again and asks you to confirm. Its secrets are sent only to this machine." }
                    form method="post" action=(view.action) {
                        input type="hidden" name="manifest" value=(view.manifest);
                        button.button.primary type="submit" { "Continue to GitHub" }
                    }
                }
            }
        },
    )
}

/// Returns the last page. `install_at` is GitHub's page to choose repositories.
pub fn done(name: &str, install_at: &str) -> String {
    frame::standalone(
        "Set up",
        &html! {
            article.notice.notice-good {
                h1 { "The GitHub App was created" }
                div.notice-what { p { strong { (text::line(name)) } " exists, and its secrets are stored. The terminal shows where." } }
                section.notice-next aria-labelledby="next" {
                    h2 #next { "What to do next" }
                    p { "Choose the repositories that it may review." }
                    p { a.button.primary href=(install_at) { "Install it" } }
                }
            }
        },
    )
}

/// Returns the page of a failed setup; `why` explains it in one line.
pub fn failed(why: &str) -> String {
    frame::standalone(
        "Set up",
        &html! {
            article.notice.notice-bad {
                h1 { "The GitHub App was not created" }
                div.notice-what { p { (text::block(why, text::MAX_PARAGRAPH_CHARS)) } }
                section.notice-next aria-labelledby="next" {
                    h2 #next { "What to do next" }
                    p { a.button.primary href="/" { "Start again" } }
                }
            }
        },
    )
}
