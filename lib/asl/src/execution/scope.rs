//! The data of a state's expressions: `$states` and the variables in scope; and the limits on payloads.

use serde_json::{Map, Value, json};

use super::Execution;
use super::branch::Branch;
use crate::PAYLOAD_LIMIT_BYTES;
use crate::event::Timestamp;
use crate::expression::{ReadableData, Session, from_json, is_too_deep};

/// The fields that a step adds to `$states`.
#[derive(Default)]
pub(super) struct AddedFields<'a> {
    /// `$states.result`
    pub result: Option<&'a Value>,
    /// `$states.errorOutput`
    pub error_output: Option<&'a Value>,
    /// `$states.context.Task.Token`
    pub token: Option<&'a str>,
}

impl Execution {
    /// Creates a session for one step of a branch's state. Calls `seed` only if the state's expressions may need it.
    pub(super) fn session(
        &self,
        branch: &Branch,
        added: AddedFields<'_>,
        now: Timestamp,
        seed: impl FnOnce() -> [u8; 32],
    ) -> Session {
        let readable_data = self
            .machine
            .state(&branch.state)
            .map_or(ReadableData::ALL, |state| state.readable_data);
        let context = readable_data.context.then(|| self.context(branch, added.token));
        let states = [
            ("input", Some(&branch.input)),
            ("context", context.as_ref()),
            ("result", added.result),
            ("errorOutput", added.error_output),
        ];
        let states = states
            .into_iter()
            .filter_map(|(name, value)| Some((name, from_json(value?))));
        // Outer variables come first, so that an inner one of the same name hides them.
        let mut chain = vec![branch];
        while let Some(outer) = chain
            .last()
            .and_then(|inner| inner.parent)
            .and_then(|id| self.branches.get(&id))
        {
            chain.push(outer);
        }
        let variables = chain.into_iter().rev().flat_map(|branch| branch.variables.iter());
        Session::new(states, variables, now, readable_data.functions.then(seed)).with_answers(self.deferral.answers())
    }

    /// Returns the context object.
    fn context(&self, branch: &Branch, token: Option<&str>) -> Value {
        let identity = &self.identity;
        let mut context = json!({
            "Execution": {
                "Id": identity.execution_arn,
                "Input": identity.input,
                "Name": identity.execution_name,
                "RoleArn": identity.role_arn,
                "StartTime": iso(identity.start),
                "RedriveCount": self.redrives,
            },
            "StateMachine": { "Id": identity.state_machine_arn, "Name": identity.state_machine_name },
            "State": {
                "EnteredTime": iso(branch.entered_at),
                "Name": branch.state,
                "RetryCount": branch.retry_count,
            },
        });
        if let Some(at) = self.redriven_at {
            context["Execution"]["RedriveTime"] = json!(iso(at));
        }
        if let Some(token) = token {
            context["Task"] = json!({ "Token": token });
        }
        let mut at = Some(branch);
        let mut item = None;
        while let (Some(branch), None) = (at, item) {
            item = branch.item.as_ref();
            at = branch.parent.and_then(|id| self.branches.get(&id));
        }
        if let Some(item) = item.or(identity.map_item.as_ref()) {
            context["Map"] = json!({ "Item": { "Index": item.index, "Value": item.value } });
        }
        context
    }

    /// Returns the region in the execution's ARN.
    pub(super) fn region(&self) -> String {
        let region = self.identity.execution_arn.split(':').nth(3).unwrap_or_default();
        region.to_owned()
    }
}

/// Returns a time in the form of the context object.
fn iso(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.0)
        .map(|time| format!("{time:.3}"))
        .unwrap_or_default()
}

/// Returns true if a payload is too large or too deep.
pub(super) fn exceeds_limit(payload: &Value) -> bool {
    is_too_deep(payload) || {
        let mut left = BytesLeft(PAYLOAD_LIMIT_BYTES);
        serde_json::to_writer(&mut left, payload).is_err()
    }
}

/// The maximum size of all variables of one thread of control, as on AWS: 10 MiB.
const MAX_VARIABLES_BYTES: usize = 10 * 1024 * 1024;
/// The maximum size of the inputs of all branches of a Parallel together: 64 MiB.
const MAX_BRANCH_INPUTS_BYTES: usize = 64 * 1024 * 1024;

/// Returns true if the variables, with the assigned ones, exceed their limit.
pub(super) fn exceed_variables_limit(variables: &Map<String, Value>, assigned: &Map<String, Value>) -> bool {
    // One state assigns at most a payload's size, so that a few variables cannot exceed the limit.
    if variables.len() < MAX_VARIABLES_BYTES / PAYLOAD_LIMIT_BYTES {
        return false;
    }
    let kept = variables.iter().filter(|(name, _)| !assigned.contains_key(*name));
    let mut left = BytesLeft(MAX_VARIABLES_BYTES);
    kept.chain(assigned)
        .any(|(_, value)| serde_json::to_writer(&mut left, value).is_err())
}

/// Returns true if an input is too large for so many branches.
pub(super) fn exceeds_branches_limit(input: &Value, branches: usize) -> bool {
    let mut left = BytesLeft(MAX_BRANCH_INPUTS_BYTES / branches.max(1));
    serde_json::to_writer(&mut left, input).is_err()
}

/// A writer that fails once it has taken this many bytes.
struct BytesLeft(usize);

impl std::io::Write for BytesLeft {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.0.checked_sub(bytes.len()) {
            Some(left) => {
                self.0 = left;
                Ok(bytes.len())
            }
            None => Err(std::io::ErrorKind::FileTooLarge.into()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
