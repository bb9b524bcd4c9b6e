//! The inputs of a distributed map's children: `ItemSelector` over the items, then `ItemBatcher`.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Execution;
use super::branch::{Branch, Phase};
use super::scope::{AddedFields, exceeds_limit};
use crate::PAYLOAD_LIMIT_BYTES;
use crate::error_name::ErrorName;
use crate::event::{Batcher, EventId};
use crate::expression::{Answers, Evaluated, Evaluation, Fault};
use crate::stimulus::TaskFailure;

/// A child of a distributed map, before it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct MapChild {
    /// Its input.
    pub input: Value,
    /// The number of items that it runs, which all fail with it.
    pub items: u64,
    /// Its item before `ItemSelector`; none for a batch.
    pub item: Option<Value>,
}

impl Execution {
    /// Returns the inputs of a map's children; see `map_children`.
    ///
    /// # Errors
    /// The failure to answer `MapRunFinished` with; see `map_children`.
    pub fn map_inputs(&self, key: EventId, items: Vec<Value>) -> Result<Vec<Value>, TaskFailure> {
        let children = self.map_children(key, items)?;
        Ok(children.into_iter().map(|child| child.input).collect())
    }

    /// Returns a map's children: `ItemSelector` and `ItemBatcher` over the items of an outstanding `StartMapRun`. The
    /// same items always give the same children, also with `$random` and `$uuid`. Items beyond `MaxItems` are left out.
    ///
    /// # Errors
    /// The failure to answer `MapRunFinished` with: an expression failed, an input is too large, or nothing
    /// outstanding has this key.
    pub fn map_children(&self, key: EventId, items: Vec<Value>) -> Result<Vec<MapChild>, TaskFailure> {
        self.map_children_by(key, items, &mut Evaluation::evaluate)
    }

    /// Returns a map's children as `map_children` does; `evaluate` evaluates templates of unbounded cost.
    ///
    /// # Errors
    /// The failure to answer `MapRunFinished` with; see `map_children`.
    pub fn map_children_by(
        &self,
        key: EventId,
        mut items: Vec<Value>,
        evaluate: &mut dyn FnMut(&Evaluation) -> Evaluated,
    ) -> Result<Vec<MapChild>, TaskFailure> {
        let found = self.branches.values().find_map(|branch| match &branch.phase {
            Phase::MapRun(run) if run.key == key => Some((branch, &run.plan)),
            _ => None,
        });
        let Some((branch, plan)) = found else {
            let cause = format!("No map run was started by the event {key}.");
            return Err(failure(ErrorName::Runtime, cause));
        };
        if let Some(most) = plan.max_items {
            items.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        }
        let originals = plan.batcher.is_none().then(|| items.clone());
        let inputs = self.selected(branch, key, items, evaluate)?;
        match &plan.batcher {
            Some(batcher) => batches(batcher, inputs, &branch.state),
            None => Ok(inputs
                .into_iter()
                .zip(originals.into_iter().flatten())
                .map(|(input, item)| MapChild {
                    input,
                    items: 1,
                    item: Some(item),
                })
                .collect()),
        }
    }

    /// Applies `ItemSelector` to items.
    fn selected(
        &self,
        branch: &Branch,
        key: EventId,
        items: Vec<Value>,
        evaluate: &mut dyn FnMut(&Evaluation) -> Evaluated,
    ) -> Result<Vec<Value>, TaskFailure> {
        let selector = self.map_state(&branch.state).and_then(|map| map.selector.as_ref());
        let seed = Sha256::new()
            .chain_update(self.identity.execution_arn.as_bytes())
            .chain_update(key.to_le_bytes())
            .finalize()
            .into();
        let mut session = self
            .session(branch, AddedFields::default(), branch.entered_at, || seed)
            .with_answers(Some(Answers::default()));
        let mut inputs = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let input = match selector {
                None => item,
                Some(selector) => {
                    session.set_item(index as u64, &item);
                    let value = match session.evaluate(selector, "ItemSelector") {
                        Err(Fault {
                            unanswered: Some(evaluation),
                            ..
                        }) => evaluate(&evaluation).map_err(Fault::from),
                        value => value,
                    };
                    value.map_err(|fault| {
                        failure(ErrorName::QueryEvaluationError, self.explain(branch, &fault.detail))
                    })?
                }
            };
            if exceeds_limit(&input) {
                return Err(too_large(&format!("The input of item {index}"), &branch.state));
            }
            inputs.push(input);
        }
        Ok(inputs)
    }
}

/// Groups items in order into batches as large as the limits allow.
fn batches(batcher: &Batcher, items: Vec<Value>, state: &str) -> Result<Vec<MapChild>, TaskFailure> {
    let most_items = batcher.max_items.unwrap_or(u64::MAX);
    let most_bytes = batcher.max_bytes.unwrap_or(PAYLOAD_LIMIT_BYTES as u64);
    let empty_bytes = child(batcher, Vec::new()).input.to_string().len() as u64;
    let mut children = Vec::new();
    let mut open: Vec<Value> = Vec::new();
    let mut bytes = empty_bytes;
    for (index, item) in items.into_iter().enumerate() {
        let item_bytes = item.to_string().len() as u64;
        // A comma separates two items.
        let full = open.len() as u64 >= most_items || bytes + item_bytes + 1 > most_bytes;
        if full && !open.is_empty() {
            children.push(child(batcher, std::mem::take(&mut open)));
            bytes = empty_bytes;
        }
        if bytes + item_bytes > most_bytes {
            return Err(too_large(&format!("A batch of only the item {index}"), state));
        }
        bytes += item_bytes + u64::from(!open.is_empty());
        open.push(item);
    }
    if !open.is_empty() {
        children.push(child(batcher, open));
    }
    if let Some(deep) = children.iter().position(|child| exceeds_limit(&child.input)) {
        return Err(too_large(&format!("The batch {deep}"), state));
    }
    Ok(children)
}

fn child(batcher: &Batcher, items: Vec<Value>) -> MapChild {
    let mut input = Map::new();
    if let Some(shared) = &batcher.input {
        input.insert("BatchInput".to_owned(), shared.clone());
    }
    let count = items.len() as u64;
    input.insert("Items".to_owned(), Value::Array(items));
    MapChild {
        input: Value::Object(input),
        items: count,
        item: None,
    }
}

fn too_large(what: &str, state: &str) -> TaskFailure {
    let cause = format!("{what} of the state '{state}' exceeds the maximum number of bytes service limit.");
    failure(ErrorName::DataLimitExceeded, cause)
}

fn failure(error: ErrorName, cause: String) -> TaskFailure {
    TaskFailure {
        error: error.as_str().to_owned(),
        cause: Some(cause),
    }
}
