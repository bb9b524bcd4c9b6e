//! One recorded execution as its file holds it. Running and comparing it is not here.

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
    /// What each function does, by name.
    #[serde(default)]
    pub functions: BTreeMap<String, Function>,
    /// The events as AWS returned them.
    pub history: Vec<Value>,
}

/// What a function does.
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
    /// Something that no replay knows how to do.
    #[serde(other)]
    Unknown,
}

impl Case {
    /// Reads a case from its JSON.
    pub fn parse(line: &str) -> Result<Self, String> {
        serde_json::from_str(line).map_err(|error| error.to_string())
    }

    /// The definition's text. One that names no query language for the machine is run as JSONata.
    pub fn definition_text(&self) -> String {
        let mut definition = self.definition.clone();
        if let Some(machine) = definition.as_object_mut() {
            machine.entry("QueryLanguage").or_insert_with(|| json!("JSONata"));
        }
        definition.to_string()
    }

    /// The recorded event of a number.
    pub fn event(&self, id: u64) -> Option<&Value> {
        self.history.iter().find(|event| event["id"].as_u64() == Some(id))
    }

    /// What the function of a name or an ARN does.
    pub fn function(&self, name: &str) -> Option<&Function> {
        let mut parts = name.split(':').skip_while(|part| *part != "function");
        let plain = match parts.nth(1) {
            Some(plain) => plain,
            None => name.split(':').next().unwrap_or(name),
        };
        self.functions.get(plain)
    }
}
