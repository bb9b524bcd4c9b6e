//! The fields of an object in a definition: each is taken once, and the rest is reported as unknown.

use serde_json::{Map, Value};

use super::lines::{Lines, join, location};
use super::report::{Problem, ProblemCode};
use crate::expression::{Readable, Template};
use crate::payload::payload_text;

/// Fields that AWS knows and this engine refuses, with the reason.
const REFUSED: [(&str, &str); 14] = [
    (
        "InputPath",
        "a JSONPath field; use `Arguments` or `Output` with JSONata",
    ),
    ("OutputPath", "a JSONPath field; use `Output` with JSONata"),
    ("ResultPath", "a JSONPath field; use `Output` with JSONata"),
    ("ResultSelector", "a JSONPath field; use `Output` with JSONata"),
    ("Parameters", "a JSONPath field; use `Arguments` with JSONata"),
    ("ItemsPath", "a JSONPath field; use `Items` with JSONata"),
    ("ErrorPath", "a JSONPath field; use `Error` with JSONata"),
    ("CausePath", "a JSONPath field; use `Cause` with JSONata"),
    ("SecondsPath", "a JSONPath field; use `Seconds` with JSONata"),
    ("TimestampPath", "a JSONPath field; use `Timestamp` with JSONata"),
    (
        "TimeoutSecondsPath",
        "a JSONPath field; use `TimeoutSeconds` with JSONata",
    ),
    (
        "HeartbeatSecondsPath",
        "a JSONPath field; use `HeartbeatSeconds` with JSONata",
    ),
    (
        "Iterator",
        "the old name of `ItemProcessor`, which AWS takes with JSONPath only",
    ),
    ("Credentials", "not supported by this engine"),
];

/// The message for a missing required field.
const MISSING: &str = "is missing";

/// The problems found so far.
#[derive(Default)]
pub(super) struct Report {
    pub problems: Vec<Problem>,
    /// Problems for which only AWS refuses a definition: an execution that is already stored continues.
    pub tolerated: Vec<Problem>,
    /// The lines of the definition's text.
    pub lines: Lines,
}

/// The fields of one object, with its place in the definition.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    taken: Vec<&'static str>,
    /// The state around it; none at the top.
    state: Option<String>,
    /// The path inside the state, ending in `.` unless empty.
    prefix: String,
    /// The path of the object in the whole text, and that of the state around it.
    path: String,
    base: String,
    /// True for a state whose `Assign` and `Output` can read a result.
    pub has_result: bool,
}

impl<'a> Fields<'a> {
    /// Returns all values, taken or not.
    pub fn values(&self) -> impl Iterator<Item = &'a Value> {
        self.object.values()
    }

    /// Returns the fields of the machine itself.
    pub fn of_machine(object: &'a Map<String, Value>) -> Self {
        Self {
            object,
            taken: Vec::new(),
            state: None,
            prefix: String::new(),
            path: String::new(),
            base: String::new(),
            has_result: false,
        }
    }

    /// Returns the fields of a state in `States` of this machine, branch or processor.
    pub fn of_state<'s>(&self, object: &'s Map<String, Value>, state: &str) -> Fields<'s> {
        Fields {
            object,
            taken: Vec::new(),
            state: Some(state.to_owned()),
            prefix: String::new(),
            path: self.state_path(state),
            base: self.state_path(state),
            has_result: false,
        }
    }

    /// Returns the path of a state in `States` of this machine, branch or processor.
    pub fn state_path(&self, state: &str) -> String {
        join(&join(&self.path, "States"), state)
    }

    /// Reports a transition without a target, to or from a state in `States` of this machine, branch or processor.
    pub fn no_target(&self, report: &mut Report, state: &str, field: Option<String>, message: impl Into<String>) {
        let (path, place) = (self.state_path(state), field.as_deref().unwrap_or_default());
        report.problems.push(Problem {
            line: report.lines.line(&path, place),
            state: Some(state.to_owned()),
            message: message.into(),
            code: ProblemCode::Target,
            location: Some(location(&path, place)),
            field,
        });
    }

    /// Reports a problem with a field.
    pub fn problem(&self, report: &mut Report, field: &str, message: impl Into<String>) {
        let problem = self.of_field(report, field, message.into());
        report.problems.push(problem);
    }

    /// Reports a problem for which only AWS refuses a definition: this engine could run it.
    pub fn refused_on_aws(&self, report: &mut Report, field: &str, message: impl Into<String>) {
        let problem = self.of_field(report, field, message.into());
        report.tolerated.push(problem);
    }

    fn of_field(&self, report: &Report, field: &str, message: String) -> Problem {
        // A missing field is reported at the object that lacks it.
        let here = if message.starts_with(MISSING) { "" } else { field };
        let place = format!("{}{here}", self.prefix);
        Problem {
            line: report.lines.line(&self.path, field),
            state: self.state.clone(),
            field: Some(format!("{}{field}", self.prefix)),
            message,
            code: ProblemCode::Schema,
            location: Some(location(&self.base, place.trim_end_matches('.'))),
        }
    }

    /// Takes a field.
    pub fn take(&mut self, name: &'static str) -> Option<&'a Value> {
        self.taken.push(name);
        self.object.get(name)
    }

    /// Takes a required field.
    pub fn required(&mut self, name: &'static str, report: &mut Report) -> Option<&'a Value> {
        let value = self.take(name);
        if value.is_none() {
            self.problem(report, name, MISSING);
        }
        value
    }

    fn typed<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        report: &mut Report,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name)?;
        let typed = read(value);
        if typed.is_none() {
            self.problem(report, name, format!("must be {expected}, not {}", short(value)));
        }
        typed
    }

    /// Takes a text.
    pub fn text(&mut self, name: &'static str, report: &mut Report) -> Option<&'a str> {
        self.typed(name, "a string", report, Value::as_str)
    }

    /// Takes one of a fixed list of texts.
    pub fn one_of<T: Copy>(&mut self, name: &'static str, allowed: &[(&str, T)], report: &mut Report) -> Option<T> {
        let names: Vec<&str> = allowed.iter().map(|(name, _)| *name).collect();
        let expected = format!("one of {}", names.join(", "));
        self.typed(name, &expected, report, |value| {
            let text = value.as_str()?;
            allowed
                .iter()
                .find(|(name, _)| *name == text)
                .map(|(_, meaning)| *meaning)
        })
    }

    /// Takes a whole number within bounds.
    pub fn whole(
        &mut self,
        name: &'static str,
        range: std::ops::RangeInclusive<u64>,
        report: &mut Report,
    ) -> Option<u64> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.typed(name, &expected, report, |value| {
            value.as_u64().filter(|number| range.contains(number))
        })
    }

    /// Takes a number that is at least `minimum`.
    pub fn number(&mut self, name: &'static str, minimum: f64, report: &mut Report) -> Option<f64> {
        self.typed(name, &format!("a number of at least {minimum}"), report, |value| {
            value.as_f64().filter(|number| *number >= minimum)
        })
    }

    /// Takes a list.
    pub fn list(&mut self, name: &'static str, report: &mut Report) -> Option<&'a Vec<Value>> {
        self.typed(name, "an array", report, Value::as_array)
    }

    /// Takes an object and returns its fields.
    pub fn object(&mut self, name: &'static str, report: &mut Report) -> Option<Fields<'a>> {
        let object = self.typed(name, "an object", report, Value::as_object)?;
        Some(self.inner(object, name))
    }

    /// Returns the fields of an object inside this one.
    pub fn inner(&self, object: &'a Map<String, Value>, place: &str) -> Fields<'a> {
        Fields {
            object,
            taken: Vec::new(),
            state: self.state.clone(),
            prefix: format!("{}{place}.", self.prefix),
            path: place
                .split('[')
                .fold(self.path.clone(), |path, step| join(&path, step.trim_end_matches(']'))),
            base: self.base.clone(),
            has_result: false,
        }
    }

    /// Takes a list of objects and returns the fields of each.
    pub fn objects(&mut self, name: &'static str, report: &mut Report) -> Vec<Fields<'a>> {
        let mut objects = Vec::new();
        for (index, item) in self.list(name, report).into_iter().flatten().enumerate() {
            let place = format!("{name}[{index}]");
            match item.as_object() {
                Some(object) => objects.push(self.inner(object, &place)),
                None => self.problem(report, &place, "must be an object"),
            }
        }
        objects
    }

    /// Takes a value in which strings may be expressions.
    pub fn template(&mut self, name: &'static str, report: &mut Report) -> Option<Template> {
        let value = self.take(name)?;
        let mut found = Vec::new();
        let readable = Readable {
            error_output: self.prefix.starts_with("Catch["),
            result: self.has_result && ["Assign", "Output"].contains(&name),
        };
        let template = Template::parse(value, name, readable, &mut |place, refusal| {
            found.push((place.to_owned(), refusal));
        });
        for (place, refusal) in found {
            if refusal.tolerated {
                self.refused_on_aws(report, &place, refusal.message);
            } else {
                self.problem(report, &place, refusal.message);
            }
        }
        Some(template)
    }

    /// Takes a value that is one expression, or a literal that `accept` allows.
    pub fn dynamic(
        &mut self,
        name: &'static str,
        expected: &str,
        report: &mut Report,
        accept: impl FnOnce(&Value) -> bool,
    ) -> Option<Template> {
        let template = self.template(name, report)?;
        let fine = match &template {
            Template::Expression(_) => true,
            // An invalid expression has become null and is reported already.
            Template::Literal(Value::Null) => !self.object.get(name).is_some_and(Value::is_null),
            Template::Literal(value) => accept(value),
            _ => false,
        };
        if !fine {
            self.problem(
                report,
                name,
                format!("must be {expected} or one `{{% … %}}` expression"),
            );
            return None;
        }
        Some(template)
    }

    /// Takes a whole number within bounds, or an expression for one.
    pub fn dynamic_whole(
        &mut self,
        name: &'static str,
        range: std::ops::RangeInclusive<u64>,
        report: &mut Report,
    ) -> Option<Template> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.dynamic(name, &expected, report, |value| {
            value.as_u64().is_some_and(|number| range.contains(&number))
        })
    }

    /// Reports every field that nobody took.
    pub fn finish(self, report: &mut Report) {
        for name in self.object.keys() {
            if self.taken.contains(&name.as_str()) {
                continue;
            }
            let message = REFUSED
                .iter()
                .find(|(refused, _)| refused == name)
                .map_or("not a field that this engine knows here", |(_, reason)| reason);
            self.problem(report, name, message);
        }
    }
}

/// Returns a value's text, cut to a readable length.
fn short(value: &Value) -> String {
    let text = payload_text(value);
    if text.chars().count() <= 60 {
        return text;
    }
    format!("{}…", text.chars().take(60).collect::<String>())
}
