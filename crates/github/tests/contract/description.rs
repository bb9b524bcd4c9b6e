//! Checks requests and answers against GitHub's own description of its API. `schema` converts its schemas to JSON
//! Schema.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use holdfast_testkit::github::{Entry, Sent};
use jsonschema::Validator;
use serde_json::Value;

use crate::schema::{Reading, compile};

/// A request to the fake, with its answer.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub entry: Entry,
    pub answer: Sent,
}

/// The description, with the validators compiled so far.
pub(crate) struct Description {
    document: Value,
    validators: RefCell<HashMap<String, Validator>>,
}

/// One operation, with the values of the template's parameters in a request's path.
pub(crate) struct Operation<'a> {
    pub template: &'a str,
    path_values: Vec<(&'a str, String)>,
    shared_parameters: &'a Value,
    value: &'a Value,
}

impl Description {
    /// Reads the description that npm has installed.
    pub fn load() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let file = root.join("tests/node/node_modules/@octokit/openapi/generated/api.github.com.json");
        let text = std::fs::read(&file).unwrap_or_else(|error| {
            panic!(
                "{}: {error}: @octokit/openapi is not installed: run npm ci in tests/node, or cargo xtask verify",
                file.display()
            )
        });
        let document: Value = serde_json::from_slice(&text).unwrap();
        assert!(
            document["openapi"]
                .as_str()
                .is_some_and(|version| version.starts_with("3.0.")),
            "schemas are read as OpenAPI 3.0 has them; this is {}",
            document["openapi"]
        );
        Self {
            document,
            validators: RefCell::default(),
        }
    }

    /// Returns the target of a reference inside the description.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => {
                let pointer = reference.trim_start_matches('#');
                self.document
                    .pointer(pointer)
                    .unwrap_or_else(|| panic!("{reference} leads nowhere"))
            }
            None => value,
        }
    }

    /// Returns the operation of a request: the template with most literal parts wins, and only a parameter that is
    /// declared so matches several parts.
    pub fn operation(&self, method: &str, path: &str) -> Result<Operation<'_>, String> {
        let paths = self.document["paths"].as_object().unwrap();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let mut best: Option<((bool, usize), Operation<'_>)> = None;
        for (template, item) in paths {
            let Some(path_values) = fit(template, &parts) else {
                continue;
            };
            let value = &item[method.to_lowercase()];
            let is_whole = path_values.iter().all(|(_, value)| !value.contains('/'));
            let rank = (is_whole, usize::MAX - path_values.len());
            if value.is_null() || best.as_ref().is_some_and(|(known, _)| *known >= rank) {
                continue;
            }
            let operation = Operation {
                template,
                path_values,
                shared_parameters: &item["parameters"],
                value,
            };
            if is_whole || self.takes_several_parts(&operation) {
                best = Some((rank, operation));
            }
        }
        let unknown = || format!("{method} {path}: the description has no such operation");
        best.map(|(_, operation)| operation).ok_or_else(unknown)
    }

    fn takes_several_parts(&self, operation: &Operation<'_>) -> bool {
        let parameters = self.parameters(operation);
        operation
            .path_values
            .iter()
            .filter(|(_, value)| value.contains('/'))
            .all(|(name, _)| {
                parameters
                    .iter()
                    .any(|parameter| parameter["name"] == *name && parameter["x-multi-segment"] == true)
            })
    }

    fn parameters<'a>(&'a self, operation: &Operation<'a>) -> Vec<&'a Value> {
        let own = operation.value["parameters"].as_array();
        let shared = operation.shared_parameters.as_array();
        own.into_iter()
            .chain(shared)
            .flatten()
            .map(|parameter| self.resolved(parameter))
            .collect()
    }

    /// Returns all differences of an exchange from the description, one a line.
    pub fn check(&self, exchange: &Exchange) -> Vec<String> {
        let entry = &exchange.entry;
        let operation = match self.operation(&entry.method, &entry.path) {
            Ok(operation) => operation,
            Err(problem) => return vec![problem],
        };
        let mut problems = self.check_parameters(&operation, entry);
        problems.extend(self.check_body(&operation, entry));
        if entry.fault.is_none() {
            problems.extend(self.check_answer(&operation, exchange));
        }
        let name = format!("{} {}", entry.method, operation.template);
        problems
            .into_iter()
            .map(|problem| format!("{name}: {problem}"))
            .collect()
    }

    fn check_parameters(&self, operation: &Operation<'_>, entry: &Entry) -> Vec<String> {
        let declared = self.parameters(operation);
        let mut problems = Vec::new();
        let in_path = operation.path_values.iter().map(|(name, value)| ("path", *name, value));
        let in_query = entry.query.iter().map(|(name, value)| ("query", name.as_str(), value));
        for (place, name, value) in in_path.chain(in_query) {
            let is_it = |parameter: &&&Value| parameter["in"] == place && parameter["name"] == name;
            let Some(parameter) = declared.iter().find(is_it) else {
                problems.push(format!("the {place} parameter {name} is not declared"));
                continue;
            };
            let schema = &parameter["schema"];
            let typed = match self.resolved(schema)["type"].as_str() {
                Some("integer") => value.parse::<i64>().map(Value::from).ok(),
                Some("boolean") => value.parse::<bool>().map(Value::from).ok(),
                _ => None,
            };
            let typed = typed.unwrap_or_else(|| value.as_str().into());
            let key = format!("{} {} {place} {name}", entry.method, operation.template);
            let errors = self.errors(&key, schema, Reading::Asked, &typed);
            problems.extend(
                errors
                    .into_iter()
                    .map(|error| format!("the {place} parameter {name}: {error}")),
            );
        }
        for parameter in declared {
            let is_given = entry.query.iter().any(|(name, _)| parameter["name"] == name.as_str());
            if parameter["in"] == "query" && parameter["required"] == true && !is_given {
                problems.push(format!("the query parameter {} is missing", parameter["name"]));
            }
        }
        problems
    }

    fn check_body(&self, operation: &Operation<'_>, entry: &Entry) -> Vec<String> {
        let declared = self.resolved(&operation.value["requestBody"]);
        if entry.body.is_null() {
            let is_missing = declared["required"] == true;
            return is_missing
                .then(|| "the request's body is missing".to_owned())
                .into_iter()
                .collect();
        }
        let schema = &declared["content"]["application/json"]["schema"];
        if schema.is_null() {
            return vec!["a body is sent where none is described".to_owned()];
        }
        let key = format!("{} {} body", entry.method, operation.template);
        let errors = self.errors(&key, schema, Reading::Asked, &entry.body);
        errors
            .into_iter()
            .map(|error| format!("the request's body: {error}"))
            .collect()
    }

    fn check_answer(&self, operation: &Operation<'_>, exchange: &Exchange) -> Vec<String> {
        let Exchange { entry, answer: sent } = exchange;
        let Some(status) = entry.status else {
            return vec!["no answer, and no fault as the reason".to_owned()];
        };
        let declared = &operation.value["responses"][status.to_string()];
        if declared.is_null() && status < 400 {
            return vec![format!("the status {status} is not described")];
        }
        // Many operations leave out the errors that every operation has, or their bodies.
        let unnamed = &self.document["components"]["schemas"]["basic-error"];
        let declared = &self.resolved(declared)["content"]["application/json"]["schema"];
        let schema = if declared.is_null() && status >= 400 {
            unnamed
        } else {
            declared
        };
        let body = &sent.body;
        if schema.is_null() {
            let is_empty = body.is_empty();
            return (!is_empty)
                .then(|| format!("{status} has a body where none is described"))
                .into_iter()
                .collect();
        }
        if !sent.content_type.starts_with("application/json") {
            // A file's bytes have a media type that the description leaves out.
            let is_raw = status == 200 && sent.content_type.starts_with("application/vnd.github.raw");
            return (!is_raw)
                .then(|| format!("{status} comes as {}", sent.content_type))
                .into_iter()
                .collect();
        }
        let Ok(answer) = serde_json::from_slice::<Value>(body) else {
            return vec![format!("{status}: the answer is no JSON")];
        };
        let key = format!("{} {} {status}", entry.method, operation.template);
        let errors = self.errors(&key, schema, Reading::Answered, &answer);
        errors
            .into_iter()
            .map(|error| format!("the answer {status}: {error}"))
            .collect()
    }

    fn errors(&self, key: &str, schema: &Value, reading: Reading, value: &Value) -> Vec<String> {
        let mut validators = self.validators.borrow_mut();
        let validator = validators
            .entry(key.to_owned())
            .or_insert_with(|| compile(&self.document, schema, reading));
        validator
            .iter_errors(value)
            .map(|error| {
                let text: String = error.to_string().chars().take(300).collect();
                format!("at {:?}: {text}", error.instance_path().to_string())
            })
            .collect()
    }
}

/// Returns the values of a template's parameters, if the path matches it; the last parameter takes the rest.
fn fit<'a>(template: &'a str, parts: &[&str]) -> Option<Vec<(&'a str, String)>> {
    let wanted: Vec<&str> = template.trim_start_matches('/').split('/').collect();
    if wanted.len() > parts.len() {
        return None;
    }
    let mut values = Vec::new();
    for (index, want) in wanted.iter().enumerate() {
        let is_last = index + 1 == wanted.len();
        match want.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) if is_last => values.push((name, parts[index..].join("/"))),
            Some(name) => values.push((name, parts[index].to_owned())),
            None if *want == parts[index] && (!is_last || wanted.len() == parts.len()) => {}
            None => return None,
        }
    }
    Some(values)
}
