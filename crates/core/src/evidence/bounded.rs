//! The texts, lists and maps of a log that a stranger may have written. Limits bound the memory that they take, and the
//! time that each report spends on texts that others share with it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{DeserializeOwned, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Maximum memory of the entries of a log's lists and maps, without their texts, in bytes. An empty entry is three bytes
/// of JSON and some hundred bytes of memory. A log of 64 MiB that a tool writes stays below.
const MAX_ENTRIES_BYTES: usize = 128 * 1024 * 1024;
/// Maximum length of a text, in bytes. What is shown of a text is shorter.
const MAX_TEXT_BYTES: usize = 8 * 1024;
/// Maximum number of words of a value.
const MAX_WORDS: usize = 100;

thread_local! {
    /// The memory that is left for the log that this thread reads, in bytes.
    static ROOM: Cell<usize> = const { Cell::new(0) };
}

/// Reads a log from JSON.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    read_within(bytes, MAX_ENTRIES_BYTES)
}

fn read_within<T: DeserializeOwned>(bytes: &[u8], room: usize) -> Result<T, serde_json::Error> {
    ROOM.set(room);
    serde_json::from_slice(bytes)
}

/// Takes the memory of an entry.
fn take<T, E: Error>() -> Result<(), E> {
    let left = ROOM.get().checked_sub(size_of::<T>());
    ROOM.set(left.ok_or_else(|| E::custom("more entries than are read"))?);
    Ok(())
}

/// Returns the part of a text that is kept.
fn kept(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}

/// A text, cut at [`MAX_TEXT_BYTES`].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Short(Box<str>);

impl Deref for Short {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Short {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(kept(&text).into()))
    }
}

/// A list whose entries are counted against the log's memory.
pub(super) struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(InList(PhantomData))
    }
}

struct InList<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for InList<T> {
    type Value = List<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<List<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = from.next_element()? {
            take::<T, A::Error>()?;
            list.push(entry);
        }
        Ok(List(list))
    }
}

/// A map whose entries are counted against the log's memory.
pub(super) struct Map<T>(BTreeMap<Short, T>);

impl<T> Default for Map<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Map<T> {
    pub fn get(&self, key: &Short) -> Option<&T> {
        self.0.get(key)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Map<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(InMap(PhantomData))
    }
}

struct InMap<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for InMap<T> {
    type Value = Map<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Map<T>, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, entry)) = from.next_entry()? {
            take::<(Short, T), A::Error>()?;
            map.insert(key, entry);
        }
        Ok(Map(map))
    }
}

/// The texts and numbers of a value of any form: a text, a number, or a list of them. Others are left out, and so are
/// those beyond [`MAX_WORDS`].
#[derive(Clone, Default)]
pub(super) struct Words(Vec<Box<str>>);

impl Words {
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    fn one(text: &str) -> Self {
        Self(vec![kept(text).into()])
    }
}

impl<'a> FromIterator<&'a str> for Words {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        Self(
            texts
                .into_iter()
                .take(MAX_WORDS)
                .map(|text| kept(text).into())
                .collect(),
        )
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyForm)
    }
}

struct AnyForm;

impl<'de> Visitor<'de> for AnyForm {
    type Value = Words;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Words, E> {
        Ok(Words::one(&number.to_string()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Words, E> {
        Ok(Words::one(&number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Words, E> {
        Ok(Words::one(&number.to_string()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Words, E> {
        Ok(Words::one(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Words, A::Error> {
        let mut words = Words::default();
        while let Some(Words(more)) = from.next_element()? {
            let room = MAX_WORDS - words.0.len();
            for word in more.into_iter().take(room) {
                take::<[Box<str>; 2], A::Error>()?;
                words.0.push(word);
            }
        }
        Ok(words)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Words, A::Error> {
        while from.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Words::default())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn a_value_of_any_form_has_its_texts_and_numbers() {
        for (json, expected) in [
            ("\"high\"", &["high"][..]),
            ("8.1", &["8.1"]),
            ("-1", &["-1"]),
            ("[\"a\", 9, null, true, {\"b\": \"c\"}, [\"d\"]]", &["a", "9", "d"]),
            ("null", &[]),
            ("{\"a\": [1, 2]}", &[]),
        ] {
            assert_eq!(
                read::<Words>(json.as_bytes()).unwrap().iter().collect::<Vec<_>>(),
                expected
            );
        }
        let many = format!("[{}\"last\"]", "\"a\",".repeat(MAX_WORDS));
        assert!(read::<Words>(many.as_bytes()).unwrap().iter().all(|word| word == "a"));
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let text = read::<Short>(format!("\"a{}\"", "é".repeat(MAX_TEXT_BYTES)).as_bytes()).unwrap();
        assert_eq!(text.len(), MAX_TEXT_BYTES - 1);
    }

    #[test]
    fn the_entries_of_all_lists_and_maps_are_bounded_together() {
        type Lists = List<List<Short>>;
        type Maps = List<Map<Short>>;
        let (list, map) = (size_of::<List<Short>>(), size_of::<Map<Short>>());
        let (text, pair) = (size_of::<Short>(), size_of::<(Short, Short)>());
        let error = |room| read_within::<Lists>(b"[[\"\",\"\"],[\"\"]]", room).err();
        assert!(error(2 * list + 3 * text).is_none());
        let refused = error(2 * list + 3 * text - 1).unwrap().to_string();
        assert!(refused.contains("more entries than are read"), "{refused}");
        let error = |room| read_within::<Maps>(b"[{\"a\":\"\",\"b\":\"\"}]", room).err();
        assert!(error(map + 2 * pair).is_none() && error(map + 2 * pair - 1).is_some());
        let error = |room| read_within::<Words>(b"[\"a\",\"b\"]", room).err();
        assert!(error(4 * size_of::<Box<str>>()).is_none() && error(4 * size_of::<Box<str>>() - 1).is_some());
    }
}
