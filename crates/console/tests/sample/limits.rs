//! The page of limits.

use holdfast_console::page;
use holdfast_console::view::{Health, LimitsView, ModelCounts, ModelNow, MoneyNow};

use super::{MINUTE_MS, NOW_MS, Say, frame, hostile, huge, leaking, plain};

pub fn pages() -> Vec<(String, String)> {
    let none = LimitsView {
        models: Vec::new(),
        money: Vec::new(),
        ..view(plain)
    };
    [
        ("limits", view(plain)),
        ("limits-none", none),
        ("limits-hostile", view(hostile)),
        ("limits-leaking", view(leaking)),
        ("limits-huge", view(huge)),
    ]
    .map(|(name, view)| (name.to_owned(), page::limits::page(&view)))
    .into()
}

fn view(say: Say) -> LimitsView {
    let model = |name: &str, health| ModelNow {
        model: say(name),
        health,
        in_flight: 7,
        allowed: Some(10),
        waiting: 31,
        usual_ms: Some(18_400),
        counts: ModelCounts {
            answered: 1_240,
            wasted: 12,
            waits: 86,
            first_valid: 1_017,
            first: 1_064,
        },
    };
    let down = Health::Down {
        since_ms: NOW_MS - 12 * MINUTE_MS,
        why: say("api.openai.com answered 503"),
    };
    let refuses = Health::Refuses {
        why: say("the key is refused: 401"),
    };
    let new = ModelNow {
        in_flight: 0,
        allowed: None,
        waiting: 0,
        usual_ms: None,
        counts: ModelCounts::default(),
        ..model("bedrock/anthropic.claude", Health::Unknown)
    };
    LimitsView {
        frame: frame(say),
        models: vec![
            model("anthropic/claude-sonnet-5", Health::Answers),
            model("openai/gpt-5", down),
            model("openai/gpt-5-mini", refuses),
            new,
        ],
        money: vec![MoneyNow {
            setting: "HOLDFAST_SPEND_PER_MONTH".to_owned(),
            month: "2026-11".to_owned(),
            spent: 131.4,
            reserved: 2.15,
            limit: 200.0,
        }],
    }
}
