//! The data that a state's expressions may read beyond their input and result: only this data is prepared for them. It
//! is derived only from the text, and may include too much, but never too little.

use serde_json::Value;

/// The fields that are always prepared.
const ALWAYS_THERE: [&str; 3] = ["input", "result", "errorOutput"];
/// The functions that this library adds to an evaluator.
const FUNCTIONS: [&str; 10] = [
    "partition",
    "range",
    "hash",
    "parse",
    "uuid",
    "random",
    "millis",
    "now",
    "encodeUrl",
    "decodeUrl",
];

/// The data that expressions may read.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadableData {
    /// `$states.context`
    pub context: bool,
    /// A function that is not JSONata's own.
    pub functions: bool,
}

impl ReadableData {
    /// Everything.
    pub const ALL: Self = Self {
        context: true,
        functions: true,
    };

    /// Returns the data that the texts in a part of a definition may read.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Self {
                context: may_read_context(text),
                functions: FUNCTIONS.iter().any(|name| text.contains(name)),
            },
            Value::Array(items) => Self::of_all(items.iter()),
            Value::Object(fields) => Self::of_all(fields.values()),
            _ => Self::default(),
        }
    }

    /// Returns the data that at least one of the parts may read.
    pub fn of_all<'a>(values: impl Iterator<Item = &'a Value>) -> Self {
        values.map(Self::of).fold(Self::default(), |all, one| Self {
            context: all.context || one.context,
            functions: all.functions || one.functions,
        })
    }
}

/// Returns true if a text reads more of `$states` than the fields that are always prepared.
fn may_read_context(text: &str) -> bool {
    text.split("$states").skip(1).any(|rest| {
        let Some(field) = rest.trim_start().strip_prefix('.').map(str::trim_start) else {
            return true;
        };
        let end = field.find(|sign: char| !(sign.is_alphanumeric() || sign == '_'));
        let name = end.and_then(|end| field.get(..end)).unwrap_or(field);
        !ALWAYS_THERE.contains(&name)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_that_a_text_may_read_is_found() {
        let table = [
            (json!("{% $states.input.n %}"), false, false),
            (json!("{% $states . result.Payload %}"), false, false),
            (json!("{% $states.errorOutput %}"), false, false),
            (json!({ "a": [1, "{% $states.context.Task.Token %}"] }), true, false),
            (json!("{% $states.input & $lookup($states, 'context') %}"), true, false),
            (json!("{% ($all := $states; $all.context) %}"), true, false),
            (json!("{% $states.inputs %}"), true, false),
            (json!("{% $states.`context` %}"), true, false),
            (json!("{% $states/* the context */.context %}"), true, false),
            (json!("{% $states.*.Task %}"), true, false),
            (json!("{% $uuid() %}"), false, true),
            (json!(["{% $now() %}", "{% $states %}"]), true, true),
        ];
        for (value, context, functions) in table {
            assert_eq!(ReadableData::of(&value), ReadableData { context, functions }, "{value}");
        }
    }
}
