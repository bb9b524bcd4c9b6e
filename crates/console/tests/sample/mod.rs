//! Sample views: every page in its variants, with plain, hostile, huge and leaking texts.

mod change;
mod limits;
mod notices;
mod pulls;
mod reviews;
mod runs;
mod units;

use holdfast_console::href;
use holdfast_console::view::{Frame, Person, PostForm, PullRequest, WebAddress};

/// 25 November 2026, 09:30 UTC.
pub const NOW_MS: i64 = 1_795_599_000_000;
pub const MINUTE_MS: i64 = 60_000;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// Markup, ends of elements and attributes, script, direction overrides, invisible and control characters.
pub const HOSTILE: &str = "</textarea></title></pre><script>alert(1)</script><img src=x onerror=alert(1)><style>*{display:none}</style>\
     '\" onmouseover=alert(1) style=x:y \u{202e}gnp.exe\u{2066}\u{200b}\u{0}\u{1b}[31m\u{e0041}&amp;<!-- ]]> javascript:alert(1)\r\n# h\n- ";

/// Transforms each foreign text of a sample.
pub type Say = fn(&str) -> String;

pub fn plain(text: &str) -> String {
    text.to_owned()
}

pub fn hostile(text: &str) -> String {
    format!("{HOSTILE}{text}")
}

pub fn huge(text: &str) -> String {
    format!("{text} ").repeat(90_000 / (text.len() + 1) + 1)
}

/// Builds a token from pieces, so that no scanner reports this file.
pub fn token() -> String {
    ["ghp", "_", "k3Zx9QmW2pLs7vB4nT1wR8yHc5dFjG6aXuKe"].concat()
}

/// Adds a secret before and after each text.
pub fn leaking(text: &str) -> String {
    format!("{0} {text} {0}", token())
}

/// Returns each page's file name and HTML.
pub fn pages() -> Vec<(String, String)> {
    let mut pages = runs::pages();
    pages.extend(limits::pages());
    for (kind, say) in [
        ("", plain as Say),
        ("-hostile", hostile),
        ("-huge", huge),
        ("-leaking", leaking),
    ] {
        for (name, html) in reviews::pages(say)
            .into_iter()
            .chain(units::pages(say))
            .chain(notices::pages(say))
            .chain(pulls::pages(say))
        {
            pages.push((format!("{name}{kind}"), html));
        }
    }
    pages
}

pub fn frame(say: Say) -> Frame {
    Frame {
        now_ms: NOW_MS,
        deployment: Some(say("payments")),
        version: "0.1.0".to_owned(),
        person: Some(Person {
            name: say("mira-holt"),
            sign_out: Some(form("/sign-out")),
        }),
        has_console: true,
        has_limits: true,
    }
}

pub fn form(action: &str) -> PostForm {
    PostForm {
        action: action.to_owned(),
        csrf: "f3b0c44298fc1c149afbf4c8996fb924".to_owned(),
    }
}

pub fn pull_request(number: u64, title: &str, say: Say) -> PullRequest {
    PullRequest {
        number,
        title: Some(say(title)),
        address: WebAddress::parse(&format!("https://github.com/tideline/ledger/pull/{number}")),
        page: Some(href::pull(&format!("81724055#{number}"))),
    }
}

pub const HEAD: &str = "4f2a91c07be3d5581f6a20cb9d3e7a4411c08d5e";
pub const BASE: &str = "b81e02d6f4a7c9935e10d2a8867f3bb10c54e9a2";
pub const RUN: &str = "81724055-482-4f2a91c07be3-1a2b3c4d-1";
