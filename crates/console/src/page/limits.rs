//! The state of the models' providers, and the money of the month: why reviews wait, and what they waste.

use maud::{Markup, html};

use crate::part::chart::{self, Part};
use crate::part::{frame, mark, text, time};
use crate::view::{Health, LimitsView, ModelNow, MoneyNow};

/// Returns the page.
pub fn page(view: &LimitsView) -> String {
    frame::frame(
        &view.frame,
        "Limits",
        &html! {
            header.page-head {
                h1 { "Limits" }
                p.lead { "What all reviews share: the models' providers, and the money of the month. Numbers of calls are counted since the start of the server." }
            }
            @if view.models.is_empty() {
                section.empty {
                    h2 { "No model is configured" }
                    p { "Files are scanned by rules. " code { "HOLDFAST_MODEL" } " names a model." }
                }
            }
            @for model in &view.models { (of_model(model, view.frame.now_ms)) }
            @if !view.money.is_empty() {
                section {
                    h2 { "Money" }
                    @for money in &view.money { (of_money(money)) }
                }
            }
        },
    )
}

fn of_model(model: &ModelNow, now_ms: i64) -> Markup {
    let counts = &model.counts;
    let calls = [
        Part {
            class: "is-good",
            word: "Answered",
            count: counts.answered,
        },
        Part {
            class: "is-bad",
            word: "Wasted",
            count: counts.wasted,
        },
    ];
    html! {
        section {
            h2 { (text::line(&model.model)) }
            p {
                @match &model.health {
                    Health::Unknown => (mark::waiting("Not called yet")),
                    Health::Answers => (mark::good("Answers")),
                    Health::Down { since_ms, why } => {
                        (mark::bad("Down")) " since " (time::moment_and_distance(*since_ms, now_ms)) ": " (text::line(why))
                        ". Reviews wait; one call at a time tries it."
                    }
                    Health::Refuses { why } => { (mark::bad("Refuses the calls")) " " (text::line(why)) }
                }
            }
            dl.facts {
                div { dt { "In flight" } dd { (text::grouped(model.in_flight)) @if let Some(allowed) = model.allowed { " of " (text::grouped(allowed)) } } }
                div { dt { "Waiting" } dd { (text::counted(model.waiting, "call")) } }
                div { dt { "Answers within" } dd { @match model.usual_ms { Some(ms) => (time::duration(ms)), None => "not known yet" } } }
                div { dt { "Waits so far" } dd { (text::grouped(counts.waits)) } }
                div { dt { "Valid first answers" } dd { (text::grouped(counts.first_valid)) " of " (text::grouped(counts.first)) } }
            }
            @if counts.answered + counts.wasted > 0 { (chart::parts("Calls", &calls)) }
        }
    }
}

fn of_money(money: &MoneyNow) -> Markup {
    let cents = |dollars: f64| (dollars.max(0.0) * 100.0).round();
    let left = (money.limit - money.spent - money.reserved).max(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "cents of at most a million dollars"
    )]
    let part = |class, word, dollars: f64| Part {
        class,
        word,
        count: cents(dollars) as u64,
    };
    let parts = [
        part("is-now", "Cents spent", money.spent),
        part("is-wait", "Reserved by calls in flight", money.reserved),
        part("is-calm-2", "Left", left),
    ];
    html! {
        p {
            code { (text::line(&money.setting)) } ", " (text::line(&money.month)) ": "
            strong { (text::dollars(money.spent)) } " of " (text::dollars(money.limit)) " spent"
            @if money.reserved > 0.0 { ", " (text::dollars(money.reserved)) " reserved by calls in flight" }
        }
        (chart::parts("In cents", &parts))
    }
}
