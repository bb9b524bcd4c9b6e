//! Shows a run's usage: calls, tokens and cost, by tier.

use holdfast_core::model::plan::Tier;
use holdfast_core::model::report::Usage;
use maud::{Markup, html};

use super::chart::{number, share, swatch};
use super::text;
use crate::view::TierUsage;

/// Returns the totals, and a bar for each tier.
pub fn usage(total: Option<&Usage>, tiers: &[TierUsage]) -> Markup {
    let most = tiers
        .iter()
        .map(|tier| tier.input_tokens + tier.output_tokens)
        .max()
        .unwrap_or(0);
    html! {
        @if let Some(total) = total {
            dl.facts {
                div { dt { "Model calls" } dd { (text::grouped(total.model_calls)) } }
                div { dt { "Answers from the cache" } dd { (text::grouped(total.cache_hits)) } }
                div { dt { "Tokens sent" } dd { (text::grouped(total.input_tokens)) } }
                div { dt { "Tokens received" } dd { (text::grouped(total.output_tokens)) } }
                div { dt { "Cost" } dd { (cost(total)) } }
            }
        }
        @if tiers.is_empty() {
            @if total.is_none() { p.quiet { "No model call has been counted yet." } }
        } @else {
            figure.chart.tiers {
                figcaption { "Tokens by tier" }
                @for tier in tiers { (row(tier, most)) }
                ul.legend { li { (swatch("is-accent")) "Sent" } li { (swatch("is-second")) "Received" } }
            }
        }
    }
}

/// Returns the cost, as far as prices are known.
pub fn cost(usage: &Usage) -> String {
    let known = text::dollars(usage.cost_usd);
    match usage.unpriced_calls {
        0 => known,
        calls if calls >= usage.model_calls => "not known".to_owned(),
        calls => format!("{known}, and {} of unknown price", text::counted(calls, "call")),
    }
}

/// Returns the tier in readable form.
pub const fn tier_word(tier: Tier) -> &'static str {
    match tier {
        Tier::Light => "Light",
        Tier::Strong => "Strong",
    }
}

fn row(tier: &TierUsage, most: u64) -> Markup {
    let sent = share(tier.input_tokens, most) * 1000.0;
    let received = share(tier.output_tokens, most) * 1000.0;
    html! {
        div.tier {
            p.tier-head {
                strong { (tier_word(tier.tier)) } " " code { (text::line(&tier.model)) }
                span.quiet { " " (text::counted(tier.calls, "call")) ", " (text::grouped(tier.cache_hits)) " cached" }
            }
            svg.bar viewBox="0 0 1000 12" preserveAspectRatio="none" role="img"
                aria-label={ (tier_word(tier.tier)) ": " (text::grouped(tier.input_tokens)) " tokens sent, " (text::grouped(tier.output_tokens)) " received" } {
                rect.bar-ground width="1000" height="12" {}
                rect.is-accent width=(number(sent)) height="12" {}
                rect.is-second x=(number(sent)) width=(number(received.min(1000.0 - sent))) height="12" {}
            }
            p.tier-foot {
                (text::grouped(tier.input_tokens)) " sent, " (text::grouped(tier.output_tokens)) " received"
                @if let Some(cost) = tier.cost_usd { ", " (text::dollars(cost)) }
            }
        }
    }
}
