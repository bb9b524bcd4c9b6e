//! The actions on tags of state machines.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::store::{Machine, Store};
use super::{Api, arn, required};

/// Maximum number of tags of one state machine.
const MAX_TAGS: usize = 50;
/// Maximum length of a key and of a value, in characters.
const MAX_KEY_CHARACTERS: usize = 128;
const MAX_VALUE_CHARACTERS: usize = 256;

/// A tag in a request.
#[derive(Clone, Debug, Deserialize)]
pub struct Tag {
    key: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagResource {
    resource_arn: Option<String>,
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UntagResource {
    resource_arn: Option<String>,
    tag_keys: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfResource {
    resource_arn: Option<String>,
}

impl Api {
    pub(super) fn tag(&self, input: &TagResource) -> Result<Value, ApiError> {
        let given = input.tags.as_ref().ok_or_else(|| ApiError::missing("tags"))?;
        let tags = checked(given)?;
        let store = self.store();
        let (machine, arn) = self.tagged(&store, input.resource_arn.as_ref())?;
        let mut all = store.tags(&machine.name)?;
        all.retain(|(key, _)| tags.iter().all(|(new, _)| new != key));
        if all.len() + tags.len() > MAX_TAGS {
            return Err(too_many(arn));
        }
        store.put_tags(&machine.name, &tags)?;
        Ok(json!({}))
    }

    pub(super) fn untag(&self, input: &UntagResource) -> Result<Value, ApiError> {
        let keys = input.tag_keys.as_ref().ok_or_else(|| ApiError::missing("tagKeys"))?;
        let store = self.store();
        let (machine, _) = self.tagged(&store, input.resource_arn.as_ref())?;
        store.delete_tags(&machine.name, keys)?;
        Ok(json!({}))
    }

    pub(super) fn list_tags(&self, input: &OfResource) -> Result<Value, ApiError> {
        let store = self.store();
        let (machine, _) = self.tagged(&store, input.resource_arn.as_ref())?;
        let tags: Vec<Value> = store
            .tags(&machine.name)?
            .into_iter()
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .collect();
        Ok(json!({ "tags": tags }))
    }

    /// Returns the state machine of an ARN. A version or an alias has no tags.
    fn tagged<'a>(&self, store: &Store, arn: Option<&'a String>) -> Result<(Machine, &'a str), ApiError> {
        let arn = required(arn, "resourceArn")?;
        let parsed = arn::machine(arn)?;
        let found = match parsed.qualifier {
            None => self.machine_of(store, &parsed, arn),
            Some(_) => Err(ApiError::no_machine(arn)),
        };
        match found {
            Err(error) if error.name == "StateMachineDoesNotExist" => Err(ApiError::no_resource(arn)),
            found => Ok((found?, arn)),
        }
    }
}

/// Checks the tags of a new state machine.
pub fn check_new(given: Option<&Vec<Tag>>, arn: &str) -> Result<Vec<(String, String)>, ApiError> {
    let tags = checked(given.map(Vec::as_slice).unwrap_or_default())?;
    if tags.len() > MAX_TAGS {
        return Err(too_many(arn));
    }
    Ok(tags)
}

fn too_many(arn: &str) -> ApiError {
    ApiError::new(
        "TooManyTags",
        format!("'{arn}' would have more than {MAX_TAGS} tags. Remove some with UntagResource first"),
    )
}

/// Checks keys and values. Of tags with the same key, the last one counts.
fn checked(given: &[Tag]) -> Result<Vec<(String, String)>, ApiError> {
    let mut tags: Vec<(String, String)> = Vec::with_capacity(given.len());
    for (index, tag) in given.iter().enumerate() {
        let place = |field: &str| format!("tags.{}.member.{field}", index + 1);
        let key = part(tag.key.as_ref(), &place("key"), 1, MAX_KEY_CHARACTERS)?;
        let value = part(tag.value.as_ref(), &place("value"), 0, MAX_VALUE_CHARACTERS)?;
        tags.retain(|(before, _)| before != key);
        tags.push((key.to_owned(), value.to_owned()));
    }
    Ok(tags)
}

fn part<'a>(text: Option<&'a String>, place: &str, min_chars: usize, max_chars: usize) -> Result<&'a str, ApiError> {
    let text = required(text, place)?;
    let constraint = |what: String| {
        ApiError::validation(format!(
            "1 validation error detected: Value at '{place}' failed to satisfy constraint: Member must {what}"
        ))
    };
    let characters = text.chars().count();
    if characters < min_chars {
        return Err(constraint(format!("have length greater than or equal to {min_chars}")));
    }
    if characters > max_chars {
        return Err(constraint(format!("have length less than or equal to {max_chars}")));
    }
    let fine = |sign: char| sign.is_alphanumeric() || sign.is_whitespace() || "_.:/=+-@".contains(sign);
    if !text.chars().all(fine) {
        return Err(constraint(
            "hold letters, digits, white space and the signs _ . : / = + - @ only".to_owned(),
        ));
    }
    Ok(text)
}
