//! Between the evaluator's values and JSON.

use jsonata_core::value::{JArray, JValue};
use serde_json::{Map, Number, Value};

/// Values may nest this deep: deeper ones could be written to storage but not read back.
pub(crate) const DEPTH_LIMIT: usize = 100;

/// The largest integer up to which every integer is exact in the evaluator.
const EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// What an evaluated value cannot be.
#[derive(Debug, PartialEq)]
pub(super) enum NotJson {
    /// Nothing at all.
    Undefined,
    /// A function or a regular expression.
    Function,
    /// Not a finite number.
    NotFinite,
    /// Nested deeper than the limit.
    TooDeep,
}

/// The evaluator's value for JSON.
pub(crate) fn from_json(value: &Value) -> JValue {
    match value {
        Value::Null => JValue::Null,
        Value::Bool(flag) => JValue::Bool(*flag),
        Value::Number(number) => JValue::Number(number.as_f64().unwrap_or(0.0)),
        Value::String(text) => JValue::string(text.as_str()),
        Value::Array(items) => {
            let flat = !items.iter().any(Value::is_array);
            JValue::Array(JArray::new_flat(items.iter().map(from_json).collect(), flat))
        }
        Value::Object(fields) => JValue::object(
            fields
                .iter()
                .map(|(name, field)| (name.clone(), from_json(field)))
                .collect(),
        ),
    }
}

/// The JSON of an evaluated value.
pub(super) fn to_json(value: &JValue) -> Result<Value, NotJson> {
    at_depth(value, 0)
}

fn at_depth(value: &JValue, depth: usize) -> Result<Value, NotJson> {
    if depth > DEPTH_LIMIT {
        return Err(NotJson::TooDeep);
    }
    Ok(match value {
        JValue::Null => Value::Null,
        JValue::Bool(flag) => Value::Bool(*flag),
        JValue::Number(number) => number_to_json(*number)?,
        JValue::String(text) => Value::String(text.to_string()),
        JValue::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| match item {
                    JValue::Undefined => Ok(Value::Null),
                    item => at_depth(item, depth + 1),
                })
                .collect::<Result<_, _>>()?,
        ),
        JValue::Object(fields) => {
            let mut object = Map::new();
            for (name, field) in fields.iter() {
                if !field.is_undefined() {
                    object.insert(name.clone(), at_depth(field, depth + 1)?);
                }
            }
            Value::Object(object)
        }
        JValue::Undefined => return Err(NotJson::Undefined),
        _ => return Err(NotJson::Function),
    })
}

fn number_to_json(number: f64) -> Result<Value, NotJson> {
    if number.fract() == 0.0 && number.abs() <= EXACT_INTEGER {
        return Ok(Value::from(number as i64));
    }
    Number::from_f64(number).map(Value::Number).ok_or(NotJson::NotFinite)
}

/// Whether a value nests deeper than the limit.
pub(crate) fn is_too_deep(value: &Value) -> bool {
    fn deeper(value: &Value, left: usize) -> bool {
        match value {
            Value::Array(items) => left == 0 || items.iter().any(|item| deeper(item, left - 1)),
            Value::Object(fields) => left == 0 || fields.values().any(|item| deeper(item, left - 1)),
            _ => false,
        }
    }
    deeper(value, DEPTH_LIMIT)
}
