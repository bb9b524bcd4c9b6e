//! Reads a part of a repository's settings by the types, with errors as data: the given name and the expected names, so
//! that no message has to be searched for them.

use std::fmt;

use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde_norway::{Mapping, Value};

/// A refusal of a value by the types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ValueError {
    /// A key that the types don't have.
    UnknownField {
        /// The key.
        name: String,
        /// The keys that they have.
        expected: &'static [&'static str],
    },
    /// A name that isn't in a fixed list.
    UnknownVariant {
        /// The name.
        name: String,
        /// The list.
        expected: &'static [&'static str],
    },
    /// Another type of value than expected.
    WrongType {
        /// The value.
        found: String,
        /// The expected form.
        expected: String,
    },
    /// Another problem, such as a missing key.
    Other(String),
}

impl fmt::Display for ValueError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownField { expected, .. } => {
                write!(formatter, "is not a key here; the keys are {}", expected.join(", "))
            }
            Self::UnknownVariant { name, expected } => {
                write!(formatter, "{:?} is not one of {}", shortened(name), expected.join(", "))
            }
            Self::WrongType { found, expected } => write!(formatter, "must be {expected}, not {found}"),
            Self::Other(what) => formatter.write_str(what),
        }
    }
}

/// Maximum length of a quoted value, in characters.
const MAX_QUOTED_CHARS: usize = 40;

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl std::error::Error for ValueError {}

impl de::Error for ValueError {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self::Other(what.to_string())
    }

    fn missing_field(name: &'static str) -> Self {
        Self::Other(format!("the key {name} is missing"))
    }

    fn unknown_field(name: &str, expected: &'static [&'static str]) -> Self {
        let name = name.to_owned();
        Self::UnknownField { name, expected }
    }

    fn unknown_variant(name: &str, expected: &'static [&'static str]) -> Self {
        let name = name.to_owned();
        Self::UnknownVariant { name, expected }
    }
}

/// A value of the file. Null counts as an empty list or mapping, as in the YAML reader.
pub(super) struct TypedValue(pub Value);

impl TypedValue {
    /// Replaces null by `empty`.
    fn or(self, empty: Value) -> Self {
        match self.0 {
            Value::Null => Self(empty),
            value => Self(value),
        }
    }

    /// Refuses the value, which has another type than `expected`.
    fn must_be<T>(self, expected: impl Into<String>) -> Result<T, ValueError> {
        let found = match &self.0 {
            Value::Null => "empty".to_owned(),
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => format!("the text {:?}", shortened(text)),
            Value::Sequence(_) => "a list".to_owned(),
            Value::Mapping(_) => "keys with values".to_owned(),
            Value::Tagged(_) => "a YAML tag".to_owned(),
        };
        let expected = expected.into();
        Err(ValueError::WrongType { found, expected })
    }
}

impl<'de> IntoDeserializer<'de, ValueError> for TypedValue {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for TypedValue {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(flag),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Sequence(items) => {
                let mut items = de::value::SeqDeserializer::new(items.into_iter().map(Self));
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Value::Mapping(entries) => {
                let entries = entries.into_iter().map(|(key, value)| (Self(key), Self(value)));
                let mut entries = de::value::MapDeserializer::new(entries);
                let value = visitor.visit_map(&mut entries)?;
                entries.end()?;
                Ok(value)
            }
            Value::Tagged(_) => self.must_be("a value without a YAML tag"),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            value => visitor.visit_some(Self(value)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Bool(flag) => visitor.visit_bool(flag),
            value => Self(value).must_be("true or false"),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let number = match &self.0 {
            Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            _ => None,
        };
        match number {
            Some(number) => visitor.visit_u32(number),
            None => self.must_be(format!("a whole number from 0 to {}", u32::MAX)),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match &self.0 {
            Value::Number(number) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            _ => self.must_be("a number"),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            value => Self(value).must_be("text"),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.or(Value::Sequence(Vec::new())) {
            list @ Self(Value::Sequence(_)) => list.deserialize_any(visitor),
            other => other.must_be("a list"),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.or(Value::Mapping(Mapping::new())).deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self.or(Value::Mapping(Mapping::new())) {
            entries @ Self(Value::Mapping(_)) => entries.deserialize_any(visitor),
            other => other.must_be(format!("keys with values (the keys are {})", keys.join(", "))),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(IntoDeserializer::<ValueError>::into_deserializer(name)),
            value => Self(value).must_be(format!("one of {}", names.join(", "))),
        }
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u64 u128 f32 char str bytes byte_buf unit unit_struct tuple
        tuple_struct identifier ignored_any
    }
}
