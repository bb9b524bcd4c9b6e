//! `TestState`: runs one state by itself.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use holdfast_asl::{parse_payload, payload_text};
use holdfast_engine::{EngineError, StateTest, TestedState};

use super::error::ApiError;
use super::executions::payload;
use super::machines::{MAX_DEFINITION_BYTES, check_role};
use super::{Api, required, without_nulls};

/// Maximum number of tests in progress: each may take minutes, and must not take the place of other requests.
pub const MAX_TESTS: usize = 8;
/// The name of a state whose definition comes without one.
const DEFAULT_NAME: &str = "TestState";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Test {
    definition: Option<String>,
    role_arn: Option<String>,
    input: Option<String>,
    inspection_level: Option<String>,
    variables: Option<String>,
    state_name: Option<String>,
    mock: Option<Value>,
    context: Option<Value>,
    state_configuration: Option<Value>,
}

impl Api {
    pub(super) fn test_state(&self, input: &Test) -> Result<Value, ApiError> {
        let definition = required(input.definition.as_ref(), "definition")?;
        for (field, value) in [
            ("mock", &input.mock),
            ("context", &input.context),
            ("stateConfiguration", &input.state_configuration),
        ] {
            if value.is_some() {
                return Err(ApiError::validation(format!(
                    "'{field}' is not supported by this engine"
                )));
            }
        }
        let is_detailed = match input.inspection_level.as_deref() {
            None | Some("INFO") => false,
            Some("DEBUG" | "TRACE") => true,
            Some(other) => {
                return Err(ApiError::validation(format!(
                    "inspectionLevel '{other}' is none of INFO, DEBUG, TRACE"
                )));
            }
        };
        if let Some(role) = &input.role_arn {
            check_role(role)?;
        }
        let text = input.input.as_deref().unwrap_or("{}");
        let test = StateTest {
            input: payload(text)?,
            variables: variables(input.variables.as_deref())?,
            role_arn: input.role_arn.clone(),
            ..tested(definition, input.state_name.as_deref())?
        };
        let _permit = self
            .tests
            .try_acquire()
            .map_err(|_| ApiError::unavailable(format!("{MAX_TESTS} states are being tested: try again later")))?;
        let state_input = payload_text(&test.input);
        match self.wait(self.engine.test_state(test)) {
            Ok(tested) => Ok(described(&tested, is_detailed.then_some(state_input))),
            Err(error @ EngineError::StateNotTestable { .. }) => Err(ApiError::validation(error.to_string())),
            Err(error) => Err(ApiError::of_engine(&error, "")),
        }
    }
}

/// Finds the state to test. Without a name it is the whole definition, otherwise the state of this name in a state
/// machine.
fn tested(definition: &str, name: Option<&str>) -> Result<StateTest, ApiError> {
    let invalid = |what: &str| ApiError::new("InvalidDefinition", format!("Invalid State Machine Definition: {what}"));
    if definition.len() > MAX_DEFINITION_BYTES {
        return Err(invalid(&format!("it has more than {MAX_DEFINITION_BYTES} bytes")));
    }
    let definition: Value = serde_json::from_str(definition).map_err(|error| invalid(&format!("not JSON: {error}")))?;
    if !definition.is_object() {
        return Err(invalid("must be a JSON object"));
    }
    let is_machine = definition.get("States").is_some();
    let (state, query_language) = match name {
        None if is_machine => {
            return Err(ApiError::validation(
                "the definition is a state machine: name the state to test with 'stateName'",
            ));
        }
        None => (&definition, None),
        Some(name) => {
            let found = find_state(&definition, name);
            let state = found.ok_or_else(|| {
                ApiError::validation(format!("the definition is not a state machine with a state '{name}'"))
            })?;
            (state, definition.get("QueryLanguage"))
        }
    };
    Ok(StateTest {
        name: name.unwrap_or(DEFAULT_NAME).to_owned(),
        state: state.clone(),
        query_language: query_language.cloned(),
        input: Value::Null,
        variables: Map::new(),
        role_arn: None,
    })
}

/// Finds a state by its name anywhere in a definition: names are unique.
pub fn find_state<'a>(definition: &'a Value, name: &str) -> Option<&'a Value> {
    let states = definition.get("States")?.as_object()?;
    states.get(name).or_else(|| {
        states.values().find_map(|within| {
            let processor = within.get("ItemProcessor").and_then(|inner| find_state(inner, name));
            processor.or_else(|| {
                let branches = within.get("Branches")?.as_array()?;
                branches.iter().find_map(|inner| find_state(inner, name))
            })
        })
    })
}

fn variables(text: Option<&str>) -> Result<Map<String, Value>, ApiError> {
    let Some(text) = text else { return Ok(Map::new()) };
    match parse_payload(text) {
        Ok(Value::Object(variables)) => Ok(variables),
        _ => Err(ApiError::validation("'variables' must be a JSON object")),
    }
}

/// Describes a tested state. With its input, the description includes the inspection data.
fn described(tested: &TestedState, input: Option<String>) -> Value {
    let inspected = input.map(|input| {
        without_nulls(json!({
            "input": input,
            "afterArguments": tested.arguments.as_ref().map(payload_text),
            "result": tested.result.as_ref().map(payload_text),
            "variables": Value::Object(tested.variables.clone()).to_string(),
        }))
    });
    without_nulls(json!({
        "status": tested.status.as_str(),
        "output": tested.output.as_ref().map(payload_text),
        "error": tested.error,
        "cause": tested.cause,
        "nextState": tested.next_state,
        "inspectionData": inspected,
    }))
}
