//! Small SVG charts. They only have attributes and classes, so the stylesheet colours them in both themes. Each has a
//! text alternative.

use maud::{Markup, html};

use super::text::{counted, grouped};
use super::time;
use crate::view::DayCount;

/// One part of a whole.
pub struct Part<'a> {
    /// The class that colours it.
    pub class: &'a str,
    /// Its name.
    pub word: &'a str,
    /// Its size.
    pub count: u64,
}

/// Draws a total and its parts: one bar, and a legend with the numbers.
pub fn parts(caption: &str, parts: &[Part<'_>]) -> Markup {
    let total: u64 = parts.iter().map(|part| part.count).sum();
    let there = || parts.iter().filter(|part| part.count > 0);
    let words: Vec<String> = there()
        .map(|part| format!("{} {}", grouped(part.count), part.word.to_lowercase()))
        .collect();
    let placed = there().scan(0.0, |from, part| {
        let (x, width) = (*from, share(part.count, total) * 1000.0);
        *from += width;
        Some((part, x, width))
    });
    html! {
        figure.chart {
            figcaption { (caption) }
            svg.bar viewBox="0 0 1000 12" preserveAspectRatio="none" role="img" aria-label={ (caption) ": " (words.join(", ")) } {
                rect.bar-ground width="1000" height="12" {}
                @for (part, x, width) in placed {
                    rect class=(part.class) x=(number(x)) width=(number((width - 3.0).max(2.0))) height="12" {}
                }
            }
            ul.legend {
                @for part in there() {
                    li {
                        (swatch(part.class))
                        span { (part.word) } " " strong { (grouped(part.count)) }
                    }
                }
            }
        }
    }
}

/// Draws reviews by day: one column for each day, with failed and partial reviews at the bottom.
pub fn days(caption: &str, days: &[DayCount]) -> Markup {
    let all = |day: &DayCount| day.well + day.open + day.troubled;
    let most = days.iter().map(all).max().unwrap_or(0).max(1);
    let total: u64 = days.iter().map(all).sum();
    let troubled: u64 = days.iter().map(|day| day.troubled).sum();
    let open: u64 = days.iter().map(|day| day.open).sum();
    let label = format!(
        "{caption}: {} in {}, {} open, {} failed or partial; at most {} in a day",
        counted(total, "review"),
        counted(days.len() as u64, "day"),
        grouped(open),
        grouped(troubled),
        grouped(most)
    );
    let width = days.len() * 10;
    html! {
        figure.chart {
            figcaption { (caption) }
            svg.columns viewBox={ "0 0 " (width) " 64" } preserveAspectRatio="none" role="img" aria-label=(label) {
                rect.columns-ground y="63" width=(width) height="1" {}
                @for (index, day) in days.iter().enumerate() {
                    @let well = share(day.well, most) * 62.0;
                    @let open = share(day.open, most) * 62.0;
                    @let troubled = share(day.troubled, most) * 62.0;
                    g {
                        title { (time::day(day.day_ms)) ": " (counted(all(day), "review")) ", " (grouped(day.open)) " open, " (grouped(day.troubled)) " failed or partial" }
                        rect.is-bad x=(index * 10 + 1) y=(number(63.0 - troubled)) width="8" height=(number(troubled)) {}
                        rect.is-now x=(index * 10 + 1) y=(number(63.0 - troubled - open)) width="8" height=(number((open - 1.0).max(0.0))) {}
                        rect.is-accent x=(index * 10 + 1) y=(number(63.0 - troubled - open - well)) width="8" height=(number((well - 1.0).max(0.0))) {}
                    }
                }
            }
            div.axis aria-hidden="true" {
                @if let (Some(first), Some(last)) = (days.first(), days.last()) {
                    span { (time::day(first.day_ms)) }
                    span { "busiest day: " (grouped(most)) }
                    span { (time::day(last.day_ms)) }
                }
            }
            ul.legend {
                li { (swatch("is-accent")) span { "Completed" } " " strong { (grouped(total - open - troubled)) } }
                @if open > 0 { li { (swatch("is-now")) span { "Open" } " " strong { (grouped(open)) } } }
                li { (swatch("is-bad")) span { "Failed or partial" } " " strong { (grouped(troubled)) } }
            }
        }
    }
}

/// Draws a sample of a colour for the legend.
pub fn swatch(class: &str) -> Markup {
    html! { svg.swatch viewBox="0 0 10 10" width="10" height="10" aria-hidden="true" { rect class=(class) width="10" height="10" rx="2" {} } }
}

/// Returns a share from 0 to 1; a part that isn't 0 stays visible.
#[expect(clippy::cast_precision_loss, reason = "a width on the screen")]
pub fn share(part: u64, whole: u64) -> f64 {
    if part == 0 || whole == 0 {
        0.0
    } else {
        (part as f64 / whole as f64).clamp(0.004, 1.0)
    }
}

/// Returns a coordinate with one decimal.
pub fn number(value: f64) -> String {
    format!("{value:.1}")
}
