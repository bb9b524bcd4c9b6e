//! The start of a Map or a Parallel: all of its fields are evaluated once and recorded.

use serde_json::Value;

use super::Execution;
use super::advance::Advance;
use super::scope::{AddedFields, exceeds_branches_limit, exceeds_limit};
use crate::command::{ItemSource, ResultWriter};
use crate::definition::MapState;
use crate::event::{Batcher, BranchId, EventKind, InRecord, MapPlan};
use crate::expression::{Fault, Session, Template};

impl Execution {
    /// Starts a Map.
    pub(super) fn start_map(&mut self, advance: &mut Advance<'_>, id: BranchId, map: &MapState) {
        let Some(branch) = self.branches.get(&id) else { return };
        let mut session = self.session(branch, AddedFields::default(), advance.now, || advance.random());
        match plan(&mut session, map, &branch.input) {
            Ok(plan) => {
                let length = match &plan.items {
                    ItemSource::Inline(items) => items.len() as u64,
                    ItemSource::Object { .. } => 0,
                };
                let plan = Box::new(plan);
                self.push(advance, id, EventKind::MapStateStarted { length, plan });
            }
            Err(fault) => self.evaluation_failed(advance, id, fault),
        }
    }

    /// Starts a Parallel, whose branches all get the same input.
    pub(super) fn start_parallel(
        &mut self,
        advance: &mut Advance<'_>,
        id: BranchId,
        arguments: Option<&Template>,
        branches: usize,
    ) {
        let Some(branch) = self.branches.get(&id) else { return };
        let input = match arguments {
            None => Ok(branch.input.clone()),
            Some(arguments) => self
                .session(branch, AddedFields::default(), advance.now, || advance.random())
                .evaluate(arguments, "Arguments"),
        };
        match input {
            Ok(input) if exceeds_limit(&input) || exceeds_branches_limit(&input, branches) => {
                let failure = self.too_large(id);
                self.state_failed(advance, id, failure);
            }
            Ok(input) => {
                self.push(advance, id, EventKind::ParallelStateStarted(InRecord(input)));
            }
            Err(fault) => self.evaluation_failed(advance, id, fault),
        }
    }
}

fn plan(session: &mut Session, map: &MapState, input: &Value) -> Result<MapPlan, Fault> {
    let items = match (&map.reader, &map.items) {
        (Some(reader), _) => {
            let place = session.evaluate(&reader.arguments, "ItemReader/Arguments")?;
            ItemSource::Object {
                bucket: text(&place, "Bucket", "ItemReader/Arguments")?,
                key: text(&place, "Key", "ItemReader/Arguments")?,
                input_type: reader.input_type,
            }
        }
        (None, Some(items)) => {
            ItemSource::Inline(session.typed(items, "Items", "array", |value| value.as_array().cloned())?)
        }
        (None, None) => ItemSource::Inline(input.as_array().cloned().ok_or_else(|| Fault {
            location: String::new(),
            detail: format!("Map state input must be an array but was: {input}"),
            unanswered: None,
        })?),
    };
    let count = |session: &mut Session, template: &Option<Template>, location| {
        template
            .as_ref()
            .map(|template| session.typed(template, location, "integer", Value::as_u64))
            .transpose()
    };
    let at_least_one = |session: &mut Session, template: &Option<Template>, location| {
        template
            .as_ref()
            .map(|template| {
                session.typed(template, location, "integer", |value| {
                    value.as_u64().filter(|number| *number > 0)
                })
            })
            .transpose()
    };
    let batcher = match &map.batcher {
        None => None,
        Some(batcher) => Some(Batcher {
            max_items: at_least_one(session, &batcher.max_items, "ItemBatcher/MaxItemsPerBatch")?,
            max_bytes: at_least_one(session, &batcher.max_bytes, "ItemBatcher/MaxInputBytesPerBatch")?,
            input: batcher
                .input
                .as_ref()
                .map(|input| session.evaluate(input, "ItemBatcher/BatchInput"))
                .transpose()?,
        }),
    };
    let max_items = match &map.reader {
        None => None,
        Some(reader) => count(session, &reader.max_items, "ItemReader/ReaderConfig/MaxItems")?,
    };
    let result_writer = match &map.writer {
        None => None,
        Some(writer) => {
            let place = session.evaluate(&writer.arguments, "ResultWriter/Arguments")?;
            Some(ResultWriter {
                bucket: text(&place, "Bucket", "ResultWriter/Arguments")?,
                prefix: match place.get("Prefix") {
                    None => String::new(),
                    Some(_) => text(&place, "Prefix", "ResultWriter/Arguments")?,
                },
                output_type: writer.output_type,
                transformation: writer.transformation,
            })
        }
    };
    Ok(MapPlan {
        items,
        max_items,
        batcher,
        max_concurrency: count(session, &map.max_concurrency, "MaxConcurrency")?,
        tolerated_failure_count: count(session, &map.tolerated_failure_count, "ToleratedFailureCount")?,
        tolerated_failure_percentage: map
            .tolerated_failure_percentage
            .as_ref()
            .map(|template| {
                session.typed(template, "ToleratedFailurePercentage", "number", |value| {
                    value.as_f64().filter(|share| (0.0..=100.0).contains(share))
                })
            })
            .transpose()?,
        result_writer,
    })
}

/// Returns a text from evaluated arguments.
fn text(arguments: &Value, name: &str, location: &str) -> Result<String, Fault> {
    arguments
        .get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| Fault {
            location: format!("{location}/{name}"),
            detail: format!("The field '{location}/{name}' must be a string."),
            unanswered: None,
        })
}
