//! The spans of a run: the run itself, each state that it visited, each unit below the map, and each state of a unit.

use holdfast_core::model::report::RunStatus;
use holdfast_core::stage::state;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::run_details::{StateVisit, UnitDetails};
use crate::run_summary::RunSummary;

/// A span as OTLP has it in JSON: ids in hexadecimal, times in nanoseconds as texts.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Span {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    parent_span_id: String,
    name: String,
    /// 1: internal.
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Value>,
    status: Value,
}

/// The ids of a run's spans. The same run has the same ids whenever it is sent.
struct Ids {
    trace: [u8; 32],
}

impl Ids {
    fn span(&self, place: &str) -> String {
        let digest = Sha256::new().chain_update(self.trace).chain_update(place).finalize();
        hex::encode(&digest[..8])
    }
}

/// A span's place: its own part of the ids and its parent's.
struct Place<'a> {
    own: &'a str,
    parent: Option<&'a str>,
}

/// Returns the spans of an ended run.
pub(super) fn spans(record: &RunSummary, states: &[StateVisit], units: &[UnitDetails]) -> Vec<Span> {
    let (run, row) = (record.run.as_str(), &record.row);
    let ids = Ids {
        trace: Sha256::digest(format!("{run} {}", row.started.0)).into(),
    };
    let end_ms = row.stopped.map_or(row.started.0, |stopped| stopped.0);
    let mut attributes = vec![
        text("holdfast.run", run),
        text("holdfast.status", record.status.as_str()),
    ];
    if let Some(error) = &row.error {
        attributes.push(text("error.type", error));
    }
    let root = Place { own: "", parent: None };
    let times = (row.started.0, end_ms);
    let is_failed = record.status == RunStatus::Failed;
    let mut spans = vec![span(&ids, &root, "review", times, attributes, is_failed)];
    add_states(&mut spans, &ids, "", states, end_ms);
    let map = states.iter().rposition(|visit| visit.state == state::REVIEW_EACH_UNIT);
    let map = map.map_or_else(String::new, |index| place_of("", index));
    for unit in units {
        let Some(first) = unit.states.first() else { continue };
        let unit_end_ms = unit.states.iter().filter_map(|visit| visit.left_ms).max();
        let unit_end_ms = unit_end_ms.unwrap_or(end_ms).max(first.entered_ms);
        let own = format!("unit {}", unit.unit);
        let sum = |of: fn(&crate::run_details::AttemptDetails) -> u64| unit.attempts.iter().map(of).sum::<u64>();
        let mut attributes = vec![
            text("holdfast.unit", &unit.unit),
            text("code.file.path", &unit.path),
            text("holdfast.outcome", unit.status),
            number("holdfast.attempts", unit.attempts.len() as u64),
            number("gen_ai.usage.input_tokens", sum(|attempt| attempt.input_tokens)),
            number("gen_ai.usage.output_tokens", sum(|attempt| attempt.output_tokens)),
        ];
        if let Some(last) = unit.attempts.last() {
            attributes.push(text("gen_ai.response.model", &last.model));
        }
        let place = Place {
            own: &own,
            parent: Some(&map),
        };
        let times = (first.entered_ms, unit_end_ms);
        let is_failed = unit.status == "unreviewed";
        spans.push(span(&ids, &place, "unit", times, attributes, is_failed));
        add_states(&mut spans, &ids, &own, &unit.states, unit_end_ms);
    }
    spans
}

/// Returns the place of an execution's visit.
fn place_of(execution: &str, visit: usize) -> String {
    format!("{execution} state {visit}")
}

/// Adds a span for each visit of a state.
fn add_states(spans: &mut Vec<Span>, ids: &Ids, parent: &str, states: &[StateVisit], end_ms: i64) {
    for (index, visit) in states.iter().enumerate() {
        let own = place_of(parent, index);
        let mut attributes = vec![text("holdfast.state", &visit.state)];
        if visit.failures > 0 {
            attributes.push(number("holdfast.failures", u64::from(visit.failures)));
        }
        let place = Place {
            own: &own,
            parent: Some(parent),
        };
        let times = (visit.entered_ms, visit.left_ms.unwrap_or(end_ms).max(visit.entered_ms));
        spans.push(span(ids, &place, &visit.state, times, attributes, false));
    }
}

fn span(
    ids: &Ids,
    place: &Place<'_>,
    name: &str,
    (from, to): (i64, i64),
    attributes: Vec<Value>,
    is_failed: bool,
) -> Span {
    let nanoseconds = |ms: i64| (i128::from(ms) * 1_000_000).to_string();
    Span {
        trace_id: hex::encode(&ids.trace[..16]),
        span_id: ids.span(place.own),
        parent_span_id: place.parent.map_or_else(String::new, |parent| ids.span(parent)),
        name: name.to_owned(),
        kind: 1,
        start_time_unix_nano: nanoseconds(from),
        end_time_unix_nano: nanoseconds(to),
        attributes,
        // 0: unset, 2: error.
        status: json!({ "code": if is_failed { 2 } else { 0 } }),
    }
}

pub(super) fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// OTLP writes 64-bit numbers as texts.
fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}
