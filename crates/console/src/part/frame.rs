//! The frame of every page: head, skip link, name and navigation, footer.

use maud::{DOCTYPE, Markup, html};

use super::{form, text, time};
use crate::href;
use crate::stylesheet::{ICON_PATH, stylesheet_path};
use crate::view::Frame;

/// Returns a whole page. `title` is its plain name.
pub fn frame(frame: &Frame, title: &str, main: &Markup) -> String {
    document(title, &header(frame), main, &footer(frame))
}

/// Returns a page outside of the console, without navigation.
pub fn standalone(title: &str, main: &Markup) -> String {
    let head = html! { header.site-head { div.site-head-inner { span.brand { (mark()) span { "Holdfast" } } } } };
    document(title, &head, main, &html! {})
}

fn document(title: &str, head: &Markup, main: &Markup, foot: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex, nofollow";
                title { (text::plain(title)) " · Holdfast" }
                link rel="stylesheet" href=(stylesheet_path());
                link rel="icon" type="image/svg+xml" href=(ICON_PATH);
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (head)
                main #main tabindex="-1" { (main) }
                (foot)
            }
        }
    };
    page.into_string()
}

fn header(frame: &Frame) -> Markup {
    html! {
        header.site-head {
            div.site-head-inner {
                @if frame.has_console { a.brand href=(href::runs()) { (mark()) span { "Holdfast" } } }
                @else { span.brand { (mark()) span { "Holdfast" } } }
                @if let Some(deployment) = &frame.deployment {
                    span.deployment { (text::line(deployment)) }
                }
                @if frame.has_console { nav aria-label="Main" {
                    a href=(href::runs()) { "Runs" }
                    @if frame.has_limits { " " a href=(href::LIMITS) { "Limits" } }
                } }
                @if let Some(person) = &frame.person {
                    div.person {
                        span { span.quiet { "Signed in as " } strong { (text::line(&person.name)) } }
                        @if let Some(sign_out) = &person.sign_out {
                            form method="post" action=(sign_out.action) {
                                (form::nonce(sign_out))
                                button.plain type="submit" { "Sign out" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn footer(frame: &Frame) -> Markup {
    html! {
        footer.site-foot {
            p {
                "Holdfast " (text::line(&frame.version)) " · page created " (time::moment(frame.now_ms))
            }
        }
    }
}

/// Draws the logo: a strand of kelp and the holdfast with which it grips the ground.
fn mark() -> Markup {
    html! {
        svg.brand-mark viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false" {
            path d="M12 2.5c2.6 2 2.6 4.6 0 6.6-2.6-2-2.6-4.6 0-6.6zM12 9v4.6M12 13.6c-.4 3.4-2.6 5.4-6.4 7.4M12 13.6c.4 3.4 2.6 5.4 6.4 7.4M12 13.6V21M12 11.6c-2.2.2-4-.8-5-3M12 11.6c2.2.2 4-.8 5-3"
                fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" {}
        }
    }
}
