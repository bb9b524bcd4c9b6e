//! Reads a part of a repository's settings by the types, with errors as data: the given name and the expected names, so
//! that no message has to be searched for them.

use std::fmt;

use serde::de::{self, Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
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
    /// Another type or value than expected, or a missing key.
    Other(String),
}

impl fmt::Display for ValueError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        type Worded = de::value::Error;
        match self {
            Self::UnknownField { name, expected } => Worded::unknown_field(name, expected).fmt(formatter),
            Self::UnknownVariant { name, expected } => Worded::unknown_variant(name, expected).fmt(formatter),
            Self::Other(what) => formatter.write_str(what),
        }
    }
}

impl std::error::Error for ValueError {}

impl de::Error for ValueError {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self::Other(what.to_string())
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
            Value::Tagged(_) => Err(ValueError::invalid_type(Unexpected::Other("a YAML tag"), &visitor)),
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

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.or(Value::Sequence(Vec::new())).deserialize_any(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.or(Value::Mapping(Mapping::new())).deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(IntoDeserializer::<ValueError>::into_deserializer(name)),
            value => {
                let found = match &value {
                    Value::Null => Unexpected::Unit,
                    Value::Bool(flag) => Unexpected::Bool(*flag),
                    Value::Number(_) => Unexpected::Other("a number"),
                    Value::Sequence(_) => Unexpected::Seq,
                    Value::Mapping(_) => Unexpected::Map,
                    Value::String(_) | Value::Tagged(_) => Unexpected::Other("a YAML tag"),
                };
                Err(ValueError::invalid_type(found, &"a name"))
            }
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct identifier ignored_any
    }
}
