//! One recorded execution, in the form of its file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

/// A recorded execution.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// Its name, for people.
    pub id: String,
    /// The state machine.
    pub definition: Value,
    /// The execution's input.
    #[serde(default)]
    pub input: Value,
    /// The behaviour of each function, by name.
    #[serde(default)]
    pub functions: BTreeMap<String, Function>,
    /// The events as AWS returned them.
    pub history: Vec<Value>,
}

/// The behaviour of a function.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Function {
    /// Returns its event.
    Echo,
    /// Raises an error.
    Fail {
        /// The error's name.
        #[serde(rename = "errorType")]
        error_type: String,
        /// The error's text.
        #[serde(rename = "errorMessage")]
        error_message: String,
    },
    /// A behaviour that no replay can play.
    #[serde(other)]
    Unknown,
}

impl Case {
    /// Reads a case from its JSON.
    pub fn parse(line: &str) -> Result<Self, String> {
        serde_json::from_str(line).map_err(|error| error.to_string())
    }

    /// Returns the definition's text. A machine without a query language runs as JSONata.
    pub fn definition_text(&self) -> String {
        let mut definition = self.definition.clone();
        if let Some(machine) = definition.as_object_mut() {
            machine.entry("QueryLanguage").or_insert_with(|| json!("JSONata"));
        }
        definition.to_string()
    }

    /// Returns the recorded event with a number.
    pub fn event(&self, id: u64) -> Option<&Value> {
        self.history.iter().find(|event| event["id"].as_u64() == Some(id))
    }

    /// Returns the behaviour of a function, by name or ARN.
    pub fn function(&self, name: &str) -> Option<&Function> {
        let mut parts = name.split(':').skip_while(|part| *part != "function");
        let plain = match parts.nth(1) {
            Some(plain) => plain,
            None => name.split(':').next().unwrap_or(name),
        };
        self.functions.get(plain)
    }
}
