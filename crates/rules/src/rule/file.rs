//! Rule files: reads their YAML, and reports everything that is wrong in them.

use std::collections::HashSet;
use std::fmt;

use holdfast_core::model::finding::{Category, Severity};
use holdfast_core::model::policy::nearest;
use serde_json::{Map, Value};
use serde_saphyr::{Budget, MergeKeyPolicy, Options};

use super::super::language::Language;

/// The fields of a rule.
const FIELDS: [&str; 15] = [
    "id",
    "language",
    "severity",
    "category",
    "cwe",
    "title",
    "body",
    "source",
    "rule",
    "constraints",
    "utils",
    "transform",
    "fix",
    "valid",
    "invalid",
];

/// The fields that the matcher reads.
const MATCHER_FIELDS: [&str; 4] = ["rule", "constraints", "utils", "transform"];

/// Another name of a category, which the tools of many languages have.
const OTHER_CATEGORIES: [(&str, Category); 1] = [("style", Category::Maintainability)];

/// Maximum nesting of a rule. The parser of a rule recurses.
const MAX_DEPTH: usize = 64;
/// Maximum number of values in a file.
const MAX_NODES: usize = 20_000;
/// Maximum length of a title, in characters.
const MAX_TITLE_CHARS: usize = 120;
/// Maximum length of a body, in characters.
const MAX_BODY_CHARS: usize = 1_000;
/// Maximum length of an id, in characters.
const MAX_ID_CHARS: usize = 60;
/// Maximum length of a regular expression, in bytes.
const MAX_REGEX_BYTES: usize = 8_000;
/// Maximum size of a compiled regular expression, in bytes.
const MAX_COMPILED_BYTES: usize = 2 * 1024 * 1024;
/// Maximum number of utility rules of one rule.
const MAX_UTILS: usize = 30;

/// A rule as its file describes it, before a language compiles it.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    /// The file, for messages.
    pub file: String,
    pub id: String,
    pub languages: Vec<Language>,
    pub severity: Severity,
    pub category: Category,
    pub cwe: Option<u32>,
    pub title: String,
    pub body: String,
    /// The fields for the matcher.
    pub matcher: Value,
    pub fix: Option<Value>,
    pub valid: Vec<String>,
    pub invalid: Vec<String>,
    /// The number of its regular expressions.
    pub regexes: usize,
}

/// A fault of a rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RuleFault {
    /// The file's path.
    pub file: String,
    /// The rule's id, where it is known.
    pub rule: Option<String>,
    /// The field, where there is one.
    pub field: Option<String>,
    /// What is wrong, and the remedy.
    pub problem: String,
}

impl fmt::Display for RuleFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: ", self.file)?;
        if let Some(rule) = &self.rule {
            write!(out, "rule {rule}: ")?;
        }
        if let Some(field) = &self.field {
            write!(out, "{field}: ")?;
        }
        out.write_str(&self.problem)
    }
}

impl std::error::Error for RuleFault {}

/// Reads the rules of a file: the good ones, and the faults of the others.
pub(crate) fn read(file: &str, text: &str) -> (Vec<Definition>, Vec<RuleFault>) {
    let documents: Vec<Value> = match serde_saphyr::from_multiple_with_options(text, options()) {
        Ok(documents) => documents,
        Err(error) => {
            let problem = error.to_string();
            let problem = problem.lines().next().unwrap_or_default().to_owned();
            return (Vec::new(), vec![fault(file, None, None, problem)]);
        }
    };
    let (mut rules, mut faults) = (Vec::new(), Vec::new());
    for document in documents {
        let mut reader = Reader {
            file,
            id: document.get("id").and_then(Value::as_str).map(str::to_owned),
            faults: Vec::new(),
        };
        let rule = reader.read(document);
        faults.append(&mut reader.faults);
        rules.extend(rule);
    }
    (rules, faults)
}

/// As ast-grep reads its own rules, within bounds.
fn options() -> Options {
    let mut options = Options::default();
    options.strict_booleans = true;
    options.merge_keys = MergeKeyPolicy::AsOrdinary;
    options.reject_unsupported_tags = true;
    let mut budget = Budget::default();
    budget.max_depth = MAX_DEPTH;
    budget.max_nodes = MAX_NODES;
    options.budget = Some(budget);
    options
}

pub(crate) fn fault(file: &str, rule: Option<&str>, field: Option<&str>, problem: impl Into<String>) -> RuleFault {
    RuleFault {
        file: file.to_owned(),
        rule: rule.map(str::to_owned),
        field: field.map(str::to_owned),
        problem: problem.into(),
    }
}

/// Reads one rule, and collects its faults.
struct Reader<'a> {
    file: &'a str,
    id: Option<String>,
    faults: Vec<RuleFault>,
}

impl Reader<'_> {
    fn fault(&mut self, field: &str, problem: impl Into<String>) {
        let field = (!field.is_empty()).then_some(field);
        self.faults.push(fault(self.file, self.id.as_deref(), field, problem));
    }

    /// Returns the rule, unless it has a fault.
    fn read(&mut self, document: Value) -> Option<Definition> {
        let Value::Object(mut fields) = document else {
            self.fault("", "expected a mapping with the fields of a rule");
            return None;
        };
        for name in fields.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
            let near = nearest(name, FIELDS).map_or_else(String::new, |near| format!("; did you mean {near}?"));
            self.fault(name, format!("there is no such field{near}"));
        }
        let id = self.text(&fields, "id", MAX_ID_CHARS);
        let is_kebab = |id: &str| {
            let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            id.bytes().all(allowed) && !id.starts_with('-') && !id.ends_with('-')
        };
        if id.as_deref().is_some_and(|id| !is_kebab(id)) {
            self.fault(
                "id",
                "expected lower-case letters, digits and hyphens, such as empty-catch",
            );
        }
        let languages = self.languages(&fields);
        let severities = Severity::WORST_FIRST.map(|one| (one.as_str(), one));
        let severity = self.one_of(&fields, "severity", severities.into_iter());
        let categories = Category::ALL.map(|one| (one.as_str(), one));
        let category = self.one_of(&fields, "category", categories.into_iter().chain(OTHER_CATEGORIES));
        let cwe = self.cwe(&fields);
        let title = self.text(&fields, "title", MAX_TITLE_CHARS);
        if title.as_deref().is_some_and(|title| title.contains('\n')) {
            self.fault("title", "expected one line");
        }
        let body = self.text(&fields, "body", MAX_BODY_CHARS);
        if !fields.contains_key("rule") {
            self.fault("rule", "is missing: expected a rule of ast-grep");
        }
        let valid = self.cases(&fields, "valid");
        let invalid = self.cases(&fields, "invalid");
        let mut matcher = Map::new();
        for name in MATCHER_FIELDS {
            matcher.extend(fields.remove(name).map(|value| (name.to_owned(), value)));
        }
        let matcher = Value::Object(matcher);
        let regexes = self.check_bounds(&matcher);
        if !self.faults.is_empty() {
            return None;
        }
        Some(Definition {
            file: self.file.to_owned(),
            id: id?,
            languages,
            severity: severity?,
            category: category?,
            cwe,
            title: title?,
            body: body?,
            matcher,
            fix: fields.remove("fix"),
            valid,
            invalid,
            regexes,
        })
    }

    fn text(&mut self, fields: &Map<String, Value>, name: &str, max_chars: usize) -> Option<String> {
        match fields.get(name) {
            None => self.fault(name, "is missing"),
            Some(Value::String(text)) if text.trim().is_empty() => self.fault(name, "is empty"),
            Some(Value::String(text)) if text.chars().count() > max_chars => {
                self.fault(name, format!("is longer than {max_chars} characters"));
            }
            Some(Value::String(text)) => return Some(text.trim().to_owned()),
            Some(_) => self.fault(name, "expected a text"),
        }
        None
    }

    fn languages(&mut self, fields: &Map<String, Value>) -> Vec<Language> {
        let names = match fields.get("language") {
            Some(Value::String(name)) => vec![Value::String(name.clone())],
            Some(Value::Array(names)) if !names.is_empty() => names.clone(),
            _ => {
                self.fault("language", "expected a language or a list of them, such as Python");
                return Vec::new();
            }
        };
        let mut languages = Vec::new();
        for name in names {
            let name = name.as_str().unwrap_or_default();
            match Language::of_rule(name) {
                Some(language) if languages.contains(&language) => {
                    self.fault("language", format!("{name} is there twice"));
                }
                Some(language) => languages.push(language),
                None => {
                    let known = Language::ALL.map(Language::rule_name);
                    let remedy = nearest(name, known).map_or_else(
                        || format!("expected one of {}", known.join(", ")),
                        |near| format!("did you mean {near}?"),
                    );
                    self.fault("language", format!("unknown language {name:?}; {remedy}"));
                }
            }
        }
        languages
    }

    /// Returns the value with the name that a field has.
    fn one_of<T>(
        &mut self,
        fields: &Map<String, Value>,
        field: &str,
        mut all: impl Iterator<Item = (&'static str, T)> + Clone,
    ) -> Option<T> {
        let given = fields.get(field).and_then(Value::as_str).unwrap_or_default();
        let names: Vec<&str> = all.clone().map(|(name, _)| name).collect();
        let found = all.find(|(name, _)| *name == given);
        if found.is_none() {
            self.fault(field, format!("{given:?}: expected one of {}", names.join(", ")));
        }
        found.map(|(_, value)| value)
    }

    fn cwe(&mut self, fields: &Map<String, Value>) -> Option<u32> {
        let given = fields.get("cwe")?;
        let number = given.as_u64().and_then(|number| u32::try_from(number).ok());
        if number.is_none() {
            self.fault(
                "cwe",
                "expected a number of the Common Weakness Enumeration, such as 78",
            );
        }
        number
    }

    fn cases(&mut self, fields: &Map<String, Value>, name: &str) -> Vec<String> {
        let list = match fields.get(name) {
            None => return Vec::new(),
            Some(Value::Array(list)) => list.as_slice(),
            Some(_) => &[Value::Null],
        };
        let cases: Vec<String> = list
            .iter()
            .filter_map(|case| case.as_str().map(str::to_owned))
            .collect();
        if cases.len() < list.len() {
            self.fault(name, "expected a list of texts");
        }
        cases
    }

    /// Checks what a matcher would cost before it is compiled: regular expressions, and utility rules that may call
    /// each other. Returns the number of regular expressions.
    fn check_bounds(&mut self, matcher: &Value) -> usize {
        let utils = matcher.get("utils").and_then(Value::as_object).map_or(0, Map::len);
        if utils > MAX_UTILS {
            self.fault("utils", format!("has more than {MAX_UTILS} rules"));
        }
        let mut seen = HashSet::new();
        let mut open = vec![matcher];
        while let Some(value) = open.pop() {
            match value {
                Value::Array(values) => open.extend(values),
                Value::Object(fields) => {
                    for (name, value) in fields {
                        match value {
                            Value::String(text) if matches!(name.as_str(), "regex" | "replace") => {
                                if seen.insert(text) {
                                    self.check_regex(name, text);
                                }
                            }
                            _ => open.push(value),
                        }
                    }
                }
                _ => {}
            }
        }
        seen.len()
    }

    fn check_regex(&mut self, field: &str, text: &str) {
        if text.len() > MAX_REGEX_BYTES {
            self.fault(field, format!("is longer than {MAX_REGEX_BYTES} bytes"));
            return;
        }
        let built = regex::RegexBuilder::new(text).size_limit(MAX_COMPILED_BYTES).build();
        if let Err(error) = built {
            let problem = match error {
                regex::Error::CompiledTooBig(_) => "is too large: write a smaller repetition".to_owned(),
                error => {
                    let message = error.to_string();
                    let last = message.lines().last().unwrap_or_default();
                    last.trim_start_matches("error: ").to_owned()
                }
            };
            self.fault(field, problem);
        }
    }
}
