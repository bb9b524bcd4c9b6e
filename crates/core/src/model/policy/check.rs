//! Finds all problems with a repository's settings, each with its place in the file. The keys and their types come only
//! from the Rust types, which read each part of the file separately, so that one problem hides no other.

use std::collections::HashMap;
use std::fmt;

use saphyr_parser::{Event, Parser};
use serde::Deserialize;
use serde_norway::{Mapping, Value};

use super::Policy;
use super::typed_value::{TypedValue, ValueError};

/// Maximum number of collected problems: a file with more is probably not a settings file.
const MAX_PROBLEMS: usize = 50;
/// Maximum nesting of brackets, in levels.
const MAX_NESTING: usize = 100;

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// Line and column in the file, from 1; none where the problem has no place.
    pub at: Option<(usize, usize)>,
    /// The setting: `exclude[2]`, `gate.severity`.
    pub setting: String,
    /// The problem, and the form to write.
    pub what: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.at {
            write!(formatter, "line {line} column {column}: ")?;
        }
        if !self.setting.is_empty() {
            write!(formatter, "{}: ", self.setting)?;
        }
        formatter.write_str(&self.what)
    }
}

/// A step of the path to a part of the file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    Key(String),
    Item(usize),
}

type Way = Vec<Step>;

/// The line and column of each part of the file: of a key for a mapping's entry, of the item for a list's.
type Places = HashMap<Way, (usize, usize)>;

/// Returns all problems with the settings' text, in the order of the file.
pub(super) fn problems(text: &str) -> Vec<PolicyProblem> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let alone = |at, what: String| {
        vec![PolicyProblem {
            at,
            setting: String::new(),
            what,
        }]
    };
    if let Some(at) = too_deep(text) {
        let what = format!("brackets are nested deeper than {MAX_NESTING} levels");
        return alone(Some(at), what);
    }
    let value: Value = match serde_norway::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            let at = error.location().map(|at| (at.line(), at.column()));
            return alone(at, format!("is not valid YAML: {error}"));
        }
    };
    let whole = Policy::deserialize(TypedValue(value.clone()));
    let mut found = Found {
        places: places(text),
        problems: Vec::new(),
    };
    match &value {
        Value::Null => return Vec::new(),
        Value::Mapping(_) => found.look(&Vec::new(), &value),
        _ => {
            return alone(
                Some((1, 1)),
                "settings are keys with values: write exclude: [\"docs/**\"]".to_owned(),
            );
        }
    }
    if let Ok(policy) = &whole {
        // Only the whole file shows values that contradict each other.
        found.look_at_values(&Vec::new(), policy);
    }
    if let (true, Err(error)) = (found.problems.is_empty(), whole) {
        return alone(None, with_suggestion(&error));
    }
    found
        .problems
        .sort_by_key(|problem| problem.at.unwrap_or((usize::MAX, 0)));
    found.problems
}

/// Returns the deprecated keys of a text without problems.
pub(super) fn warnings(text: &str) -> Vec<PolicyProblem> {
    let key = vec![Step::Key("max_findings".to_owned())];
    let at = places(text).get(&key).copied();
    at.map(|at| PolicyProblem {
        at: Some(at),
        setting: named(&key),
        what: "is deprecated: write comments: with max: below it".to_owned(),
    })
    .into_iter()
    .collect()
}

/// Returns the line and column of the first bracket that is nested too deep. The parser's time grows with the square of
/// the nesting. Brackets in texts count too.
fn too_deep(text: &str) -> Option<(usize, usize)> {
    let mut depth = 0_usize;
    for (line, content) in text.lines().enumerate() {
        for (column, char) in content.chars().enumerate() {
            match char {
                '[' | '{' => depth += 1,
                ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MAX_NESTING {
                return Some((line + 1, column + 1));
            }
        }
    }
    None
}

struct Found {
    places: Places,
    problems: Vec<PolicyProblem>,
}

impl Found {
    fn add(&mut self, way: &Way, what: String) {
        let problem = PolicyProblem {
            at: self.places.get(way).copied(),
            setting: named(way),
            what,
        };
        if self.problems.len() < MAX_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Reads each part below `way` apart from all others.
    fn look(&mut self, way: &Way, value: &Value) {
        match value {
            Value::Mapping(entries) if !is_in_list(way) && (way.is_empty() || self.is_group(way)) => {
                for (key, below) in entries {
                    let mut way = way.clone();
                    way.push(Step::Key(text_of(key)));
                    self.look(&way, below);
                }
            }
            Value::Sequence(items) if self.is_list(way) => {
                for (index, item) in items.iter().enumerate() {
                    let mut way = way.clone();
                    way.push(Step::Item(index));
                    self.look(&way, item);
                }
            }
            Value::Mapping(_) if is_in_list(way) => self.look_at_entry(way, value.clone()),
            _ => match read(way, value) {
                Ok(policy) => self.look_at_values(way, &policy),
                Err(error) => self.refuse(way, &error),
            },
        }
    }

    /// Reads an entry of a list. It needs all its keys at once, so unknown ones are removed one by one.
    fn look_at_entry(&mut self, way: &Way, mut entry: Value) {
        loop {
            let error = match read(way, &entry) {
                Ok(policy) => return self.look_at_values(way, &policy),
                Err(error) => error,
            };
            let unknown = match (&mut entry, &error) {
                (Value::Mapping(entries), ValueError::UnknownField { name, .. }) => {
                    entries.remove(name.as_str()).map(|_| name.clone())
                }
                _ => None,
            };
            let Some(unknown) = unknown else {
                return self.refuse(way, &error);
            };
            let mut below = way.clone();
            below.push(Step::Key(unknown));
            self.refuse(&below, &error);
        }
    }

    fn refuse(&mut self, way: &Way, error: &ValueError) {
        self.add(way, with_suggestion(error));
    }

    /// Returns whether the types have keys below this one.
    fn is_group(&self, way: &Way) -> bool {
        read(way, &Value::Mapping(Mapping::new())).is_ok()
    }

    fn is_list(&self, way: &Way) -> bool {
        read(way, &Value::Sequence(Vec::new())).is_ok()
    }

    /// Adds the wrong values that the types accept in a part: ranges, globs, addresses. `policy` has only that part, as
    /// the first item of its lists, so the problem's path begins with `way`.
    fn look_at_values(&mut self, way: &Way, policy: &Policy) {
        for (found, what) in policy.wrong_values() {
            let below = found.into_iter().skip(way.len()).map(Step::from);
            self.add(&way.iter().cloned().chain(below).collect(), what);
        }
    }
}

/// A step of the path to a wrong value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// A key.
    Key(&'static str),
    /// An item of a list.
    Item(usize),
}

impl From<Part> for Step {
    fn from(part: Part) -> Self {
        match part {
            Part::Key(key) => Self::Key(key.to_owned()),
            Part::Item(index) => Self::Item(index),
        }
    }
}

/// Reads one part by the types, as if it were the whole file.
fn read(way: &[Step], value: &Value) -> Result<Policy, ValueError> {
    let whole = way.iter().rev().fold(value.clone(), |value, step| match step {
        Step::Key(key) => Value::Mapping(Mapping::from_iter([(Value::from(key.as_str()), value)])),
        Step::Item(_) => Value::Sequence(vec![value]),
    });
    Policy::deserialize(TypedValue(whole))
}

fn is_in_list(way: &[Step]) -> bool {
    way.iter().any(|step| matches!(step, Step::Item(_)))
}

fn named(way: &[Step]) -> String {
    let mut name = String::new();
    for step in way {
        match step {
            Step::Key(key) if name.is_empty() => name.push_str(key),
            Step::Key(key) => {
                name.push('.');
                name.push_str(key);
            }
            Step::Item(index) => name.push_str(&format!("[{index}]")),
        }
    }
    name
}

fn text_of(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        other => serde_norway::to_string(other).unwrap_or_default().trim().to_owned(),
    }
}

/// Returns the message, with the nearest of the expected names.
fn with_suggestion(error: &ValueError) -> String {
    let near = match error {
        ValueError::UnknownField { name, expected } | ValueError::UnknownVariant { name, expected } => {
            nearest(name, expected.iter().copied())
        }
        ValueError::WrongType { .. } | ValueError::Other(_) => None,
    };
    match near {
        Some(name) => format!("{error}; did you mean {name}?"),
        None => error.to_string(),
    }
}

/// Returns the name that `given` probably means; none where no name is near.
pub fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    let slips = |name: &str| strsim::damerau_levenshtein(&given, &name.to_lowercase());
    let near = names
        .into_iter()
        .map(|name| (slips(name), name))
        .min_by_key(|(slips, _)| *slips)?;
    let most = (given.chars().count() / 3).max(1);
    (near.0 <= most).then_some(near.1)
}

/// Finds where each part of a YAML text is.
fn places(text: &str) -> Places {
    let mut places = Places::new();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        // The places found so far are right; the rest has none.
        let Ok((event, span)) = event else { break };
        let at = (span.start.line(), span.start.col() + 1);
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                let way = enter(&mut open, &mut places, at);
                open.push(Open {
                    way,
                    is_list: matches!(event, Event::SequenceStart(..)),
                    index: 0,
                    key: None,
                });
            }
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
            }
            Event::Scalar(ref value, ..) => match open.last_mut() {
                Some(level) if !level.is_list && level.key.is_none() => {
                    level.key = Some(value.to_string());
                    let mut way = level.way.clone();
                    way.push(Step::Key(value.to_string()));
                    places.entry(way).or_insert(at);
                }
                _ => drop(enter(&mut open, &mut places, at)),
            },
            Event::Alias(_) => drop(enter(&mut open, &mut places, at)),
            _ => {}
        }
    }
    places
}

/// A mapping or a list whose end is still to come.
struct Open {
    way: Way,
    is_list: bool,
    index: usize,
    /// The key whose value comes next.
    key: Option<String>,
}

/// Returns the path of a value that begins here, and advances its parent.
fn enter(open: &mut [Open], places: &mut Places, at: (usize, usize)) -> Way {
    let Some(parent) = open.last_mut() else {
        return Vec::new();
    };
    let mut way = parent.way.clone();
    if parent.is_list {
        way.push(Step::Item(parent.index));
        parent.index += 1;
        places.insert(way.clone(), at);
    } else {
        way.push(Step::Key(parent.key.take().unwrap_or_default()));
    }
    way
}
