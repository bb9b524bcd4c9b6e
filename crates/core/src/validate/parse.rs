//! Parses the JSON value at the start of a text, finds its end, and finds a key that an object has twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A parsed value.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The value; of a key that appears twice, the last one.
    pub value: Value,
    /// The first key that appears twice in one object.
    pub duplicate: Option<String>,
}

impl Parsed {
    /// Returns a part of this value. The duplicate key may be anywhere in the whole value.
    pub fn inner(&self, value: &Value) -> Self {
        Self {
            value: value.clone(),
            duplicate: self.duplicate.clone(),
        }
    }
}

/// Parses the value that `text` begins with, and returns its length in bytes.
///
/// # Errors
///
/// The parser's message, and the number of bytes that it read.
pub fn parse_prefix(text: &str) -> Result<(Parsed, usize), (String, usize)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Parsed>();
    let error = match values.next() {
        Some(Ok(parsed)) => return Ok((parsed, values.byte_offset())),
        Some(Err(error)) => error,
        None => return Err(("no value".to_owned(), text.len())),
    };
    let end = offset_of(text, error.line(), error.column());
    Err((error.to_string(), end))
}

/// Returns the offset of the byte after a line and column, both from 1.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start = match line {
        0 | 1 => 0,
        line => text
            .match_indices('\n')
            .nth(line - 2)
            .map_or(text.len(), |(at, _)| at + 1),
    };
    (start + column).min(text.len())
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl From<Value> for Parsed {
    fn from(value: Value) -> Self {
        Self { value, duplicate: None }
    }
}

impl<'de> Visitor<'de> for AnyValue {
    type Value = Parsed;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Parsed, E> {
        Ok(Value::Null.into())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Parsed, E> {
        Ok(Value::Bool(value).into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Parsed, E> {
        Ok(Value::from(value).into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Parsed, E> {
        Ok(Value::from(value).into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Parsed, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number).into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Parsed, E> {
        Ok(Value::String(value.to_owned()).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Parsed, A::Error> {
        let (mut list, mut duplicate) = (Vec::new(), None);
        while let Some(item) = items.next_element::<Parsed>()? {
            duplicate = duplicate.or(item.duplicate);
            list.push(item.value);
        }
        Ok(Parsed {
            value: Value::Array(list),
            duplicate,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Parsed, A::Error> {
        let (mut map, mut duplicate) = (Map::new(), None);
        while let Some((key, entry)) = entries.next_entry::<String, Parsed>()? {
            duplicate = duplicate.or(entry.duplicate);
            let before = map.insert(key.clone(), entry.value);
            if before.is_some_and(|before| map.get(&key) != Some(&before)) && is_name(&key) {
                duplicate = duplicate.or(Some(key));
            }
        }
        Ok(Parsed {
            value: Value::Object(map),
            duplicate,
        })
    }
}

/// Returns true if an answer may have this key. Messages name only these keys, and other keys are ignored.
fn is_name(key: &str) -> bool {
    super::coerce::ANSWER_KEYS.contains(&key) || super::coerce::FINDING_KEYS.contains(&key)
}
