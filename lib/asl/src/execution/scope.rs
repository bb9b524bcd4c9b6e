//! What a state's expressions can see: `$states` and the variables in scope; and the limits on payloads.

use serde_json::{Map, Value, json};

use super::Execution;
use super::branch::Branch;
use crate::PAYLOAD_LIMIT_BYTES;
use crate::event::Timestamp;
use crate::expression::{Sees, Session, from_json, is_too_deep};

/// What a step adds to `$states`.
#[derive(Default)]
pub(super) struct Sight<'a> {
    /// `$states.result`
    pub result: Option<&'a Value>,
    /// `$states.errorOutput`
    pub error_output: Option<&'a Value>,
    /// `$states.context.Task.Token`
    pub token: Option<&'a str>,
}

impl Execution {
    /// A session for one step of a branch's state; `seed` is asked for where the state's expressions may need it.
    pub(super) fn session(
        &self,
        branch: &Branch,
        sight: Sight<'_>,
        now: Timestamp,
        seed: impl FnOnce() -> [u8; 32],
    ) -> Session {
        let sees = self.machine.state(&branch.state).map_or(Sees::ALL, |state| state.sees);
        let context = sees.context.then(|| self.context(branch, sight.token));
        let states = [
            ("input", Some(&branch.input)),
            ("context", context.as_ref()),
            ("result", sight.result),
            ("errorOutput", sight.error_output),
        ];
        let states = states
            .into_iter()
            .filter_map(|(name, value)| Some((name, from_json(value?))));
        // Outer variables first: an inner one of the same name hides them.
        let mut chain = vec![branch];
        while let Some(outer) = chain
            .last()
            .and_then(|inner| inner.parent)
            .and_then(|id| self.branches.get(&id))
        {
            chain.push(outer);
        }
        let variables = chain.into_iter().rev().flat_map(|branch| branch.variables.iter());
        Session::new(states, variables, now, sees.functions.then(seed)).with_answers(self.deferral.answers())
    }

    /// The context object.
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

    /// The region in the execution's ARN.
    pub(super) fn region(&self) -> String {
        let region = self.identity.execution_arn.split(':').nth(3).unwrap_or_default();
        region.to_owned()
    }
}

/// A time as the context object shows it.
fn iso(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.0)
        .map(|time| format!("{time:.3}"))
        .unwrap_or_default()
}

/// Whether a payload is larger or deeper than one may be.
pub(super) fn exceeds_limit(payload: &Value) -> bool {
    is_too_deep(payload) || {
        let mut left = BytesLeft(PAYLOAD_LIMIT_BYTES);
        serde_json::to_writer(&mut left, payload).is_err()
    }
}

/// What the variables of one thread of control may take together, as on AWS: 10 MiB.
const VARIABLES_LIMIT_BYTES: usize = 10 * 1024 * 1024;
/// What the inputs of a Parallel's branches may take together, each counted: 64 MiB.
const BRANCHES_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// Whether variables take more than they may, once others are assigned.
pub(super) fn exceed_variables_limit(variables: &Map<String, Value>, assigned: &Map<String, Value>) -> bool {
    // What is assigned at once has the limit of a payload: a few variables cannot exceed this one.
    if variables.len() < VARIABLES_LIMIT_BYTES / PAYLOAD_LIMIT_BYTES {
        return false;
    }
    let kept = variables.iter().filter(|(name, _)| !assigned.contains_key(*name));
    let mut left = BytesLeft(VARIABLES_LIMIT_BYTES);
    kept.chain(assigned)
        .any(|(_, value)| serde_json::to_writer(&mut left, value).is_err())
}

/// Whether an input is too large to be given to so many branches.
pub(super) fn exceeds_branches_limit(input: &Value, branches: usize) -> bool {
    let mut left = BytesLeft(BRANCHES_LIMIT_BYTES / branches.max(1));
    serde_json::to_writer(&mut left, input).is_err()
}

/// Takes so many bytes and no more.
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
