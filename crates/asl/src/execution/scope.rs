//! What a state's expressions can see: `$states` and the variables in scope; and the limits on payloads.

use serde_json::{Map, Value, json};

use super::Execution;
use super::branch::Branch;
use crate::PAYLOAD_LIMIT_BYTES;
use crate::event::Timestamp;
use crate::expression::{Session, is_too_deep};

/// What a step adds to `$states`.
#[derive(Default)]
pub(super) struct Sight {
    /// `$states.result`
    pub result: Option<Value>,
    /// `$states.errorOutput`
    pub error_output: Option<Value>,
    /// `$states.context.Task.Token`
    pub token: Option<String>,
}

impl Execution {
    /// A session for one step of a branch's state.
    pub(super) fn session(&self, branch: &Branch, sight: Sight, now: Timestamp, seed: [u8; 32]) -> Session {
        let mut states = Map::new();
        states.insert("input".to_owned(), branch.input.clone());
        states.insert("context".to_owned(), self.context(branch, sight.token));
        if let Some(result) = sight.result {
            states.insert("result".to_owned(), result);
        }
        if let Some(error_output) = sight.error_output {
            states.insert("errorOutput".to_owned(), error_output);
        }
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
        Session::new(Value::Object(states), variables, now, seed)
    }

    /// The context object.
    fn context(&self, branch: &Branch, token: Option<String>) -> Value {
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
    is_too_deep(payload) || payload.to_string().len() > PAYLOAD_LIMIT_BYTES
}
