//! Converts OpenAPI 3.0's schemas to JSON Schema: `nullable` becomes a choice with null, references become definitions,
//! and keywords that constrain nothing are left out. `description` chooses the schemas.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// The direction of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// To GitHub: an undeclared property is an error, because GitHub ignores it silently.
    Asked,
    /// From GitHub, which may send more than it declares.
    Answered,
}

/// Compiles a validator for a schema of the description, with everything that it refers to.
pub(crate) fn compile(document: &Value, schema: &Value, reading: Reading) -> Validator {
    let mut conversion = Conversion {
        reading,
        waiting: Vec::new(),
    };
    let root = conversion.convert(schema, false);
    let mut definitions = Map::new();
    while let Some(reference) = conversion.waiting.pop() {
        let name = definition(&reference);
        if !definitions.contains_key(&name) {
            let found = document.pointer(reference.trim_start_matches('#'));
            let found = found.unwrap_or_else(|| panic!("{reference} leads nowhere"));
            // The name is registered first: the schema may refer to itself.
            definitions.insert(name.clone(), Value::Null);
            let converted = conversion.convert(found, false);
            definitions.insert(name, converted);
        }
    }
    let whole = json!({ "allOf": [root], "definitions": definitions });
    jsonschema::options()
        .with_draft(Draft::Draft4)
        .should_validate_formats(true)
        .build(&whole)
        .unwrap_or_else(|error| panic!("the description's schema cannot be compiled: {error}"))
}

fn definition(reference: &str) -> String {
    reference.trim_start_matches("#/").replace('/', ".")
}

struct Conversion {
    reading: Reading,
    /// References that still have to be converted.
    waiting: Vec<String>,
}

impl Conversion {
    /// Converts a schema. `is_part`: one of several schemas for the same value, which need not declare all of its
    /// properties.
    fn convert(&mut self, schema: &Value, is_part: bool) -> Value {
        let Value::Object(fields) = schema else {
            return schema.clone();
        };
        if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
            self.waiting.push(reference.to_owned());
            return json!({ "$ref": format!("#/definitions/{}", definition(reference)) });
        }
        let mut converted = Map::new();
        for (name, value) in fields {
            let value = match (name.as_str(), value) {
                ("properties", Value::Object(properties)) => properties
                    .iter()
                    .map(|(name, schema)| (name.clone(), self.convert(schema, false)))
                    .collect(),
                ("allOf" | "anyOf" | "oneOf", Value::Array(parts)) => {
                    parts.iter().map(|part| self.convert(part, true)).collect()
                }
                ("items" | "not" | "additionalProperties", schema) => self.convert(schema, false),
                (
                    "type" | "enum" | "required" | "format" | "pattern" | "minimum" | "maximum" | "minLength"
                    | "maxLength" | "minItems" | "maxItems" | "uniqueItems" | "minProperties" | "maxProperties",
                    value,
                ) => value.clone(),
                _ => continue,
            };
            converted.insert(name.clone(), value);
        }
        let is_closed = self.reading == Reading::Asked && !is_part && fields.contains_key("properties");
        if is_closed && !fields.contains_key("additionalProperties") {
            converted.insert("additionalProperties".into(), false.into());
        }
        if fields.get("nullable") == Some(&Value::Bool(true)) {
            json!({ "anyOf": [{ "type": "null" }, converted] })
        } else {
            converted.into()
        }
    }
}
