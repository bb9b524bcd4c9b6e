//! Conversion between the evaluator's values and JSON.

use jsonata_core::value::{JArray, JValue};
use serde_json::{Map, Number, Value};

use crate::payload::{as_number, infinite};

/// The maximum nesting of a value. The limit of AWS is unknown. serde_json reads at most 127 levels back from storage,
/// where a payload is nested in an event.
pub(crate) const MAX_DEPTH: usize = 100;

/// The largest integer below which the evaluator represents every integer exactly.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// The reason why an evaluated value is not JSON.
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
    /// Larger than `MAX_VALUE_BYTES`.
    TooLarge,
}

/// The approximate memory that the values of one template may take. A part that a value holds twice counts twice.
pub(super) const MAX_VALUE_BYTES: usize = 32 * 1024 * 1024;
/// The memory of a value beside its text.
const NODE_BYTES: usize = 32;

/// Converts JSON to the evaluator's value.
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
        Value::Object(fields) => match as_number(fields) {
            Some(number) => JValue::Number(number),
            None => JValue::object(
                fields
                    .iter()
                    .map(|(name, field)| (name.clone(), from_json(field)))
                    .collect(),
            ),
        },
    }
}

/// Converts an evaluated value to JSON. Subtracts its size from `left`, so that a small value with many references to
/// one part is never written out.
pub(super) fn to_json(value: &JValue, left: &mut usize) -> Result<Value, NotJson> {
    at_depth(value, MAX_DEPTH, left, &|_| Err(NotJson::NotFinite))
}

/// Converts a value that was made from JSON back to JSON. It may be nested in another value.
pub(super) fn back_to_json(value: &JValue) -> Value {
    let mut left = usize::MAX;
    at_depth(value, 2 * MAX_DEPTH, &mut left, &|number| Ok(infinite(number))).unwrap_or_default()
}

fn at_depth(
    value: &JValue,
    levels: usize,
    left: &mut usize,
    infinite: &dyn Fn(f64) -> Result<Value, NotJson>,
) -> Result<Value, NotJson> {
    let text = match value {
        JValue::String(text) => text.len(),
        _ => 0,
    };
    take(left, NODE_BYTES + text)?;
    let below = || levels.checked_sub(1).ok_or(NotJson::TooDeep);
    Ok(match value {
        JValue::Null => Value::Null,
        JValue::Bool(flag) => Value::Bool(*flag),
        JValue::Number(number) if number.is_infinite() => infinite(*number)?,
        JValue::Number(number) => number_to_json(*number)?,
        JValue::String(text) => Value::String(text.to_string()),
        JValue::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| match item {
                    JValue::Undefined => take(left, NODE_BYTES).map(|()| Value::Null),
                    item => at_depth(item, below()?, left, infinite),
                })
                .collect::<Result<_, _>>()?,
        ),
        JValue::Object(fields) => {
            let mut object = Map::new();
            for (name, field) in fields.iter() {
                if !field.is_undefined() {
                    take(left, NODE_BYTES + name.len())?;
                    object.insert(name.clone(), at_depth(field, below()?, left, infinite)?);
                }
            }
            Value::Object(object)
        }
        JValue::Undefined => return Err(NotJson::Undefined),
        _ => return Err(NotJson::Function),
    })
}

fn take(left: &mut usize, bytes: usize) -> Result<(), NotJson> {
    *left = left.checked_sub(bytes).ok_or(NotJson::TooLarge)?;
    Ok(())
}

fn number_to_json(number: f64) -> Result<Value, NotJson> {
    if number.fract() == 0.0 && number.abs() <= MAX_EXACT_INTEGER {
        return Ok(Value::from(number as i64));
    }
    Number::from_f64(number).map(Value::Number).ok_or(NotJson::NotFinite)
}

/// Returns true if a value nests deeper than the limit.
pub(crate) fn is_too_deep(value: &Value) -> bool {
    fn deeper(value: &Value, left: usize) -> bool {
        match value {
            Value::Array(items) => left == 0 || items.iter().any(|item| deeper(item, left - 1)),
            Value::Object(fields) => left == 0 || fields.values().any(|item| deeper(item, left - 1)),
            _ => false,
        }
    }
    deeper(value, MAX_DEPTH)
}
