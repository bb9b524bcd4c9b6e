//! The parser of a state: the fields that all types share, and those of each type but Map.

use serde_json::Value;

use super::fields::{Fields, Report};
use super::parse::{MAX_SECONDS, States};
use super::{
    Catcher, ChoiceRule, Condition, Exit, Resource, Retrier, State, StateBody, TaskState, WaitUntil, check, parse_map,
};
use crate::event::StateKind;
use crate::expression::{Expression, ReadableData, Template};

const KINDS: [(&str, StateKind); 8] = [
    ("Task", StateKind::Task),
    ("Choice", StateKind::Choice),
    ("Wait", StateKind::Wait),
    ("Pass", StateKind::Pass),
    ("Succeed", StateKind::Succeed),
    ("Fail", StateKind::Fail),
    ("Map", StateKind::Map),
    ("Parallel", StateKind::Parallel),
];

/// The longest delay between two attempts, in seconds: 366 days.
const MAX_DELAY_SECONDS: u64 = 31_622_400;

/// Reads a state.
pub(super) fn state(name: &str, mut fields: Fields<'_>, states: &mut States, report: &mut Report) -> Option<State> {
    let readable_data = ReadableData::of_all(fields.values());
    fields.required("Type", report)?;
    let kind = fields.one_of("Type", &KINDS, report)?;
    fields.text("Comment", report);
    fields.one_of("QueryLanguage", &[("JSONata", ())], report);

    fields.has_result = matches!(kind, StateKind::Task | StateKind::Map | StateKind::Parallel);
    let mut exit = Exit::default();
    if !matches!(kind, StateKind::Fail) {
        exit.output = fields.template("Output", report);
    }
    if !matches!(kind, StateKind::Fail | StateKind::Succeed) {
        exit.assign = assign(&mut fields, report);
    }
    if matches!(
        kind,
        StateKind::Task | StateKind::Pass | StateKind::Wait | StateKind::Map | StateKind::Parallel
    ) {
        exit.next = transition(&mut fields, report);
    }
    let (mut retry, mut catch) = (Vec::new(), Vec::new());
    if matches!(kind, StateKind::Task | StateKind::Map | StateKind::Parallel) {
        retry = retriers(&mut fields, report);
        catch = catchers(&mut fields, report);
    }
    let body = match kind {
        StateKind::Task => task(&mut fields, report),
        StateKind::Choice => {
            exit.next = fields.text("Default", report).map(str::to_owned);
            Some(choice(&mut fields, report))
        }
        StateKind::Wait => wait(&mut fields, report),
        StateKind::Pass => Some(StateBody::Pass {
            result: fields.take("Result").cloned(),
        }),
        StateKind::Succeed => Some(StateBody::Succeed),
        StateKind::Fail => Some(fail(&mut fields, report)),
        StateKind::Map => parse_map::map(name, &mut fields, states, report),
        StateKind::Parallel => Some(parallel(&mut fields, states, report)),
    };
    fields.finish(report);
    Some(State {
        name: name.to_owned(),
        kind,
        body: body?,
        exit,
        retry,
        catch,
        readable_data,
    })
}

/// Takes `Next` or `End`: exactly one of them.
fn transition(fields: &mut Fields<'_>, report: &mut Report) -> Option<String> {
    let next = fields.text("Next", report).map(str::to_owned);
    let end = match fields.take("End") {
        None => false,
        Some(Value::Bool(end)) => *end,
        Some(_) => {
            fields.problem(report, "End", "must be true or false");
            true
        }
    };
    match (&next, end) {
        (Some(_), true) => fields.problem(report, "End", "a state has either `Next` or `End`, not both"),
        (None, false) => fields.problem(report, "Next", "is missing: a state needs `Next` or `\"End\": true`"),
        _ => {}
    }
    next
}

fn assign(fields: &mut Fields<'_>, report: &mut Report) -> Option<Template> {
    let template = fields.template("Assign", report)?;
    let names: Vec<&String> = match &template {
        Template::Literal(Value::Object(object)) => object.keys().collect(),
        Template::Object(object) => object.iter().map(|(name, _)| name).collect(),
        _ => {
            fields.problem(report, "Assign", "must be an object of variable names and values");
            Vec::new()
        }
    };
    for name in names {
        if let Some(problem) = check::variable_name(name) {
            fields.problem(report, &format!("Assign.{name}"), problem);
        }
    }
    Some(template)
}

fn retriers(fields: &mut Fields<'_>, report: &mut Report) -> Vec<Retrier> {
    let mut retriers = Vec::new();
    let listed = fields.objects("Retry", report);
    let count = listed.len();
    for (index, mut item) in listed.into_iter().enumerate() {
        let errors = check::error_equals(&mut item, index + 1 == count, report);
        let interval_seconds = item.whole("IntervalSeconds", 1..=MAX_SECONDS, report).unwrap_or(1);
        let max_attempts = item.whole("MaxAttempts", 0..=MAX_SECONDS, report).unwrap_or(3);
        let backoff_rate = item.number("BackoffRate", 1.0, report).unwrap_or(2.0);
        let max_delay_seconds = item.whole("MaxDelaySeconds", 1..=MAX_DELAY_SECONDS - 1, report);
        if max_delay_seconds.is_some_and(|most| most <= interval_seconds) {
            item.problem(report, "MaxDelaySeconds", "must be greater than IntervalSeconds");
        }
        let full_jitter = item
            .one_of("JitterStrategy", &[("FULL", true), ("NONE", false)], report)
            .unwrap_or(false);
        item.text("Comment", report);
        item.finish(report);
        retriers.push(Retrier {
            errors,
            interval_seconds,
            backoff_rate,
            max_attempts,
            max_delay_seconds,
            full_jitter,
        });
    }
    retriers
}

fn catchers(fields: &mut Fields<'_>, report: &mut Report) -> Vec<Catcher> {
    let mut catchers = Vec::new();
    let listed = fields.objects("Catch", report);
    let count = listed.len();
    for (index, mut item) in listed.into_iter().enumerate() {
        let errors = check::error_equals(&mut item, index + 1 == count, report);
        item.required("Next", report);
        let exit = Exit {
            assign: assign(&mut item, report),
            output: item.template("Output", report),
            next: item.text("Next", report).map(str::to_owned),
        };
        item.text("Comment", report);
        item.finish(report);
        catchers.push(Catcher { errors, exit });
    }
    catchers
}

fn task(fields: &mut Fields<'_>, report: &mut Report) -> Option<StateBody> {
    let timeout_seconds = fields.dynamic_whole("TimeoutSeconds", 1..=MAX_SECONDS, report);
    let heartbeat_seconds = fields.dynamic_whole("HeartbeatSeconds", 1..=MAX_SECONDS, report);
    let literal = |template: &Option<Template>| template.as_ref()?.literal()?.as_u64();
    if let (Some(timeout), Some(heartbeat)) = (literal(&timeout_seconds), literal(&heartbeat_seconds))
        && heartbeat >= timeout
    {
        fields.problem(report, "HeartbeatSeconds", "must be smaller than TimeoutSeconds");
    }
    let arguments = fields.template("Arguments", report);
    fields.required("Resource", report)?;
    let arn = fields.text("Resource", report)?;
    let Some(resource) = resource(arn) else {
        fields.problem(
            report,
            "Resource",
            format!(
                "`{arn}` is not supported; allowed are arn:aws:states:::lambda:invoke, the same with \
                 .waitForTaskToken, and a Lambda function's ARN"
            ),
        );
        return None;
    };
    if matches!(resource, Resource::Invoke { .. }) {
        check::invoke_arguments(arguments.as_ref(), fields, report);
    }
    Some(StateBody::Task(TaskState {
        resource,
        arguments,
        timeout_seconds,
        heartbeat_seconds,
    }))
}

fn resource(arn: &str) -> Option<Resource> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "states", "", "", "lambda", "invoke"] => Some(Resource::Invoke { wait_for_token: false }),
        ["arn", _, "states", "", "", "lambda", "invoke.waitForTaskToken"] => {
            Some(Resource::Invoke { wait_for_token: true })
        }
        ["arn", _, "lambda", _, _, "function", name, ..] if !name.is_empty() && parts.len() <= 8 => {
            Some(Resource::Function(arn.to_owned()))
        }
        _ => None,
    }
}

fn choice(fields: &mut Fields<'_>, report: &mut Report) -> StateBody {
    fields.required("Choices", report);
    let mut rules = Vec::new();
    let listed = fields.objects("Choices", report);
    if listed.is_empty() {
        fields.problem(report, "Choices", "must hold at least one rule");
    }
    for mut item in listed {
        item.required("Condition", report);
        let condition = condition(&mut item, report);
        item.required("Next", report);
        let exit = Exit {
            assign: assign(&mut item, report),
            output: item.template("Output", report),
            next: item.text("Next", report).map(str::to_owned),
        };
        item.text("Comment", report);
        item.finish(report);
        if let Some(condition) = condition {
            rules.push(ChoiceRule { condition, exit });
        }
    }
    StateBody::Choice { rules }
}

fn condition(item: &mut Fields<'_>, report: &mut Report) -> Option<Condition> {
    match item.take("Condition")? {
        Value::Bool(constant) => Some(Condition::Constant(*constant)),
        Value::String(text) if Expression::delimited(text).is_some() => {
            let condition = item.template("Condition", report)?;
            (!condition.is_literal()).then_some(Condition::Expression(condition))
        }
        _ => {
            item.problem(report, "Condition", "must be true, false or one `{% … %}` expression");
            None
        }
    }
}

fn wait(fields: &mut Fields<'_>, report: &mut Report) -> Option<StateBody> {
    let seconds = fields.dynamic_whole("Seconds", 0..=MAX_SECONDS, report);
    let timestamp = fields.dynamic(
        "Timestamp",
        "an ISO 8601 time such as 2030-01-31T12:00:00Z",
        report,
        |value| {
            value
                .as_str()
                .is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok())
        },
    );
    match (fields.take("Seconds"), fields.take("Timestamp")) {
        (Some(_), None) => Some(StateBody::Wait(WaitUntil::Seconds(seconds?))),
        (None, Some(_)) => Some(StateBody::Wait(WaitUntil::Timestamp(timestamp?))),
        _ => {
            fields.problem(
                report,
                "Seconds",
                "a Wait needs exactly one of `Seconds` and `Timestamp`",
            );
            None
        }
    }
}

fn fail(fields: &mut Fields<'_>, report: &mut Report) -> StateBody {
    StateBody::Fail {
        error: fields.dynamic("Error", "a string", report, Value::is_string),
        cause: fields.dynamic("Cause", "a string", report, Value::is_string),
    }
}

fn parallel(fields: &mut Fields<'_>, states: &mut States, report: &mut Report) -> StateBody {
    fields.required("Branches", report);
    let arguments = fields.template("Arguments", report);
    let listed = fields.objects("Branches", report);
    if listed.is_empty() {
        fields.problem(report, "Branches", "must hold at least one branch");
    }
    let mut branches = Vec::new();
    for mut item in listed {
        item.text("Comment", report);
        branches.push(states.flow(&mut item, report));
        item.finish(report);
    }
    StateBody::Parallel { branches, arguments }
}
