//! The answer's JSON Schema in the subset that providers' structured output accepts. The answer is still checked
//! against the whole schema.

use serde_json::{Map, Value};

/// Keywords that constrained decoding refuses.
const REFUSED: [&str; 11] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "maxProperties",
];

/// The properties that the schema requires.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Required {
    /// The same as in the given schema.
    AsGiven,
    /// All of them.
    All,
}

/// Removes the bounds and closes every object.
pub(crate) fn without_bounds(schema: &Value) -> Value {
    subset(schema, Required::AsGiven)
}

/// Removes the bounds, closes every object and requires every property, as a strict schema has to. This is safe because
/// every optional property may also be present.
pub(crate) fn strict(schema: &Value) -> Value {
    subset(schema, Required::All)
}

/// Removes the bounds, closed objects and lists of types: the form that every server with schemas accepts.
pub(crate) fn open(schema: &Value) -> Value {
    match subset(schema, Required::AsGiven) {
        Value::Object(map) => Value::Object(opened(map)),
        other => other,
    }
}

fn opened(map: Map<String, Value>) -> Map<String, Value> {
    map.into_iter()
        .filter(|(keyword, value)| keyword != "additionalProperties" || !value.is_boolean())
        .map(|(keyword, value)| match (keyword.as_str(), value) {
            ("type", Value::Array(types)) => {
                let kept = types.into_iter().find(|name| name != "null");
                (keyword, kept.unwrap_or(Value::Null))
            }
            (_, Value::Object(inner)) => (keyword, Value::Object(opened(inner))),
            (_, value) => (keyword, value),
        })
        .collect()
}

fn subset(schema: &Value, required: Required) -> Value {
    let Value::Object(map) = schema else {
        return schema.clone();
    };
    let each = |values: &Value| match values {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(name, value)| (name.clone(), subset(value, required)))
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.iter().map(|value| subset(value, required)).collect()),
        other => other.clone(),
    };
    let mut out = Map::new();
    for (keyword, value) in map.iter().filter(|(keyword, _)| !REFUSED.contains(&keyword.as_str())) {
        let value = match keyword.as_str() {
            "properties" | "$defs" | "definitions" | "anyOf" | "allOf" | "oneOf" => each(value),
            "items" => subset(value, required),
            _ => value.clone(),
        };
        out.insert(keyword.clone(), value);
    }
    if let Some(Value::Object(properties)) = map.get("properties") {
        out.insert("additionalProperties".to_owned(), Value::Bool(false));
        if required == Required::All {
            let names = properties.keys().cloned().map(Value::String).collect();
            out.insert("required".to_owned(), Value::Array(names));
        }
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use holdfast_core::prompt::{answer_schema, summary_schema};
    use serde_json::json;

    use super::*;

    #[test]
    fn bounds_are_removed_and_properties_with_their_names_stay() {
        let schema = json!({ "type": "object", "required": ["minimum"], "properties": {
            "minimum": { "type": "integer", "minimum": 1 },
            "list": { "type": "array", "maxItems": 3, "items": { "type": "string", "maxLength": 9 } } } });
        let expected = json!({ "type": "object", "required": ["minimum"], "additionalProperties": false, "properties": {
            "minimum": { "type": "integer" },
            "list": { "type": "array", "items": { "type": "string" } } } });
        assert_eq!(without_bounds(&schema), expected);
    }

    #[test]
    fn an_open_schema_has_plain_types_only() {
        let text = open(&answer_schema()).to_string();
        for word in ["additionalProperties", "maxLength", "null", "minimum"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
        assert!(text.contains("\"suggestion\":{\"type\":\"string\"}"), "{text}");
        assert!(text.contains("\"required\":[\"path\""), "{text}");
    }

    #[test]
    fn strict_closes_and_requires_at_every_depth() {
        fn check(schema: &Value) {
            if let Some(Value::Object(properties)) = schema.get("properties") {
                assert_eq!(schema["additionalProperties"], json!(false));
                assert_eq!(schema["required"], json!(properties.keys().collect::<Vec<_>>()));
                properties.values().for_each(check);
            }
            if let Some(items) = schema.get("items") {
                check(items);
            }
            assert!(REFUSED.iter().all(|keyword| schema.get(keyword).is_none()), "{schema}");
        }
        check(&strict(&answer_schema()));
        check(&strict(&summary_schema()));
        assert_eq!(
            strict(&answer_schema())["properties"]["findings"]["items"]["properties"]["side"]["enum"][1],
            "RIGHT"
        );
    }
}
