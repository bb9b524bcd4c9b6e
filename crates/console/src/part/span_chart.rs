//! Draws a run's states over time. A review works for minutes and may wait for days, so long waiting is drawn narrower
//! than work. A hint explains the scale, and the table below has the exact times.

use maud::{Markup, html};

use super::chart::{number, swatch};
use super::mark;
use super::text;
use super::time::{between, duration, moment};
use crate::view::{Span, SpanEnd, SpanKind, Timeline};

/// Maximum number of states in the chart and in its table.
pub const MAX_SPANS: usize = 200;

/// Maximum width of all waiting time in the chart, as a share of the working time.
const WAITING_SHARE: f64 = 0.6;

/// Returns the chart and its table.
pub fn timeline(timeline: &Timeline, now_ms: i64) -> Markup {
    let end = timeline.ended_ms.unwrap_or(now_ms);
    let spans = &timeline.spans[..timeline.spans.len().min(MAX_SPANS)];
    let Some(begin) = spans.iter().map(|span| span.entered_ms).min() else {
        return html! { p.quiet { "No state has been entered yet." } };
    };
    let scale = Scale::of(spans, begin, end);
    let longest = spans.iter().max_by_key(|span| stay(span, end));
    let has = |kind, end: Option<SpanEnd>| {
        spans
            .iter()
            .any(|span| span.kind == kind && end.is_none_or(|end| span.end == end))
    };
    html! {
        div.gantt role="img" aria-label={
            (text::counted(spans.len() as u64, "state")) " over " (duration(between(begin, end)))
            @if let Some(span) = longest { "; longest " (text::plain(&span.state)) ", " (duration(stay(span, end))) }
            ". The table below has the times."
        } {
            @for span in spans.iter().filter(|span| span.kind != SpanKind::Step) {
                @let from = scale.place(span.entered_ms);
                @let to = scale.place(span.left_ms.unwrap_or(end));
                div.gantt-row {
                    span.gantt-name { (text::line(&span.state)) }
                    svg.gantt-bar viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
                        rect.gantt-ground width="1000" height="10" {}
                        rect class=(class_of(span)) x=(number((from * 1000.0).min(996.0))) width=(number(((to - from) * 1000.0).max(4.0))) height="10" {}
                    }
                    span.gantt-time { (duration(stay(span, end))) }
                }
            }
        }
        ul.legend {
            li { (swatch("is-accent")) "Work" }
            @if has(SpanKind::Wait, None) { li { (swatch("is-wait")) "Waiting" } }
            @if has(SpanKind::Work, Some(SpanEnd::Open)) { li { (swatch("is-now")) "Working now" } }
            @if has(SpanKind::Work, Some(SpanEnd::Failed)) { li { (swatch("is-bad")) "Failed" } }
        }
        @if scale.is_bent {
            p.hint { "Waiting is drawn narrower than work. The table has the exact times." }
        }
        details.more {
            summary { "Times as a table" }
            div.scroll tabindex="0" role="group" aria-label="Times of the states" {
                table.compact {
                    thead { tr { th scope="col" { "State" } th scope="col" { "Entered" } th.num scope="col" { "After" } th.num scope="col" { "Duration" } th.num scope="col" { "Tries" } th scope="col" { "Result" } } }
                    tbody {
                        @for span in spans {
                            tr {
                                th scope="row" { (text::line(&span.state)) }
                                td { (moment(span.entered_ms)) }
                                td.num { "+" (duration(between(begin, span.entered_ms))) }
                                td.num { (duration(stay(span, end))) }
                                td.num { (span.tries) }
                                td { (left(span)) }
                            }
                        }
                    }
                }
            }
            @if timeline.spans.len() > MAX_SPANS {
                p.cut { (text::counted((timeline.spans.len() - MAX_SPANS) as u64, "more state")) " not shown" }
            }
        }
    }
}

fn left(span: &Span) -> Markup {
    match (span.end, span.kind) {
        (SpanEnd::Passed, _) => mark::good("Passed"),
        (SpanEnd::Failed, _) => html! { span.badge.badge-bad { "Failed" } },
        (SpanEnd::Open, SpanKind::Wait) => html! {
            (mark::waiting("Waiting"))
            @if let Some(until) = span.until_ms { " until " (moment(until)) }
        },
        (SpanEnd::Open, _) => mark::waiting("In progress"),
    }
}

fn stay(span: &Span, end: i64) -> u64 {
    between(span.entered_ms, span.left_ms.unwrap_or(end))
}

fn class_of(span: &Span) -> &'static str {
    match (span.end, span.kind) {
        (SpanEnd::Failed, _) => "is-bad",
        (_, SpanKind::Wait) => "is-wait",
        (SpanEnd::Open, _) => "is-now",
        _ => "is-accent",
    }
}

/// Maps times to positions between 0 and 1; periods without work are compressed.
struct Scale {
    /// Each bend: the time, and the total weight before it.
    bends: Vec<(i64, f64)>,
    is_bent: bool,
}

impl Scale {
    fn of(spans: &[Span], begin: i64, end: i64) -> Self {
        let mut moments: Vec<i64> = spans
            .iter()
            .flat_map(|span| [span.entered_ms, span.left_ms.unwrap_or(end)])
            .collect();
        moments.extend([begin, end]);
        moments.sort_unstable();
        moments.dedup();
        let works = |from: i64, to: i64| {
            spans
                .iter()
                .filter(|span| span.kind == SpanKind::Work)
                .any(|span| span.entered_ms < to && span.left_ms.unwrap_or(end) > from)
        };
        let pieces: Vec<(f64, bool)> = moments
            .windows(2)
            .map(|pair| (apart(pair[0], pair[1]), works(pair[0], pair[1])))
            .collect();
        let sum = |working: bool| {
            pieces
                .iter()
                .filter(|piece| piece.1 == working)
                .map(|piece| piece.0)
                .sum::<f64>()
        };
        let (work, wait) = (sum(true), sum(false));
        let is_bent = work > 0.0 && wait > work * WAITING_SHARE;
        let squeeze = if is_bent { work * WAITING_SHARE / wait } else { 1.0 };
        let mut bends = Vec::with_capacity(moments.len());
        let mut weight = 0.0;
        for (index, moment) in moments.iter().enumerate() {
            bends.push((*moment, weight));
            if let Some((length, working)) = pieces.get(index) {
                weight += if *working { *length } else { length * squeeze };
            }
        }
        Self { bends, is_bent }
    }

    /// Returns the position of a time. All times passed here are bends.
    fn place(&self, moment: i64) -> f64 {
        let whole = self.bends.last().map_or(1.0, |bend| bend.1).max(1.0);
        let before = self.bends.iter().take_while(|bend| bend.0 <= moment).last();
        before.map_or(0.0, |bend| bend.1 / whole)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a width on the screen")]
fn apart(from: i64, to: i64) -> f64 {
    between(from, to) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(entered_ms: i64, left_ms: Option<i64>, kind: SpanKind) -> Span {
        Span {
            state: "S".to_owned(),
            entered_ms,
            left_ms,
            until_ms: None,
            kind,
            end: SpanEnd::Passed,
            tries: 1,
        }
    }

    #[test]
    fn waiting_never_hides_work() {
        let day = 86_400_000;
        let spans = [
            span(0, Some(60_000), SpanKind::Work),
            span(60_000, Some(60_000 + 2 * day), SpanKind::Wait),
            span(60_000 + 2 * day, None, SpanKind::Work),
        ];
        let scale = Scale::of(&spans, 0, 120_000 + 2 * day);
        assert!(scale.is_bent);
        let places: Vec<f64> = [0, 60_000, 60_000 + 2 * day, 120_000 + 2 * day]
            .map(|at| scale.place(at))
            .to_vec();
        for (place, expected) in places.iter().zip([0.0, 0.3125, 0.6875, 1.0]) {
            assert!((place - expected).abs() < 0.001, "{places:?}");
        }
    }

    #[test]
    fn without_long_waits_the_scale_is_linear() {
        let spans = [
            span(0, Some(500), SpanKind::Work),
            span(500, Some(1_000), SpanKind::Work),
        ];
        let scale = Scale::of(&spans, 0, 1_000);
        assert!(!scale.is_bent);
        assert!((scale.place(500) - 0.5).abs() < 0.001);
    }
}
