//! Pictures: valid XML that shows every state and a run's path, with the same text each time.

use holdfast_asl::{RunPath, StateMachine, Stimulus, picture};
use serde_json::{Value, json};

use crate::bench::{Bench, Reply, invoke, machine};

fn drawn(definition: &Value, run: Option<&RunPath>) -> String {
    let machine = StateMachine::parse(&definition.to_string()).unwrap();
    let svg = picture(&machine, run);
    assert_eq!(svg, picture(&machine, run));
    sound(&svg);
    svg
}

/// Checks that tags are closed in order and everything is escaped.
fn sound(svg: &str) {
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some((text, after)) = rest.split_once('<') {
        assert!(!text.contains('>') || text.contains("{"), "{text}");
        let (tag, after) = after.split_once('>').unwrap();
        rest = after;
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "{tag}");
        } else if !tag.ends_with('/') {
            let name = tag.split_whitespace().next().unwrap();
            open.push(name);
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        assert!(!tag.contains("NaN") && !tag.contains("inf"), "{tag}");
    }
    assert!(open.is_empty(), "{open:?}");
}

fn review() -> Value {
    machine(json!({
        "Plan": invoke(json!({}), json!({
            "Retry": [{ "ErrorEquals": ["Busy"], "MaxAttempts": 1 }],
            "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Undo" }], "Next": "Route",
        })),
        "Route": {
            "Type": "Choice",
            "Choices": [
                { "Condition": "{% $states.input.Payload < 1 and 'a' != \"b\" %}", "Next": "Plan" },
                { "Condition": true, "Next": "Each" },
            ],
            "Default": "Route",
        },
        "Each": {
            "Type": "Map", "Items": [1, 2], "Next": "Both",
            "ItemProcessor": { "StartAt": "Unit", "States": { "Unit": { "Type": "Pass", "End": true } } },
        },
        "Both": {
            "Type": "Parallel", "Next": "Done",
            "Branches": [
                { "StartAt": "Left <&>", "States": { "Left <&>": { "Type": "Wait", "Seconds": 1, "End": true } } },
                { "StartAt": "Right", "States": { "Right": { "Type": "Pass", "End": true } } },
            ],
        },
        "Done": { "Type": "Succeed" },
        "Undo": { "Type": "Fail", "Error": "Undone" },
    }))
}

#[test]
fn a_picture_shows_every_state_and_its_ways() {
    let svg = drawn(&review(), None);
    for name in [
        "Plan",
        "Route",
        "Each",
        "Unit",
        "Both",
        "Left &lt;&amp;&gt;",
        "Right",
        "Done",
        "Undo",
    ] {
        assert_eq!(svg.matches(&format!(">{name}</text>")).count(), 1, "{name}");
    }
    assert!(svg.contains("role=\"img\""));
    assert!(svg.contains("Route (Choice) leads to Plan or Each or Route."), "{svg}");
    assert!(svg.contains("Plan (Task) leads to Route, on an error to Undo. "));
    assert!(svg.contains("Unit (Pass in Each) ends."));
    assert!(svg.contains("<title>$states.input.Payload &lt; 1 and 'a' != &quot;b&quot;</title>"));
    assert!(svg.contains("prefers-color-scheme: dark"));
    for class in [
        " taken\"",
        " failed\"",
        " current\"",
        "way gone\" d=",
        "caught gone\" d=",
    ] {
        assert!(!svg.contains(class), "{class}");
    }
}

#[test]
fn a_runs_path_is_shown() {
    let mut bench = Bench::start(&review(), json!({}));
    bench.drive(|_, _| Reply::Answer(json!(5)));
    let path = RunPath::of(&bench.history);
    let way = |from: &str, to: &str| path.transitions.contains(&(from.to_owned(), to.to_owned()));
    assert!(way("Plan", "Route") && way("Route", "Each") && way("Both", "Done") && !way("Plan", "Undo"));
    assert!(path.failed.is_empty() && path.current.is_empty());
    let svg = drawn(&review(), Some(&path));
    assert_eq!(svg.matches(" taken\"").count(), 8);
    assert!(svg.contains("Passed: Both, Done, Each, Left &lt;&amp;&gt;, Plan, Right, Route, Unit."));

    let mut bench = Bench::start(&review(), json!({}));
    let waiting = RunPath::of(&bench.history);
    assert!(waiting.current.contains("Plan") && waiting.taken.is_empty());
    assert!(drawn(&review(), Some(&waiting)).contains("class=\"state task current\""));
    bench
        .send(Stimulus::Stop {
            error: None,
            cause: None,
        })
        .unwrap();
    assert!(RunPath::of(&bench.history).failed.contains("Plan"));

    let mut bench = Bench::start(&review(), json!({}));
    bench.drive(|_, _| Reply::Fail("Boom"));
    let failed = RunPath::of(&bench.history);
    assert_eq!(failed.failed.iter().collect::<Vec<_>>(), ["Undo"]);
    let svg = drawn(&review(), Some(&failed));
    assert!(svg.contains("class=\"caught gone\"") && svg.contains("class=\"state fail failed\""));
}

#[test]
fn a_childs_path_adds_to_its_parents() {
    let mut whole = RunPath::of(&Bench::finish(json!({ "A": { "Type": "Succeed" } }), json!({})).history);
    whole.add(&Bench::finish(json!({ "B": { "Type": "Fail" } }), json!({})).history);
    assert!(whole.taken.contains("A") && whole.failed.contains("B"));
}
